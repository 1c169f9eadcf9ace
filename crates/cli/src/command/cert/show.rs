use std::path::{Path, PathBuf};

use clap::Args;
use fault::{Fault, Faults};
use identity::{Certificate, Serial};
use ledger::{CertificateFilter, Ledger as _};
use rustls::pki_types::CertificateDer;

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
    /// The realm in whose ledger a serial is looked up.
    #[arg(long, value_name = "DIR", default_value = "realm")]
    realm: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Show {
    pub(super) fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        let file = Path::new(&self.certificate);
        let certificates = match Serial::parse(&self.certificate) {
            Ok(serial) if !file.exists() => recorded(&self.realm, serial)?,
            _ => files::load_certificates(file)?,
        };
        print(console, &certificates, self.json)?;
        Ok(Exit::Done)
    }
}

fn print(console: &mut Console, certificates: &[Certificate], json: bool) -> Result<(), Fault> {
    let now = console.now();
    let shown: Vec<Shown> = certificates.iter().map(|certificate| Shown::new(certificate, now)).collect();
    if json {
        return console.json(&shown);
    }
    for (n, shown) in shown.iter().enumerate() {
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

fn recorded(realm: &Path, serial: Serial) -> Result<Vec<Certificate>, Fault> {
    let ledger = loading::ledger_of(realm)?;
    let filter = CertificateFilter { serial: Some(serial.clone()), ..CertificateFilter::default() };
    let found = runtime()?.block_on(ledger.certificates(filter))?;
    let certificates: Vec<Certificate> = found
        .entries
        .into_iter()
        .filter_map(|record| record.der)
        .map(|der| Certificate::from_der(CertificateDer::from(der)))
        .collect::<Result<_, _>>()
        .map_err(|error| Fault::ours("the ledger holds a certificate that cannot be read").because(error))?;
    if certificates.is_empty() {
        return Err(Fault::theirs(format!("no certificate with the serial {serial} is on record"))
            .in_file(realm)
            .remedy("countersign cert list shows what is; for a file, check the path"));
    }
    Ok(certificates)
}
