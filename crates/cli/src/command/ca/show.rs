use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use fault::{Fault, Faults};
use registrar::rotation::{Of, Phase};

use crate::command::cert::show;
use crate::console::Console;
use crate::exit::Exit;
use crate::loading;
use crate::shown::certificate::Shown;

/// Show a realm's authorities: the root and the issuers below it.
#[derive(Args)]
#[command(after_help = "Examples:
  countersign ca show
  countersign ca show --realm /srv/realm --json")]
pub(crate) struct Show {
    /// The realm.
    #[arg(long, value_name = "DIR", default_value = "realm")]
    realm: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Show {
    pub(super) fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        let now = console.now();
        let pki = self.realm.join("pki");
        let mut authorities = BTreeMap::new();
        for (name, file) in TIERS {
            let path = pki.join(file);
            if path.is_file() {
                // An issuer's file may carry the root behind it; the root has its own.
                authorities.insert(name, Shown::new(&loading::leaf(&path)?, now));
            }
        }
        if authorities.is_empty() {
            let remedy = "name the realm with --realm DIR; for a single file, countersign cert show FILE";
            return Err(Fault::yours("no authority here").in_file(pki).remedy(remedy).into());
        }
        if self.json {
            console.json(&authorities)?;
            return Ok(Exit::Done);
        }
        let paint = console.paint();
        for (name, _) in TIERS {
            if let Some(shown) = authorities.get(name) {
                console.line(paint.heading(name));
                show::print_one(console, shown);
                console.line("");
            }
        }
        if let Some((of, phase)) = rotating(&self.realm) {
            let said = format!("rotation of {of}: {phase} (countersign ca rotate status)");
            console.line(paint.notable(&said));
        }
        Ok(Exit::Done)
    }
}

/// What is being rotated; a realm without a ledger, as on the medium in the safe, has nothing to say of that.
fn rotating(realm: &Path) -> Option<(Of, Phase)> {
    let ledger = loading::has_ledger(realm).then(|| loading::ledger_of(realm).ok()).flatten()?;
    let held =
        loading::on_record(ledger.as_ref(), registrar::rotation::on_record(ledger.as_ref())).ok()??;
    let rotation = held.rotation;
    rotation.phase.is_open().then_some((rotation.of, rotation.phase))
}

/// Top down; while one is rotated, what takes its place or what it took the place of lies beside it.
const TIERS: [(&str, &str); 10] = [
    ("root", "root.crt"),
    ("server", "issuers/server.crt"),
    ("server.next", "issuers/server.next.crt"),
    ("server.old", "issuers/server.old.crt"),
    ("client", "issuers/client.crt"),
    ("client.next", "issuers/client.next.crt"),
    ("client.old", "issuers/client.old.crt"),
    ("service", "issuers/service.crt"),
    ("service.next", "issuers/service.next.crt"),
    ("service.old", "issuers/service.old.crt"),
];
