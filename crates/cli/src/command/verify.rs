use std::path::PathBuf;

use clap::{Args, ValueEnum};
use fault::{Code, Faults, Refusal};
use identity::{
    Certificate, List, Purpose, RevocationPolicy, Revocations, Strictness, Trust, Verification, Verified,
};
use serde::Serialize;
use time::OffsetDateTime;

use crate::console::Console;
use crate::exit::Exit;
use crate::shown::moment::{distance, moment, parse_moment, rfc3339};
use crate::shown::printable;

/// Judge a chain exactly as the gateway would, and say why.
///
/// Exits with 1 where the chain is refused.
#[derive(Args)]
#[command(after_help = "Examples:
  countersign verify --trust client-ca.crt analyst.crt
  countersign verify --trust server-ca.crt --purpose server --name db.example.com server.crt
  countersign verify --trust client-ca.crt --crl client-ca.crl analyst.crt
  countersign verify --trust client-ca.crt --at 2027-01-01 analyst.crt")]
pub(crate) struct Verify {
    /// The leaf, and the intermediates behind it.
    #[arg(value_name = "CHAIN")]
    chain: PathBuf,
    /// Whom to trust: a file with one or more authorities, or a folder of such files.
    #[arg(long, value_name = "CA", required = true)]
    trust: Vec<PathBuf>,
    /// What the authorities took back: a file with revocation lists, PEM or DER, or a pattern such as 'crl/*.crl'.
    #[arg(long, value_name = "FILE")]
    crl: Vec<PathBuf>,
    /// What the leaf is to be used for.
    #[arg(long, value_enum, default_value_t = For::Client)]
    purpose: For,
    /// The host name or address that a server's leaf must cover.
    #[arg(long, value_name = "HOST")]
    name: Option<String>,
    /// The moment to judge at: 2026-11-22, 2026-11-22T11:10:50Z, or seconds since 1970. Otherwise now.
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    at: Option<OffsetDateTime>,
    /// Refuse X.509 version 1 leaves, as a listener with `allow_x509_v1: false` does.
    #[arg(long)]
    no_x509_v1: bool,
    /// The environment that a service certificate's organization must name.
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum For {
    Client,
    Server,
}

/// What the files hold.
struct Loaded {
    presented: Vec<Certificate>,
    trust: Trust,
    lists: Vec<List>,
}

/// The verdict as a program reads it.
#[derive(Serialize)]
struct Verdict {
    verified: bool,
    at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    path: Vec<Step>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<Code>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<&'static str>,
    trust: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unanswered: Vec<String>,
}

#[derive(Serialize)]
struct Step {
    subject: String,
    serial: String,
    not_after: String,
}

impl Verify {
    pub(super) fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        let Loaded { presented, trust, lists } = self.load()?;
        let at = self.at.unwrap_or_else(|| console.now());
        let chain: Vec<_> = presented.iter().map(|certificate| certificate.der().clone()).collect();
        let outcome = identity::verify(&chain, &trust, self.purpose.purpose(), self.name.as_deref(), at);
        let exit = if outcome.is_ok() { Exit::Done } else { Exit::Refused };
        let unanswered = outcome.as_ref().map(|verified| unanswered(verified, &trust, lists, at));
        let unanswered = unanswered.unwrap_or_default();
        if self.json {
            console.json(&Verdict { unanswered, ..Verdict::new(&outcome, &presented, &trust, at) })?;
        } else {
            match &outcome {
                Ok(verified) => self.say_yes(console, verified, &unanswered, at),
                Err(refusal) => self.say_no(console, refusal, &presented, &trust),
            }
        }
        Ok(exit)
    }

    fn load(&self) -> Result<Loaded, Faults> {
        let mut faults = Faults::new();
        let presented = faults.note(files::load_certificates(&self.chain)).unwrap_or_default();
        let mut anchors = Vec::new();
        for path in &self.trust {
            anchors.extend(faults.note(files::load_client_ca(path)).unwrap_or_default());
        }
        let mut lists = Vec::new();
        for pattern in &self.crl {
            match files::load_revocation_lists(pattern, &anchors) {
                Ok(loaded) => lists.extend(loaded),
                Err(said) => faults.extend(said),
            }
        }
        let strictness =
            Strictness { allow_x509_v1: !self.no_x509_v1, environment: self.environment.clone() };
        let revocations = Revocations::default().with_lists(lists.iter().cloned());
        let trust = Trust::new(anchors, strictness).with_revocations(revocations.into());
        faults.or(Loaded { presented, trust, lists })
    }

