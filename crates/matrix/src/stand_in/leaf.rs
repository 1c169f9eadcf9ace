use std::sync::Arc;

use fault::Fault;
use identity::der::{INTEGER, SEQUENCE, wrap};
use identity::{Certificate, Serial};
use rcgen::{
    CertificateParams, CrlDistributionPoint, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair,
    PKCS_RSA_SHA256, PublicKeyData, SanType, SerialNumber, SignatureAlgorithm,
};
use rustls::sign::{CertifiedKey, SigningKey};
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use time::{Duration, OffsetDateTime};

use super::{StandIn, surgery, unmade};
use crate::guest::{self, Unproven};
use crate::names::{Facts, Names};

/// A client certificate with its key, and what is in it.
#[derive(Clone, Debug)]
pub(crate) struct Leaf {
    pub(crate) presented: Arc<CertifiedKey>,
    pub(crate) facts: Facts,
    pub(crate) serial: Serial,
}

impl Leaf {
    pub(crate) fn der(&self) -> &[u8] {
        self.presented.cert.first().map_or(&[], |leaf| leaf.as_ref())
    }
}

/// How a leaf is made; begins as one without a flaw.
pub(crate) struct Shape<'a> {
    names: &'a Names,
    key: &'a KeyPair,
    from: OffsetDateTime,
    until: OffsetDateTime,
    usage: ExtendedKeyUsagePurpose,
    list: Option<String>,
}

impl<'a> Shape<'a> {
    pub(crate) fn good(names: &'a Names, key: &'a KeyPair, now: OffsetDateTime) -> Self {
        let (from, until) = (now - Duration::hours(1), now + Duration::days(30));
        Self { names, key, from, until, usage: ExtendedKeyUsagePurpose::ClientAuth, list: None }
    }

    /// Says where its issuer's revocation list can be fetched.
    pub(crate) fn listed_at(mut self, url: Option<String>) -> Self {
        self.list = url;
        self
    }

    pub(crate) fn valid(mut self, from: OffsetDateTime, until: OffsetDateTime) -> Self {
        (self.from, self.until) = (from, until);
        self
    }

    pub(crate) fn for_servers(mut self) -> Self {
        self.usage = ExtendedKeyUsagePurpose::ServerAuth;
        self
    }

    /// Signed as usual; intermediates are sent along.
    pub(crate) fn signed(self, issuer: &StandIn, intermediates: &[&StandIn]) -> Result<Leaf, Fault> {
        let der = self.der(issuer, self.key)?;
        self.leaf(der, issuer, intermediates, signing_key(self.key)?)
    }

    /// X.509 version 1: the same without extensions.
    pub(crate) fn version1(self, issuer: &StandIn) -> Result<Leaf, Fault> {
        let der = surgery::version1(&self.der(issuer, self.key)?, issuer.key())?;
        let names = self.names.without_alternatives();
        Shape { names: &names, ..self }.leaf(der, issuer, &[], signing_key(self.key)?)
    }

    /// Signed with SHA-1.
    pub(crate) fn signed_with_sha1(self, issuer: &StandIn) -> Result<Leaf, Fault> {
        let der = surgery::sha1(&self.der(issuer, self.key)?, issuer.key())?;
        self.leaf(der, issuer, &[], signing_key(self.key)?)
    }

    /// For an RSA key of 1024 bits, which nobody holds.
    pub(crate) fn with_weak_key(self, issuer: &StandIn) -> Result<Leaf, Fault> {
        let weak = WeakRsa::draw()?;
        let der = self.der(issuer, &weak)?;
        self.leaf(der, issuer, &[], Arc::new(Unproven { length: WEAK_BYTES }))
    }

