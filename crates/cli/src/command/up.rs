use std::path::PathBuf;

use clap::Args;
use config::{Overrides, Plan};
use fault::Faults;

use super::realm::{DEFAULT_DATABASE, DEFAULT_PORT, Hint, Making};
use super::serve;
use crate::console::Console;
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
    /// The address to serve on: written into a new realm's configuration (unless the system is to choose the port, :0), and
    /// in place of the one in the configuration of a realm that is there.
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    #[command(flatten)]
    making: Making,
}

impl Up {
    pub(super) fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        let (realm, created) =
            self.making.open_or_create(&self.realm, self.listen.as_deref(), None, console)?;
        // What a new realm's configuration says already need not be said over it.
        let written = |address: &String| created.is_some() && config::fixed_port(address).is_some();
        let listen = self.listen.clone().filter(|address| !written(address));
        let elsewhere = listen.is_some();
        let overrides = Overrides { listen, ..Overrides::default() };
        let sources = loading::sources(Some(realm.config().to_owned()), overrides);
        let (plan, warnings) = config::read(&sources)?;
        let principals = principals(&plan);
        serve::node(sources, plan, warnings, |announced| {
            serve::announce(console, announced);
            console.line(format_args!("  principals  {principals}"));
            let port = announced.listeners.first().map_or(DEFAULT_PORT, |listener| listener.address.port());
            let database = announced.databases.first().map_or(DEFAULT_DATABASE, |database| &database.name);
            console.line(Hint { realm: &self.realm, port, database, elsewhere });
            console.show();
        })
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
