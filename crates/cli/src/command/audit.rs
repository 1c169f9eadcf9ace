use clap::Args;
use fault::{Fault, Faults};
use ledger::AuditKind;
use serde_json::Value;
use time::{Duration, OffsetDateTime};

use crate::console::Console;
use crate::door::{Door, runtime};
use crate::exit::Exit;
use crate::loading;
use crate::paged::{pages, question, told};
use crate::shown::Table;
use crate::shown::moment::{parse_moment, parse_span, rfc3339};

/// Print the audit record, newest first: who came in, who was refused, what was issued, revoked and changed.
///
/// It is read from the realm's ledger, or with --url from a running node, which answers administrators.
#[derive(Args)]
#[command(after_help = "Examples:
  countersign audit
  countersign audit --kind refusal --since 24h
  countersign audit --principal analyst --since 2026-11-01 --until 2026-11-08 --limit 1000 --json
  countersign audit --url https://db.example.com:7777 --as admin")]
pub(crate) struct Audit {
    #[command(flatten)]
    door: Door,
    /// Only what happened since then: a moment, or a span before now (24h, 7d).
    #[arg(long, value_name = "WHEN", value_parser = When::parse)]
    since: Option<When>,
    /// Only what happened before then.
    #[arg(long, value_name = "WHEN", value_parser = When::parse)]
    until: Option<When>,
    /// Only what this principal did or was refused.
    #[arg(long, value_name = "NAME")]
    principal: Option<String>,
    /// Only this kind: sign-in, refusal, issue, revoke, session-end, reload, admin.
    #[arg(long, value_parser = kind)]
    kind: Option<AuditKind>,
    /// Only what concerns the certificate with this serial.
    #[arg(long)]
    serial: Option<String>,
    /// At most this many.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// A moment, or how long before now.
#[derive(Clone, Copy, Debug)]
enum When {
    At(OffsetDateTime),
    Ago(Duration),
}

impl When {
    fn parse(text: &str) -> Result<Self, Fault> {
        parse_span(text).map(Self::Ago).or_else(|_| parse_moment(text).map(Self::At))
    }

    fn moment(self, now: OffsetDateTime) -> OffsetDateTime {
        match self {
            Self::At(moment) => moment,
            Self::Ago(span) => now - span,
        }
    }
}

impl Audit {
    pub(super) fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        let asked = self.asked(console.now());
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let events = if self.door.url.is_some() {
            self.door.with(console, async |connector| {
                let page = async |page| told(connector, &format!("/_admin/audit?{asked}{page}")).await;
                pages(EVENTS, limit, page).await
            })?
        } else {
            let ledger = loading::ledger_of(&self.door.realm)?;
            let page = async |page| {
                let filter = daemon::audited::filter(&format!("{asked}{page}")).map_err(Fault::yours)?;
                daemon::audited::page(ledger.as_ref(), filter).await
            };
            runtime()?.block_on(pages(EVENTS, limit, page))?
        };
        if self.json {
            console.json(&events)?;
        } else {
            console.line(table(&events));
        }
        Ok(Exit::Done)
    }

    /// What is asked for, as the query of a URL that goes on with the page.
    fn asked(&self, now: OffsetDateTime) -> String {
        let moment = |when: Option<When>| when.map(|when| rfc3339(when.moment(now)));
        question([
            ("since", moment(self.since)),
            ("until", moment(self.until)),
            ("principal", self.principal.clone()),
            ("kind", self.kind.map(|kind| kind.as_str().to_owned())),
            ("serial", self.serial.clone()),
        ])
    }
}

fn table(events: &[Value]) -> Table {
    let mut table = Table::new(["at", "action", "principal", "peer", "serial", "code", "what"]);
    for event in events {
        let field = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
        let who = if field("principal").is_empty() { field("name") } else { field("principal") };
        table.row([
            field("at"),
            field("action"),
            who,
            field("peer"),
            field("serial"),
            field("code"),
            field("cause"),
        ]);
    }
    table
}

fn kind(word: &str) -> Result<AuditKind, Fault> {
    AuditKind::parse(word).ok_or_else(|| {
        let known: Vec<&str> = AuditKind::ALL.iter().map(|kind| kind.as_str()).collect();
        Fault::yours(format!("unknown kind \"{word}\"")).remedy(known.join(", "))
    })
}

/// What a page calls them.
const EVENTS: &str = "events";
