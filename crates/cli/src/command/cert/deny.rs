use std::path::Path;

use clap::Args;
use fault::{Fault, Faults};
use identity::{Certificate, Pin, RevocationReason, Serial};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::console::Console;
use crate::door::Door;
use crate::exit::Exit;
use crate::shown::printable;

/// Tell a running node to refuse a certificate, whoever issued it.
///
/// An administrator's act, over the door. The node keeps it in its ledger, for good, and ends whatever the certificate
/// has opened within a second. One that the node's own authority issued is revoked, as by countersign cert revoke.
#[derive(Args)]
#[command(after_help = "Examples:
  countersign cert deny stolen.crt --issuer client-ca.crt --reason keyCompromise --as admin
  countersign cert deny 1769F7D6A --url https://db.example.com:7777 --cert admin.crt --key admin.key --cacert server-ca.crt")]
pub(crate) struct Deny {
    /// The certificate: its file (of a chain, the first in it), or its serial.
    #[arg(value_name = "SERIAL|FILE")]
    certificate: String,
    /// Its issuer: the issuer's certificate, or the SHA-256 of the issuer's public key. Otherwise the second certificate
    /// in the file, or else the only authority that the node trusts.
    #[arg(long, value_name = "PIN|FILE")]
    issuer: Option<String>,
    /// Why: unspecified, keyCompromise, cACompromise, affiliationChanged, superseded, cessationOfOperation,
    /// certificateHold, privilegeWithdrawn, aACompromise.
    #[arg(long, value_name = "REASON", default_value_t)]
    reason: RevocationReason,
    #[command(flatten)]
    door: Door,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What the node answers.
#[derive(Deserialize)]
struct Denied {
    serial: String,
    issuer_spki_sha256: String,
    reason: String,
    revoked_at: String,
    already: bool,
}

impl Deny {
    pub(super) fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        let (serial, issuer) = self.named()?;
        let mut body = json!({ "serial": serial, "reason": self.reason });
        if let (Some(issuer), Some(fields)) = (issuer, body.as_object_mut()) {
            fields.insert("issuer_spki_sha256".to_owned(), json!(issuer.to_string()));
        }
        let answer = self.door.with(console, async |connector| {
            let reply = connector.tell("/_admin/revoke", body.to_string()).await?;
            let refused = reply.refused(connector.endpoint());
            if !reply.is_success() {
                return Err(refused);
            }
            serde_json::from_slice::<Value>(reply.body()).map_err(|_| refused)
        })?;
        if self.json {
            console.json(&answer)?;
        } else {
            say(console, &answer)?;
        }
        Ok(Exit::Done)
    }

    /// The serial, and the issuer's public key where something here tells it.
    fn named(&self) -> Result<(Serial, Option<Pin>), Fault> {
        let file = Path::new(&self.certificate);
        let issuer = self.issuer.as_deref().map(Issuer::read).transpose()?;
        if let (Ok(serial), false) = (Serial::parse(&self.certificate), file.exists()) {
            return Ok((serial, issuer.map(|issuer| issuer.key())));
        }
        let mut chain = files::load_certificates(file)?.into_iter();
        let nothing = || Fault::yours("there is no certificate").in_file(file);
        let leaf = chain.next().ok_or_else(nothing)?;
        let issuer = issuer.or_else(|| chain.next().map(|next| Issuer::Certificate(Box::new(next))));
        if let Some(Issuer::Certificate(issuer)) = &issuer {
            issued(&leaf, issuer).map_err(|fault| fault.in_file(file))?;
        }
        Ok((leaf.identity().serial().clone(), issuer.map(|issuer| issuer.key())))
    }
}

/// An issuer as it was named.
enum Issuer {
    Certificate(Box<Certificate>),
    Key(Pin),
}

impl Issuer {
    fn read(named: &str) -> Result<Self, Fault> {
        let file = Path::new(named);
        if let (Ok(key), false) = (Pin::parse(named), file.exists()) {
            return Ok(Self::Key(key));
        }
        let nothing = || Fault::yours("there is no certificate").in_file(file);
        let issuer = files::load_certificates(file)?.into_iter().next().ok_or_else(nothing)?;
        Ok(Self::Certificate(Box::new(issuer)))
    }

    fn key(&self) -> Pin {
        match self {
            Self::Certificate(certificate) => certificate.identity().spki_sha256(),
            Self::Key(key) => *key,
        }
    }
}

/// The serial of one authority says nothing at another; a mistake would refuse somebody else.
fn issued(leaf: &Certificate, issuer: &Certificate) -> Result<(), Fault> {
    let (leaf, issuer) = (leaf.identity(), issuer.identity());
    if leaf.issuer() == issuer.subject() {
        return Ok(());
    }
    Err(Fault::yours(format!("\"{}\" is not the issuer of \"{}\"", issuer.subject(), leaf.subject()))
        .because(format!("\"{}\" is", leaf.issuer()))
        .remedy("name the issuer's certificate with --issuer FILE"))
}

fn say(console: &mut Console, answer: &Value) -> Result<(), Fault> {
    let unread = |error| Fault::theirs("the node answered what no node answers").because(error);
    let denied = Denied::deserialize(answer).map_err(unread)?;
    let (serial, key) = (printable(&denied.serial), printable(&denied.issuer_spki_sha256));
    let (at, reason) = (printable(&denied.revoked_at), printable(&denied.reason));
    let was = if denied.already { "already denied" } else { "denied" };
    console.line(format_args!("{was}: serial {serial}, {at}, {reason}"));
    console.line(format_args!("  of the issuer with the public key {key}"));
    if !denied.already {
        console.line("  the node refuses it from now on, and ends what it has opened");
    }
    Ok(())
}
