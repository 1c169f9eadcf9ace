//! Why a request of the office gets no answer that it wants.

use fault::{Blame, Fault, Refusal};
use http::StatusCode;
use ledger::LedgerError;

/// A "no", before it is told.
#[derive(Debug)]
pub(crate) enum No {
    /// The asker may not; the gateway tells and records it.
    Refusal(Refusal),
    /// What was asked for cannot be done as it was asked.
    Fault(StatusCode, Fault),
}

impl No {
    pub(crate) fn bad(fault: Fault) -> Self {
        Self::Fault(StatusCode::BAD_REQUEST, fault)
    }

    pub(crate) fn too_large(fault: Fault) -> Self {
        Self::Fault(StatusCode::PAYLOAD_TOO_LARGE, fault)
    }

    pub(crate) fn missing(fault: Fault) -> Self {
        Self::Fault(StatusCode::NOT_FOUND, fault)
    }

    pub(crate) fn conflict(fault: Fault) -> Self {
        Self::Fault(StatusCode::CONFLICT, fault)
    }

    pub(crate) fn later(fault: Fault) -> Self {
        Self::Fault(StatusCode::SERVICE_UNAVAILABLE, fault)
    }
}

/// Whose doing it is decides the status.
impl From<Fault> for No {
    fn from(fault: Fault) -> Self {
        match fault.blame() {
            Blame::Yours => Self::bad(fault),
            Blame::Theirs => Self::later(fault),
            Blame::Ours => Self::Fault(StatusCode::INTERNAL_SERVER_ERROR, fault),
        }
    }
}

impl From<LedgerError> for No {
    fn from(error: LedgerError) -> Self {
        Fault::from(error).into()
    }
}

impl From<Refusal> for No {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(refusal)
    }
}
