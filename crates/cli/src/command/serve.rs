use std::path::{Path, PathBuf};

use clap::Args;
use config::{Overrides, Plan, Sources};
use daemon::Announcement;
use fault::{Fault, Faults};
use tokio::runtime::Builder;

use crate::console::Console;
use crate::exit::Exit;
use crate::loading;

/// Serve a configuration until SIGINT or SIGTERM; then drain, checkpoint and exit with 0.
///
/// SIGHUP, `countersign reload` and a changed file make it read the configuration, and every file it names, again.
///
/// Without a configuration it serves what the environment variables COUNTERSIGN_TLS_* say.
#[derive(Args)]
#[command(after_help = "Examples:
  countersign serve --config /etc/countersign/countersign.yaml
  COUNTERSIGN_TLS_ENABLED=true COUNTERSIGN_TLS_CERT=server.crt COUNTERSIGN_TLS_KEY=server.key \\
    COUNTERSIGN_TLS_CLIENT_CA=client-ca.crt countersign serve")]
pub(crate) struct Serve {
    /// The configuration. Otherwise COUNTERSIGN_CONFIG_FILE or ./countersign.yaml, otherwise the environment alone.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The address of the first listener.
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// The server's certificate, with its intermediates.
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<String>,
    /// The server's private key.
    #[arg(long, value_name = "FILE")]
    tls_key: Option<String>,
    /// The authorities that client certificates are trusted by.
    #[arg(long, value_name = "FILE")]
    tls_client_ca: Option<String>,
    /// Whether a client certificate is asked for: require, request.
    #[arg(long, value_name = "MODE")]
    tls_client_auth: Option<String>,
    /// The oldest TLS that is spoken: 1.2, 1.3.
    #[arg(long, value_name = "VERSION")]
    tls_min_version: Option<String>,
    /// Take unknown keys for warnings.
    #[arg(long)]
    lenient: bool,
}

impl Serve {
    pub(super) fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        let overrides = Overrides {
            listen: self.listen,
            tls_cert: self.tls_cert,
            tls_key: self.tls_key,
            tls_client_ca: self.tls_client_ca,
            tls_client_auth: self.tls_client_auth,
            tls_min_version: self.tls_min_version,
            lenient: self.lenient,
        };
        let sources = loading::sources(loading::own(self.config), overrides);
        let (plan, warnings) = config::read(&sources)?;
        node(sources, plan, warnings, |announced| {
            announce(console, announced);
            console.show();
        })
    }
}

/// Runs a node until it is told to stop.
pub(super) fn node(
    sources: Sources,
    plan: Plan,
    warnings: Vec<Fault>,
    announce: impl FnOnce(&Announcement),
) -> Result<Exit, Faults> {
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Fault::theirs("cannot start the runtime").because(error))?;
    let served = runtime.block_on(daemon::serve(sources, plan, warnings, announce));
    // What was to be closed is closed; whatever hangs in the system was told to end twice, and is not waited for.
    runtime.shutdown_background();
    served.map_err(with_flag)?;
    Ok(Exit::Done)
}

/// Where an address cannot be had, the flag that takes another is worth a word; only this program knows it.
fn with_flag(faults: Faults) -> Faults {
    let mut told = Faults::new();
    told.extend(faults.into_iter().map(|fault| match fault.remedy_text() {
        Some(remedy) if fault.what().starts_with("cannot listen on") => {
            let remedy = format!("{remedy}; --listen ADDR serves elsewhere");
            fault.remedy(remedy)
        }
        _ => fault,
    }));
    told
}

/// Prints where peers may arrive and what is behind the door.
pub(super) fn announce(console: &mut Console, announced: &Announcement) {
    for listener in &announced.listeners {
        console.line(listener.line());
    }
    let databases: Vec<String> = announced
        .databases
        .iter()
        .map(|database| match &database.path {
            Some(path) => format!("{} ({}, {})", database.name, database.backend, from_here(path)),
            None => format!("{} ({})", database.name, database.backend),
        })
        .collect();
    if !databases.is_empty() {
        console.line(format_args!("  databases   {}", databases.join(", ")));
    }
}

/// The path as seen from the working folder, where it lies below it.
fn from_here(path: &str) -> String {
    let here = std::env::current_dir().ok();
    let below = here.and_then(|here| Path::new(path).strip_prefix(here).ok().map(Path::to_owned));
    below.map_or_else(|| path.to_owned(), |below| format!("./{}", below.display()))
}
