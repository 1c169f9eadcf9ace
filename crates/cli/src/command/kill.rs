use clap::Args;
use fault::Faults;
use gateway::SessionId;
use identity::{Pin, Serial};
use serde::Deserialize;
use serde_json::{Value, json};

use super::sessions::{self, Listed};
use crate::console::Console;
use crate::door::Door;
use crate::exit::Exit;
use crate::shown::printable;

/// End sessions of a running node, within a second: what they wait for is rolled back. For administrators.
///
/// Whoever was ended may come again while its certificate is good and its principal has a grant: to keep somebody out,
/// revoke the certificate or remove the principal. Exits with 1 where there is no such session.
#[derive(Args)]
#[command(after_help = "Examples:
  countersign kill se_7k3mz0q4v9x2c8bd --as admin
  countersign kill --principal analyst --as admin
  countersign kill --serial 3F:A2:09 --as admin
  countersign kill --principal analyst --url https://db.example.com:7777 --cert admin.crt --key admin.key --cacert server-ca.crt")]
pub(crate) struct Kill {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    door: Door,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Which sessions to end.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// The session's id, as countersign sessions shows it.
    #[arg(value_name = "ID", value_parser = id)]
    id: Option<SessionId>,
    /// Every session whose certificate has this serial number.
    #[arg(long, value_name = "SERIAL", value_parser = Serial::parse)]
    serial: Option<Serial>,
    /// Every session of this principal.
    #[arg(long, value_name = "NAME")]
    principal: Option<String>,
    /// Every session whose certificate has the public key of this SHA-256, in hex.
    #[arg(long, value_name = "SHA256", value_parser = Pin::parse)]
    spki_sha256: Option<Pin>,
}

fn id(text: &str) -> Result<SessionId, &'static str> {
    text.parse()
        .map_err(|_| "a session's id is se_ and 16 letters and digits; countersign sessions lists them")
}

impl Which {
    fn wish(&self) -> Value {
        match self {
            Self { id: Some(id), .. } => json!({ "id": id.to_string() }),
            Self { serial: Some(serial), .. } => json!({ "serial": serial.to_string() }),
            Self { spki_sha256: Some(pin), .. } => json!({ "spki_sha256": pin.to_string() }),
            Self { principal, .. } => json!({ "principal": principal }),
        }
    }
}

impl Kill {
    pub(super) fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        let Self { which, door, json } = self;
        let body = which.wish().to_string();
        let reply = door.with(console, async |connector| {
            let reply = connector.tell("/_admin/kill", body).await?;
            if matches!(reply.status(), 200 | 404) {
                return Ok(reply);
            }
            Err(reply.refused(connector.endpoint()))
        })?;
        let heard: Value = serde_json::from_slice(reply.body()).unwrap_or_default();
        if json {
            console.json(&heard)?;
        } else {
            print(console, &heard);
        }
        Ok(if reply.is_success() { Exit::Done } else { Exit::Refused })
    }
}

fn print(console: &mut Console, heard: &Value) {
    if let Some(why) = heard.pointer("/error/message").and_then(Value::as_str) {
        console.line(printable(why));
        return;
    }
    let ended = Listed::deserialize(heard).unwrap_or_default().sessions;
    let word = if ended.len() == 1 { "session" } else { "sessions" };
    console.line(format_args!("ended {} {word}\n\n{}", ended.len(), sessions::table(&ended)));
}
