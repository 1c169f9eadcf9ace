use fault::Fault;
use identity::Certificate;
use ledger::{CertificateRecord, Ledger, State};

use crate::authority::Authority;

/// Who else falls with a certificate that is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rank {
    /// Nobody.
    Leaf,
    /// Everybody whom it has vouched for.
    Issuer,
    /// It vouches for itself, so that nobody is above it to take it back.
    Root,
}

impl Rank {
    /// Of a certificate on record, by its bytes.
    #[must_use]
    pub fn of(record: &CertificateRecord) -> Self {
        let der = record.der.clone().unwrap_or_default();
        match Certificate::from_der(der.into()) {
            Ok(certificate) if !certificate.is_ca() => Self::Leaf,
            Ok(certificate) if certificate.is_self_issued() => Self::Root,
            Ok(_) => Self::Issuer,
            // What nobody can read vouches for nobody.
            Err(_) => Self::Leaf,
        }
    }
}

impl Authority {
    /// That the ledger does not say that this issuer was taken back.
    ///
    /// # Errors
    /// It says so, or fails.
    pub async fn check_standing(&self, ledger: &dyn Ledger) -> Result<(), Fault> {
        let certificate = self.certificate();
        let known = ledger.certificate_by_fingerprint(certificate.fingerprint()).await?;
        let Some(record) = known.filter(|record| record.state == State::Revoked) else { return Ok(()) };
        let subject = certificate.identity().subject();
        let fault = Fault::yours(format!("issuer {subject} is revoked in the ledger: it vouches for nobody"))
            .remedy("make another one: countersign ca init-issuer");
        Err(match record.revoked {
            Some(revoked) => fault.because(format!("{}, at {}", revoked.reason, revoked.at)),
            None => fault,
        })
    }
}
