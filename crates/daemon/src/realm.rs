//! A realm: one folder with everything a node needs, made in one go, and the same folder ever after.

mod build;
mod credential;
mod lock;
mod settings;
mod spec;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};

use authority::IssuerKind;
use fault::Fault;
use time::OffsetDateTime;

pub use credential::{credentials_folder, server_credential};
pub use spec::{KeyPassword, RealmSpec};

/// A realm on disk, whole: every file that a node reads is there.
#[derive(Clone, Debug)]
pub struct Realm {
    folder: PathBuf,
    config: PathBuf,
}

/// What [`Realm::open_or_create`] has made; `Display` lists it.
#[derive(Clone, Debug)]
pub struct Created {
    environment: String,
    hosts: Vec<String>,
}

impl fmt::Display for Created {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "root and issuers for {}, server certificate for {}, clients {}",
            self.environment,
            self.hosts.join(", "),
            build::CLIENTS.join(" and ")
        )
    }
}

impl Realm {
    /// Opens the realm in `folder`, or makes one where there is nothing yet.
    ///
    /// A new realm is built beside its place and moved there when it is whole; nothing is ever overwritten. Where
    /// two processes try at once, one makes the realm and the other opens it.
    ///
    /// # Errors
    /// Where the folder holds something else or a part of a realm, an earlier attempt was cut off, or the place
    /// cannot be written to.
    pub async fn open_or_create(
        folder: &Path,
        spec: &RealmSpec,
        now: OffsetDateTime,
    ) -> Result<(Self, Option<Created>), Fault> {
        if !is_vacant(folder)? {
            return Self::open(folder).map(|realm| (realm, None));
        }
        let _alone = lock::take(folder)?;
        // Another process may have made it while we waited.
        if !is_vacant(folder)? {
            return Self::open(folder).map(|realm| (realm, None));
        }
        build::build(folder, spec, now).await?;
        let created = Created { environment: spec.environment.clone(), hosts: spec.hosts.clone() };
        Ok((Self::open(folder)?, Some(created)))
    }

    /// Opens the realm in `folder`.
    ///
    /// # Errors
    /// Where there is none, or a part of one.
    pub fn open(folder: &Path) -> Result<Self, Fault> {
        let missing: Vec<&str> = NEEDED
            .iter()
            .copied()
            .filter(|name| !folder.join(name).exists())
            .filter(|name| *name != LEDGER || !folder.join(LEDGER_ELSEWHERE).exists())
            .collect();
        if missing.is_empty() {
            return Ok(Self { config: folder.join(CONFIG), folder: folder.to_owned() });
        }
        if missing.len() == NEEDED.len() {
            return Err(Fault::yours("the folder is not a realm")
                .in_file(folder)
                .because("it holds none of a realm's files")
                .remedy(
                    "name another folder, or one that is empty or not there yet: countersign up --realm DIR",
                ));
        }
        Err(Fault::yours("the realm is not whole").in_file(folder).because(format!("missing: {}", missing.join(", "))).remedy(
            format!("put the missing files back from a backup, or move the folder away and start anew: mv {0} {0}.old", folder.display()),
        ))
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// The root's certificate.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.folder.join(ROOT)
    }

    /// What a client needs to trust this realm's servers.
    #[must_use]
    pub fn server_ca(&self) -> PathBuf {
        self.folder.join(SERVER_CA)
    }

    /// What a server needs to trust this realm's clients.
    #[must_use]
    pub fn client_ca(&self) -> PathBuf {
        self.folder.join(CLIENT_CA)
    }

    /// Certificate and key of an issuer.
    #[must_use]
    pub fn issuer(&self, kind: IssuerKind) -> (PathBuf, PathBuf) {
        pair(&self.folder.join(ISSUERS), kind.as_str())
    }

    /// Certificate (leaf and issuer) and key of a client.
    #[must_use]
    pub fn client(&self, name: &str) -> (PathBuf, PathBuf) {
        pair(&self.folder.join(CLIENTS), name)
    }

    /// The ledger.
    #[must_use]
    pub fn ledger(&self) -> PathBuf {
        self.folder.join(LEDGER)
    }
}

/// Whether a realm may be made here: there is nothing, or an empty folder.
fn is_vacant(folder: &Path) -> Result<bool, Fault> {
    match std::fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(Fault::yours("the realm's folder cannot be read").in_file(folder).because(error)),
    }
}

/// `NAME.crt` and `NAME.key`.
fn pair(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
    (folder.join(format!("{name}.crt")), folder.join(format!("{name}.key")))
}

const CONFIG: &str = "countersign.yaml";
const ROOT: &str = "pki/root.crt";
const SERVER_CA: &str = "pki/server-ca.crt";
const CLIENT_CA: &str = "pki/client-ca.crt";
const ISSUERS: &str = "pki/issuers";
const CLIENTS: &str = "clients";
const LEDGER: &str = "state/ledger.db";
/// It lies there where the ledger does not.
const LEDGER_ELSEWHERE: &str = "state/ledger-is-in-a-database";
/// The root's key and the clients' files are not among them: both are made to be taken away.
const NEEDED: [&str; 9] = [
    CONFIG,
    ROOT,
    SERVER_CA,
    CLIENT_CA,
    "pki/issuers/server.crt",
    "pki/issuers/server.key",
    "pki/issuers/client.crt",
    "pki/issuers/client.key",
    LEDGER,
];
