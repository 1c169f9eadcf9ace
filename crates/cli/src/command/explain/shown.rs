//! A refusal as a person reads it.

use serde::Deserialize;
use serde_json::Value;

use crate::console::Console;
use crate::shown::{Table, printable};

/// What is said of a refusal; what was not said is not shown.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Explained {
    refusal: Option<String>,
    handshake: Option<String>,
    at: Option<String>,
    stage: Option<String>,
    listener: Option<String>,
    peer: Option<String>,
    server_name: Option<String>,
    code: Option<String>,
    message: Option<String>,
    cause: Option<String>,
    remedy: Option<String>,
    check: Option<String>,
    target: Option<String>,
    principal: Option<String>,
    generation: Option<u64>,
    certificate: Option<Certificate>,
    path: Option<Vec<String>>,
    revocation_sources: Vec<String>,
    now: Option<Now>,
    source: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Certificate {
    subject: Option<String>,
    issuer: Option<String>,
    serial: Option<String>,
    sha256: Option<String>,
    spki_sha256: Option<String>,
    not_before: Option<String>,
    not_after: Option<String>,
    sans: Vec<String>,
    unreadable: Option<String>,
}

/// What would be decided now.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Now {
    generation: u64,
    note: Option<String>,
    principals: Vec<Considered>,
    grants: Option<Vec<Grant>>,
    outcome: Option<Outcome>,
}

#[derive(Deserialize)]
struct Considered {
    principal: String,
    active: bool,
    entry: String,
    matched: bool,
    why_not: Option<String>,
}

#[derive(Deserialize)]
struct Grant {
    database: String,
    principal: String,
    level: String,
    applies: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Outcome {
    decision: String,
    level: Option<String>,
    until: Option<String>,
    code: Option<String>,
    cause: Option<String>,
}

/// Prints one refusal.
pub(super) fn whole(console: &mut Console, value: &Value) {
    let said = Explained::deserialize(value).unwrap_or_default();
    said.verdict(console);
    said.circumstances(console);
    if let Some(certificate) = &said.certificate {
        certificate.print(console);
    }
    list_of(console, "path", said.path.as_deref().unwrap_or_default());
    list_of(console, "revocation", &said.revocation_sources);
    if let Some(now) = &said.now {
        now.print(console, said.generation);
    }
    field(console, "source", said.source.as_deref());
}

/// Prints several, a line each.
pub(super) fn list(console: &mut Console, refusals: &[Value], truncated: bool) {
    if refusals.is_empty() {
        console.line("nothing was refused to this address in that time, as far as is known");
        return;
    }
    let mut table = Table::new(["when", "refusal", "handshake", "peer", "code", "cause"]);
    for refusal in refusals {
        let said = Explained::deserialize(refusal).unwrap_or_default();
        let cells = [said.at, said.refusal, said.handshake, said.peer, said.code, said.cause];
        table.row(cells.map(Option::unwrap_or_default));
    }
    console.line(table);
    let more = if truncated { "there are more: narrow it with --at and --within; " } else { "" };
    console.line(format_args!("({more}countersign explain ID tells all of one)"));
}

impl Explained {
    fn verdict(&self, console: &mut Console) {
        let text = |text: &Option<String>| printable(text.as_deref().unwrap_or_default());
        console.line(format_args!("refused: {}: {}", text(&self.code), text(&self.message)));
        if self.cause.is_some() {
            console.line(format_args!("  cause: {}", text(&self.cause)));
        }
        if self.remedy.is_some() {
            console.line(format_args!("  try: {}", text(&self.remedy)));
        }
        if self.at.is_some() {
            console.line("");
        }
    }

    fn circumstances(&self, console: &mut Console) {
        let stage = self.stage.as_deref().map(|stage| match &self.check {
            Some(check) => format!("{stage}, by the check \"{check}\""),
            None => stage.to_owned(),
        });
        let listener = self.listener.as_deref().map(|listener| match self.generation {
            Some(generation) => format!("{listener}, generation {generation}"),
            None => listener.to_owned(),
        });
        let peer = self.peer.as_deref().map(|peer| match &self.server_name {
            Some(name) => format!("{peer}, which asked for {name}"),
            None => peer.to_owned(),
        });
        for (name, value) in [
            ("refusal", self.refusal.as_deref()),
            ("handshake", self.handshake.as_deref()),
            ("when", self.at.as_deref()),
            ("stage", stage.as_deref()),
            ("listener", listener.as_deref()),
            ("peer", peer.as_deref()),
            ("target", self.target.as_deref()),
            ("principal", self.principal.as_deref()),
        ] {
            field(console, name, value);
        }
    }
}

impl Certificate {
    fn print(&self, console: &mut Console) {
        field(console, "certificate", self.subject.as_deref().or(self.unreadable.as_deref()));
        let valid = self.not_before.as_deref().zip(self.not_after.as_deref());
        let sans = self.sans.join(", ");
        for (name, value) in [
            ("  issuer", self.issuer.as_deref()),
            ("  serial", self.serial.as_deref()),
            ("  valid", valid.map(|(from, until)| format!("{from} to {until}")).as_deref()),
            ("  names", Some(sans.as_str()).filter(|sans| !sans.is_empty())),
            ("  sha256", self.sha256.as_deref()),
            ("  spki", self.spki_sha256.as_deref()),
        ] {
            field(console, name, value);
        }
    }
}

impl Now {
    fn print(&self, console: &mut Console, then: Option<u64>) {
        let same = if then == Some(self.generation) { ", the one that decided" } else { ", a later one" };
        console.line(format_args!("\nby generation {}{same}:", self.generation));
        if let Some(note) = &self.note {
            console.line(format_args!("  {}", printable(note)));
        }
        for one in &self.principals {
            let why = one.why_not.as_deref().map(|why| format!(" ({why})")).unwrap_or_default();
            let off = if one.active { "" } else { " [switched off]" };
            let line = format!("{} {}: {}{why}{off}", mark(one.matched), one.principal, one.entry);
            console.line(format_args!("  principal {}", printable(&line)));
        }
        for grant in self.grants.iter().flatten() {
            let line =
                format!("{} {} on {}: {}", mark(grant.applies), grant.principal, grant.database, grant.level);
            console.line(format_args!("  grant     {}", printable(&line)));
        }
        if self.grants.as_ref().is_some_and(Vec::is_empty) {
            console.line("  grant     none is about this target");
        }
        if let Some(outcome) = &self.outcome {
            console.line(format_args!("  it would be {}", printable(&outcome.to_string())));
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.decision)?;
        let detail = self.level.as_ref().or(self.code.as_ref());
        detail.map_or(Ok(()), |detail| write!(f, ": {detail}"))?;
        self.until.as_ref().map_or(Ok(()), |until| write!(f, " until {until}"))?;
        self.cause.as_ref().map_or(Ok(()), |cause| write!(f, ": {cause}"))
    }
}

fn mark(yes: bool) -> &'static str {
    if yes { "yes" } else { "no " }
}

fn field(console: &mut Console, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        console.line(format_args!("{name:<13}{}", printable(value)));
    }
}

fn list_of(console: &mut Console, name: &str, values: &[String]) {
    for (n, value) in values.iter().enumerate() {
        field(console, if n == 0 { name } else { "" }, Some(value));
    }
}
