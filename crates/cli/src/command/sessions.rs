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
    upstream: Option<Upstream>,
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

/// Its place on a PostgreSQL behind the door.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Upstream {
    database: String,
    role: String,
    received: u64,
    sent: u64,
}

impl Session {
    /// What it used, and as whom on a server behind the door.
    fn used(&self) -> String {
        let used = self.permits.iter().map(|Permit { database, level }| {
            match self.upstream.as_ref().filter(|upstream| upstream.database == *database) {
                Some(upstream) => format!("{database} {level} as {}", upstream.role),
                None => format!("{database} {level}"),
            }
        });
        used.collect::<Vec<_>>().join(", ")
    }
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
    let mut table = Table::new([
        "session",
        "principal",
        "peer",
        "listener",
        "serial",
        "age",
        "requests",
        "received",
        "sent",
        "used",
    ]);
    for session in sessions {
        let principal = session.principal.as_deref().unwrap_or("(nobody)");
        let serial = session.certificate.as_ref().map_or("", |held| held.serial.as_str());
        let bytes = |of: fn(&Upstream) -> u64| {
            (
                session.upstream.as_ref().map(|upstream| of(upstream).to_string()).unwrap_or_default(),
                Align::Right,
            )
        };
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
            bytes(|upstream| upstream.received),
            bytes(|upstream| upstream.sent),
            left(&session.used()),
        ]);
    }
    table
}
