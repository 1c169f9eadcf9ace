use std::path::{Path, PathBuf};

use clap::Args;
use fault::{Fault, Faults};
use identity::{Certificate, Serial};
use ledger::Revocation;
use rustls::pki_types::CertificateDer;
use time::OffsetDateTime;

use super::record;
use crate::console::Console;
use crate::door::runtime;
use crate::exit::Exit;
use crate::loading;
use crate::shown::certificate::Shown;

/// Show what a certificate says: names, validity, usages, key, hashes, and what deserves a look.
#[derive(Args)]
#[command(after_help = "Examples:
  countersign cert show realm/clients/analyst.crt
  countersign cert show 5E1BFA23C8E04D67 --realm ./realm --json")]
pub(crate) struct Show {
    /// A file (PEM, every certificate in it, or DER), or a serial that is looked up in the realm's ledger.
    #[arg(value_name = "FILE|SERIAL")]
    certificate: String,
    /// The realm in whose ledger a serial is looked up, and a file's revocation.
    #[arg(long, value_name = "DIR", default_value = "realm")]
    realm: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Show {
    pub(super) fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        let file = Path::new(&self.certificate);
        let shown = match Serial::parse(&self.certificate) {
            Ok(serial) if !file.exists() => recorded(&self.realm, &serial, console.now())?,
            _ => self.of_file(file, console)?,
        };
        print(console, &shown, self.json)?;
        Ok(Exit::Done)
    }

    /// What the file says, and what the realm's ledger, where there is one, has to add.
    fn of_file(&self, file: &Path, console: &mut Console) -> Result<Vec<Shown>, Faults> {
        let (certificates, now) = (files::load_certificates(file)?, console.now());
        let revoked = revocations(&self.realm, &certificates).unwrap_or_else(|faults| {
            console.warn(&faults.iter().cloned().collect::<Vec<_>>());
            vec![None; certificates.len()]
        });
        let shown = |(certificate, revoked)| Shown::new(certificate, now).revoked(revoked);
        Ok(certificates.iter().zip(revoked).map(shown).collect())
    }
}

fn print(console: &mut Console, certificates: &[Shown], json: bool) -> Result<(), Fault> {
    if json {
        return console.json(&certificates);
    }
    for (n, shown) in certificates.iter().enumerate() {
        if n > 0 {
            console.line("");
        }
        print_one(console, shown);
    }
    Ok(())
}

/// Prints what a certificate says, warnings marked.
pub(in crate::command) fn print_one(console: &mut Console, shown: &Shown) {
    let paint = console.paint();
    console.line(shown);
    for warning in shown.warnings() {
        console.line(paint.notable(&format!("warning      {warning}")));
    }
}

fn recorded(realm: &Path, serial: &Serial, now: OffsetDateTime) -> Result<Vec<Shown>, Faults> {
    let ledger = loading::ledger_of(realm)?;
    let found = runtime()?
        .block_on(record::of_serial(ledger.as_ref(), serial))
        .map_err(|fault| fault.in_file(realm))?;
    let mut shown = Vec::new();
    for record in found {
        let Some(der) = record.der else { continue };
        let certificate = Certificate::from_der(CertificateDer::from(der)).map_err(|error| {
            Fault::ours("the ledger holds a certificate that cannot be read").because(error)
        })?;
        shown.push(Shown::new(&certificate, now).revoked(record.revoked));
    }
    if shown.is_empty() {
        return Err(Fault::theirs(format!("the certificate with the serial {serial} was never signed"))
            .in_file(realm)
            .remedy("countersign cert list shows how far it came")
            .into());
    }
    Ok(shown)
}

/// What the realm's ledger says of each; nothing where there is no ledger.
fn revocations(realm: &Path, certificates: &[Certificate]) -> Result<Vec<Option<Revocation>>, Faults> {
    if !loading::has_ledger(realm) {
        return Ok(vec![None; certificates.len()]);
    }
    let ledger = loading::ledger_of(realm)?;
    let asked = runtime()?.block_on(async {
        let mut revoked = Vec::new();
        for certificate in certificates {
            let record = ledger.certificate_by_fingerprint(certificate.fingerprint()).await?;
            revoked.push(record.and_then(|record| record.revoked));
        }
        Ok::<_, Fault>(revoked)
    });
    Ok(asked?)
}
