use std::path::{Path, PathBuf};

use clap::Args;
use daemon::realm::{Created, KeyPassword, Realm, RealmSpec};
use fault::{Fault, Faults};

use super::up::{DEFAULT_DATABASE, DEFAULT_PORT, Hint};
use crate::console::Console;
use crate::door::runtime;
use crate::exit::Exit;

/// Create a realm without serving it. A second run changes nothing.
#[derive(Args)]
#[command(after_help = "Examples:
  countersign init /srv/realm
  countersign init --environment production --key-password-file /root/realm.password /srv/realm")]
pub(crate) struct Init {
    /// The folder of the realm.
    #[arg(value_name = "REALM", default_value = "./realm")]
    realm: PathBuf,
    #[command(flatten)]
    making: Making,
}

impl Init {
    pub(super) fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        let realm = self.realm.display();
        let (_, created) = self.making.open_or_create(&self.realm, console)?;
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
    /// Opens the realm, or makes it and says so.
    pub(super) fn open_or_create(
        &self,
        folder: &Path,
        console: &mut Console,
    ) -> Result<(Realm, Option<Created>), Faults> {
        let spec = self.spec()?;
        let making = Realm::open_or_create(folder, &spec, console.now());
        let (realm, created) = runtime()?.block_on(making)?;
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
