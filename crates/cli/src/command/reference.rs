use clap::{Args, ValueEnum};

use crate::console::Console;
use crate::exit::Exit;
use crate::reference;

/// Print a reference page of the manual, as generated from the program itself.
#[derive(Args)]
pub(crate) struct Reference {
    /// Which page.
    page: Page,
}

#[derive(Clone, Copy, ValueEnum)]
enum Page {
    /// docs/reference/cli.md
    Cli,
    /// docs/reference/refusals.md
    Refusals,
    /// docs/reference/configuration.md
    Configuration,
}

impl Reference {
    pub(super) fn run(self, console: &mut Console) -> Exit {
        let page = match self.page {
            Page::Cli => reference::cli(),
            Page::Refusals => reference::refusals(),
            Page::Configuration => config::reference(),
        };
        console.bytes(page.as_bytes());
        Exit::Done
    }
}
