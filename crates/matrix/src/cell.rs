//! One cell of the table.

use std::collections::HashMap;
use std::net::SocketAddr;

use serde::{Serialize, Serializer};

use crate::case::Case;
use crate::expected::Expected;
use crate::moment::{Moment, Way};
use crate::visit::Visit;

/// What was expected of a client, and what came of it.
#[derive(Clone, Debug)]
pub struct Cell {
    /// The number of its row.
    pub row: usize,
    /// What the client presented.
    pub case: Case,
    /// When.
    pub moment: Moment,
    /// What must come of it.
    pub expected: Expected,
    outcome: Outcome,
    recorded: Option<Option<String>>,
}

#[derive(Clone, Debug)]
enum Outcome {
    Open,
    Seen(Visit),
    NotRun(String),
}

/// The place of a cell among those of its stage.
pub(crate) type At = (usize, Case, Way);

/// Whether a cell is as it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// What was expected is what was seen.
    Passed,
    /// Something else was seen.
    Failed,
    /// Nothing was seen; it counts as failed.
    NotRun,
    /// There is no such cell.
    Impossible,
}

impl Cell {
    pub(crate) fn new(row: usize, case: Case, moment: Moment, expected: Expected) -> Self {
        Self { row, case, moment, expected, outcome: Outcome::Open, recorded: None }
    }

    /// Its place among the cells of its stage.
    pub(crate) fn at(&self) -> At {
        (self.row, self.case, self.moment.way)
    }

    pub(crate) fn is_possible(&self) -> bool {
        !matches!(self.expected, Expected::Impossible(_))
    }

    pub(crate) fn saw(self, visit: Visit) -> Self {
        Self { outcome: Outcome::Seen(visit), ..self }
    }

    pub(crate) fn not_run(self, why: &str) -> Self {
        Self { outcome: Outcome::NotRun(why.to_owned()), ..self }
    }

    /// Finds the code that the node has on record for this client; `None` where it keeps no record.
    pub(crate) fn look_up(&mut self, record: Option<&HashMap<SocketAddr, String>>) {
        let Outcome::Seen(Visit { from: Some(from), .. }) = &self.outcome else { return };
        self.recorded = record.map(|record| record.get(from).cloned());
    }

    /// Whether it is as it must be.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match (&self.expected, &self.outcome) {
            (Expected::Impossible(_), _) => Verdict::Impossible,
            (_, Outcome::Open | Outcome::NotRun(_)) => Verdict::NotRun,
            (expected, Outcome::Seen(visit)) => {
                let recorded = self.recorded.as_ref().map(Option::as_deref);
                if expected.is(&visit.seen, recorded) { Verdict::Passed } else { Verdict::Failed }
            }
        }
    }

    /// What was seen, or why nothing was.
    #[must_use]
    pub fn seen(&self) -> String {
        match &self.outcome {
            Outcome::Open => String::new(),
            Outcome::Seen(visit) => visit.seen.to_string(),
            Outcome::NotRun(why) => format!("not run: {why}"),
        }
    }

    /// The code on the node's record; none where it holds none, or where no record is kept.
    #[must_use]
    pub fn recorded(&self) -> Option<&str> {
        self.recorded.as_ref()?.as_deref()
    }

    /// Whether somebody was let in.
    #[must_use]
    pub fn is_let_in(&self) -> bool {
        matches!(&self.outcome, Outcome::Seen(visit) if visit.is_let_in())
    }

    /// What is worth knowing beside it.
    #[must_use]
    pub fn note(&self) -> Option<&'static str> {
        match (&self.outcome, self.moment.way) {
            (Outcome::Seen(visit), Way::Resumed) if visit.resumed => Some("a session was resumed"),
            (Outcome::Seen(_), Way::Resumed) => Some("a full handshake: no session was resumed"),
            _ => None,
        }
    }
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown<'a> {
            case: Case,
            moment: Moment,
            verdict: Verdict,
            expected: String,
            seen: String,
            recorded: Option<&'a str>,
            note: Option<&'a str>,
        }
        let shown = Shown {
            case: self.case,
            moment: self.moment,
            verdict: self.verdict(),
            expected: self.expected.to_string(),
            seen: self.seen(),
            recorded: self.recorded(),
            note: self.note(),
        };
        shown.serialize(serializer)
    }
}
