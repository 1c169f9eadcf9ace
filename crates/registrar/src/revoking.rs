//! What was given in exchange for a certificate that is taken back: by whoever held its key, which others may hold too.

use authority::Taking;
use fault::Fault;
use identity::RevocationReason;
use ledger::{CertificateId, CertificateRecord, Ledger, State};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The successors of a certificate that was taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Successors {
    /// Those that were taken back with it.
    pub taken: Vec<CertificateRecord>,
    /// Those that are good still.
    pub left: Vec<CertificateRecord>,
}

impl Successors {
    /// Takes the successors of a revoked certificate back as well, where that is asked for, or where its key is compromised and
    /// nobody says otherwise: whoever had the key may have got them. Names those that stay in any case.
    ///
    /// Those for a compromised key itself never stay.
    ///
    /// # Errors
    /// Where the ledger does not answer, or does not take a revocation.
    pub async fn of(
        ledger: &dyn Ledger,
        certificate: &CertificateId,
        with: Option<bool>,
        (reason, by): (RevocationReason, &str),
        now: OffsetDateTime,
    ) -> Result<Self, Fault> {
        let taking = match with.unwrap_or_else(|| reason.is_compromise()) {
            true => Some(Taking::All),
            false if reason.is_compromise() => {
                let record = ledger.certificate(certificate.clone()).await?;
                record.map(|record| Taking::OfKey(record.draft.spki))
            }
            false => None,
        };
        let taken = match taking {
            Some(taking) => {
                authority::revoke_successors(ledger, certificate, taking, (reason, by), now).await?
            }
            None => Vec::new(),
        };
        let mut left = authority::successors(ledger, certificate).await?;
        left.retain(|record| match record.state {
            // What is being signed may be a certificate in a moment.
            State::Issued | State::Drafted => record.draft.not_after >= now,
            State::Revoked | State::Abandoned => false,
        });
        Ok(Self { taken, left })
    }

    /// As fields of an answer.
    #[must_use]
    pub fn fields(&self) -> [(&'static str, Value); 2] {
        let all = |records: &[CertificateRecord]| Value::from(records.iter().map(shown).collect::<Vec<_>>());
        [("successors_revoked", all(&self.taken)), ("successors_still_good", all(&self.left))]
    }
}

fn shown(record: &CertificateRecord) -> Value {
    let draft = &record.draft;
    json!({
        "serial": draft.serial,
        "issuer_spki_sha256": draft.issuer.key.to_string(),
        "subject": draft.subject,
        "not_after": draft.not_after.format(&Rfc3339).unwrap_or_default(),
    })
}
