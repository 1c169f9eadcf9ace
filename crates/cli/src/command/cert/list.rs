use clap::Args;
use fault::{Fault, Faults};
use ledger::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::{Duration, OffsetDateTime};

use crate::console::Console;
use crate::door::{Door, runtime};
use crate::exit::Exit;
use crate::loading;
use crate::paged::{pages, question, told};
use crate::shown::Table;
use crate::shown::moment::{parse_moment, parse_span, rfc3339};

/// List the certificates on record, newest first.
///
/// They are read from the realm's ledger, or with --url from a running node, which answers administrators.
#[derive(Args)]
#[command(after_help = "Examples:
  countersign cert list
  countersign cert list --expires-within 30d --state issued --json
  countersign cert list --name \"*.example.com\" --issuer \"*Server*\" --limit 20
  countersign cert list --profile service --url https://db.example.com:7777 --as admin")]
pub(crate) struct List {
    #[command(flatten)]
    door: Door,
    /// Only those of this common name or alternative name; `*` and `?` stand for other characters.
    #[arg(long)]
    name: Option<String>,
    /// Only those with this serial.
    #[arg(long)]
    serial: Option<String>,
    /// Only those of this issuer: its public key (SHA-256), or its distinguished name, with `*` and `?`.
    #[arg(long)]
    issuer: Option<String>,
    /// Only those that end within a span: 30d, 24h. Expired ones are among them.
    #[arg(long, value_name = "SPAN", value_parser = parse_span, conflicts_with = "expires_before")]
    expires_within: Option<Duration>,
    /// Only those that end before this moment.
    #[arg(long, value_name = "MOMENT", value_parser = parse_moment)]
    expires_before: Option<OffsetDateTime>,
    /// Only those that end at this moment or later.
    #[arg(long, value_name = "MOMENT", value_parser = parse_moment)]
    expires_after: Option<OffsetDateTime>,
    /// Only those of this profile.
    #[arg(long)]
    profile: Option<String>,
    /// Only those of a kind: service, server, client, or ca for authorities.
    #[arg(long, conflicts_with = "profile")]
    kind: Option<String>,
    /// Only those in this state: drafted, issued, abandoned, revoked.
    #[arg(long, value_parser = state)]
    state: Option<State>,
    /// At most this many; otherwise all.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// A certificate, as far as it is printed.
#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
struct Row {
    serial: String,
    subject: String,
    sans: Vec<String>,
    profile: String,
    issuer: String,
    state: String,
    not_before: String,
    not_after: String,
    #[serde(rename(serialize = "days_left", deserialize = "days_until_expiry"))]
    days_left: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<String>,
    #[serde(
        skip_serializing_if = "Option::is_none",
        rename(serialize = "reason", deserialize = "revocation_reason")
    )]
    reason: Option<String>,
}

impl List {
    pub(super) fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        let (now, asked) = (console.now(), self.asked(console.now()));
        let limit = self.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let found = if self.door.url.is_some() {
            self.door.with(console, async |connector| {
                let page = async |page| told(connector, &format!("{PATH}?{asked}{page}")).await;
                pages(CERTIFICATES, limit, page).await
            })?
        } else {
            let ledger = loading::ledger_of(&self.door.realm)?;
            let page = async |page| {
                let filter = registrar::inventory::wanted(&format!("{asked}{page}")).map_err(Fault::yours)?;
                registrar::inventory::page(ledger.as_ref(), filter, now).await
            };
            runtime()?.block_on(pages(CERTIFICATES, limit, page))?
        };
        let rows: Vec<Row> =
            found.iter().map(|one: &Value| Row::deserialize(one).unwrap_or_default()).collect();
        if self.json {
            console.json(&rows)?;
        } else {
            console.line(table(&rows));
        }
        Ok(Exit::Done)
    }

    fn asked(&self, now: OffsetDateTime) -> String {
        let before = self.expires_before.or(self.expires_within.map(|span| now + span));
        question([
            ("name", self.name.clone()),
            ("serial", self.serial.clone()),
            ("issuer", self.issuer.clone()),
            ("profile", self.profile.clone()),
            ("kind", self.kind.clone()),
            ("state", self.state.map(|state| state.as_str().to_owned())),
            ("expires_before", before.map(rfc3339)),
            ("expires_after", self.expires_after.map(rfc3339)),
        ])
    }
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new(["serial", "subject", "names", "profile", "state", "ends", "days left"]);
    for row in rows {
        let (names, days) = (row.sans.join(", "), row.days_left.to_string());
        // What was revoked says when and why in the place of its state.
        let revoked =
            row.revoked_at.as_ref().zip(row.reason.as_ref()).map(|(at, why)| format!("revoked {at}, {why}"));
        let state = revoked.as_deref().unwrap_or(&row.state);
        table.row([&row.serial, &row.subject, &names, &row.profile, state, &row.not_after, &days]);
    }
    table
}

fn state(word: &str) -> Result<State, Fault> {
    State::parse(word).ok_or_else(|| {
        let known: Vec<&str> = State::ALL.iter().map(|state| state.as_str()).collect();
        Fault::yours(format!("unknown state \"{word}\"")).remedy(known.join(", "))
    })
}

const PATH: &str = "/api/admin/security/certificates";
/// What a page calls them.
const CERTIFICATES: &str = "certificates";
