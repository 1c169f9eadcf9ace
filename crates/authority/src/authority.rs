//! A signing key and its certificate, able to turn a recorded draft into a certificate.

pub(crate) mod check;
pub(crate) mod subject;

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicU16, Ordering};

use fault::Fault;
use identity::{Certificate, KeyKind, Pin, PrivateKey, Secret, Usage};
use rcgen::CertificateParams;
use time::OffsetDateTime;

use crate::distribution::{Distribution, Shard};
use crate::key::SigningKey;
use crate::stand_in::StandIn;

/// What an authority is held for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// An issuer below a root, as a serving node holds it. A root is refused: it belongs off the machine.
    Issuer,
    /// Any authority, roots and self-signed ones too, used by hand and put away again.
    ByHand,
}

/// An issuer: its certificate, its key, and the environment that it issues for.
pub struct Authority {
    certificate: Certificate,
    /// The certificate and those above it, without a root: what goes out with every leaf.
    chain: Vec<Certificate>,
    key: SigningKey,
    environment: Option<String>,
    /// The issuer's side of every certificate: its name and key identifier.
    pub(crate) issuing: CertificateParams,
    pub(crate) stand_in: StandIn,
    distribution: Option<Distribution>,
    /// How many parts of its list new certificates are spread over.
    shards: AtomicU16,
}

impl Authority {
    /// Reads certificate and key from files. A root is refused by its certificate, before its key is touched.
    ///
    /// # Errors
    /// Where a file cannot be used, and as [`new`](Self::new).
    pub fn load(
        certificate: &Path,
        key: &Path,
        password: Option<&Secret>,
        standing: Standing,
        environment: Option<&str>,
        now: OffsetDateTime,
    ) -> Result<Self, Fault> {
        let chain = files::load_certificates(certificate)?;
        Self::check_certificate(&chain, standing, now).map_err(|fault| fault.in_file(certificate))?;
        let private = files::load_key(key, password)?;
        Self::new(chain, &private, standing, environment, now).map_err(|fault| fault.in_file(certificate))
    }

    /// Checks what the certificate alone can tell, so that a root is refused before its key is touched.
    ///
    /// # Errors
    /// As [`new`](Self::new), except for what takes the key.
    pub fn check_certificate(
        chain: &[Certificate],
        standing: Standing,
        now: OffsetDateTime,
    ) -> Result<(), Fault> {
        check::certificate(check::leading(chain)?, standing, now)
    }

    /// An authority from its certificate (first) with those above it, and its key.
    ///
    /// With an `environment`, every certificate that it issues carries it as organization.
    ///
    /// # Errors
    /// Where the certificate is not an authority's, may not sign certificates, is expired or not yet valid, is a
    /// root where an issuer should be, or belongs to another key.
    pub fn new(
        chain: Vec<Certificate>,
        key: &PrivateKey,
        standing: Standing,
        environment: Option<&str>,
        now: OffsetDateTime,
    ) -> Result<Self, Fault> {
        Self::check_certificate(&chain, standing, now)?;
        let certificate = check::leading(&chain)?.clone();
        check::key(&certificate, key)?;
        let key = SigningKey::of(key)?;
        let stand_in = StandIn::of(&certificate, key.kind())?;
        let issuing = subject::issuing(&certificate)?;
        let chain = chain.into_iter().filter(|certificate| !certificate.is_self_issued()).collect();
        Ok(Self {
            certificate,
            chain,
            key,
            environment: environment.map(str::to_owned),
            issuing,
            stand_in,
            distribution: None,
            shards: AtomicU16::new(1),
        })
    }

    /// Checks that this authority stands below a root: directly, or by way of the certificates that came with its own.
    ///
    /// # Errors
    /// Where another authority signed it, or one above it allows no issuer below.
    pub fn check_below(&self, root: &Certificate) -> Result<(), Fault> {
        let others = self.chain.iter().filter(|other| **other != self.certificate);
        check::stands_below(std::iter::once(&self.certificate).chain(others), root)
    }

    /// As [`check_below`](Self::check_below), for an issuer whose key is not at hand: its certificate (first) with those
    /// above it.
    ///
    /// # Errors
    /// As there.
    pub fn check_chain_below(chain: &[Certificate], root: &Certificate) -> Result<(), Fault> {
        check::leading(chain)?;
        check::stands_below(chain.iter().filter(|certificate| !certificate.is_self_issued()), root)
    }

    /// Its certificate and those above it, without a root: what goes out with every leaf.
    #[must_use]
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// Its certificate.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// SHA-256 of its public key, by which the ledger knows it.
    #[must_use]
    pub fn key_id(&self) -> Pin {
        self.certificate.identity().spki_sha256()
    }

    /// The kind of its key.
    #[must_use]
    pub fn key_kind(&self) -> KeyKind {
        self.key.kind()
    }

    /// The environment that it issues for.
    #[must_use]
    pub fn environment(&self) -> Option<&str> {
        self.environment.as_deref()
    }

    /// Whether its own certificate lets it issue for this usage.
    #[must_use]
    pub fn may_issue(&self, usage: &Usage) -> bool {
        let allowed = |usages: &[Usage]| usages.contains(usage) || usages.contains(&Usage::Any);
        self.certificate.usages().is_none_or(allowed)
    }

    /// The same, whose certificates say that they can be asked about there.
    #[must_use]
    pub fn distributing(mut self, distribution: Option<Distribution>) -> Self {
        self.distribution = distribution;
        self
    }

    /// Where its certificates say that they can be asked about.
    #[must_use]
    pub fn distribution(&self) -> Option<&Distribution> {
        self.distribution.as_ref()
    }

    /// How many parts of its list new certificates are spread over.
    #[must_use]
    pub fn shards(&self) -> u16 {
        self.shards.load(Ordering::Relaxed)
    }

    /// Spreads new certificates over so many parts of its list. Earlier ones stay where they are.
    pub fn spread_over(&self, shards: u16) {
        self.shards.store(shards.clamp(1, Shard::MOST), Ordering::Relaxed);
    }

    /// A leaf of this authority with the certificates that go out with it, without a root.
    #[must_use]
    pub fn chain_of(&self, leaf: &Certificate) -> Vec<Certificate> {
        std::iter::once(leaf).chain(&self.chain).cloned().collect()
    }

    pub(crate) fn key(&self) -> &SigningKey {
        &self.key
    }

    /// Its certificate and those above it, without a root: what goes out with every leaf.
    #[must_use]
    pub fn chain_above_leaf(&self) -> &[Certificate] {
        &self.chain
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authority({})", self.certificate.identity().subject())
    }
}
