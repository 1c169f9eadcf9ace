//! What takes the place of a root or an issuer, and what joins the old to the new while both are believed.
//!
//! ```text
//! old root ──▶ issuer ──▶ leaves          old root ──cross──▶ new root
//!     └──────▶ its successor                  new root ──adopt──▶ the same issuer ──▶ the same leaves
//! ```
//!
//! A successor has a key of its own and a name of its own, so that no verifier takes the one for the other. An issuer
//! that a new root adopts keeps its name and key: whatever it has signed stands below both roots.

use fault::Fault;
use identity::{Certificate, PrivateKey};
use ledger::Ledger;
use time::{Duration, OffsetDateTime};

use crate::authority::{Authority, check};
use crate::draft::{Draft, anew};
use crate::issue::settle;
use crate::key::SigningKey;
use crate::sign::sign_with;

/// An authority's certificate that was just recorded and signed.
#[derive(Clone, Debug)]
pub struct Certified {
    /// The certificate.
    pub certificate: Certificate,
    /// What is worth a word: a life cut short by the root's end.
    pub warnings: Vec<Fault>,
}

/// Makes the root that takes another root's place: the next name, this key, the same rules.
///
/// # Errors
/// Where the old one is no root, the key is the old one's, or the ledger does not take the record.
pub async fn succeed_root(
    old: &Certificate,
    key: &PrivateKey,
    lifetime: Duration,
    ledger: &dyn Ledger,
    now: OffsetDateTime,
) -> Result<Certified, Fault> {
    let draft = Draft::next_root(old, key, lifetime, now)?;
    certify(draft, ledger, &SigningKey::of(key)?, now).await
}

impl Authority {
    /// Makes the issuer that takes another's place below this root: the next name, this key, and the same limits.
    ///
    /// # Errors
    /// Where `issuer` is a root or does not stand below this one, the key is the old one's, this root has no room below
    /// it, or the ledger does not take the record.
    pub async fn succeed(
        &self,
        issuer: &Certificate,
        key: &PrivateKey,
        lifetime: Duration,
        ledger: &dyn Ledger,
        now: OffsetDateTime,
    ) -> Result<Certified, Fault> {
        check::below(issuer, self.certificate())?;
        certify(self.draft_successor(issuer, key, lifetime, now)?, ledger, self.key(), now).await
    }

    /// Certifies another root's issuer: its name, key and limits stay, so that all it has signed stands below this root as
    /// well. It ends when the certificate it had would have ended, or with this root.
    ///
    /// # Errors
    /// Where `issuer` is a root or has ended, this root has no room below it, or the ledger does not take the record.
    pub async fn adopt(
        &self,
        issuer: &Certificate,
        ledger: &dyn Ledger,
        now: OffsetDateTime,
    ) -> Result<Certified, Fault> {
        certify(self.draft_adopted(issuer, now)?, ledger, self.key(), now).await
    }

    /// That a root may take this one's place: there is room for it below, and these issuers can go over to it.
    ///
    /// # Errors
    /// This is no root or has no room, or an issuer is a root, has ended, or does not stand directly below this one.
    pub fn check_succession(&self, issuers: &[Certificate], now: OffsetDateTime) -> Result<(), Fault> {
        anew::check_root(self.certificate())?;
        self.check_room_for_another()?;
        issuers.iter().try_for_each(|issuer| {
            anew::check_issuer(issuer)?;
            check::below(issuer, self.certificate())?;
            anew::left(issuer, now).map(drop)
        })
    }

    /// Certifies another root, so that whoever believes this one alone can follow a chain that ends in the other.
    ///
    /// # Errors
    /// Where `root` is no root or this one itself, this root has no room for two authorities below it, or the ledger does
    /// not take the record.
    pub async fn cross(
        &self,
        root: &Certificate,
        ledger: &dyn Ledger,
        now: OffsetDateTime,
    ) -> Result<Certified, Fault> {
        certify(self.draft_cross(root, now)?, ledger, self.key(), now).await
    }
}

async fn certify(
    draft: Draft,
    ledger: &dyn Ledger,
    signing: &SigningKey,
    now: OffsetDateTime,
) -> Result<Certified, Fault> {
    let (issuer, warnings) = (draft.summary().issuer.key, draft.warnings().to_vec());
    let recorded = draft.record(ledger).await?;
    let sign = |recorded| sign_with(signing, issuer, &recorded);
    let certificate = settle(ledger, recorded, now, sign, |certificate| certificate.der().to_vec()).await?;
    Ok(Certified { certificate, warnings })
}
