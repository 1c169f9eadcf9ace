//! What `up` and `init` share: how a realm is made, and the lines to try it with.

use std::fmt;
use std::path::{Path, PathBuf};

use clap::Args;
use config::{Overrides, PostgresPlan};
use daemon::realm::{Created, KeyPassword, Realm, RealmSpec};
use fault::{Fault, Faults};

use crate::console::Console;
use crate::door::runtime;
use crate::loading::sources;

/// How a realm is made where there is none.
#[derive(Args)]
pub(super) struct Making {
    /// For a new realm: its environment, which its certificates carry.
    #[arg(long, value_name = "NAME", env = "COUNTERSIGN_ENV", default_value = "development")]
    environment: String,
    /// For a new realm: the file whose password encrypts the keys of its authorities.
    #[arg(long, value_name = "FILE")]
    key_password_file: Option<PathBuf>,
}

impl Making {
    /// Opens the realm, or makes it and says so. A new one listens on `listen`, where that is given and names its port.
    pub(super) fn open_or_create(
        &self,
        folder: &Path,
        listen: Option<&str>,
        database: Option<&str>,
        console: &mut Console,
    ) -> Result<(Realm, Option<Created>), Faults> {
        let mut spec = self.spec()?;
        spec.ledger = database.map(at_database).transpose()?;
        if let Some(address) = listen.filter(|address| config::fixed_port(address).is_some()) {
            address.clone_into(&mut spec.listen);
        }
        let making = Realm::open_or_create(folder, &spec, console.now());
        let (realm, created) = runtime()?.block_on(making)?;
        if let (None, Some(file)) = (&created, &self.key_password_file) {
            return Err(Fault::yours("the realm is there already, and its keys stay as they were made")
                .in_file(folder)
                .because(format!("--key-password-file {} is for a new realm", file.display()))
                .remedy("leave the option out; the realm's countersign.yaml names the password file that it needs")
                .into());
        }
        if created.is_some() {
            console.line(format_args!(
                "countersign: realm {} created: root, server issuer, client issuer, 1 server and 2 client certificates",
                folder.display()
            ));
            console.show();
        }
        Ok((realm, created))
    }

    fn spec(&self) -> Result<RealmSpec, Fault> {
        let mut spec = RealmSpec::for_this_machine(&self.environment);
        if let Some(file) = &self.key_password_file {
            let file = std::path::absolute(file)
                .map_err(|error| Fault::yours("the path cannot be used").in_file(file).because(error))?;
            spec.key_password = Some(KeyPassword { secret: files::load_password(&file)?, file });
        }
        Ok(spec)
    }
}

/// The database that a URL names, with this process's environment.
fn at_database(url: &str) -> Result<PostgresPlan, Faults> {
    let here = std::env::current_dir()
        .map_err(|error| Fault::theirs("the current folder has no name").because(error))?;
    config::read_database(&sources(None, Overrides::default()), url, &here)
}

/// The lines to try.
pub(super) struct Hint<'a> {
    pub(super) realm: &'a Path,
    pub(super) port: u16,
    pub(super) database: &'a str,
    /// Whether it is served on another address than the configuration says.
    pub(super) elsewhere: bool,
}

impl fmt::Display for Hint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { realm, port, database, elsewhere } = self;
        let realm = realm.strip_prefix("./").unwrap_or(realm).display().to_string();
        // As it was called, so that the line works where it is not in the path.
        let program = std::env::args().next().unwrap_or_else(|| "countersign".to_owned());
        let of_realm = if realm == "realm" { String::new() } else { format!(" --realm {realm}") };
        let at_url = if *elsewhere { format!(" --url https://localhost:{port}") } else { String::new() };
        write!(
            f,
            "  try         curl --cacert {realm}/pki/server-ca.crt --cert {realm}/clients/analyst.crt --key {realm}/clients/analyst.key \\\n\
             \x20               https://localhost:{port}/{database}/query -d '{{\"sql\":\"SELECT 1\"}}'\n\
             \x20 or          {program} query {database} \"SELECT 1\"{of_realm}{at_url}"
        )
    }
}

/// What a new realm's configuration says.
pub(super) const DEFAULT_PORT: u16 = 7777;
pub(super) const DEFAULT_DATABASE: &str = "app";
