use std::env;
use std::ffi::OsStr;
use std::fmt::Display;
use std::io::{self, BufWriter, IsTerminal as _, Stdout, Write as _};

use fault::{Fault, Faults};
use serde::Serialize;
use time::OffsetDateTime;
use transport::{Clock, SystemClock};

use crate::exit::Exit;
use crate::shown::Paint;

/// What a command sees of the terminal, the clock and the environment.
///
/// A reader that goes away (`countersign cert list | head -1`) is no fault: what it did not want is dropped.
pub(crate) struct Console {
    out: BufWriter<Stdout>,
    terminal: bool,
    paint: Paint,
    clock: SystemClock,
}

impl Console {
    /// The console of the running process; colour only on a terminal, and never with `NO_COLOR`.
    pub(crate) fn of_this_process() -> Self {
        let terminal = io::stdout().is_terminal();
        let unwanted = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = env::var_os("TERM").is_some_and(|term| term == OsStr::new("dumb"));
        let paint = if terminal && !unwanted("NO_COLOR") && !dumb { Paint::Colour } else { Paint::Plain };
        Self { out: BufWriter::new(io::stdout()), terminal, paint, clock: SystemClock }
    }

    /// Whether a person reads the output as it is.
    pub(crate) fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// How to mark good and bad.
    pub(crate) fn paint(&self) -> Paint {
        self.paint
    }

    /// The time that everything in this command is judged at.
    pub(crate) fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }

    /// Prints one line, or several.
    pub(crate) fn line(&mut self, text: impl Display) {
        let _reader_went_away = writeln!(self.out, "{text}");
    }

    /// Prints without ending the line and shows it at once: a prompt.
    pub(crate) fn prompt(&mut self, text: &str) {
        let _reader_went_away = write!(self.out, "{text}");
        self.show();
    }

    /// Prints bytes that are already in the form the reader wants.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        let _reader_went_away = self.out.write_all(bytes);
    }

    /// Prints a value as indented JSON.
    ///
    /// # Errors
    /// A defect of ours: the value cannot be written as JSON.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> Result<(), Fault> {
        let text = serde_json::to_string_pretty(value)
            .map_err(|error| Fault::ours("the output cannot be written as JSON").because(error))?;
        self.line(text);
        Ok(())
    }

    /// Shows what was printed so far.
    pub(crate) fn show(&mut self) {
        let _reader_went_away = self.out.flush();
    }

    /// Prints a fault, or several, where faults belong.
    pub(crate) fn complain(&mut self, faults: &Faults) {
        self.show();
        for fault in faults {
            eprintln!("countersign: {fault}");
        }
    }

    /// Prints something worth knowing that stops nothing.
    pub(crate) fn warn(&mut self, warnings: &[Fault]) {
        self.show();
        for warning in warnings {
            eprintln!("countersign: warning: {warning}");
        }
    }

    /// Ends the command: prints its faults and gives the exit code.
    pub(crate) fn finish(mut self, outcome: Result<Exit, Faults>) -> Exit {
        let exit = outcome.unwrap_or_else(|faults| {
            self.complain(&faults);
            Exit::of(&faults)
        });
        self.show();
        exit
    }
}
