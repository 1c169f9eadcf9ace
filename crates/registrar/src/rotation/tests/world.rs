use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use authority::{
    Authority, IssuerKind, Names, NewTier, Profile, Renewal, Request, Standing, Tier, init_root, to_pem,
};
use fault::Fault;
use identity::{Certificate, KeyKind, Pin, PrivateKey, certificates_from_pem};
use ledger::{Ledger, NewNote, Shelf, SqliteLedger};
use tempfile::TempDir;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use crate::enrolment::hint;
use crate::rotation::report::{Holdings, Report, Sighting, report};
use crate::rotation::{Done, Hands, NewKey, Of, Places, Turn};

pub(super) const NOW: OffsetDateTime = datetime!(2026-11-26 12:00 UTC);
pub(super) const DAY: Duration = Duration::DAY;

/// A realm's folder with a root and two issuers.
pub(super) struct World {
    pub(super) folder: TempDir,
    pub(super) ledger: SqliteLedger,
    pub(super) places: Places,
    pub(super) now: OffsetDateTime,
}

impl World {
    pub(super) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["pki/issuers", "offline"] {
            fs::create_dir_all(at(name)).unwrap();
        }
        let ledger = SqliteLedger::open(&at("ledger.db")).unwrap();
        let root = init_root(&Tier::root("test"), &ledger, NOW - DAY).await.unwrap();
        put(&root, &at("pki/root.crt"), &at("offline/root.key"));
        let root = Authority::new(vec![root.certificate], &root.key, Standing::ByHand, None, NOW).unwrap();
        let mut issuers = BTreeMap::new();
        for kind in [IssuerKind::Server, IssuerKind::Client] {
            let made = root.init_issuer(kind, &Tier::issuer("test"), &ledger, NOW - DAY).await.unwrap();
            let (cert, key) =
                (at(&format!("pki/issuers/{kind}.crt")), at(&format!("pki/issuers/{kind}.key")));
            put(&made, &cert, &key);
            issuers.insert(kind.to_string(), (cert, key));
            let own = to_pem(&made.certificate);
            let bundle = match kind {
                IssuerKind::Client => own,
                _ => to_pem(root.certificate()) + &own,
            };
            files::write_public(&at(&format!("pki/{kind}-ca.crt")), bundle.as_bytes()).unwrap();
        }
        let places = Places { root: at("pki/root.crt"), issuers, retired: at("offline/retired") };
        Self { folder, ledger, places, now: NOW }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// With the turn to take a step.
    pub(super) async fn hands(&self) -> Turn<'_> {
        let hands = Hands { ledger: &self.ledger, places: &self.places, by: "tester", now: self.now };
        hands.alone("a test").await.unwrap()
    }

    pub(super) fn root(&self) -> Authority {
        let (cert, key) = (&self.places.root, self.path("offline/root.key"));
        Authority::load(cert, &key, None, Standing::ByHand, None, self.now).unwrap()
    }

    /// The issuer as a node loads it: the certificate says which of the keys beside it is its own.
    pub(super) fn issuer(&self, name: &str) -> Authority {
        loaded(&self.places, name, self.now)
    }

    pub(super) async fn begin(&self, of: &Of) -> Result<Done, Fault> {
        let new = NewKey {
            make: &|| Ok(PrivateKey::generate(KeyKind::EcdsaP256).unwrap()),
            seal: &|key| Ok(key.to_pem()),
            open: &|path| files::load_key(path, None),
            lifetime: Duration::days(700),
        };
        let hands = self.hands().await;
        if let Some(done) = hands.resume(of).await? {
            return Ok(done);
        }
        match of {
            Of::Issuer(name) => hands.begin_issuer(name, &self.root(), &new).await,
            Of::Root => hands.begin_root(&self.root(), &self.path("offline/root.next.key"), &new).await,
        }
    }

    pub(super) async fn client(&self, name: &str) -> Certificate {
        let key = PrivateKey::generate(KeyKind::EcdsaP256).unwrap();
        let request = Request::for_key(&key, Names::common(name)).unwrap();
        let issued = self.issuer("client").issue(&self.ledger, &request, &Profile::client(), self.now).await;
        issued.unwrap().certificate().clone()
    }

    /// Whether the holder of a certificate is told to renew it without waiting.
    pub(super) async fn is_asked_to_renew(&self, certificate: &Certificate) -> bool {
        let record =
            self.ledger.certificate_by_fingerprint(certificate.fingerprint()).await.unwrap().unwrap();
        let hint = hint::hint(&self.ledger, &record, &Renewal::default(), self.now).await.unwrap();
        hint.explanation.is_some()
    }

    /// What a node with these files reports.
    pub(super) fn holdings(&self) -> Holdings {
        let mut holdings = Holdings::default();
        for path in files_below(&self.path("pki")).iter().filter(|path| path.ends_with(".crt")) {
            for certificate in certificates(&self.path("pki").join(path)) {
                holdings.hold(certificate.fingerprint());
            }
        }
        for name in self.places.issuers.keys() {
            let own = self.issuer(name).certificate().fingerprint().to_string();
            holdings.issues_by.insert(name.clone(), own);
        }
        holdings
    }

    pub(super) async fn reported(&self, node: &str, holdings: Holdings, sightings: Vec<Sighting>) {
        let at = self.now.unix_timestamp();
        let said = Report { node: node.to_owned(), at, holdings, sightings, unnamed: 0, unnamed_at: 0 };
        report(&self.ledger, &said, self.now).await.unwrap();
    }

    /// Everything in the folder but the ledger, to be compared.
    pub(super) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let of = |path: &String| (path.clone(), fs::read(self.path(path)).unwrap());
        files_below(self.folder.path()).iter().filter(|path| !path.starts_with("ledger")).map(of).collect()
    }

    /// Puts the folder into another state.
    pub(super) fn restore(&self, files: &BTreeMap<String, Vec<u8>>) {
        for path in self.files().keys() {
            fs::remove_file(self.path(path)).unwrap();
        }
        for (path, content) in files {
            fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
            files::replace_secret(&self.path(path), content).unwrap();
        }
    }

    /// The rotation's note as text, and the way to put it back.
    pub(super) async fn note(&self) -> Option<String> {
        self.ledger.note(Shelf::Rotations, "current".to_owned()).await.unwrap().map(|note| note.text)
    }

    pub(super) async fn rewrite(&self, text: &str) {
        let seen = self.ledger.note(Shelf::Rotations, "current".to_owned()).await.unwrap();
        let note = NewNote {
            key: "current".to_owned(),
            text: text.to_owned(),
            expires_at: None,
            seen: seen.map(|note| note.version),
        };
        self.ledger.write_note(Shelf::Rotations, note).await.unwrap();
    }
}

