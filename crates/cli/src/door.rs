use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::OnceLock;

use clap::Args;
use client::{Connector, Endpoint};
use config::{Sources, Transport};
use fault::{Fault, Faults};
use identity::Secret;
use time::OffsetDateTime;
use tokio::runtime::{Builder, Runtime};
use transport::SystemClock;

use crate::console::Console;

/// How to reach the door and what to open it with.
#[derive(Args)]
#[command(next_help_heading = "The door")]
pub(crate) struct Door {
    /// Where it is: https://HOST:PORT. Otherwise the realm's first TLS listener.
    #[arg(long, value_name = "URL", env = "COUNTERSIGN_URL")]
    pub(crate) url: Option<Endpoint>,
    /// The realm that address, trust and credential are taken from where nothing else names them.
    #[arg(long, value_name = "DIR", default_value = "realm")]
    pub(crate) realm: PathBuf,
    /// Which of the realm's clients to be.
    #[arg(long = "as", value_name = "NAME", default_value = ANALYST, conflicts_with = "cert")]
    pub(crate) client: String,
    /// The client certificate to present, with its intermediates.
    #[arg(long, value_name = "FILE", env = "COUNTERSIGN_SSL_CERT")]
    pub(crate) cert: Option<PathBuf>,
    /// Its private key; where it is encrypted, COUNTERSIGN_SSL_KEY_PASSWORD opens it.
    #[arg(long, value_name = "FILE", env = "COUNTERSIGN_SSL_KEY")]
    pub(crate) key: Option<PathBuf>,
    /// The authority to trust the server by.
    #[arg(long, value_name = "FILE", env = "COUNTERSIGN_SSL_ROOTCERT")]
    pub(crate) cacert: Option<PathBuf>,
}

impl Door {
    /// Does one thing with a connector.
    pub(crate) fn with<T>(
        self,
        console: &mut Console,
        act: impl AsyncFnOnce(&mut Connector) -> Result<T, Fault>,
    ) -> Result<T, Faults> {
        self.attend(console, async |connector, _| act(connector).await)
    }

    /// Does several things with a connector, speaking to the console in between.
    pub(crate) fn attend<T>(
        self,
        console: &mut Console,
        act: impl AsyncFnOnce(&mut Connector, &mut Console) -> Result<T, Fault>,
    ) -> Result<T, Faults> {
        let (mut connector, warnings) = self.connector(console.now())?;
        console.warn(&warnings);
        Ok(runtime()?.block_on(act(&mut connector, console))?)
    }

    fn connector(self, now: OffsetDateTime) -> Result<(Connector, Vec<Fault>), Faults> {
        let mut faults = Faults::new();
        let mut warnings = Vec::new();
        let endpoint = faults.note(self.endpoint());
        let anchors = faults.note(self.anchors());
        let credential = faults.note(self.credential_files()).flatten().and_then(|(cert, key)| {
            let password = env::var("COUNTERSIGN_SSL_KEY_PASSWORD").ok().map(Secret::new);
            faults.note(files::load_credential(&cert, &key, password.as_ref(), now))
        });
        let (Some(endpoint), Some(anchors), true) = (endpoint, anchors, faults.is_empty()) else {
            return Err(faults);
        };
        let mut connector = Connector::new(endpoint, Arc::new(SystemClock)).trusting(anchors);
        if let Some((credential, noticed)) = credential {
            warnings.extend(noticed);
            connector = connector.presenting(credential);
        }
        Ok((connector, warnings))
    }

    pub(crate) fn endpoint(&self) -> Result<Endpoint, Fault> {
        let file = self.realm.join("countersign.yaml");
        match &self.url {
            Some(url) => Ok(url.clone()),
            None if file.exists() => listener_of(&file),
            None => Ok(Endpoint::https("localhost", DEFAULT_PORT)),
        }
    }

