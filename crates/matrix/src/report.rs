//! The table, whole.

mod html;

use std::path::PathBuf;
use std::sync::Arc;

use fault::Fault;
use serde::{Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::cell::{Cell, Verdict};
use crate::rules::Row;
use crate::wire::Wire;

/// What came of trying every cell.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Whether every cell is as it must be and every listener is covered.
    pub passed: bool,
    /// How many cells there are of each kind.
    pub counts: Counts,
    /// The configuration that it is about.
    pub configuration: Option<PathBuf>,
    /// The version of the node.
    pub version: &'static str,
    /// When it was made.
    #[serde(serialize_with = "rfc3339")]
    pub made_at: OffsetDateTime,
    /// What stood in for what is the user's own.
    pub stand_ins: Vec<String>,
    /// Listeners that the matrix does not know how to speak to.
    pub not_covered: Vec<String>,
    /// One table for each listener and way to speak to it.
    pub tables: Vec<Table>,
}

/// How many cells there are of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// All that can be.
    pub cells: usize,
    /// As they must be.
    pub passed: usize,
    /// Not as they must be.
    pub failed: usize,
    /// Not tried.
    pub not_run: usize,
}

/// The cells of one listener and way to speak to it.
#[derive(Debug, Serialize)]
pub struct Table {
    /// The listener.
    pub listener: String,
    /// How it is spoken to.
    pub wire: Wire,
    /// The sign-ins that it accepts.
    pub auth: Vec<&'static str>,
    /// Whether a client certificate is demanded or asked for.
    pub client_auth: Option<&'static str>,
    /// Its cells: moment by moment, case by case.
    pub cells: Vec<Cell>,
}

/// What a report is about.
#[derive(Clone, Debug, Default)]
pub(crate) struct About {
    /// The configuration.
    pub(crate) configuration: Option<PathBuf>,
    /// What stood in for what is the user's own.
    pub(crate) stand_ins: Vec<String>,
    /// Listeners that are not covered.
    pub(crate) not_covered: Vec<String>,
}

impl Report {
    pub(crate) fn of(about: About, rows: &[Arc<Row>], cells: Vec<Cell>, made_at: OffsetDateTime) -> Self {
        let counts = Counts::of(&cells);
        let table = |(number, row): (usize, &Arc<Row>)| Table {
            listener: row.listener.clone(),
            wire: row.wire,
            auth: row.rules.auth.iter().map(|accepted| accepted.as_str()).collect(),
            client_auth: row.rules.asks.map(config::ClientAuth::as_str),
            cells: cells.iter().filter(|cell| cell.row == number).cloned().collect(),
        };
        let About { configuration, stand_ins, not_covered } = about;
        Self {
            passed: counts.cells > 0 && counts.passed == counts.cells && not_covered.is_empty(),
            counts,
            configuration,
            version: env!("CARGO_PKG_VERSION"),
            made_at,
            stand_ins,
            not_covered,
            tables: rows.iter().enumerate().map(table).collect(),
        }
    }

    /// Cells that are not as they must be, each with its table.
    pub fn unmet(&self) -> impl Iterator<Item = (&Table, &Cell)> {
        let of = |table: &'_ Table| -> Vec<usize> {
            let unmet = |cell: &Cell| matches!(cell.verdict(), Verdict::Failed | Verdict::NotRun);
            table.cells.iter().enumerate().filter(|(_, cell)| unmet(cell)).map(|(n, _)| n).collect()
        };
        self.tables.iter().flat_map(move |table| {
            of(table).into_iter().filter_map(move |n| Some((table, table.cells.get(n)?)))
        })
    }

    /// The report as JSON.
    ///
    /// # Errors
    /// A defect of ours: it cannot be written as JSON.
    pub fn json(&self) -> Result<String, Fault> {
        serde_json::to_string_pretty(self)
            .map_err(|error| Fault::ours("the matrix cannot be written as JSON").because(error))
    }

    /// The report as one HTML page that needs nothing beside it.
    #[must_use]
    pub fn html(&self) -> String {
        html::page(self)
    }
}

impl Table {
    /// How many of its cells there are of each kind.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts::of(&self.cells)
    }
}

impl Counts {
    fn of(cells: &[Cell]) -> Self {
        let mut counts = Self::default();
        for cell in cells {
            let kind = match cell.verdict() {
                Verdict::Passed => &mut counts.passed,
                Verdict::Failed => &mut counts.failed,
                Verdict::NotRun => &mut counts.not_run,
                Verdict::Impossible => continue,
            };
            *kind += 1;
            counts.cells += 1;
        }
        counts
    }
}

fn rfc3339<S: Serializer>(at: &OffsetDateTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&at.format(&Rfc3339).unwrap_or_default())
}
