//! One at a time rotates: a step is taken under the ledger's lock, and whoever comes meanwhile is told who takes it.

use std::ops::Deref;
use std::time::Duration;

use fault::Fault;
use ledger::{Ledger, LedgerError, Lock, NewNote, Shelf};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::{Instant, sleep};

use super::files::Places;

/// Whoever rotates: with which ledger, in which files, and by what name on record.
#[derive(Clone, Copy, Debug)]
pub struct Hands<'a> {
    /// The ledger.
    pub ledger: &'a dyn Ledger,
    /// The files.
    pub places: &'a Places,
    /// Who it is, for the audit record.
    pub by: &'a str,
    /// When it is.
    pub now: OffsetDateTime,
}

/// Proof that nobody else takes a step: on this machine or on another that shares the ledger. Steps are its methods.
#[derive(Debug)]
pub struct Turn<'a> {
    hands: Hands<'a>,
    lock: Lock,
}

/// Who takes a step, for whoever comes meanwhile.
#[derive(Serialize, Deserialize)]
struct Taken {
    by: String,
    doing: String,
    at: i64,
}

impl<'a> Hands<'a> {
    /// Waits a moment for whoever is done, and takes the turn. `doing` says what for, and where.
    ///
    /// # Errors
    /// Somebody else has it, who is named; or the ledger fails.
    pub async fn alone(self, doing: &str) -> Result<Turn<'a>, Fault> {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(lock) = self.ledger.lock(ROTATION).await? {
                self.say(doing).await?;
                return Ok(Turn { hands: self, lock });
            }
            if Instant::now() >= until {
                return Err(self.occupied().await);
            }
            sleep(BETWEEN).await;
        }
    }

    /// Puts on record who it is. What stands there is from somebody who is done, or was cut off.
    async fn say(&self, doing: &str) -> Result<(), Fault> {
        let taken = Taken { by: self.by.to_owned(), doing: doing.to_owned(), at: self.now.unix_timestamp() };
        let text = serde_json::to_string(&taken)
            .map_err(|error| Fault::ours("who rotates could not be written").because(error))?;
        let seen = self.ledger.note(Shelf::Rotations, TAKEN.to_owned()).await?.map(|note| note.version);
        let note = NewNote { key: TAKEN.to_owned(), text, expires_at: None, seen };
        match self.ledger.write_note(Shelf::Rotations, note).await {
            Ok(_) => Ok(()),
            Err(LedgerError::Changed { .. }) => Err(lost()),
            Err(error) => Err(error.into()),
        }
    }

    async fn occupied(&self) -> Fault {
        let fault = Fault::theirs("somebody else takes a step of a rotation at this moment");
        let fault = match self.ledger.note(Shelf::Rotations, TAKEN.to_owned()).await {
            Ok(Some(note)) => match serde_json::from_str::<Taken>(&note.text) {
                Ok(taken) => fault.because(taken.told()),
                Err(_) => fault,
            },
            _ => fault,
        };
        fault.remedy("wait until it is done, and look at what it came to: countersign ca rotate status")
    }
}

impl Taken {
    fn told(&self) -> String {
        let at = OffsetDateTime::from_unix_timestamp(self.at).ok().and_then(|at| at.format(&Rfc3339).ok());
        format!("{}, since {}: {}", self.by, at.unwrap_or_default(), self.doing)
    }
}

impl Turn<'_> {
    /// That it is still ours, before something is changed that the ledger does not guard.
    ///
    /// # Errors
    /// The connection that held the lock is gone, and somebody else may have the turn.
    pub(super) fn still(&self) -> Result<(), Fault> {
        if self.lock.is_held() { Ok(()) } else { Err(lost()) }
    }
}

impl<'a> Deref for Turn<'a> {
    type Target = Hands<'a>;

    fn deref(&self) -> &Hands<'a> {
        &self.hands
    }
}

fn lost() -> Fault {
    Fault::theirs("the lock for a rotation was lost while a step was taken")
        .because(
            "the ledger's server has ended the connection that held it, and somebody else may take a step",
        )
        .remedy("give the same command again: it goes on where it was cut off")
}

/// The lock's name.
const ROTATION: &str = "rotation";
/// The note's key; it stands before the reports of the nodes.
const TAKEN: &str = "acting";
/// A server lets go of the lock of a command that is over a moment after the command.
const PATIENCE: Duration = Duration::from_secs(1);
const BETWEEN: Duration = Duration::from_millis(100);
