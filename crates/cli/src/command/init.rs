use std::path::PathBuf;

use clap::Args;
use fault::Faults;

use super::realm::{DEFAULT_DATABASE, DEFAULT_PORT, Hint, Making};
use crate::console::Console;
use crate::exit::Exit;

/// Create a realm without serving it. A second run changes nothing.
#[derive(Args)]
#[command(after_help = "Examples:
  countersign init /srv/realm
  countersign init my-repo --metadata-url \"postgresql://user@db.example.com/countersign?sslmode=verify-full\"
  countersign init --environment production --key-password-file /root/realm.password /srv/realm")]
pub(crate) struct Init {
    /// The folder of the realm.
    #[arg(value_name = "REALM", default_value = "./realm")]
    realm: PathBuf,
    /// For a new realm: the PostgreSQL database that keeps its ledger; otherwise a file in the realm does. What the URL does not
    /// name of sslcert, sslkey and sslrootcert is named by COUNTERSIGN_SSL_CERT, COUNTERSIGN_SSL_KEY and
    /// COUNTERSIGN_SSL_ROOTCERT.
    #[arg(long, value_name = "URL")]
    metadata_url: Option<String>,
    #[command(flatten)]
    making: Making,
}

impl Init {
    pub(super) fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        let realm = self.realm.display();
        let (_, created) =
            self.making.open_or_create(&self.realm, None, self.metadata_url.as_deref(), console)?;
        if created.is_none() {
            console.line(format_args!("countersign: realm {realm} is there already; nothing was changed"));
        }
        console.line(format_args!("  serve it    countersign up --realm {realm}"));
        console.line(Hint {
            realm: &self.realm,
            port: DEFAULT_PORT,
            database: DEFAULT_DATABASE,
            elsewhere: false,
        });
        Ok(Exit::Done)
    }
}
