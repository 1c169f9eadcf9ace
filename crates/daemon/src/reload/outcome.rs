//! What came of a reload: for whoever asked, the log, the ledger.

use access::Weakening;
use fault::{Fault, Faults};
use gateway::Reloaded;
use ledger::{AuditEvent, AuditKind};
use serde_json::{Value, json};
use time::OffsetDateTime;

/// Why a reload was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trigger {
    /// SIGHUP.
    Hangup,
    /// This administrator asked.
    Principal(String),
    /// A file changed.
    File,
}

impl Trigger {
    fn shown(&self) -> String {
        match self {
            Self::Hangup => "SIGHUP".to_owned(),
            Self::Principal(name) => format!("principal {name:?}"),
            Self::File => "a file that changed".to_owned(),
        }
    }
}

/// A reload that was applied.
#[derive(Debug)]
pub(crate) enum Applied {
    /// A new snapshot was published.
    Anew { generation: u64, changed: Vec<String>, allowed: Vec<Weakening>, warnings: Vec<Fault> },
    /// Nothing was different.
    Unchanged { generation: u64 },
}

/// A reload that was not; the node serves as before.
#[derive(Debug)]
pub(crate) enum Rejected {
    /// What is written cannot be served.
    Faults(Faults),
    /// It needs a restart.
    Restart(Faults),
    /// It would be weaker, and nobody allowed that.
    Weaker(Vec<Weakening>),
}

impl Rejected {
    /// Why, in one line.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Faults(faults) | Self::Restart(faults) => {
                let lines: Vec<String> =
                    faults.iter().map(|fault| fault.to_string().replace('\n', ";")).collect();
                lines.join(" | ")
            }
            Self::Weaker(found) => {
                let told: Vec<String> =
                    found.iter().map(|one| format!("{} ({})", one.name, one.what)).collect();
                format!("it would be weaker: {}", told.join(" | "))
            }
        }
    }
}

/// The label of `countersign_reload_total`.
pub(crate) fn result(outcome: &Result<Applied, Rejected>) -> &'static str {
    match outcome {
        Ok(Applied::Anew { .. }) => "applied",
        Ok(Applied::Unchanged { .. }) => "unchanged",
        Err(Rejected::Faults(_) | Rejected::Restart(_)) => "rejected",
        Err(Rejected::Weaker(_)) => "weaker",
    }
}

/// The answer to an administrator.
pub(crate) fn reloaded(outcome: Result<Applied, Rejected>) -> Reloaded {
    let word = result(&outcome);
    match outcome {
        Ok(Applied::Unchanged { generation }) => Ok(json!({ "result": word, "generation": generation })),
        Ok(Applied::Anew { generation, changed, allowed, warnings }) => Ok(json!({
            "result": word,
            "generation": generation,
            "changed": changed,
            "allowed": allowed,
            "warnings": warnings,
        })),
        Err(rejected) => Err(refusal(word, &rejected)),
    }
}

fn refusal(word: &str, rejected: &Rejected) -> Value {
    let message = format!("reload rejected: {}", rejected.reason());
    match rejected {
        Rejected::Faults(faults) | Rejected::Restart(faults) => {
            json!({ "message": message, "result": word, "faults": faults })
        }
        Rejected::Weaker(found) => {
            let remedy = "allow each by its name if it is meant: countersign reload --allow-weaker NAME";
            json!({ "message": message, "result": word, "weakenings": found, "remedy": remedy })
        }
    }
}

/// Writes what came of it to the log.
pub(crate) fn log(trigger: &Trigger, outcome: &Result<Applied, Rejected>) {
    let by = trigger.shown();
    match outcome {
        Ok(Applied::Anew { generation, changed, allowed, warnings }) => {
            let changed = changed.join("; ");
            tracing::info!(by, generation, changed, "reload applied");
            for Weakening { name, what, .. } in allowed {
                tracing::warn!(by, generation, name, what, "weaker than before, as it was allowed to be");
            }
            for warning in warnings {
                tracing::warn!("{}", warning.to_string().replace('\n', ";"));
            }
        }
        Ok(Applied::Unchanged { generation }) => {
            tracing::info!(by, generation, "reload: nothing has changed");
        }
        Err(rejected) => tracing::error!(by, "reload rejected: {}", rejected.reason()),
    }
}

/// What goes on record; nothing where nothing was decided.
pub(crate) fn audited(
    trigger: &Trigger,
    outcome: &Result<Applied, Rejected>,
    now: OffsetDateTime,
) -> Option<AuditEvent> {
    let cause = match outcome {
        Ok(Applied::Unchanged { .. }) => return None,
        Ok(Applied::Anew { generation, changed, allowed, .. }) => {
            let names: Vec<&str> = allowed.iter().map(|one| one.name.as_str()).collect();
            let weaker =
                if names.is_empty() { String::new() } else { format!("; allowed: {}", names.join(", ")) };
            format!("applied as generation {generation}: {}{weaker}", changed.join("; "))
        }
        Err(rejected) => format!("rejected: {}", rejected.reason()),
    };
    let principal = match trigger {
        Trigger::Principal(name) => Some(name.clone()),
        Trigger::Hangup | Trigger::File => None,
    };
    let cause = Some(format!("by {}: {cause}", trigger.shown()));
    Some(AuditEvent { principal, cause, ..AuditEvent::new(AuditKind::Reload, now) })
}
