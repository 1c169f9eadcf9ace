mod held;

use std::path::{Path, PathBuf};

use authority::SignedCrl;
use clap::Args;
use fault::{Fault, Faults};
use identity::CrlError;
use serde_json::{Value, json};
use time::Duration;

use self::held::{Held, Source};
use crate::console::Console;
use crate::exit::Exit;
use crate::loading::on_record;
use crate::shown::moment::{moment, parse_span, rfc3339};

/// Sign the current list of what an issuer has revoked, for programs that do not read our ledger.
///
/// Every issuer of the realm's configuration signs its own, and it is written to pki/NAME.crl as PEM, which openssl,
/// nginx, PostgreSQL and countersign read. A list that is there is replaced by the newer one. Sign again after each
/// revocation, and before the list's own end: verifiers refuse an outdated list.
#[derive(Args)]
#[command(after_help = "Examples:
  countersign ca crl
  countersign ca crl --issuer client --der --out /var/www/pki/client.crl
  countersign ca crl --issuer client --out - | openssl crl -noout -text
  countersign ca crl --ca realm/pki/root --key /media/usb/root.key --ledger realm/state/ledger.db --days 30")]
pub(crate) struct Crl {
    #[command(flatten)]
    source: Source,
    /// The file to write, or - for the standard output; otherwise NAME.crl beside the authorities.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write DER, as distribution points serve it, instead of PEM; without --out to NAME.crl.der.
    #[arg(long)]
    der: bool,
    /// How long the list is valid: 24h, 7d; otherwise what the configuration says (authority.crl.lifetime), or 24h.
    #[arg(long, value_name = "SPAN", value_parser = parse_span)]
    lifetime: Option<Duration>,
    /// How long it is valid, in days.
    #[arg(long, value_name = "N", conflicts_with = "lifetime")]
    days: Option<u32>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// A list that was signed and written.
struct Written {
    list: SignedCrl,
    file: PathBuf,
}

impl Crl {
    pub(super) fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        self.check()?;
        let now = console.now();
        let held = self.source.open(now)?;
        if self.out.is_some() && held.issuers.len() > 1 {
            let names: Vec<&str> = held.issuers.iter().map(|issuer| issuer.name.as_str()).collect();
            return Err(Fault::yours("--out names one file, and there is more than one issuer")
                .remedy(format!("say which: --issuer {}", names.join(", --issuer ")))
                .into());
        }
        let lifetime = self.lifetime.or(self.days.map(|days| Duration::days(days.into())));
        let lists = self.sign(&held, lifetime.unwrap_or(held.lifetime), console)?;
        if self.out.as_deref() == Some(Path::new(STANDARD_OUTPUT)) {
            for list in &lists {
                console.bytes(&self.encoded(list));
            }
            return Ok(Exit::Done);
        }
        let written = self.write(&held, lists)?;
        self.say(console, &written)?;
        Ok(Exit::Done)
    }

    fn check(&self) -> Result<(), Fault> {
        let to_output = self.out.as_deref() == Some(Path::new(STANDARD_OUTPUT));
        if to_output && self.json {
            return Err(Fault::yours("--json and the list cannot both go to the standard output")
                .remedy("name a file: --out FILE"));
        }
        Ok(())
    }

    fn sign(&self, held: &Held, lifetime: Duration, console: &mut Console) -> Result<Vec<SignedCrl>, Fault> {
        let now = console.now();
        let (lists, strangers) = on_record(held.ledger.as_ref(), async {
            let (mut lists, mut strangers) = (Vec::new(), Vec::new());
            for issuer in &held.issuers {
                lists.push(issuer.authority.sign_crl(held.ledger.as_ref(), lifetime, now).await?);
                strangers.extend(issuer.unless_known(held.ledger.as_ref()).await?);
            }
            Ok((lists, strangers))
        })?;
        console.warn(&strangers);
        Ok(lists)
    }

    fn write(&self, held: &Held, lists: Vec<SignedCrl>) -> Result<Vec<Written>, Faults> {
        let ending = if self.der { "crl.der" } else { "crl" };
        let file =
            |name: &str| self.out.clone().unwrap_or_else(|| held.folder.join(format!("{name}.{ending}")));
        let files = held.issuers.iter().map(|issuer| file(&issuer.name));
        let written: Vec<Written> =
            lists.into_iter().zip(files).map(|(list, file)| Written { list, file }).collect();
        let mut faults = Faults::new();
        for Written { file, .. } in &written {
            faults.note(must_be_a_list(file));
        }
        faults.or(())?;
        for Written { list, file } in &written {
            files::write_public(file, &self.encoded(list))?;
        }
        Ok(written)
    }

    fn encoded(&self, list: &SignedCrl) -> Vec<u8> {
        if self.der { list.der().to_vec() } else { list.to_pem().into_bytes() }
    }

    fn say(&self, console: &mut Console, written: &[Written]) -> Result<(), Fault> {
        if self.json {
            return console.json(&written.iter().map(Written::json).collect::<Vec<_>>());
        }
        for Written { list, file } in written {
            console.line(format_args!(
                "list {} of {}: {} revoked, valid until {}",
                list.number(),
                list.issuer(),
                list.entries(),
                moment(list.next_update())
            ));
            console.line(format_args!("  {}  {}", file.display(), if self.der { "DER" } else { "PEM" }));
        }
        Ok(())
    }
}

impl Written {
    fn json(&self) -> Value {
        json!({
            "issuer": self.list.issuer(),
            "number": self.list.number(),
            "this_update": rfc3339(self.list.this_update()),
            "next_update": rfc3339(self.list.next_update()),
            "revoked": self.list.entries(),
            "file": self.file,
        })
    }
}

/// A list may be replaced; a key that --out names by mistake may not.
fn must_be_a_list(file: &Path) -> Result<(), Fault> {
    if !file.exists() {
        return Ok(());
    }
    match identity::Crl::from_pem_or_der(&files::read_limited(file, LARGEST)?) {
        Ok(_) | Err(CrlError::Unusable(_)) => Ok(()),
        Err(CrlError::Malformed(_)) => Err(Fault::yours("the file exists, and is no revocation list")
            .in_file(file)
            .remedy("name another: --out FILE")),
    }
}

const STANDARD_OUTPUT: &str = "-";
/// Far more than a list of a million.
const LARGEST: u64 = 256 * 1024 * 1024;
