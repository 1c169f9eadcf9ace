use std::path::{Path, PathBuf};

use clap::Args;
use config::{Overrides, Plan};
use daemon::Announcement;
use daemon::realm::{KeyPassword, Realm, RealmSpec};
use fault::{Fault, Faults};

use super::serve;
use crate::console::Console;
use crate::door::runtime;
use crate::exit::Exit;
use crate::loading;

/// Create a realm if there is none, then serve it: an SQL database that only certificates open.
///
/// The realm holds a root, a server issuer and a client issuer, the server's certificate, the client certificates
/// `admin` and `analyst`, a configuration and a database. A second run changes nothing and serves.
#[derive(Args)]
#[command(after_help = "Examples:
  countersign up
  countersign up --realm /srv/realm --listen 127.0.0.1:8443")]
pub(crate) struct Up {
    /// The folder of the realm.
    #[arg(long, value_name = "DIR", default_value = "./realm")]
    realm: PathBuf,
    /// The address to serve on, in place of the one in the realm's configuration.
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// For a new realm: its environment, which its certificates carry.
    #[arg(long, value_name = "NAME", env = "COUNTERSIGN_ENV", default_value = "development")]
    environment: String,
    /// For a new realm: the file whose password encrypts the keys of its authorities.
    #[arg(long, value_name = "FILE")]
    key_password_file: Option<PathBuf>,
}

impl Up {
    pub(super) fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        let spec = self.spec()?;
        let making = Realm::open_or_create(&self.realm, &spec, console.now());
        let (realm, created) = runtime()?.block_on(making)?;
        if created.is_some() {
            console.line(format_args!(
                "countersign: realm {} created: root, server issuer, client issuer, 1 server and 2 client certificates",
                self.realm.display()
            ));
            console.show();
        }
        let overrides = Overrides { listen: self.listen.clone(), ..Overrides::default() };
        let (plan, warnings) = loading::plan(Some(realm.config().to_owned()), overrides)?;
        let principals = principals(&plan);
        let hint = Hint { realm: &self.realm, elsewhere: self.listen.is_some() };
        serve::node(plan, warnings, |announced| {
            serve::announce(console, announced);
            console.line(format_args!("  principals  {principals}"));
            console.line(hint.text(announced));
            console.show();
        })
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

/// The lines to try.
struct Hint<'a> {
    realm: &'a Path,
    /// Whether it is served on another address than the configuration says.
    elsewhere: bool,
}

impl Hint<'_> {
    fn text(&self, announced: &Announcement) -> String {
        let realm = self.realm.strip_prefix("./").unwrap_or(self.realm).display().to_string();
        let port = announced.listeners.first().map_or(DEFAULT_PORT, |listener| listener.address.port());
        let database = announced.databases.first().map_or("app", |database| database.name.as_str());
        // As it was called, so that the line works where it is not in the path.
        let program = std::env::args().next().unwrap_or_else(|| "countersign".to_owned());
        let of_realm = if realm == "realm" { String::new() } else { format!(" --realm {realm}") };
        let at_url = if self.elsewhere { format!(" --url https://localhost:{port}") } else { String::new() };
        format!(
            "  try         curl --cacert {realm}/pki/server-ca.crt --cert {realm}/clients/analyst.crt --key {realm}/clients/analyst.key \\\n\
             \x20               https://localhost:{port}/{database}/query -d '{{\"sql\":\"SELECT 1\"}}'\n\
             \x20 or          {program} query {database} \"SELECT 1\"{of_realm}{at_url}"
        )
    }
}

/// Every principal with what it may do: `admin (admin on app), analyst (read-write on app)`.
fn principals(plan: &Plan) -> String {
    let one = |name: &str| {
        let of = |grant: &&access::GrantSpec| grant.principal == name;
        let grants: Vec<String> = plan
            .grants
            .iter()
            .filter(of)
            .map(|grant| format!("{} on {}", grant.level, grant.database))
            .collect();
        if grants.is_empty() { name.to_owned() } else { format!("{name} ({})", grants.join(", ")) }
    };
    plan.principals.iter().map(|principal| one(&principal.name)).collect::<Vec<_>>().join(", ")
}

const DEFAULT_PORT: u16 = 7777;
