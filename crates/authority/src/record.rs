use fault::Fault;
use ledger::{DraftRecord, Ledger};

use crate::compromised;
use crate::draft::Draft;

/// Proof that the ledger holds a draft, durably: only what is recorded can be signed, and only once.
///
/// A draft alone is not signed:
///
/// ```compile_fail,E0308
/// # use countersign_authority::{Authority, Draft};
/// fn unrecorded(authority: &Authority, draft: Draft) {
///     let _ = authority.sign(draft);
/// }
/// ```
///
/// and what is recorded is not signed twice:
///
/// ```compile_fail,E0382
/// # use countersign_authority::{Authority, Recorded};
/// fn twice(authority: &Authority, recorded: Recorded) {
///     let _ = authority.sign(recorded);
///     let _ = authority.sign(recorded);
/// }
/// ```
#[derive(Debug)]
pub struct Recorded(Draft);

impl Draft {
    /// Puts the draft on record. A crash from here on leaves a draft in the ledger, never an unknown certificate.
    ///
    /// # Errors
    /// Where the ledger did not take it, or the key was given up as compromised; then nothing can be signed.
    pub async fn record(self, ledger: &dyn Ledger) -> Result<Recorded, Fault> {
        compromised::check(ledger, self.summary().spki).await?;
        ledger.record(self.summary().clone()).await?;
        Ok(Recorded(self))
    }
}

impl Recorded {
    /// What the certificate will say, as the ledger keeps it.
    #[must_use]
    pub fn summary(&self) -> &DraftRecord {
        self.0.summary()
    }

    pub(crate) fn draft(&self) -> &Draft {
        &self.0
    }

    pub(crate) fn into_draft(self) -> Draft {
        self.0
    }
}