fn put(made: &NewTier, cert: &Path, key: &Path) {
    files::write_public(cert, to_pem(&made.certificate).as_bytes()).unwrap();
    files::create_secret(key, made.key.to_pem().as_bytes()).unwrap();
}

pub(super) fn certificates(path: &Path) -> Vec<Certificate> {
    certificates_from_pem(&fs::read(path).unwrap()).unwrap()
}

fn loaded(places: &Places, name: &str, now: OffsetDateTime) -> Authority {
    let (cert, key) = &places.issuers[name];
    let chain = certificates(cert);
    let own = chain[0].identity().spki_sha256();
    let keys = [key.clone(), files::next(key), files::old(key)];
    let mut keys = keys.iter().filter(|path| path.exists()).map(|path| files::load_key(path, None).unwrap());
    let key = keys.find(|key| Pin::of_spki(&key.public_spki()) == own).expect("its key lies beside it");
    let roots = certificates(&places.root);
    assert!(
        roots.iter().any(|root| Authority::check_chain_below(&chain, root).is_ok()),
        "{name}: below no root"
    );
    Authority::new(chain, &key, Standing::Issuer, Some("test"), now).unwrap()
}

/// The paths below a folder, without it.
fn files_below(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        match path.is_dir() {
            true => found.extend(files_below(&path).into_iter().map(|below| format!("{name}/{below}"))),
            false => found.push(name),
        }
    }
    found
}
