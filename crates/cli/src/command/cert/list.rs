use std::path::PathBuf;

use clap::Args;
use fault::{Fault, Faults};
use identity::RevocationReason;
use ledger::{CertificateFilter, CertificateRecord, Ledger, State};
use serde::Serialize;
use time::{Duration, OffsetDateTime};

use crate::console::Console;
use crate::door::runtime;
use crate::exit::Exit;
use crate::loading;
use crate::shown::Table;
use crate::shown::moment::{days, parse_span, rfc3339};

/// List the certificates on record in a realm's ledger, newest first.
#[derive(Args)]
#[command(after_help = "Examples:
  countersign cert list
  countersign cert list --expires-within 30d --state issued --json
  countersign cert list --name \"*.example.com\"")]
pub(crate) struct List {
    /// The realm.
    #[arg(long, value_name = "DIR", default_value = "realm")]
    realm: PathBuf,
    /// Only those of this common name or alternative name; `*` and `?` stand for other characters.
    #[arg(long)]
    name: Option<String>,
    /// Only those that end within a span: 30d, 24h. Expired ones are among them.
    #[arg(long, value_name = "SPAN", value_parser = parse_span)]
    expires_within: Option<Duration>,
    /// Only those of this profile.
    #[arg(long)]
    profile: Option<String>,
    /// Only those in this state: drafted, issued, abandoned, revoked.
    #[arg(long, value_parser = state)]
    state: Option<State>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Row {
    serial: String,
    subject: String,
    sans: Vec<String>,
    profile: String,
    issuer: String,
    state: &'static str,
    not_before: String,
    not_after: String,
    days_left: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<RevocationReason>,
}

impl List {
    pub(super) fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        let now = console.now();
        let filter = CertificateFilter {
            name: self.name,
            profile: self.profile,
            expires_before: self.expires_within.map(|span| now + span),
            state: self.state,
            ..CertificateFilter::default()
        };
        let ledger = loading::ledger_of(&self.realm)?;
        let records = runtime()?.block_on(every(&ledger, filter))?;
        let rows: Vec<Row> = records.into_iter().map(|record| Row::new(record, now)).collect();
        if self.json {
            console.json(&rows)?;
        } else {
            console.line(table(&rows));
        }
        Ok(Exit::Done)
    }
}

impl Row {
    fn new(record: CertificateRecord, now: OffsetDateTime) -> Self {
        let draft = record.draft;
        Self {
            serial: draft.serial.to_string(),
            subject: draft.subject,
            sans: draft.sans,
            profile: draft.profile,
            issuer: draft.issuer.name,
            state: record.state.as_str(),
            not_before: rfc3339(draft.not_before),
            not_after: rfc3339(draft.not_after),
            days_left: days(draft.not_after, now),
            revoked_at: record.revoked.map(|revoked| rfc3339(revoked.at)),
            reason: record.revoked.map(|revoked| revoked.reason),
        }
    }
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new(["serial", "subject", "names", "profile", "state", "ends", "days left"]);
    for row in rows {
        let (names, days) = (row.sans.join(", "), row.days_left.to_string());
        // What was revoked says when and why in the place of its state.
        let revoked = row.revoked_at.as_ref().zip(row.reason).map(|(at, why)| format!("revoked {at}, {why}"));
        let state = revoked.as_deref().unwrap_or(row.state);
        table.row([&row.serial, &row.subject, &names, &row.profile, state, &row.not_after, &days]);
    }
    table
}

/// Every page of the answer.
async fn every(ledger: &impl Ledger, mut filter: CertificateFilter) -> Result<Vec<CertificateRecord>, Fault> {
    let mut records = Vec::new();
    loop {
        let page = ledger.certificates(filter.clone()).await?;
        records.extend(page.entries);
        match page.next {
            Some(next) => filter.after = Some(next),
            None => return Ok(records),
        }
    }
}

fn state(word: &str) -> Result<State, Fault> {
    State::parse(word).ok_or_else(|| {
        let known: Vec<&str> = State::ALL.iter().map(|state| state.as_str()).collect();
        Fault::yours(format!("unknown state \"{word}\"")).remedy(known.join(", "))
    })
}
