//! The load program: full handshakes, requests over HTTP/1.1 and HTTP/2, the price of an idle connection, the time
//! from a revocation to the last byte, and requests while the server reloads, measured against one server on this machine.
//!
//! - [`options`]: the command line.
//! - [`tls`]: what the client offers and presents.
//! - [`dial`]: connections to the server.
//! - [`http1`]: a request as bytes, and the least that reads its answer.
//! - [`load`]: the measurements.
//! - [`report`]: one measurement as a row and as JSON; medians of many.

mod dial;
mod http1;
mod load;
mod options;
mod report;
mod tls;

use std::process::ExitCode;

use clap::Parser as _;

use crate::options::{Mode, Options};

/// An error that ends the program; it is read by a person and by nothing else.
type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    match run(Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("countersign-bench: {failure}");
            ExitCode::from(2)
        }
    }
}

fn run(options: Options) -> Result<(), Failure> {
    let (target, report) = match options.mode {
        Mode::Table { files } => return report::table(&files),
        Mode::Handshake(load) => (load.target.clone(), load::handshake(load)?),
        Mode::H1(load) => (load.target.clone(), load::h1(load)?),
        Mode::H2 { load, streams } => (load.target.clone(), load::h2(load, streams)?),
        Mode::Reload(reload) => (reload.load.target.clone(), load::reload(reload)?),
        Mode::Revoke(revoke) => (revoke.target.clone(), load::revoke(revoke)?),
        Mode::Idle { target, conns, settle } => (target.clone(), load::idle(target, conns, settle)?),
    };
    report.print(target.json);
    Ok(())
}
