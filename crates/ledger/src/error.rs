use std::fmt;
use std::path::PathBuf;

use fault::Fault;
use identity::{RevocationReason, Serial};

use crate::note::Shelf;
use crate::record::State;

/// Why a verb of the ledger failed. Nothing has changed where one is given, except where it is [`InDoubt`](Self::InDoubt).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LedgerError {
    /// The issuer has used this serial before.
    Duplicate(Serial),
    /// Nothing is on record under this serial.
    Unknown(Serial),
    /// The record has left the state of a draft.
    NotDrafted {
        /// The serial.
        serial: Serial,
        /// The state it is in.
        state: State,
    },
    /// The record is no certificate's that could be revoked: a draft, or one that was abandoned.
    NotIssued {
        /// The serial.
        serial: Serial,
        /// The state it is in.
        state: State,
    },
    /// The certificate was issued here; it is revoked, and not denied.
    OnRecord {
        /// The serial.
        serial: Serial,
        /// The state it is in.
        state: State,
    },
    /// Nothing is revoked for this reason.
    NoReason(RevocationReason),
    /// The note is not in the version that its writer has seen: somebody else was faster.
    Changed {
        /// Its shelf.
        shelf: Shelf,
        /// Its key.
        key: String,
    },
    /// The ledger has been closed.
    Closed,
    /// The file was moved away or replaced while it was open: what is read is old, and what would be written is lost.
    Replaced(PathBuf),
    /// The server that holds the ledger cannot be reached, or went away before the change was made.
    Away(String),
    /// The server went away while it made the change, and has not said since what came of it.
    InDoubt(String),
    /// The storage failed: disk full, read-only, corrupt.
    Storage(String),
}

impl fmt::Display for LedgerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Duplicate(serial) => write!(f, "the serial {serial} is on record already"),
            Self::Unknown(serial) => write!(f, "no certificate with the serial {serial} is on record"),
            Self::NotDrafted { serial, state } => {
                write!(f, "the certificate {serial} is {state}, not a draft")
            }
            Self::NotIssued { serial, state } => {
                write!(f, "the certificate {serial} is {state}; only what was issued can be revoked")
            }
            Self::OnRecord { serial, state } => {
                write!(
                    f,
                    "the certificate {serial} is on record as {state}; only what was issued elsewhere is denied"
                )
            }
            Self::NoReason(reason) => write!(f, "{reason} is no reason to revoke a certificate"),
            Self::Changed { shelf, key } => {
                write!(f, "the note \"{key}\" of {shelf} was changed by somebody else meanwhile")
            }
            Self::Closed => f.write_str("the ledger is closed"),
            Self::Replaced(path) => write!(
                f,
                "the ledger {} was moved away or replaced while it was open; restart the node to use what is there now",
                path.display()
            ),
            Self::Away(cause) => write!(f, "the ledger's server is away: {cause}"),
            Self::InDoubt(cause) => write!(
                f,
                "the ledger's server went away in the middle of a change, and nobody knows whether it was made: {cause}"
            ),
            Self::Storage(cause) => write!(f, "the ledger's storage failed: {cause}"),
        }
    }
}

impl std::error::Error for LedgerError {}

impl From<LedgerError> for Fault {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Storage(cause) => Self::theirs("the ledger could not be used")
                .because(cause)
                .remedy("see that the ledger's disk has room and that its folder is writable"),
            LedgerError::Away(cause) => Self::theirs("the ledger's server is away")
                .because(cause)
                .remedy("see that PostgreSQL runs and can be reached from here; the node tries again by itself"),
            LedgerError::InDoubt(cause) => {
                Self::theirs("the ledger's server went away in the middle of a change, and may have made it")
                    .because(cause)
                    .remedy("when it is back, see what is on record (countersign cert list) before trying again")
            }
            LedgerError::Replaced(path) => {
                Self::theirs("the ledger was moved away or replaced while it was open").in_file(path).remedy(
                    "restart the node to use what is there now; a backup is put in place while the node is stopped",
                )
            }
            LedgerError::Unknown(_) => {
                Self::yours(error.to_string()).remedy("countersign cert list shows what is on record")
            }
            LedgerError::NotIssued { .. } => {
                Self::yours(error.to_string()).remedy("nobody holds a certificate with this serial")
            }
            LedgerError::OnRecord { .. } => {
                Self::yours(error.to_string()).remedy("countersign cert revoke takes it back")
            }
            LedgerError::NoReason(_) => Self::yours(error.to_string())
                .because("it is what a delta list says of a certificate that comes off hold")
                .remedy("keyCompromise, affiliationChanged, superseded, cessationOfOperation, privilegeWithdrawn, …"),
            LedgerError::Changed { .. } => Self::theirs(error.to_string()).remedy("try again"),
            LedgerError::Duplicate(_) | LedgerError::NotDrafted { .. } | LedgerError::Closed => {
                Self::ours(error.to_string())
            }
        }
    }
}
