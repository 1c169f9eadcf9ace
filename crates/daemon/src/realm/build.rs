//! Makes a realm beside its place and moves it there whole.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use authority::{Authority, Issued, IssuerKind, Names, NewTier, Profile, Request, Standing, Tier, init_root};
use config::{LedgerPlan, ReplicationPlan};
use fault::Fault;
use identity::{KeyKind, PrivateKey};
use ledger::{CertificateFilter, Ledger};
use time::OffsetDateTime;
use transport::SystemClock;
use zeroize::Zeroizing;

use super::spec::RealmSpec;
use super::{
    CLIENT_CA, CONFIG, ISSUERS, LEDGER, LEDGER_ELSEWHERE, ROOT, SERVER_CA, credential, lock, pair, settings,
};
use crate::ledgers::make_ledger;

/// The clients that every realm begins with.
pub(super) const CLIENTS: [&str; 2] = ["admin", "analyst"];

/// Builds the realm; the caller holds the lock and has seen that the place is vacant.
pub(super) async fn build(realm: &Path, spec: &RealmSpec, now: OffsetDateTime) -> Result<(), Fault> {
    let name = realm.file_name().map(|name| name.to_string_lossy().into_owned()).ok_or_else(|| {
        Fault::yours("the realm's folder has no name")
            .in_file(realm)
            .remedy("name a folder: countersign up --realm DIR")
    })?;
    refuse_leftover(realm, &name)?;
    let partial = lock::parent(realm).join(format!("{name}{PARTIAL}{:04x}", std::process::id()));
    let built = async {
        fill(&partial, spec, now).await?;
        std::fs::rename(&partial, realm)
            .and_then(|()| std::fs::File::open(lock::parent(realm))?.sync_all())
            .map_err(|error| {
                Fault::theirs("the new realm cannot be moved to its place").in_file(realm).because(error)
            })
    };
    let built = built.await;
    if built.is_err() {
        // What is left would only be in the way of the next attempt; it holds nothing that anyone has been told of.
        std::fs::remove_dir_all(&partial).ok();
    }
    built
}

/// What a crash has left behind is named, and stays until its owner has looked at it: there may be keys in it.
fn refuse_leftover(realm: &Path, name: &str) -> Result<(), Fault> {
    let entries = std::fs::read_dir(lock::parent(realm)).into_iter().flatten().flatten();
    let prefix = format!("{name}{PARTIAL}");
    let leftover = entries
        .map(|entry| entry.path())
        .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&prefix)));
    match leftover {
        None => Ok(()),
        Some(path) => Err(Fault::yours("an earlier attempt to make this realm was cut off")
            .in_file(&path)
            .because("the folder was never finished, and nothing uses it")
            .remedy(format!("remove it and try again: rm -r {}", path.display()))),
    }
}

/// Everything that a realm consists of, in the folder that will become it.
async fn fill(folder: &Path, spec: &RealmSpec, now: OffsetDateTime) -> Result<(), Fault> {
    for name in ["pki/issuers", "offline", "clients", "data", "state"] {
        files::create_folder(&folder.join(name))?;
    }
    // A realm that is not there yet has no configuration, and nothing in it that says how the server is judged.
    let judged = ReplicationPlan::default();
    let ledger = make_ledger(&ledger(folder, spec)?, &judged, Arc::new(SystemClock)).await?;
    let ledger = ledger.as_ref();
    must_be_vacant(ledger).await?;
    let tree = Tree { folder, spec, ledger, now };
    let issuers = tree.authorities().await?;
    let state = credential::credentials_folder(folder);
    credential::server_credential(
        &issuers.server,
        ledger,
        &Profile::server(),
        settings::PROFILE,
        &spec.hosts,
        &state,
        now,
    )
    .await?;
    for name in CLIENTS {
        tree.client(&issuers.client, name).await?;
    }
    files::create_public(&folder.join(CONFIG), settings::text(spec).as_bytes())?;
    ledger.close().await?;
    Ok(())
}

