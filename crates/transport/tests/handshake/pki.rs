//! Authorities and certificates for one test, as files for other programs and as values for us.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign_transport::{Clock as _, SystemClock};
use identity::{Certificate, Credential, PrivateKey, Strictness, Trust, certificates_from_pem};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};

/// An authority and a folder for what it issues.
pub(crate) struct Pki {
    pub(crate) folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate and key, on disk and in memory.
pub(crate) struct Leaf {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) credential: Arc<Credential>,
}

impl Leaf {
    pub(crate) fn files(&self) -> (&Path, &Path) {
        (&self.cert, &self.key)
    }
}

pub(crate) fn now() -> OffsetDateTime {
    SystemClock.now()
}

/// Parameters of a certificate that is valid for a month around now.
pub(crate) fn params(common_name: &str, sans: &[&str]) -> CertificateParams {
    let sans: Vec<String> = sans.iter().map(|&san| san.to_owned()).collect();
    let mut params = CertificateParams::new(sans).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = now() - Duration::days(2);
    params.not_after = now() + Duration::days(30);
    params
}

/// Parameters of a client's certificate.
pub(crate) fn client(common_name: &str) -> CertificateParams {
    let mut params = params(common_name, &[]);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

/// Parameters of a server's certificate.
pub(crate) fn server(sans: &[&str]) -> CertificateParams {
    let mut params = params("server", sans);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

fn authority(common_name: &str) -> CertificateParams {
    let mut params = params(common_name, &[]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

impl Leaf {
    /// The same with the certificate of its issuer behind it.
    pub(crate) fn with_issuer(&self, issuer: &Pki) -> Self {
        let pem = std::fs::read_to_string(&self.cert).unwrap() + &issuer.pem;
        let cert = issuer.path("chain.crt");
        std::fs::write(&cert, pem).unwrap();
        let credential = Arc::new(credential(&cert, &self.key));
        Self { cert, key: self.key.clone(), credential }
    }
}

impl Pki {
    pub(crate) fn new(common_name: &str) -> Self {
        Self::with_key(common_name, KeyPair::generate().unwrap())
    }

    /// An authority with a certain key.
    pub(crate) fn with_key(common_name: &str, key: KeyPair) -> Self {
        let params = authority(common_name);
        let pem = params.self_signed(&key).unwrap().pem();
        Self::keep(params, key, pem)
    }

    /// An authority that this one vouches for.
    pub(crate) fn below(&self, common_name: &str) -> Self {
        let (params, key) = (authority(common_name), KeyPair::generate().unwrap());
        let pem = params.signed_by(&key, &self.issuer).unwrap().pem();
        Self::keep(params, key, pem)
    }

    fn keep(params: CertificateParams, key: KeyPair, pem: String) -> Self {
        let pki = Self { folder: TempDir::new().unwrap(), issuer: Issuer::new(params, key), pem };
        std::fs::write(pki.path("ca.crt"), &pki.pem).unwrap();
        std::fs::write(pki.path("ca.key"), pki.issuer.key().serialize_pem()).unwrap();
        pki
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn issue(&self, name: &str, params: CertificateParams) -> Leaf {
        self.issue_with(name, params, &KeyPair::generate().unwrap())
    }

    pub(crate) fn issue_with(&self, name: &str, params: CertificateParams, key: &KeyPair) -> Leaf {
        let pem = params.signed_by(key, &self.issuer).unwrap().pem();
        let (cert, key_file) = (self.path(&format!("{name}.crt")), self.path(&format!("{name}.key")));
        std::fs::write(&cert, pem).unwrap();
        std::fs::write(&key_file, key.serialize_pem()).unwrap();
        let credential = Arc::new(credential(&cert, &key_file));
        Leaf { cert, key: key_file, credential }
    }

    pub(crate) fn certificate(&self) -> Certificate {
        certificates_from_pem(self.pem.as_bytes()).unwrap().remove(0)
    }

    pub(crate) fn trust(&self) -> Arc<Trust> {
        self.strict(Strictness::default())
    }

    pub(crate) fn strict(&self, strictness: Strictness) -> Arc<Trust> {
        Arc::new(Trust::new(vec![self.certificate()], strictness))
    }
}

pub(crate) fn credential(cert: &Path, key: &Path) -> Credential {
    let chain = certificates_from_pem(&std::fs::read(cert).unwrap()).unwrap();
    let key = PrivateKey::from_pem(&std::fs::read(key).unwrap(), None).unwrap();
    Credential::new(chain, key).unwrap()
}
