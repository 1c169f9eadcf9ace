use authority::HostPattern;
use clap::Args;
use fault::Faults;
use registrar::acme::keys;
use serde_json::json;

use super::opened;
use crate::console::Console;
use crate::exit::Exit;
use crate::loading::{Configured, on_record};

/// Make a key that ACME accounts can be bound to, and print it: this once, because nothing keeps it.
///
/// It is derived from the secret file of the configuration (state/acme.secret), so that the ledger holds no key. The nodes
/// that share a ledger need the same file.
#[derive(Args)]
#[command(after_help = "Examples:
  countersign acme key --name web-team
  countersign acme key --name db --names db.internal.example --names 10.1.0.0/16")]
pub(crate) struct Key {
    /// What it is called, for people.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// What it may be used for: a host name, with a dot in front all below it, an address, or a network; may be repeated.
    /// Otherwise all that the configuration certifies.
    #[arg(long, value_name = "NAME", value_parser = |text: &str| text.parse::<HostPattern>())]
    names: Vec<HostPattern>,
    #[command(flatten)]
    configured: Configured,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Key {
    pub(super) fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        let (plan, ledger) = opened(self.configured)?;
        let (root, record) = (daemon::acme_root(&plan)?, ledger.as_ref());
        let by = "countersign acme key";
        let given = on_record(record, keys::make(record, &root, &self.name, &self.names, by, console.now()))?;
        let (id, key) = (given.id.as_str(), given.hmac_key.as_str());
        if self.json {
            console.json(&json!({ "name": self.name, "kid": id, "hmac_key": key }))?;
            return Ok(Exit::Done);
        }
        console.line(format_args!("key \"{}\": shown this once", self.name));
        console.line(format_args!("  kid       {id}"));
        console.line(format_args!("  HMAC key  {key}"));
        console.line(format_args!("certbot: --eab-kid {id} --eab-hmac-key {key}"));
        console.line(format_args!("lego:    --eab --kid {id} --hmac {key}"));
        console.line(format_args!("Caddy:   acme_eab {{ key_id {id} mac_key {key} }}, one to a line"));
        Ok(Exit::Done)
    }
}
