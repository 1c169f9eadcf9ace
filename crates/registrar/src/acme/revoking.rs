//! Certificates taken back by who asked for them, or by who holds their key.

use http::StatusCode;
use identity::{Certificate, RevocationReason};
use ledger::{CertificateId, State};
use wire::acme::{Problem, Trouble, asked};

use super::call::Call;
use super::clerk::Clerk;
use super::order::Owner;
use super::posted::Anyone;
use super::reply::{self, Reply, internal, unrecorded};

impl Clerk {
    /// `revokeCert` (RFC 8555 §7.6). An account need not be in good standing: taking back is never refused for that.
    pub(super) async fn revoke(&self, call: &Call<'_>) -> Result<Reply, Problem> {
        let (account, key, payload) = match self.by_anyone(call).await? {
            Anyone::Account(posted) => {
                let payload = posted.payload().to_vec();
                (Some(posted.account.id), None, payload)
            }
            Anyone::Key(signed) => (None, Some(signed.key().clone()), signed.payload().to_vec()),
        };
        let asked = asked::Revocation::parse(&payload)?;
        let reason = reason(asked.reason)?;
        let certificate = Certificate::from_der(asked.certificate.into())
            .map_err(|why| Problem::malformed(format!("the certificate cannot be read: {why}")))?;
        // By its fingerprint: another certificate with the same serial is another certificate.
        let record =
            self.ledger.certificate_by_fingerprint(certificate.fingerprint()).await.map_err(unrecorded)?;
        let record = record.ok_or_else(not_yours)?;
        let id = record.draft.id();
        let by = match (&account, &key) {
            (Some(account), _) if self.is_owner(account, &id).await? => format!("ACME account {account}"),
            // An authority is not taken back by whoever found its key: that is for its operator.
            (None, Some(key)) if Self::is_key_of(key, certificate.spki_der()) && !certificate.is_ca() => {
                "the holder of the certificate's key, by ACME".to_owned()
            }
            _ => return Err(not_yours()),
        };
        if record.state == State::Revoked {
            return Err(Problem::new(Trouble::AlreadyRevoked, "the certificate is revoked already"));
        }
        (call.act)();
        let (clerk, serial) = (self.clone(), id.serial.clone());
        let revoked = Self::to_the_end(async move {
            let ledger = clerk.ledger.as_ref();
            authority::revoke(ledger, id, reason, &by, clerk.now).await.map_err(|fault| internal(&fault))
        })
        .await?;
        tracing::info!(%serial, %reason, already = revoked.already, "ACME certificate revoked");
        Ok(reply::empty(StatusCode::OK))
    }

    async fn is_owner(&self, account: &str, id: &CertificateId) -> Result<bool, Problem> {
        let owner = Owner::of(self.ledger.as_ref(), id).await?;
        Ok(owner.is_some_and(|(owner, _)| owner.account == account))
    }
}

/// The reasons that a holder may give: those of an authority are not the holder's, and a hold is never lifted here.
fn reason(number: Option<u64>) -> Result<RevocationReason, Problem> {
    let Some(number) = number else { return Ok(RevocationReason::Unspecified) };
    match RevocationReason::of_number(number) {
        Some(
            reason @ (RevocationReason::Unspecified
            | RevocationReason::KeyCompromise
            | RevocationReason::AffiliationChanged
            | RevocationReason::Superseded
            | RevocationReason::CessationOfOperation
            | RevocationReason::PrivilegeWithdrawn),
        ) => Ok(reason),
        _ => Err(Problem::new(Trouble::BadRevocationReason, "use the reason 0, 1, 3, 4, 5 or 9")),
    }
}

/// One answer for what is not ours and for what is another's.
fn not_yours() -> Problem {
    Problem::new(
        Trouble::Unauthorized,
        "the certificate is none that this account asked for, nor is this signed with its key",
    )
}