    fn say_yes(&self, console: &mut Console, verified: &Verified, unanswered: &[String], at: OffsetDateTime) {
        let verdict = console.paint().good("verified");
        let who = printable(&verified.leaf().identity().subject().to_string());
        let named = self.name.as_ref().map(|name| format!(" \"{}\"", printable(name))).unwrap_or_default();
        console.line(format_args!("{verdict}: {who} as a {}{named}", self.purpose.noun()));
        let last = verified.chain().len().saturating_sub(1);
        for (depth, certificate) in verified.chain().iter().enumerate() {
            let role = if depth == last && depth > 0 { "  (trusted)" } else { "" };
            console.line(format_args!("  {depth}  {}{role}", line(certificate)));
        }
        let until = verified.until();
        console.line(format_args!("  until {} ({})", moment(until), distance(until, at)));
        for subject in unanswered {
            console.line(format_args!("  no revocation list here speaks of {}", printable(subject)));
        }
    }

    fn say_no(&self, console: &mut Console, refusal: &Refusal, presented: &[Certificate], trust: &Trust) {
        let verdict = console.paint().bad("refused");
        console.line(format_args!("{verdict}: {}: {}", refusal.code(), refusal.code().sentence()));
        console.line(format_args!("  cause: {}", printable(refusal.cause())));
        console.line(format_args!("  try: {}", refusal.code().remedy()));
        console.line("  presented");
        for (depth, certificate) in presented.iter().enumerate() {
            console.line(format_args!("    {depth}  {}", line(certificate)));
        }
        console.line("  trusted");
        for anchor in trust.anchors() {
            console.line(format_args!("    {}", line(anchor)));
        }
    }
}

/// Whom no list speaks of, where there are lists: a listener lets them in unless it is told to ask.
fn unanswered(verified: &Verified, trust: &Trust, lists: Vec<List>, at: OffsetDateTime) -> Vec<String> {
    if lists.is_empty() {
        return Vec::new();
    }
    let policy = RevocationPolicy { verification: Some(Verification::default()), ..Default::default() };
    let asking = trust.with_revocations(Revocations::new(policy).with_lists(lists).into());
    let Ok(judged) = identity::verify_again(verified, &asking, at) else { return Vec::new() };
    let subject = |n: &usize| judged.chain().get(*n).map(|one| one.identity().subject().to_string());
    judged.unanswered().iter().filter_map(subject).collect()
}

impl For {
    fn purpose(self) -> Purpose {
        match self {
            Self::Client => Purpose::Client,
            Self::Server => Purpose::Server,
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

impl Verdict {
    fn new(
        outcome: &Result<Verified, Refusal>,
        presented: &[Certificate],
        trust: &Trust,
        at: OffsetDateTime,
    ) -> Self {
        let (verified, refusal) = (outcome.as_ref().ok(), outcome.as_ref().err());
        let path = verified.map_or(presented, Verified::chain);
        Self {
            verified: outcome.is_ok(),
            at: rfc3339(at),
            until: verified.map(|verified| rfc3339(verified.until())),
            path: path.iter().map(Step::new).collect(),
            code: refusal.map(Refusal::code),
            cause: refusal.map(|refusal| refusal.cause().to_owned()),
            remedy: refusal.map(|refusal| refusal.code().remedy()),
            trust: trust.anchors().map(|anchor| anchor.identity().subject().to_string()).collect(),
            unanswered: Vec::new(),
        }
    }
}

impl Step {
    fn new(certificate: &Certificate) -> Self {
        let identity = certificate.identity();
        Self {
            subject: identity.subject().to_string(),
            serial: identity.serial().to_string(),
            not_after: rfc3339(identity.not_after()),
        }
    }
}

fn line(certificate: &Certificate) -> String {
    let identity = certificate.identity();
    let subject = printable(&identity.subject().to_string());
    format!("{subject}  serial {}  until {}", identity.serial(), moment(identity.not_after()))
}
