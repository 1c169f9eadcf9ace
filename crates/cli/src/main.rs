//! The `countersign` binary: mutual-TLS identity for databases and services.
//!
//! - [`arguments`]: what may be typed; the text that `--help` and the reference page show
//! - [`command`]: one file per command
//! - [`console`]: what a command sees of the terminal, the clock and the environment
//! - [`exit`]: the exit codes
//! - [`door`]: how `query`, `shell` and `status` find the door and the credential to open it with
//! - [`paged`]: long lists, page by page
//! - [`shown`]: a certificate, a table, a moment as a person reads them
//! - [`checklist`]: the seven points of a sound mutual-TLS set-up

mod arguments;
mod checklist;
mod command;
mod console;
mod door;
mod exit;
mod loading;
mod paged;
mod reference;
mod shown;

use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::Arguments;
use crate::console::Console;

/// Gives memory that connections let go of back to the system, and small blocks out faster than the C library's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut console = Console::of_this_process();
    let outcome = arguments.command.run(&mut console);
    console.finish(outcome).into()
}
