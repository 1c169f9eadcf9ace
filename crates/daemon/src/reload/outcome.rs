//! What came of a reload: for whoever asked, the log, the ledger.

use access::Weakening;
use fault::{Fault, Faults};
use gateway::{Difference, Reloaded};
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
    Anew {
        generation: u64,
        changed: Vec<String>,
        allowed: Vec<Weakening>,
        differences: Vec<Difference>,
        warnings: Vec<Fault>,
    },
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
    Weaker { refused: Vec<Weakening>, differences: Vec<Difference> },
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
            Self::Weaker { refused, .. } => {
                let told: Vec<String> =
                    refused.iter().map(|one| format!("{} ({})", one.name, one.what)).collect();
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
        Err(Rejected::Weaker { .. }) => "weaker",
    }
}

/// The answer to an administrator.
pub(crate) fn reloaded(outcome: Result<Applied, Rejected>) -> Reloaded {
    let word = result(&outcome);
    match outcome {
        Ok(Applied::Unchanged { generation }) => Ok(json!({ "result": word, "generation": generation })),
        Ok(Applied::Anew { generation, changed, allowed, differences, warnings }) => Ok(json!({
            "result": word,
            "generation": generation,
            "changed": changed,
            "allowed": allowed,
            "differences": shown(&differences),
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
        Rejected::Weaker { refused, differences } => {
            let remedy = "allow each by its name if it is meant: countersign reload --allow-weaker NAME";
            json!({
                "message": message,
                "result": word,
                "weakenings": refused,
                "differences": shown(differences),
                "remedy": remedy,
            })
        }
    }
}

/// The first differences in words, and how many there are.
fn shown(differences: &[Difference]) -> Value {
    let one = |difference: &Difference| {
        let Difference { listener, subject, serial, before, after } = difference;
        json!({
            "listener": **listener,
            "subject": subject,
            "serial": serial,
            "before": before.to_string(),
            "after": after.to_string(),
        })
    };
    let first: Vec<Value> = differences.iter().take(MOST_SHOWN).map(one).collect();
    json!({ "count": differences.len(), "first": first })
}

/// Writes what came of it to the log.
pub(crate) fn log(trigger: &Trigger, outcome: &Result<Applied, Rejected>) {
    let by = trigger.shown();
    match outcome {
        Ok(Applied::Anew { generation, changed, allowed, differences, warnings }) => {
            let changed = changed.join("; ");
            tracing::info!(by, generation, changed, "reload applied");
            for Weakening { name, what, .. } in allowed {
                tracing::warn!(by, generation, name, what, "weaker than before, as it was allowed to be");
            }
            for difference in differences.iter().take(MOST_SHOWN) {
                let Difference { listener, subject, serial, before, after } = difference;
                tracing::info!(listener = &**listener, subject, serial, %before, %after, "judged otherwise from now on");
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

/// Differences that are told one by one.
const MOST_SHOWN: usize = 20;
