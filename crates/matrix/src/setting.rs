//! The files that the node under test is given: the user's configuration, with stand-ins in place of what is theirs.

mod rendered;
mod revocation;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use config::{Plan, TlsMode};
use fault::Fault;
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose};
use time::{Duration, OffsetDateTime};

use crate::cast::Cast;
use crate::moment::Stage;
use crate::stand_in::{key, unmade};

/// The rehearsal's folder.
pub(crate) struct Setting<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) cast: &'a Cast,
    pub(crate) folder: &'a Path,
    /// Where the rehearsal's own PostgreSQL is, where one is asked for.
    pub(crate) upstream: Option<SocketAddr>,
    pub(crate) now: OffsetDateTime,
}

impl Setting<'_> {
    /// Writes everything as it is at this stage.
    pub(crate) fn write(&self, stage: Stage) -> Result<(), Fault> {
        self.server()?;
        let trusted = self.cast.trusted(stage);
        files::write_public(&self.file(CLIENT_CA), trusted.pem().as_bytes())?;
        files::replace_secret(&self.file(CLIENT_KEY), trusted.key().serialize_pem().as_bytes())?;
        self.lists(stage)?;
        self.recorded(stage)?;
        if self.plan.authority.is_some() {
            files::write_public(&self.file(ROOT), self.cast.root.pem().as_bytes())?;
            files::write_public(&self.file(SERVER_CA), self.cast.server.pem().as_bytes())?;
            let key = self.cast.server.key().serialize_pem();
            files::replace_secret(&self.file(SERVER_CA_KEY), key.as_bytes())?;
        }
        // Last: whoever watches the configuration finds everything that it names.
        files::write_public(&self.configuration(), self.rendered(stage).as_bytes())
    }

    /// The configuration's file.
    pub(crate) fn configuration(&self) -> PathBuf {
        self.file("countersign.yaml")
    }

    /// The ledger's file.
    pub(crate) fn ledger(&self) -> PathBuf {
        self.file(LEDGER)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A server certificate for every name that is served, new each time.
    fn server(&self) -> Result<(), Fault> {
        let mut names = vec!["localhost".to_owned()];
        for tls in self.plan.tls.values() {
            match &tls.mode {
                TlsMode::Files { .. } => names.extend(tls.hosts.iter().cloned()),
                TlsMode::Service { name } => names.push(name.clone()),
                TlsMode::Authority { .. } | TlsMode::SelfSigned { .. } => {}
            }
        }
        let key = key()?;
        let mut params = CertificateParams::new(names).map_err(unmade("a server certificate"))?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.not_before = self.now - Duration::hours(1);
        params.not_after = self.now + Duration::days(90);
        let made = self.cast.server.sign(&params, &key)?;
        files::write_public(&self.file(SERVER), (made + &self.cast.server.pem()).as_bytes())?;
        files::replace_secret(&self.file(SERVER_KEY), key.serialize_pem().as_bytes())
    }
}

const ROOT: &str = "root.crt";
const SERVER_CA: &str = "server-ca.crt";
const SERVER_CA_KEY: &str = "server-ca.key";
const CLIENT_CA: &str = "client-ca.crt";
const CLIENT_KEY: &str = "client-ca.key";
const SERVER: &str = "server.crt";
const SERVER_KEY: &str = "server.key";
const LIST: &str = "clients.crl";
const LEDGER: &str = "ledger.db";
