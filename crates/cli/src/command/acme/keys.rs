use clap::Args;
use fault::Faults;
use registrar::acme::keys;
use serde::Serialize;
use time::OffsetDateTime;

use super::opened;
use crate::console::Console;
use crate::exit::Exit;
use crate::loading::{Configured, on_record};
use crate::shown::Table;
use crate::shown::moment::rfc3339;

/// List the keys that ACME accounts can be bound to. The keys themselves are not on record.
#[derive(Args)]
#[command(after_help = "Examples:
  countersign acme keys
  countersign acme keys --json")]
pub(crate) struct Keys {
    #[command(flatten)]
    configured: Configured,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Row {
    kid: String,
    name: String,
    names: Vec<String>,
    made_at: String,
    withdrawn_at: Option<String>,
    accounts: u32,
}

impl Keys {
    pub(super) fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        let (_, ledger) = opened(self.configured)?;
        let rows: Vec<Row> =
            on_record(ledger.as_ref(), keys::all(ledger.as_ref()))?.into_iter().map(row).collect();
        if self.json {
            console.json(&rows)?;
            return Ok(Exit::Done);
        }
        let mut table = Table::new(["KID", "NAME", "NAMES", "ACCOUNTS", "MADE", "WITHDRAWN"]);
        for row in rows {
            let names = if row.names.is_empty() { "all".to_owned() } else { row.names.join(" ") };
            let withdrawn = row.withdrawn_at.unwrap_or_default();
            table.row([row.kid, row.name, names, row.accounts.to_string(), row.made_at, withdrawn]);
        }
        console.line(table);
        Ok(Exit::Done)
    }
}

fn row((kid, key): (String, keys::Key)) -> Row {
    let at =
        |seconds| rfc3339(OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH));
    Row {
        kid,
        name: key.name,
        names: key.names,
        made_at: at(key.made_at),
        withdrawn_at: key.withdrawn_at.map(at),
        accounts: key.accounts,
    }
}