/// A new realm has a root of its own, and a ledger with certificates on record is another realm's: its nodes would serve one
/// realm and follow the record of both.
async fn must_be_vacant(ledger: &dyn Ledger) -> Result<(), Fault> {
    let any = CertificateFilter { limit: 1, ..CertificateFilter::default() };
    let Some(found) = ledger.certificates(any).await?.entries.into_iter().next() else { return Ok(()) };
    let draft = found.draft;
    Err(Fault::yours("the database holds the ledger of another realm")
        .because(format!("\"{}\", which \"{}\" issued, is on record in it", draft.subject, draft.issuer.name))
        .remedy(
            "name a database of this realm's own; to serve the other realm here too, copy its folder from where it is; \
             what an attempt that failed has left goes with DROP SCHEMA countersign CASCADE",
        ))
}

/// Where the realm's ledger is. One that is not in the realm leaves a mark in its place.
fn ledger(folder: &Path, spec: &RealmSpec) -> Result<LedgerPlan, Fault> {
    match &spec.ledger {
        None => Ok(LedgerPlan::Sqlite { path: folder.join(LEDGER) }),
        Some(database) => {
            files::create_public(&folder.join(LEDGER_ELSEWHERE), MARK.as_bytes())?;
            Ok(LedgerPlan::Postgres(database.clone()))
        }
    }
}

const MARK: &str = "The ledger of this realm is in the database that countersign.yaml names.\n";

/// The realm in the making.
struct Tree<'a> {
    folder: &'a Path,
    spec: &'a RealmSpec,
    ledger: &'a dyn Ledger,
    now: OffsetDateTime,
}

struct Issuers {
    server: Authority,
    client: Authority,
}

impl Tree<'_> {
    /// Root, issuers and the bundles that others trust them by. The root's key is in memory only until here.
    async fn authorities(&self) -> Result<Issuers, Fault> {
        let root = init_root(&Tier::root(&self.spec.environment), self.ledger, self.now).await?;
        let root_pem = pem(&root);
        files::create_public(&self.folder.join(ROOT), root_pem.as_bytes())?;
        files::create_secret(&self.folder.join("offline/root.key"), self.sealed(&root.key)?.as_bytes())?;
        let authority = Authority::new(vec![root.certificate], &root.key, Standing::ByHand, None, self.now)?;
        let (server, server_pem) = self.issuer(&authority, IssuerKind::Server).await?;
        let (client, client_pem) = self.issuer(&authority, IssuerKind::Client).await?;
        // The root leads: tools that read one certificate of a bundle read the first.
        files::create_public(&self.folder.join(SERVER_CA), format!("{root_pem}{server_pem}").as_bytes())?;
        files::create_public(&self.folder.join(CLIENT_CA), client_pem.as_bytes())?;
        Ok(Issuers { server, client })
    }

    async fn issuer(&self, root: &Authority, kind: IssuerKind) -> Result<(Authority, String), Fault> {
        let made =
            root.init_issuer(kind, &Tier::issuer(&self.spec.environment), self.ledger, self.now).await?;
        let (certificate, key) = pair(&self.folder.join(ISSUERS), kind.as_str());
        let text = pem(&made);
        files::create_public(&certificate, text.as_bytes())?;
        files::create_secret(&key, self.sealed(&made.key)?.as_bytes())?;
        let environment = Some(self.spec.environment.as_str());
        let authority =
            Authority::new(vec![made.certificate], &made.key, Standing::Issuer, environment, self.now)?;
        Ok((authority, text))
    }

    async fn client(&self, issuer: &Authority, name: &str) -> Result<(), Fault> {
        let key = PrivateKey::generate(KeyKind::EcdsaP256)
            .map_err(|error| Fault::ours("no key could be made for a client").because(error))?;
        let request = Request::for_key(&key, Names::common(name))?;
        let issued: Issued = issuer.issue(self.ledger, &request, &Profile::client(), self.now).await?;
        let (certificate, key_path): (PathBuf, PathBuf) = pair(&self.folder.join(super::CLIENTS), name);
        files::create_public(&certificate, issued.chain_pem().as_bytes())?;
        files::create_secret(&key_path, key.to_pem().as_bytes())
    }

    /// An authority's key as it goes to disk: encrypted where there is a password.
    fn sealed(&self, key: &PrivateKey) -> Result<Zeroizing<String>, Fault> {
        match &self.spec.key_password {
            None => Ok(key.to_pem()),
            Some(password) => key
                .to_encrypted_pem(&password.secret)
                .map_err(|error| Fault::ours("a key could not be encrypted").because(error)),
        }
    }
}

fn pem(made: &NewTier) -> String {
    authority::to_pem(&made.certificate)
}

const PARTIAL: &str = ".partial-";
