use clap::Args;
use fault::Faults;
use serde::Deserialize;
use serde_json::Value;

use crate::console::Console;
use crate::door::Door;
use crate::exit::Exit;
use crate::shown::moment::words;
use crate::shown::{Align, Table, printable};

/// List who is connected to a running node: by which certificate, since when, and what they used. For administrators.
///
/// countersign kill ends a session by its id.
#[derive(Args)]
#[command(after_help = "Examples:
  countersign sessions --as admin
  countersign sessions --url https://db.example.com:7777 --cert admin.crt --key admin.key --cacert server-ca.crt --json")]
pub(crate) struct Sessions {
    #[command(flatten)]
    door: Door,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What the node said.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Listed {
    pub(super) sessions: Vec<Session>,
}

/// A session, as far as it is printed.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Session {
    id: String,
    principal: Option<String>,
    listener: String,
    peer: String,
    certificate: Option<Certificate>,
    age_seconds: i64,
    requests: u64,
    permits: Vec<Permit>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Certificate {
    serial: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Permit {
    database: String,
    level: String,
}

impl Sessions {
    pub(super) fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        let reply = self.door.with(console, async |connector| {
            let reply = connector.ask("/_admin/sessions").await?;
            if reply.is_success() { Ok(reply) } else { Err(reply.refused(connector.endpoint())) }
        })?;
        let heard: Value = serde_json::from_slice(reply.body()).unwrap_or_default();
        if self.json {
            console.json(&heard)?;
        } else {
            let listed = Listed::deserialize(&heard).unwrap_or_default();
            console.line(table(&listed.sessions));
        }
        Ok(Exit::Done)
    }
}

/// The sessions, the oldest first.
pub(super) fn table(sessions: &[Session]) -> Table {
    let mut sessions: Vec<&Session> = sessions.iter().collect();
    sessions.sort_by_key(|session| std::cmp::Reverse(session.age_seconds));
    let mut table =
        Table::new(["session", "principal", "peer", "listener", "serial", "age", "requests", "used"]);
    for session in sessions {
        let principal = session.principal.as_deref().unwrap_or("(nobody)");
        let serial = session.certificate.as_ref().map_or("", |held| held.serial.as_str());
        let used: Vec<String> =
            session.permits.iter().map(|permit| format!("{} {}", permit.database, permit.level)).collect();
        let age = words(time::Duration::seconds(session.age_seconds));
        let left = |text: &str| (printable(text), Align::Left);
        table.aligned([
            left(&session.id),
            left(principal),
            left(&session.peer),
            left(&session.listener),
            left(serial),
            left(&age),
            (session.requests.to_string(), Align::Right),
            left(&used.join(", ")),
        ]);
    }
    table
}
