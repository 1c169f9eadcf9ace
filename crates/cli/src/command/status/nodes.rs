use client::Connector;
use fault::{Fault, Faults};
use serde::Deserialize;
use serde_json::Value;

use crate::console::Console;
use crate::door::Door;
use crate::exit::Exit;
use crate::shown::moment::words;
use crate::shown::{Table, printable};

/// The nodes that share a ledger.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Nodes {
    ledger: Ledger,
    nodes: Vec<Node>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Ledger {
    id: String,
    revision: u64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Node {
    id: String,
    this: bool,
    name: String,
    state: String,
    version: String,
    seen_seconds: i64,
    generation: u64,
    behind: u64,
}

/// Asks one node for all; exits with 1 where it does not say.
pub(super) fn show(door: Door, console: &mut Console, json: bool) -> Result<Exit, Faults> {
    let heard = door.with(console, ask)?;
    if json {
        console.json(&heard)?;
        return Ok(Exit::Done);
    }
    print(console, &Nodes::deserialize(&heard).unwrap_or_default());
    Ok(Exit::Done)
}

async fn ask(connector: &mut Connector) -> Result<Value, Fault> {
    let reply = connector.ask("/_admin/nodes").await?;
    let body = serde_json::from_slice::<Value>(reply.body()).ok();
    if reply.is_success()
        && let Some(body) = body
    {
        return Ok(body);
    }
    let said = body.as_ref().and_then(|body| body.pointer("/error/message")).and_then(Value::as_str);
    let fault = Fault::theirs("the node does not show the nodes that share its ledger");
    Err(fault
        .because(printable(said.unwrap_or("it did not say why")))
        .remedy("ask as an administrator: --as admin"))
}

fn print(console: &mut Console, shown: &Nodes) {
    let Ledger { id, revision } = &shown.ledger;
    console.line(format_args!("ledger {} at revision {revision}", printable(id)));
    let mut table = Table::new(["node", "machine", "state", "heard of", "generation", "behind", "version"]);
    for node in &shown.nodes {
        let id = if node.this { format!("{} (this)", node.id) } else { node.id.clone() };
        let heard = format!("{} ago", words(time::Duration::seconds(node.seen_seconds)));
        let (generation, behind) = (node.generation.to_string(), node.behind.to_string());
        table.row([&id, &node.name, &node.state, &heard, &generation, &behind, &node.version]);
    }
    console.line(format_args!("\n{table}"));
}
