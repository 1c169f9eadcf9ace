use std::path::{Path, PathBuf};

use clap::Args;
use fault::{Fault, Faults};
use identity::{RevocationReason, Serial};
use ledger::{CertificateRecord, Ledger, Revoked, SqliteLedger};
use serde_json::json;

use super::record;
use crate::console::Console;
use crate::exit::Exit;
use crate::loading::{self, on_record};
use crate::shown::moment::{moment, rfc3339};

/// Take a certificate back, for good.
///
/// The revocation is on record, durably, when this ends, and a node that uses this ledger refuses the certificate from
/// then on. Others learn of it from a list: countersign ca crl. A second time changes nothing.
#[derive(Args)]
#[command(after_help = "Examples:
  countersign cert revoke realm/clients/analyst.crt --reason keyCompromise
  countersign cert revoke 5E1BFA23C8E04D67 --reason superseded --realm ./realm")]
pub(crate) struct Revoke {
    /// The certificate: its file (of a chain, the first in it), or its serial.
    #[arg(value_name = "SERIAL|FILE")]
    certificate: String,
    /// Why: unspecified, keyCompromise, cACompromise, affiliationChanged, superseded, cessationOfOperation,
    /// certificateHold, privilegeWithdrawn, aACompromise.
    #[arg(long, value_name = "REASON", default_value_t)]
    reason: RevocationReason,
    /// The realm whose ledger holds the certificate.
    #[arg(long, value_name = "DIR", default_value = "realm")]
    realm: PathBuf,
    /// The ledger, where there is no realm.
    #[arg(long, value_name = "FILE", conflicts_with = "realm")]
    ledger: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Revoke {
    pub(super) fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        let ledger = self.open()?;
        let now = console.now();
        let (record, revoked) = on_record(&ledger, async {
            let record = self.named(&ledger).await?;
            let by = "countersign cert revoke";
            let revoked = authority::revoke(&ledger, record.draft.id(), self.reason, by, now).await?;
            Ok((record, revoked))
        })?;
        self.say(console, &record, &revoked)?;
        Ok(Exit::Done)
    }

    fn open(&self) -> Result<SqliteLedger, Faults> {
        match &self.ledger {
            Some(path) => Ok(loading::existing(path)?),
            None => loading::ledger_of(&self.realm),
        }
    }

    async fn named(&self, ledger: &dyn Ledger) -> Result<CertificateRecord, Fault> {
        let file = Path::new(&self.certificate);
        match Serial::parse(&self.certificate) {
            Ok(serial) if !file.exists() => record::one_of_serial(ledger, &serial).await,
            _ => record::of_certificate(ledger, &loading::leaf(file)?).await,
        }
    }

    fn say(&self, console: &mut Console, record: &CertificateRecord, revoked: &Revoked) -> Result<(), Fault> {
        let (draft, Revoked { record: revocation, already }) = (&record.draft, revoked);
        if self.json {
            return console.json(&json!({
                "serial": draft.serial,
                "subject": draft.subject,
                "issuer": draft.issuer.name,
                "profile": draft.profile,
                "reason": revocation.reason,
                "revoked_at": rfc3339(revocation.at),
                "already": already,
            }));
        }
        let (subject, serial) = (&draft.subject, &draft.serial);
        let (reason, at) = (revocation.reason, moment(revocation.at));
        if *already {
            console.line(format_args!("already revoked: {subject}, serial {serial}, since {at}, {reason}"));
            return Ok(());
        }
        console.line(format_args!("revoked {subject} ({}), serial {serial}, {at}, {reason}", draft.profile));
        console.line("  a node that uses this ledger refuses it from now on");
        console.line("  countersign ca crl signs the list for everybody else");
        Ok(())
    }
}
