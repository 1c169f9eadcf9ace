//! `check --matrix`: the configuration, tried.

use std::env;
use std::path::{Path, PathBuf};

use config::Plan;
use fault::{Fault, Faults};
use matrix::Report;

use crate::console::Console;
use crate::exit::Exit;
use crate::shown::Table;

/// Tries the configuration, and tells what came of it.
pub(super) fn run(
    console: &mut Console,
    plan: &Plan,
    prefix: Option<&Path>,
    json: bool,
) -> Result<Exit, Faults> {
    let binary = env::current_exe()
        .map_err(|error| Fault::theirs("this program cannot find itself").because(error))?;
    let report = matrix::rehearse(plan, &binary, console.now())?;
    let written = prefix.map(|prefix| write(&report, prefix)).transpose()?;
    if json {
        console.line(report.json()?);
    } else {
        print(console, &report);
        if let Some([html, json]) = written {
            console.line(format_args!("\nwritten to {} and {}", html.display(), json.display()));
        }
    }
    Ok(if report.passed { Exit::Done } else { Exit::Refused })
}

fn write(report: &Report, prefix: &Path) -> Result<[PathBuf; 2], Fault> {
    let named = |ending: &str| {
        let mut name = prefix.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    let files = [named(".html"), named(".json")];
    let [html, json] = &files;
    files::write_public(html, report.html().as_bytes())?;
    files::write_public(json, report.json()?.as_bytes())?;
    Ok(files)
}

fn print(console: &mut Console, report: &Report) {
    let paint = console.paint();
    let mut summary = Table::new(["listener", "spoken", "cells as they must be"]);
    for table in &report.tables {
        let counts = table.counts();
        let passed = format!("{} of {}", counts.passed, counts.cells);
        summary.row([table.listener.as_str(), &table.wire.to_string(), &passed]);
    }
    console.line(paint.heading("Enforcement matrix"));
    console.line(summary);
    for listener in &report.not_covered {
        console.line(format_args!("not covered: {listener}"));
    }
    let mut unmet = Table::new(["listener", "spoken", "presented", "when", "must be", "was"]);
    for (table, cell) in report.unmet() {
        let (wire, case, moment) = (table.wire.to_string(), cell.case.to_string(), cell.moment.to_string());
        let was = match cell.recorded() {
            Some(code) => format!("{} ({code})", cell.seen()),
            None => cell.seen(),
        };
        unmet.row([&table.listener, &wire, &case, &moment, &cell.expected.to_string(), &was]);
    }
    let counts = report.counts;
    if counts.passed < counts.cells {
        console.line(format_args!("\n{}", paint.heading("Not as they must be")));
        console.line(unmet);
    }
    console.line(format_args!(
        "\n{} cells: {} passed, {} failed, {} not run",
        counts.cells, counts.passed, counts.failed, counts.not_run
    ));
}
