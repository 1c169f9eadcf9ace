use clap::Args;
use client::{Connector, Reply};
use fault::{Fault, Faults};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::console::Console;
use crate::door::Door;
use crate::exit::Exit;
use crate::shown::{Table, printable};

/// Make a running node read its configuration, and every file that it names, again.
///
/// All or nothing: where something is wrong the node serves as before, and says why. What would be weaker than before is
/// refused with its name, unless that name is allowed. Exits with 1 where the node refuses.
#[derive(Args)]
#[command(after_help = "Examples:
  countersign reload --as admin
  countersign reload --as admin --allow-weaker 'grant app bob read-write'
  countersign reload --url https://db.example.com:7777 --cert admin.crt --key admin.key --cacert server-ca.crt --json")]
pub(crate) struct Reload {
    #[command(flatten)]
    door: Door,
    /// What may become weaker, by the name that a refused reload tells; `all` for everything. May be given again.
    #[arg(long, value_name = "NAME")]
    allow_weaker: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What the node said, whichever way it decided.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Said {
    message: String,
    result: String,
    generation: u64,
    changed: Vec<String>,
    allowed: Vec<Weakening>,
    weakenings: Vec<Weakening>,
    remedy: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Weakening {
    name: String,
    what: String,
}

impl Reload {
    pub(super) fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        let Self { door, allow_weaker, json } = self;
        let body = wish(&allow_weaker).to_string();
        let reply = door.with(console, async |connector| tell(connector, body).await)?;
        let heard: Value = serde_json::from_slice(reply.body()).unwrap_or_default();
        if json {
            console.json(&heard)?;
        } else {
            // A refusal lies in the envelope of every refusal.
            let said = heard.get("error").unwrap_or(&heard);
            print(console, &Said::deserialize(said).unwrap_or_default());
        }
        Ok(if reply.is_success() { Exit::Done } else { Exit::Refused })
    }
}

fn wish(allowed: &[String]) -> Value {
    match allowed {
        [] => json!({}),
        names if names.iter().any(|name| name == "all") => json!({ "allow_weaker": true }),
        names => json!({ "allow_weaker": names }),
    }
}

async fn tell(connector: &mut Connector, body: String) -> Result<Reply, Fault> {
    let reply = connector.tell("/_admin/reload", body).await?;
    match reply.status() {
        200 | 409 => Ok(reply),
        _ => Err(reply.refused(connector.endpoint())),
    }
}

fn print(console: &mut Console, said: &Said) {
    let paint = console.paint();
    match said.result.as_str() {
        "applied" => {
            console.line(format_args!("{}  generation {}", paint.good("reload applied"), said.generation));
            for change in &said.changed {
                console.line(format_args!("  {}", printable(change)));
            }
            list(console, "weaker than before, as it was allowed to be", &said.allowed);
        }
        "unchanged" => console.line(format_args!("nothing has changed  generation {}", said.generation)),
        "weaker" => {
            console.line(paint.bad("reload rejected: it would be weaker"));
            list(console, "would become weaker", &said.weakenings);
            console.line(format_args!("\n{}", printable(&said.remedy)));
        }
        _ => console.line(paint.bad(&printable(&said.message))),
    }
}

fn list(console: &mut Console, title: &str, found: &[Weakening]) {
    if found.is_empty() {
        return;
    }
    let mut table = Table::new([title, "what that means"]);
    for Weakening { name, what } in found {
        table.row([&printable(name), &printable(what)]);
    }
    console.line(format_args!("\n{table}"));
}
