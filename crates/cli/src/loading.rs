//! What several commands load.

mod record;

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};

use authority::{Authority, Standing};
use clap::Args;
use config::{Overrides, Plan, Sources};
use fault::{Fault, Faults};
use identity::{Certificate, PrivateKey, Secret};
use ledger::Ledger;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::door::runtime;

pub(crate) use self::record::{
    existing, for_new_authority, has_ledger, ledger_of, of_authority, of_authority_or_new, written_down,
    written_or_new,
};

/// Does what writes to the ledger, and closes the ledger, whatever came of it.
pub(crate) fn on_record<T>(
    ledger: &dyn Ledger,
    act: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    runtime()?.block_on(async {
        let done = act.await;
        // What was written is durable by now; closing tidies the files beside the ledger away.
        drop(ledger.close().await);
        done
    })
}

/// Which configuration a command is about.
#[derive(Args)]
pub(crate) struct Configured {
    /// The configuration. Otherwise COUNTERSIGN_CONFIG_FILE, ./countersign.yaml or ./realm/countersign.yaml.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

impl Configured {
    /// Reads it.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(crate) fn plan(self) -> Result<(Plan, Vec<Fault>), Faults> {
        plan(Some(found(self.config)?), Overrides::default())
    }
}

/// Reads a configuration with this process's environment.
///
/// # Errors
/// Everything that is wrong with it.
pub(crate) fn plan(file: Option<PathBuf>, overrides: Overrides) -> Result<(Plan, Vec<Fault>), Faults> {
    config::read(&sources(file, overrides))
}

/// What a configuration is read from, with this process's environment.
pub(crate) fn sources(file: Option<PathBuf>, overrides: Overrides) -> Sources {
    Sources { file, env: environment(), overrides }
}

/// The configuration that was named, or the one that lies where it usually lies.
///
/// # Errors
/// None was named and none lies there.
pub(crate) fn found(named: Option<PathBuf>) -> Result<PathBuf, Fault> {
    let realm = || Some(PathBuf::from(OF_THE_REALM)).filter(|path| path.is_file());
    own(named).or_else(realm).ok_or_else(|| {
        Fault::yours("no configuration")
            .because(format!("neither {OWN} nor {OF_THE_REALM} exists"))
            .remedy("name one, or make a realm with countersign up")
    })
}

/// The configuration that was named, or one of this folder's own; `serve` may do without.
pub(crate) fn own(named: Option<PathBuf>) -> Option<PathBuf> {
    let own = || Some(PathBuf::from(OWN)).filter(|path| path.is_file());
    named.or_else(|| env::var_os("COUNTERSIGN_CONFIG_FILE").map(PathBuf::from)).or_else(own)
}

/// The one leaf at the head of a file, with the rest of the file.
///
/// # Errors
/// The file cannot be read or holds no certificate.
pub(crate) fn leaf(path: &Path) -> Result<Certificate, Fault> {
    let certificates = files::load_certificates(path)?;
    certificates.into_iter().next().ok_or_else(|| Fault::yours("the file holds no certificate").in_file(path))
}

/// The key as a file holds it: encrypted where there is a password.
///
/// # Errors
/// It cannot be encrypted.
pub(crate) fn key_pem(key: &PrivateKey, password: Option<&Secret>) -> Result<Zeroizing<String>, Fault> {
    let Some(password) = password else { return Ok(key.to_pem()) };
    key.to_encrypted_pem(password).map_err(|error| Fault::ours("the key cannot be encrypted").because(error))
}

/// An authority by its files, used by hand: `PATH.crt`, or `PATH` as it is.
pub(crate) struct ByHand<'a> {
    /// The certificate; the ending `.crt` may be left out.
    pub(crate) ca: &'a Path,
    /// The key; otherwise beside the certificate.
    pub(crate) key: Option<&'a Path>,
    /// The file with the key's password.
    pub(crate) password_file: Option<&'a Path>,
    /// The environment that it issues for.
    pub(crate) environment: Option<&'a str>,
}

impl ByHand<'_> {
    /// Loads it, and says where its certificate is.
    ///
    /// # Errors
    /// There is none, or it cannot be used.
    pub(crate) fn load(&self, now: OffsetDateTime) -> Result<(Authority, PathBuf), Fault> {
        let ca = self.ca;
        let cert = if ca.is_file() { ca.to_owned() } else { with_ending(ca, "crt") };
        if !cert.is_file() {
            return Err(Fault::yours(format!("no authority \"{}\"", ca.display()))
                .because(format!("neither that file nor {} exists", cert.display()))
                .remedy("name its certificate: --ca DIR/NAME or --ca DIR/NAME.crt"));
        }
        let password = self.password_file.map(files::load_password).transpose()?;
        let key = self.key.map_or_else(|| cert.with_extension("key"), Path::to_owned);
        let standing = Standing::ByHand;
        let authority = Authority::load(&cert, &key, password.as_ref(), standing, self.environment, now)?;
        Ok((authority, cert))
    }
}

/// The path with an ending added, whatever dots its name has.
fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(".");
    path.push(ending);
    PathBuf::from(path)
}

fn environment() -> BTreeMap<String, String> {
    env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

const OWN: &str = "countersign.yaml";
const OF_THE_REALM: &str = "realm/countersign.yaml";