    fn der(&self, issuer: &StandIn, public: &impl PublicKeyData) -> Result<CertificateDer<'static>, Fault> {
        let made = self.params()?.signed_by(public, issuer.issuer_of());
        Ok(made.map_err(unmade("a certificate"))?.der().clone())
    }

    fn params(&self) -> Result<CertificateParams, Fault> {
        let mut params = CertificateParams::default();
        params.distinguished_name = subject(self.names);
        params.subject_alt_names = alternatives(self.names)?;
        params.serial_number = Some(SerialNumber::from_slice(&noise::<16>()?));
        params.extended_key_usages = vec![self.usage.clone()];
        (params.not_before, params.not_after) = (self.from, self.until);
        let point = self.list.iter().map(|url| CrlDistributionPoint { uris: vec![url.clone()] });
        params.crl_distribution_points = point.collect();
        Ok(params)
    }

    fn leaf(
        &self,
        der: CertificateDer<'static>,
        issuer: &StandIn,
        intermediates: &[&StandIn],
        key: Arc<dyn SigningKey>,
    ) -> Result<Leaf, Fault> {
        let read = Certificate::from_der(der.clone())
            .map_err(|error| Fault::ours("a stand-in certificate cannot be read").because(error))?;
        let facts = Facts {
            names: self.names.clone(),
            spki: read.identity().spki_sha256(),
            issuer_spki: issuer.pin(),
            fingerprint: read.fingerprint(),
        };
        let above = intermediates.iter().map(|issuer| issuer.der().clone());
        let chain = std::iter::once(der).chain(above).collect();
        let serial = read.identity().serial().clone();
        Ok(Leaf { presented: Arc::new(CertifiedKey::new(chain, key)), facts, serial })
    }
}

fn subject(names: &Names) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    let parts = [
        (DnType::OrganizationName, &names.organization),
        (DnType::OrganizationalUnitName, &names.unit),
        (DnType::CommonName, &names.common_name),
    ];
    for (kind, name) in parts {
        if let Some(name) = name {
            subject.push(kind, name.as_str());
        }
    }
    subject
}

fn alternatives(names: &Names) -> Result<Vec<SanType>, Fault> {
    let text = |name: &String, kind: fn(rcgen::string::Ia5String) -> SanType| {
        name.as_str().try_into().map(kind).map_err(unmade("a name that a principal is recognized by"))
    };
    let texts = [
        names.dns.as_ref().map(|name| text(name, SanType::DnsName)),
        names.uri.as_ref().map(|name| text(name, SanType::URI)),
        names.email.as_ref().map(|name| text(name, SanType::Rfc822Name)),
    ];
    let mut all = texts.into_iter().flatten().collect::<Result<Vec<_>, _>>()?;
    all.extend(names.ip.map(SanType::IpAddress));
    Ok(all)
}

fn signing_key(key: &KeyPair) -> Result<Arc<dyn SigningKey>, Fault> {
    let der = PrivatePkcs8KeyDer::from(key.serialize_der());
    guest::provider()
        .key_provider
        .load_private_key(der.into())
        .map_err(|error| Fault::ours("a stand-in key cannot sign").because(error))
}

/// An RSA public key of 1024 bits: a modulus that nobody knows the factors of.
struct WeakRsa(Vec<u8>);

impl WeakRsa {
    fn draw() -> Result<Self, Fault> {
        let mut modulus = noise::<WEAK_BYTES>()?;
        let [first, .., last] = &mut modulus;
        *first |= 0x80;
        *last |= 1;
        // An INTEGER whose first bit is set needs a zero before it, or it is negative.
        let modulus = wrap(INTEGER, &[&[0], &modulus]);
        let exponent = wrap(INTEGER, &[&[1, 0, 1]]);
        Ok(Self(wrap(SEQUENCE, &[&modulus, &exponent])))
    }
}

impl PublicKeyData for WeakRsa {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_RSA_SHA256
    }
}

fn noise<const N: usize>() -> Result<[u8; N], Fault> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Fault::theirs("the system gives no randomness"))?;
    // The first bit stays clear: a serial number is positive.
    if let Some(first) = bytes.first_mut() {
        *first = *first & 0x7f | 0x40;
    }
    Ok(bytes)
}

const WEAK_BYTES: usize = 128;
