use std::path::{Path, PathBuf};
use std::process::Command;

use authority::{Authority, IssuerKind, Names, Profile, Request, Standing, Tier, init_root, to_pem};
use identity::{Certificate, KeyKind, PrivateKey};
use ledger::{CertificateFilter, CertificateRecord, Ledger, SqliteLedger};
use tempfile::TempDir;
use time::OffsetDateTime;

/// The machine's clock: OpenSSL judges by it too.
#[expect(clippy::disallowed_methods, reason = "OpenSSL, which judges here, goes by the machine's clock")]
pub(crate) fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// A folder, a ledger and a root.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) ledger: SqliteLedger,
    pub(crate) root: Authority,
    pub(crate) root_key: PrivateKey,
    pub(crate) now: OffsetDateTime,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(&Tier::root("test"), now()).await
    }

    pub(crate) async fn with(tier: &Tier, now: OffsetDateTime) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ledger = SqliteLedger::open(&folder.path().join("ledger.db")).unwrap();
        let made = init_root(tier, &ledger, now).await.unwrap();
        let root =
            Authority::new(vec![made.certificate.clone()], &made.key, Standing::ByHand, None, now).unwrap();
        let world = Self { folder, ledger, root, root_key: made.key, now };
        world.put("root.crt", to_pem(&made.certificate).as_bytes());
        world
    }

    /// An issuer below the root; its certificate is in `KIND.crt`, its key in `KIND.key`.
    pub(crate) async fn issuer(&self, kind: IssuerKind) -> Authority {
        self.issuer_as(kind, &Tier::issuer("test")).await
    }

    pub(crate) async fn issuer_as(&self, kind: IssuerKind, tier: &Tier) -> Authority {
        let made = self.root.init_issuer(kind, tier, &self.ledger, self.now).await.unwrap();
        self.put(&format!("{kind}.crt"), to_pem(&made.certificate).as_bytes());
        self.put_key(&format!("{kind}.key"), &made.key);
        Authority::new(vec![made.certificate], &made.key, Standing::Issuer, Some("test"), self.now).unwrap()
    }

    /// Issues for a new key and puts the leaf into `leaf.crt` and the key into `leaf.key`.
    pub(crate) async fn issue(&self, issuer: &Authority, profile: &Profile, names: Names) -> Certificate {
        let key = PrivateKey::generate(KeyKind::EcdsaP256).unwrap();
        let request = Request::for_key(&key, names).unwrap();
        let issued = issuer.issue(&self.ledger, &request, profile, self.now).await.unwrap();
        self.put("leaf.crt", to_pem(issued.certificate()).as_bytes());
        self.put_key("leaf.key", &key);
        issued.certificate().clone()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn put(&self, name: &str, content: &[u8]) {
        files::write_public(&self.path(name), content).unwrap();
    }

    pub(crate) fn put_key(&self, name: &str, key: &PrivateKey) {
        files::replace_secret(&self.path(name), key.to_pem().as_bytes()).unwrap();
    }

    /// Runs OpenSSL in the folder and gives what it says; whether it said yes comes first.
    pub(crate) fn openssl(&self, arguments: &str) -> (bool, String) {
        openssl(self.folder.path(), arguments)
    }

    /// Everything on record, newest first.
    pub(crate) async fn records(&self) -> Vec<CertificateRecord> {
        let filter = CertificateFilter { limit: 10_000, ..CertificateFilter::default() };
        self.ledger.certificates(filter).await.unwrap().entries
    }
}

/// Words are split at spaces; `~` in a word stands for a space.
pub(crate) fn openssl(folder: &Path, arguments: &str) -> (bool, String) {
    let words = arguments.split_whitespace().map(|word| word.replace('~', " "));
    let ran = Command::new("openssl").args(words).current_dir(folder).output().unwrap();
    let said = [ran.stdout, ran.stderr].concat();
    (ran.status.success(), String::from_utf8_lossy(&said).into_owned())
}

/// A certificate for a P-256 key of its own.
pub(crate) fn request(names: Names) -> Request {
    Request::for_key(&PrivateKey::generate(KeyKind::EcdsaP256).unwrap(), names).unwrap()
}

pub(crate) fn client(name: &str) -> Names {
    Names::common(name)
}

pub(crate) fn server(host: &str) -> Names {
    Names::default().with_sans([authority::parse_san(host).unwrap()])
}
