mod nodes;

use clap::Args;
use client::{Connector, Reply};
use fault::{Fault, Faults};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::console::Console;
use crate::door::Door;
use crate::exit::Exit;
use crate::shown::moment::{self, words};
use crate::shown::{Table, printable};

/// Ask a running node how it is: health, who we are to it, listeners, certificates with days left.
///
/// Listeners and certificates are shown to administrators; exits with 1 where the node is unhealthy or out of reach.
#[derive(Args)]
#[command(after_help = "Examples:
  countersign status --as admin
  countersign status --as admin --nodes
  countersign status --url https://db.example.com:7777 --cert admin.crt --key admin.key --cacert server-ca.crt --json")]
pub(crate) struct Status {
    #[command(flatten)]
    door: Door,
    /// Show the nodes that share this one's ledger, and how far each is behind it.
    #[arg(long)]
    nodes: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What the node said, as far as it would.
#[derive(Serialize)]
struct Heard {
    url: String,
    healthy: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    whoami: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<Value>,
    /// By what id the node knows why it did not say more.
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<String>,
}

/// What an administrator hears of the node itself.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Node {
    listeners: Vec<Listener>,
    generation: u64,
    certificates: Vec<Certificate>,
    databases: Vec<Database>,
    upstreams: Vec<Upstream>,
    revocation: Vec<Source>,
    uptime_seconds: i64,
    reload: Reload,
    ledger: Option<Ledger>,
    rotation: Option<Rotation>,
    outage: Option<Outage>,
}

/// What is being replaced above the leaves, and how far it is.
#[derive(Deserialize)]
struct Rotation {
    of: String,
    phase: String,
}

/// For how long the authority may be away, and what breaks then.
#[derive(Deserialize)]
struct Outage {
    budget_seconds: i64,
    first: String,
}

/// Whether the node hears what is revoked in its ledger.
#[derive(Deserialize)]
struct Ledger {
    followed: bool,
    since: Option<String>,
    #[serde(default)]
    age_seconds: i64,
}

