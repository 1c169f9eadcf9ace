//! The root and the issuers below it.

use std::fmt;

use fault::Fault;
use identity::{Certificate, KeyKind, PrivateKey, Usage};
use ledger::Ledger;
use time::{Duration, OffsetDateTime};

use crate::authority::Authority;
use crate::draft::Draft;
use crate::issue::settle;
use crate::key::SigningKey;
use crate::sign::sign_with;

/// How a root or an issuer is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tier {
    /// The environment, which stands in its name.
    pub environment: String,
    /// How long it is valid.
    pub lifetime: Duration,
    /// The kind of its key.
    pub key: KeyKind,
    /// The host names that an issuer may certify, those below them included; none: any. With names, it certifies no
    /// addresses either. A root has no use for it.
    pub permitted: Vec<String>,
}

impl Tier {
    /// A root for an environment: ECDSA P-256, 3650 days.
    #[must_use]
    pub fn root(environment: impl Into<String>) -> Self {
        Self::lasting(environment.into(), Duration::days(3650))
    }

    /// An issuer for an environment: ECDSA P-256, 730 days.
    #[must_use]
    pub fn issuer(environment: impl Into<String>) -> Self {
        Self::lasting(environment.into(), Duration::days(730))
    }

    fn lasting(environment: String, lifetime: Duration) -> Self {
        Self { environment, lifetime, key: KeyKind::EcdsaP256, permitted: Vec::new() }
    }
}

/// What an issuer may issue; its own certificate says so, for verifiers that never saw our profiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IssuerKind {
    /// Servers.
    Server,
    /// Clients.
    Client,
    /// Internal services, which are both.
    Service,
}

impl IssuerKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Server, Self::Client, Self::Service];

    /// The word for it in files, flags and profiles.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
            Self::Service => "service",
        }
    }

    /// The kind that a word names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// The kind of an issuer, by what its certificate lets it issue.
    #[must_use]
    pub fn of(issuer: &Certificate) -> Option<Self> {
        let usages = issuer.usages()?;
        let same = |kind: &Self| {
            let own = kind.usages();
            own.len() == usages.len() && own.iter().all(|usage| usages.contains(usage))
        };
        Self::ALL.into_iter().find(same)
    }

    pub(crate) fn usages(self) -> Vec<Usage> {
        match self {
            Self::Server => vec![Usage::ServerAuth],
            Self::Client => vec![Usage::ClientAuth],
            Self::Service => vec![Usage::ServerAuth, Usage::ClientAuth],
        }
    }

    pub(crate) fn common_name(self, environment: &str) -> String {
        let kind = match self {
            Self::Server => "Server",
            Self::Client => "Client",
            Self::Service => "Service",
        };
        format!("countersign {kind} Issuer ({environment})")
    }
}

impl fmt::Display for IssuerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A root or issuer that was just made: its certificate, and the key that goes with it.
#[derive(Debug)]
pub struct NewTier {
    /// The certificate.
    pub certificate: Certificate,
    /// The key. Nothing keeps it but this value.
    pub key: PrivateKey,
    /// What is worth a word: a life cut short by the root's end.
    pub warnings: Vec<Fault>,
}

/// Makes a root: self-signed, keyCertSign and cRLSign, `CN=countersign Root CA (ENVIRONMENT)`.
///
/// # Errors
/// Where the ledger does not take the record, or no key can be made.
pub async fn init_root(tier: &Tier, ledger: &dyn Ledger, now: OffsetDateTime) -> Result<NewTier, Fault> {
    let key = generate(tier.key)?;
    let signing = SigningKey::of(&key)?;
    let draft = Draft::root(tier, &key, now)?;
    finish(draft, ledger, &signing, key, now).await
}

impl Authority {
    /// Makes an issuer below this root: path length 0, its usages in its own certificate, never outliving the root.
    ///
    /// # Errors
    /// Where this authority may have no issuers below it, and as [`init_root`].
    pub async fn init_issuer(
        &self,
        kind: IssuerKind,
        tier: &Tier,
        ledger: &dyn Ledger,
        now: OffsetDateTime,
    ) -> Result<NewTier, Fault> {
        let key = generate(tier.key)?;
        let draft = self.draft_issuer(kind, tier, &key, now)?;
        finish(draft, ledger, self.key(), key, now).await
    }
}

async fn finish(
    draft: Draft,
    ledger: &dyn Ledger,
    signing: &SigningKey,
    key: PrivateKey,
    now: OffsetDateTime,
) -> Result<NewTier, Fault> {
    let (issuer, warnings) = (draft.summary().issuer.key, draft.warnings().to_vec());
    let recorded = draft.record(ledger).await?;
    let sign = |recorded| sign_with(signing, issuer, &recorded);
    let certificate = settle(ledger, recorded, now, sign, |certificate| certificate.der().to_vec()).await?;
    Ok(NewTier { certificate, key, warnings })
}

fn generate(kind: KeyKind) -> Result<PrivateKey, Fault> {
    PrivateKey::generate(kind).map_err(|error| {
        Fault::yours(format!("no key of the kind {kind} could be made"))
            .because(error)
            .remedy("use ecdsa-p256, ecdsa-p384, ed25519, or rsa-2048, rsa-3072, rsa-4096")
    })
}
