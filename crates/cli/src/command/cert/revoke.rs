use std::path::{Path, PathBuf};
use std::sync::Arc;

use authority::Rank;
use clap::Args;
use fault::{Fault, Faults};
use identity::{RevocationReason, Serial};
use ledger::{CertificateRecord, Ledger, Revoked};
use registrar::Successors;
use serde_json::{Value, json};

use super::record;
use crate::console::Console;
use crate::exit::Exit;
use crate::loading::{self, on_record};
use crate::shown::moment::{moment, rfc3339};

/// Take a certificate back, for good.
///
/// The revocation is on record, durably, when this ends, and a node that uses this ledger refuses the certificate from
/// then on. Others learn of it from the issuer's list, which a running node publishes. A second time changes nothing.
#[derive(Args)]
#[command(after_help = "Examples:
  countersign cert revoke realm/clients/analyst.crt --reason keyCompromise
  countersign cert revoke 5E1BFA23C8E04D67 --reason cessationOfOperation --with-successors --realm ./realm
  countersign cert revoke realm/pki/issuers/client.crt --authority --reason cACompromise")]
pub(crate) struct Revoke {
    /// The certificate: its file (of a chain, the first in it), or its serial.
    #[arg(value_name = "SERIAL|FILE")]
    certificate: String,
    /// Why: unspecified, keyCompromise, cACompromise, affiliationChanged, superseded, cessationOfOperation,
    /// certificateHold, privilegeWithdrawn, aACompromise.
    #[arg(long, value_name = "REASON", default_value_t)]
    reason: RevocationReason,
    /// The certificate is an issuer's: everybody whom it has vouched for is refused with it.
    #[arg(long)]
    authority: bool,
    /// Take back all that was given in exchange for it as well. Where the key is compromised, that is done anyway: whoever has
    /// it may have renewed with it.
    #[arg(long)]
    with_successors: bool,
    /// Leave what was given in exchange for it, other than for the same key, although the key is compromised: where it is
    /// certain that nobody but the holder renewed.
    #[arg(long, conflicts_with = "with_successors")]
    without_successors: bool,
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
        let ledger = ledger.as_ref();
        let now = console.now();
        let (record, revoked, successors) = on_record(ledger, async {
            let record = self.named(ledger).await?;
            self.must_be_meant(&record)?;
            let by = "countersign cert revoke";
            let (id, reason) = (record.draft.id(), self.reason);
            let revoked = authority::revoke(ledger, id.clone(), reason, by, now).await?;
            let successors = Successors::of(ledger, &id, self.successors(), (reason, by), now).await?;
            Ok((record, revoked, successors))
        })?;
        self.say(console, &record, &revoked, &successors)?;
        Ok(Exit::Done)
    }

    fn open(&self) -> Result<Arc<dyn Ledger>, Faults> {
        match &self.ledger {
            Some(path) => Ok(loading::existing(path)?),
            None => loading::ledger_of(&self.realm),
        }
    }

    /// An authority falls with all that is below it; that is not done by a mistaken file name.
    fn must_be_meant(&self, record: &CertificateRecord) -> Result<(), Fault> {
        let subject = &record.draft.subject;
        match Rank::of(record) {
            Rank::Root => Err(Fault::yours(format!("\"{subject}\" is a root, and a root cannot be revoked by itself"))
                .because("nobody stands above it whose word would be asked")
                .remedy("remove it from client_ca, and from whatever else trusts it; its issuers are revoked one by one")),
            Rank::Issuer if !self.authority => Err(Fault::yours(format!("\"{subject}\" is an authority's certificate"))
                .because("every certificate below it would be refused with it, for good")
                .remedy("for the certificate of a client or a server name its own file; if the authority is meant, add --authority")),
            Rank::Leaf if self.authority => Err(Fault::yours(format!("\"{subject}\" is no authority's certificate"))
                .remedy("leave --authority out, or name the authority's file")),
            Rank::Issuer | Rank::Leaf => Ok(()),
        }
    }

    async fn named(&self, ledger: &dyn Ledger) -> Result<CertificateRecord, Fault> {
        let file = Path::new(&self.certificate);
        match Serial::parse(&self.certificate) {
            Ok(serial) if !file.exists() => record::one_of_serial(ledger, &serial).await,
            _ => record::of_certificate(ledger, &loading::leaf(file)?).await,
        }
    }

    fn say(
        &self,
        console: &mut Console,
        record: &CertificateRecord,
        revoked: &Revoked,
        successors: &Successors,
    ) -> Result<(), Fault> {
        let (draft, Revoked { record: revocation, already }) = (&record.draft, revoked);
        if self.json {
            return console.json(&shown(record, revoked, successors));
        }
        let (subject, serial) = (&draft.subject, &draft.serial);
        let (reason, at) = (revocation.reason, moment(revocation.at));
        if *already {
            console.line(format_args!("already revoked: {subject}, serial {serial}, since {at}, {reason}"));
            say_successors(console, successors);
            return Ok(());
        }
        console.line(format_args!("revoked {subject} ({}), serial {serial}, {at}, {reason}", draft.profile));
        let below = if self.authority { ", and everybody below it," } else { "" };
        console.line(format_args!("  a node that uses this ledger refuses it{below} from now on"));
        console.line(match Rank::of(record) {
            Rank::Leaf => {
                "  a running node publishes it to everybody else, in its issuer's list and over OCSP; where none runs: countersign ca crl"
            }
            Rank::Issuer | Rank::Root => {
                "  the list for everybody else is signed with the root's key, which no node has: countersign ca crl"
            }
        });
        say_successors(console, successors);
        Ok(())
    }

    /// Whether they are taken back, where that is said.
    fn successors(&self) -> Option<bool> {
        match (self.with_successors, self.without_successors) {
            (true, _) => Some(true),
            (false, true) => Some(false),
            (false, false) => None,
        }
    }
}

fn say_successors(console: &mut Console, successors: &Successors) {
    for CertificateRecord { draft, .. } in &successors.taken {
        let (subject, serial) = (&draft.subject, &draft.serial);
        console.line(format_args!("  revoked with it: {subject}, serial {serial}, given in exchange for it"));
    }
    for CertificateRecord { draft, .. } in &successors.left {
        let (subject, serial, until) = (&draft.subject, &draft.serial, moment(draft.not_after));
        console.line(format_args!(
            "  still good until {until}: {subject}, serial {serial}, given in exchange for it"
        ));
    }
    if !successors.left.is_empty() {
        console.line(
            "  whoever else had the key may have renewed with it: --with-successors takes these back too",
        );
    }
}

/// The certificate, its revocation, and what was given for it, as JSON.
fn shown(record: &CertificateRecord, revoked: &Revoked, successors: &Successors) -> Value {
    let (draft, Revoked { record: revocation, already }) = (&record.draft, revoked);
    let mut shown = json!({
        "serial": draft.serial,
        "subject": draft.subject,
        "issuer": draft.issuer.name,
        "profile": draft.profile,
        "reason": revocation.reason,
        "revoked_at": rfc3339(revocation.at),
        "already": already,
    });
    if let Some(fields) = shown.as_object_mut() {
        fields.extend(successors.fields().map(|(name, value)| (name.to_owned(), value)));
    }
    shown
}
