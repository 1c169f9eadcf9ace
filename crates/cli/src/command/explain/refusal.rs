//! What the node knows of a refusal.

use client::{Connector, Reply};
use fault::{Fault, Faults};
use gateway::Named;
use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;

use super::{Peer, offline, shown};
use crate::console::Console;
use crate::door::Door;
use crate::exit::Exit;
use crate::shown::moment::rfc3339;

/// What the node said of one refusal.
enum Heard {
    /// Everything: we are an administrator to it.
    Whole(Value),
    /// What anybody may hear.
    Public(Value),
    /// It knows none of this id.
    Nothing,
}

/// What the node said of an address.
#[derive(Deserialize)]
struct Listed {
    refusals: Vec<Value>,
    #[serde(default)]
    truncated: bool,
}

/// Explains one refusal.
pub(super) fn explain(console: &mut Console, id: Named, door: Door, json: bool) -> Result<Exit, Faults> {
    let record = offline::Record::of(&door);
    let value = match door.with(console, async |connector| ask(connector, id).await) {
        Ok(Heard::Whole(value)) => value,
        Ok(Heard::Public(value)) => {
            console.warn(&[partly()]);
            value
        }
        Ok(Heard::Nothing) => return Err(unknown(id).into()),
        Err(faults) => record.explain(console, id, faults)?,
    };
    print(console, &value, json)
}

/// Explains what was refused to an address between two moments: a list, and all of it where it is one.
pub(super) fn of_peer(
    console: &mut Console,
    peer: Peer,
    (since, until): (OffsetDateTime, OffsetDateTime),
    door: Door,
    json: bool,
) -> Result<Exit, Faults> {
    let record = offline::Record::of(&door);
    let path =
        format!("/_admin/refusals?peer={}&since={}&until={}", peer.encoded(), rfc3339(since), rfc3339(until));
    let asked = door.with(console, async |connector| {
        let listed = list(connector, &path).await?;
        let whole = match (listed.refusals.as_slice(), json) {
            ([one], false) => whole(connector, one).await?,
            _ => None,
        };
        Ok((listed, whole))
    });
    let (listed, whole) = match asked {
        Ok(heard) => heard,
        Err(faults) => {
            let (refusals, truncated) = record.of_peer(console, peer, (since, until), faults)?;
            (Listed { refusals, truncated }, None)
        }
    };
    if let Some(value) = whole {
        return print(console, &value, json);
    }
    if json {
        console.json(&serde_json::json!({ "refusals": listed.refusals, "truncated": listed.truncated }))?;
    } else {
        shown::list(console, &listed.refusals, listed.truncated);
    }
    Ok(if listed.refusals.is_empty() { Exit::Refused } else { Exit::Done })
}

async fn ask(connector: &mut Connector, id: Named) -> Result<Heard, Fault> {
    let reply = connector.ask(&format!("/_admin/refusals/{id}")).await?;
    if reply.is_success() {
        return value(&reply).map(Heard::Whole);
    }
    let public = connector.ask(&format!("/_refusals/{id}")).await?;
    match public.status() {
        200 => value(&public).map(Heard::Public),
        404 => Ok(Heard::Nothing),
        _ => Err(public.refused(connector.endpoint())),
    }
}

async fn list(connector: &mut Connector, path: &str) -> Result<Listed, Fault> {
    let reply = connector.ask(path).await?;
    if !reply.is_success() {
        return Err(reply
            .refused(connector.endpoint())
            .because("only administrators may look for refusals by address"));
    }
    serde_json::from_slice(reply.body()).map_err(no_answer)
}

/// All of the one refusal that a list holds.
async fn whole(connector: &mut Connector, one: &Value) -> Result<Option<Value>, Fault> {
    let Some(id) = one.get("refusal").and_then(Value::as_str) else { return Ok(None) };
    let reply = connector.ask(&format!("/_admin/refusals/{id}")).await?;
    if reply.is_success() { value(&reply).map(Some) } else { Ok(None) }
}

fn print(console: &mut Console, value: &Value, json: bool) -> Result<Exit, Faults> {
    if json {
        console.json(value)?;
    } else {
        shown::whole(console, value);
    }
    Ok(Exit::Done)
}

fn value(reply: &Reply) -> Result<Value, Fault> {
    serde_json::from_slice(reply.body()).map_err(no_answer)
}

fn no_answer(error: serde_json::Error) -> Fault {
    Fault::theirs("the server sent no answer that explains a refusal").because(error)
}

fn partly() -> Fault {
    Fault::yours("to this node our credential is no administrator's: code and remedy are all that it tells")
        .remedy("--as NAME, or --cert and --key, of somebody in control_plane.admins")
}

fn unknown(id: Named) -> Fault {
    Fault::theirs(format!("the node knows no refusal {id}"))
        .because("it keeps the last ones in memory, and all of them in the audit record, where there is a ledger")
        .remedy("check that it is the node that refused (--url), and the id; or ask as an administrator, who can read the audit record")
}

impl Peer {
    /// The address as the value of a query.
    fn encoded(self) -> String {
        match self.port {
            None => self.address.to_string(),
            Some(port) => {
                let whole = std::net::SocketAddr::new(self.address, port).to_string();
                whole.replace('[', "%5B").replace(']', "%5D")
            }
        }
    }
}
