use fault::Fault;
use ledger::Ledger;
use time::OffsetDateTime;

use crate::authority::Authority;
use crate::profile::Profile;
use crate::record::Recorded;
use crate::request::Request;
use crate::sign::Issued;

impl Authority {
    /// Drafts, records, signs and completes the record: the whole walk from request to certificate.
    ///
    /// The certificate is on record, durably, when this answers.
    ///
    /// # Errors
    /// Where the request is not allowed, or the ledger or the key fails. The ledger then holds nothing, or a draft
    /// that says it was never handed out.
    pub async fn issue(
        &self,
        ledger: &dyn Ledger,
        request: &Request,
        profile: &Profile,
        now: OffsetDateTime,
    ) -> Result<Issued, Fault> {
        let recorded = self.draft(request, profile, now)?.record(ledger).await?;
        self.conclude(ledger, recorded, now).await
    }

    /// The rest of the walk, for whoever has to note which certificate it will be before there is one.
    ///
    /// # Errors
    /// Where the key or the ledger fails, or the draft was given up meanwhile: then nothing was handed out.
    pub async fn conclude(
        &self,
        ledger: &dyn Ledger,
        recorded: Recorded,
        now: OffsetDateTime,
    ) -> Result<Issued, Fault> {
        settle(
            ledger,
            recorded,
            now,
            |recorded| self.sign(recorded),
            |issued| issued.certificate().der().to_vec(),
        )
        .await
    }
}

/// Signs, and tells the ledger how it ended.
pub(crate) async fn settle<T>(
    ledger: &dyn Ledger,
    recorded: Recorded,
    now: OffsetDateTime,
    sign: impl FnOnce(Recorded) -> Result<T, Fault>,
    der: impl FnOnce(&T) -> Vec<u8>,
) -> Result<T, Fault> {
    let id = recorded.summary().id();
    match sign(recorded) {
        Ok(signed) => {
            ledger.complete(id, der(&signed), now).await?;
            Ok(signed)
        }
        Err(fault) => {
            // The first fault is the one to hear of; a record that stays a draft says the same.
            let _ended = ledger.abandon(id, fault.what().to_owned(), now).await;
            Err(fault)
        }
    }
}
