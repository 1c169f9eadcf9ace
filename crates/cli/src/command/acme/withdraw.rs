use clap::Args;
use fault::Faults;
use registrar::acme::keys;
use serde_json::json;

use super::opened;
use crate::console::Console;
use crate::exit::Exit;
use crate::loading::{Configured, on_record};

/// Withdraw a key: no account can be bound with it any more, and those that were can do nothing but revoke.
///
/// Certificates that were issued stay good; countersign cert revoke takes them back.
#[derive(Args)]
#[command(after_help = "Examples:
  countersign acme keys
  countersign acme withdraw pXv0o5XhY1rnbM3t")]
pub(crate) struct Withdraw {
    /// Its identifier.
    #[arg(value_name = "KID", allow_hyphen_values = true)]
    kid: String,
    #[command(flatten)]
    configured: Configured,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Withdraw {
    pub(super) fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        let (_, ledger) = opened(self.configured)?;
        let (record, by) = (ledger.as_ref(), "countersign acme withdraw");
        let key = on_record(record, keys::withdraw(record, &self.kid, by, console.now()))?;
        if self.json {
            console.json(&json!({ "kid": self.kid, "name": key.name, "accounts": key.accounts }))?;
            return Ok(Exit::Done);
        }
        let accounts = key.accounts;
        console.line(format_args!("withdrawn: key \"{}\", by which {accounts} accounts were made", key.name));
        Ok(Exit::Done)
    }
}