/// How old what is served is, and why it is not newer.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Reload {
    age_seconds: i64,
    last_result: Option<String>,
    last_error: Option<Rejected>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Rejected {
    at: String,
    reason: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Source {
    method: String,
    url: String,
    fetched_at: Option<String>,
    good_until: Option<String>,
    entries: u64,
    failure: Option<String>,
    // Of a list from a file:
    tls: String,
    source: String,
    issuer: String,
    number: Option<String>,
    next_update: Option<String>,
    outdated: bool,
}

impl Source {
    fn is_file(&self) -> bool {
        self.method == "file"
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Listener {
    name: String,
    address: String,
    transport: String,
    tls: bool,
    client_auth: Option<String>,
    auth: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Database {
    name: String,
    backend: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Upstream {
    name: String,
    address: String,
    database: String,
    sslmode: String,
    identity: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Certificate {
    name: String,
    subject: String,
    not_after: String,
    days: i64,
}

impl Status {
    pub(super) fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        if self.nodes {
            return nodes::show(self.door, console, self.json);
        }
        let heard = self.door.with(console, listen)?;
        if self.json {
            console.json(&heard)?;
        } else {
            print(console, &heard);
        }
        Ok(if heard.healthy { Exit::Done } else { Exit::Refused })
    }
}

async fn listen(connector: &mut Connector) -> Result<Heard, Fault> {
    let health = connector.ask("/_health").await?;
    let whoami = connector.ask("/_auth/whoami").await?;
    let node = connector.ask("/_admin/status").await?;
    Ok(Heard {
        url: connector.endpoint().to_string(),
        healthy: health.is_success(),
        whoami: json(&whoami),
        node: json(&node),
        refusal: whoami.refusal_id().or_else(|| node.refusal_id()),
    })
}

fn json(reply: &Reply) -> Option<Value> {
    reply.is_success().then(|| serde_json::from_slice(reply.body()).ok()).flatten()
}

fn print(console: &mut Console, heard: &Heard) {
    let paint = console.paint();
    let health = if heard.healthy { paint.good("healthy") } else { paint.bad("unhealthy") };
    console.line(format_args!("{}  {health}", heard.url));
    if let Some(whoami) = &heard.whoami {
        let text = |key: &str| printable(whoami.get(key).and_then(Value::as_str).unwrap_or("nobody"));
        console.line(format_args!("  you         {} (by {})", text("principal"), text("method")));
    }
    match heard.node.as_ref().and_then(|node| Node::deserialize(node).ok()) {
        Some(node) => node.print(console),
        None => console.line("  node        shown to administrators only: --as admin"),
    }
    if let Some(id) = &heard.refusal {
        console.line(format_args!("  refused     try: countersign explain {}", printable(id)));
    }
}

impl Reload {
    fn print(&self, console: &mut Console) {
        let paint = console.paint();
        if let Some(result) = &self.last_result {
            let age = words(time::Duration::seconds(self.age_seconds));
            let last = format!("last reload {}; what is served was read {age} ago", printable(result));
            console.line(format_args!("  reload      {last}"));
        }
        if let Some(Rejected { at, reason }) = &self.last_error {
            console.line(format_args!("              {}", paint.bad(&printable(&format!("{at}: {reason}")))));
        }
    }
}

impl Node {
    fn print(&self, console: &mut Console) {
        let paint = console.paint();
        let uptime = words(time::Duration::seconds(self.uptime_seconds));
        console.line(format_args!("  up          {uptime}, generation {}", self.generation));
        self.reload.print(console);
        if let Some(Ledger { followed: false, since, age_seconds }) = &self.ledger {
            let since = printable(since.as_deref().unwrap_or("its start"));
            let age = words(time::Duration::seconds(*age_seconds));
            let said = format!(
                "not followed since {since}; it last said {age} ago what is revoked, and what came later is not known"
            );
            console.line(format_args!("  ledger      {}", paint.bad(&said)));
        }
        if let Some(Rotation { of, phase }) = &self.rotation {
            let said = printable(&format!("{of}: {phase} (countersign ca rotate status)"));
            console.line(format_args!("  rotation    {}", paint.notable(&said)));
        }
        if let Some(Outage { budget_seconds, first }) = &self.outage {
            let budget = words(time::Duration::seconds(*budget_seconds));
            console.line(format_args!(
                "  outage      without the authority, {} fails first, in {budget}",
                printable(first)
            ));
        }
        let named = |database: &Database| printable(&format!("{} ({})", database.name, database.backend));
        let databases: Vec<String> = self.databases.iter().map(named).collect();
        console.line(format_args!("  databases   {}", databases.join(", ")));
        let mut listeners =
            Table::new(["listener", "address", "transport", "tls", "client certificate", "auth"]);
        for listener in &self.listeners {
            let tls = if listener.tls { "on" } else { "off" };
            let (asked, auth) =
                (listener.client_auth.as_deref().unwrap_or("not asked for"), listener.auth.join(", "));
            listeners.row([&listener.name, &listener.address, &listener.transport, tls, asked, &auth]);
        }
        console.line(format_args!("\n{listeners}"));
        self.print_upstreams(console);
        let mut certificates = Table::new(["certificate", "subject", "ends", "days left"]);
        for certificate in &self.certificates {
            let days = certificate.days.to_string();
            certificates.row([&certificate.name, &certificate.subject, &certificate.not_after, &days]);
        }
        console.line(format_args!("\n{certificates}"));
        self.print_lists(console);
        self.print_revocation(console);
        for certificate in self.certificates.iter().filter(|certificate| certificate.days < moment::SOON_DAYS)
        {
            let warning =
                format!("certificate {} ends in {} days", printable(&certificate.name), certificate.days);
            console.line(paint.notable(&warning));
        }
    }

    /// The servers behind the door.
    fn print_upstreams(&self, console: &mut Console) {
        if self.upstreams.is_empty() {
            return;
        }
        let mut upstreams = Table::new(["service", "server", "database", "sslmode", "identity"]);
        for Upstream { name, address, database, sslmode, identity } in &self.upstreams {
            upstreams.row([name, address, database, sslmode, identity]);
        }
        console.line(format_args!("\n{upstreams}"));
    }

    /// The lists that stand in files.
    fn print_lists(&self, console: &mut Console) {
        let mut lists = Table::new(["list", "tls", "authority", "number", "next update", "entries"]);
        let mut files = self.revocation.iter().filter(|source| source.is_file()).peekable();
        if files.peek().is_none() {
            return;
        }
        for Source { tls, source, issuer, number, next_update, outdated, entries, .. } in files {
            let next = next_update.as_deref().unwrap_or("not said");
            let next = if *outdated { format!("{next} (outdated)") } else { next.to_owned() };
            let number = number.as_deref().unwrap_or_default();
            lists.row([source, tls, issuer, number, &next, &entries.to_string()]);
        }
        console.line(format_args!("\n{lists}"));
    }

    fn print_revocation(&self, console: &mut Console) {
        let mut asked = self.revocation.iter().filter(|source| !source.is_file()).peekable();
        if asked.peek().is_none() {
            return;
        }
        let mut sources =
            Table::new(["revocation", "address", "fetched", "good until", "entries", "last failure"]);
        for source in asked {
            let (fetched, until) = (source.fetched_at.as_deref(), source.good_until.as_deref());
            let failure = source.failure.as_deref().unwrap_or_default();
            let (never, entries) = ("never", source.entries.to_string());
            sources.row([
                &source.method,
                &source.url,
                fetched.unwrap_or(never),
                until.unwrap_or(never),
                &entries,
                failure,
            ]);
        }
        console.line(format_args!("\n{sources}"));
    }
}