    pub(crate) fn anchors(&self) -> Result<Vec<identity::Certificate>, Fault> {
        let path = self.cacert.clone().unwrap_or_else(|| self.realm.join("pki/server-ca.crt"));
        if self.cacert.is_none() && !path.exists() {
            let remedy = "pass --cacert FILE, or name the realm with --realm DIR (countersign up makes one)";
            return Err(Fault::yours("no authority to trust the server by").in_file(path).remedy(remedy));
        }
        files::load_certificates(&path)
    }

    /// The files of the credential; none where neither the command line nor a realm names one.
    pub(crate) fn credential_files(&self) -> Result<Option<(PathBuf, PathBuf)>, Fault> {
        match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => Ok(Some((cert.clone(), key.clone()))),
            (Some(cert), None) => {
                Err(Fault::yours(format!("certificate \"{}\" without a private key", cert.display()))
                    .remedy("pass --key FILE or set COUNTERSIGN_SSL_KEY"))
            }
            (None, Some(key)) => {
                Err(Fault::yours(format!("private key \"{}\" without a certificate", key.display()))
                    .remedy("pass --cert FILE or set COUNTERSIGN_SSL_CERT"))
            }
            (None, None) => self.credential_of_the_realm(),
        }
    }

    fn credential_of_the_realm(&self) -> Result<Option<(PathBuf, PathBuf)>, Fault> {
        let folder = self.realm.join("clients");
        if !folder.is_dir() {
            return Ok(None);
        }
        let cert = folder.join(format!("{}.crt", self.client));
        if cert.is_file() {
            return Ok(Some((cert.clone(), cert.with_extension("key"))));
        }
        let known = clients_in(&folder);
        let remedy = match fault::nearest(&self.client, known.iter().map(String::as_str)) {
            Some(near) => format!("--as {near}"),
            None => {
                format!("--as one of {}, or countersign cert issue --cn {}", known.join(", "), self.client)
            }
        };
        Err(Fault::yours(format!("the realm has no client \"{}\"", self.client)).in_file(cert).remedy(remedy))
    }
}

/// The runtime of a command that talks to a server: one worker keeps the connection alive while a person thinks.
///
/// There is one for the whole command, because a ledger on a server lives on the runtime that it was opened on.
pub(crate) fn runtime() -> Result<&'static Runtime, Fault> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let built = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| Fault::theirs("cannot start the runtime").because(error))?;
    Ok(RUNTIME.get_or_init(|| built))
}

/// The first listener of a configuration that speaks HTTP over TLS, as a client on the same machine reaches it.
fn listener_of(file: &Path) -> Result<Endpoint, Fault> {
    let sources = Sources { file: Some(file.to_owned()), env: env::vars().collect(), ..Sources::default() };
    let unreadable = |faults: Faults| {
        let first = faults.into_iter().next();
        first.unwrap_or_else(|| Fault::yours("the configuration cannot be read").in_file(file))
    };
    let (plan, _) = config::read(&sources).map_err(unreadable)?;
    let listener =
        plan.listeners.iter().find(|listener| listener.transport == Transport::H2).ok_or_else(|| {
            Fault::yours("the configuration has no listener with transport h2")
                .in_file(file)
                .remedy("pass --url URL")
        })?;
    let (host, port) = listener.address.rsplit_once(':').unwrap_or((&listener.address, ""));
    let port = port.parse().map_err(|_| {
        Fault::yours(format!("no port in the address \"{}\"", listener.address))
            .in_file(file)
            .remedy("pass --url URL")
    })?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let here = matches!(host, "" | "0.0.0.0" | "127.0.0.1" | "::" | "::1");
    Ok(Endpoint::https(if here { "localhost" } else { host }, port))
}

/// The names of the clients in a realm's folder, in order.
pub(crate) fn clients_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "crt"))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    names
}

/// Which of a realm's clients a command is where nothing else is said.
pub(crate) const ANALYST: &str = "analyst";
const DEFAULT_PORT: u16 = 7777;
