//! A throw-away PKI for benchmarks: P-256, a root, an issuer below it, and leaves below either.

use identity::{Certificate, Credential, PrivateKey, Purpose, Strictness, Trust, Verified};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use rustls_pki_types::CertificateDer;
use time::{Duration, OffsetDateTime};
use transport::{Clock as _, SystemClock};

/// The clock that everything here is judged by.
pub(crate) fn now() -> OffsetDateTime {
    SystemClock.now()
}

/// An authority that issues.
pub(crate) struct Signer {
    /// Its certificate.
    pub(crate) certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

/// A leaf with its key and what it is presented with.
pub(crate) struct Leaf {
    /// Leaf first.
    pub(crate) chain: Vec<CertificateDer<'static>>,
    /// PKCS#8.
    pub(crate) key: KeyPair,
}

impl Signer {
    /// A self-signed root.
    pub(crate) fn root() -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = authority("bench root").self_signed(&key).unwrap();
        Self::new(&certificate, authority("bench root"), key)
    }

    /// An authority below this one.
    pub(crate) fn below(&self, name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = authority(name).signed_by(&key, &self.issuer).unwrap();
        Self::new(&certificate, authority(name), key)
    }

    fn new(certificate: &rcgen::Certificate, params: CertificateParams, key: KeyPair) -> Self {
        let certificate = Certificate::from_der(certificate.der().clone()).unwrap();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    /// A client's leaf with this common name and a SPIFFE ID, presented with `intermediates`.
    pub(crate) fn client(&self, name: &str, intermediates: &[&Self]) -> Leaf {
        let mut params = params(name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let id = format!("spiffe://bench/{name}");
        params.subject_alt_names = vec![SanType::URI(id.as_str().try_into().unwrap())];
        self.leaf(params, intermediates)
    }

    /// A server's leaf for localhost.
    pub(crate) fn server(&self) -> Leaf {
        let mut params = params("localhost");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.subject_alt_names = vec![SanType::DnsName("localhost".try_into().unwrap())];
        self.leaf(params, &[])
    }

    fn leaf(&self, params: CertificateParams, intermediates: &[&Self]) -> Leaf {
        let key = KeyPair::generate().unwrap();
        let leaf = params.signed_by(&key, &self.issuer).unwrap();
        let rest = intermediates.iter().map(|signer| signer.certificate.der().clone());
        Leaf { chain: std::iter::once(leaf.der().clone()).chain(rest).collect(), key }
    }

    /// Trust in this authority alone.
    pub(crate) fn trust(&self) -> Trust {
        Trust::new(vec![self.certificate.clone()], Strictness::default())
    }
}

impl Leaf {
    /// Leaf and key as a listener presents them.
    pub(crate) fn credential(&self) -> Credential {
        let chain = self.chain.iter().map(|der| Certificate::from_der(der.clone()).unwrap()).collect();
        Credential::new(chain, PrivateKey::from_pem(self.key.serialize_pem().as_bytes(), None).unwrap())
            .unwrap()
    }

    /// The proof that a listener which trusts `trust` gets from this leaf.
    pub(crate) fn verified(&self, trust: &Trust) -> Verified {
        identity::verify(&self.chain, trust, Purpose::Client, None, now()).unwrap()
    }
}

fn authority(name: &str) -> CertificateParams {
    let mut params = params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = now() - Duration::days(30);
    params.not_after = now() + Duration::days(60);
    params
}
