use clap::Args;
use fault::{Fault, Faults, Tag};
use serde_json::Value;

use super::invite::INVITATIONS;
use crate::console::Console;
use crate::door::Door;
use crate::exit::Exit;
use crate::shown::Table;

/// Show who was invited to ask for a certificate, and take invitations back. For administrators.
#[derive(Args)]
#[command(after_help = "Examples:
  countersign cert invitations --as admin
  countersign cert invitations --withdraw nqjypsf8m5a4s59k --as admin")]
pub(crate) struct Invitations {
    /// Take this invitation back. What it gave already stays: that is for cert revoke.
    #[arg(long, value_name = "ID", value_parser = id)]
    withdraw: Option<Tag>,
    #[command(flatten)]
    door: Door,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn id(text: &str) -> Result<Tag, &'static str> {
    text.parse()
        .map_err(|_| "an invitation's id is 16 letters and digits; countersign cert invitations lists them")
}

impl Invitations {
    pub(super) fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        let Self { withdraw, door, json } = self;
        let heard = door.with(console, async |connector| {
            let reply = match withdraw {
                Some(id) => connector.withdraw(&format!("{INVITATIONS}/{id}")).await?,
                None => connector.ask(INVITATIONS).await?,
            };
            if !reply.is_success() {
                return Err(reply.refused(connector.endpoint()));
            }
            serde_json::from_slice::<Value>(reply.body())
                .map_err(|error| Fault::theirs("the answer cannot be read").because(error))
        })?;
        match (json, withdraw) {
            (true, _) => console.json(&heard)?,
            (false, Some(id)) => console.line(format_args!("the invitation {id} cannot be used any more")),
            (false, None) => console.line(listed(&heard)),
        }
        Ok(Exit::Done)
    }
}

fn listed(heard: &Value) -> Table {
    let mut table = Table::new(["id", "state", "name", "profile", "until", "by"]);
    for invitation in heard.get("invitations").and_then(Value::as_array).into_iter().flatten() {
        let text = |key: &str| invitation.get(key).and_then(Value::as_str).unwrap_or("-");
        table.row([
            text("id"),
            text("state"),
            text("common_name"),
            text("profile"),
            text("expires"),
            text("by"),
        ]);
    }
    table
}
