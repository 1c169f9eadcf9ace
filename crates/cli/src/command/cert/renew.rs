use std::env;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use authority::{Names, Window};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use clap::Args;
use client::Connector;
use fault::{Fault, Faults};
use identity::{Credential, Fingerprint, PrivateKey, Secret};
use registrar::enrolment::{RENEWAL, renewal_message};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use transport::SystemClock;

use super::answered::{self, Had, heard, is_clients};
use crate::console::Console;
use crate::door::{Door, runtime};
use crate::exit::Exit;
use crate::loading::key_pem;
use crate::shown::moment::{moment, rfc3339};

/// Get the successor of a certificate that the authority issued, with the same names and a new key.
///
/// Asks the authority first whether it is time, and does nothing where it is not: run it as often as you like. The key proves
/// itself, so that a server's certificate is renewed as a client's is, and one that has ended for as long as its profile
/// allows (renew_after_expiry). Both files are replaced together.
#[derive(Args)]
#[command(after_help = "Examples:
  countersign cert renew --cert app.crt --key app.key --cacert server-ca.crt --url https://db.example.com:7777
  countersign cert renew --now --as analyst
  countersign cert renew --cert db.crt --key db.key --cacert server-ca.crt --url https://enrol.example.com:7778")]
pub(crate) struct Renew {
    /// Renew without asking whether it is time.
    #[arg(long)]
    now: bool,
    /// Keep the key.
    #[arg(long)]
    keep_key: bool,
    #[command(flatten)]
    door: Door,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// A credential with the files that it came from.
struct Held {
    credential: Credential,
    cert: PathBuf,
    key: PathBuf,
    password: Option<Secret>,
}

/// What the authority said.
enum Outcome {
    Renewed(Had),
    /// It is not time yet, until this moment.
    Early(OffsetDateTime),
}

impl Renew {
    pub(super) fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        let held = Held::load(&self.door)?;
        let now = console.now();
        let mut connector =
            Connector::new(self.door.endpoint()?, Arc::new(SystemClock)).trusting(self.door.anchors()?);
        let leaf = held.credential.leaf().identity();
        let (fingerprint, ended) = (held.credential.leaf().fingerprint(), now > leaf.not_after());
        if !ended && is_clients(held.credential.leaf()) {
            // A listener that lets nobody in without a certificate lets this one in; the proof below decides.
            connector = connector.presenting(held.again()?);
        }
        let outcome = runtime()?.block_on(async {
            if !self.now
                && let Some(moment) = early(&mut connector, fingerprint, now).await?
            {
                return Ok(Outcome::Early(moment));
            }
            self.renewed(&mut connector, &held, now).await.map(Outcome::Renewed)
        })?;
        match outcome {
            Outcome::Early(due) => self.say_early(console, due)?,
            Outcome::Renewed(had) => {
                self.write(&held, &had)?;
                self.say(console, &held, &had)?;
            }
        }
        Ok(Exit::Done)
    }

    async fn renewed(
        &self,
        connector: &mut Connector,
        held: &Held,
        now: OffsetDateTime,
    ) -> Result<Had, Fault> {
        let old = held.credential.key();
        let key = match self.keep_key {
            true => held.key()?,
            false => PrivateKey::generate(old.kind())
                .map_err(|error| Fault::yours("no key can be made").because(error))?,
        };
        let csr = authority::csr(&key, &Names::default())?;
        let reply = connector.ask("/api/enrolment/nonce").await?;
        let given: Value = heard(connector, &reply)?;
        let nonce = given.get("nonce").and_then(Value::as_str).unwrap_or_default();
        let proof = old
            .prove(RENEWAL, &renewal_message(nonce, &csr))
            .map_err(|error| Fault::yours("the key cannot prove itself").because(error))?;
        let chain: String = held.credential.chain().iter().map(authority::to_pem).collect();
        let wish = json!({ "csr": csr, "renewal": {
            "chain": chain,
            "nonce": nonce,
            "scheme": proof.scheme,
            "signature": BASE64_STANDARD.encode(proof.signature),
        } });
        answered::ask(connector, &wish).await?.judged(key, now)
    }

    fn write(&self, held: &Held, had: &Had) -> Result<(), Fault> {
        let chain = had.chain_pem();
        if self.keep_key {
            return files::write_public(&held.cert, chain.as_bytes());
        }
        let key = key_pem(had.credential.key(), held.password.as_ref())?;
        files::replace_pair((&held.cert, chain.as_bytes()), (&held.key, key.as_bytes()))
    }

    fn say_early(&self, console: &mut Console, due: OffsetDateTime) -> Result<(), Fault> {
        if self.json {
            return console.json(&json!({ "renewed": false, "due": rfc3339(due) }));
        }
        console.line(format_args!(
            "not renewed: it is time from {} on (--now renews all the same)",
            moment(due)
        ));
        Ok(())
    }

    fn say(&self, console: &mut Console, held: &Held, had: &Had) -> Result<(), Fault> {
        let identity = had.credential.leaf().identity();
        if self.json {
            return console.json(&json!({
                "renewed": true,
                "subject": identity.subject(),
                "serial": identity.serial(),
                "not_after": rfc3339(identity.not_after()),
                "cert": held.cert,
                "key": held.key,
            }));
        }
        let (serial, until) = (identity.serial(), moment(identity.not_after()));
        console.line(format_args!("renewed {}, serial {serial}, until {until}", identity.subject()));
        console.line(format_args!("  {}\n  {}", held.cert.display(), held.key.display()));
        Ok(())
    }
}

impl Held {
    fn load(door: &Door) -> Result<Self, Faults> {
        let (cert, key) = door.credential_files()?.ok_or_else(|| {
            Fault::yours("no certificate to renew")
                .remedy("pass --cert FILE and --key FILE, or name a realm with --realm DIR")
        })?;
        let password = env::var("COUNTERSIGN_SSL_KEY_PASSWORD").ok().map(Secret::new);
        let load = |cert: &Path, key: &Path| -> Result<Credential, Fault> {
            let (chain, private) =
                (files::load_certificates(cert)?, files::load_key(key, password.as_ref())?);
            Credential::new(chain, private).map_err(|error| {
                Fault::yours("the key does not belong to the certificate").in_file(cert).because(error)
            })
        };
        files::mend_pair(&cert, &key, |cert, key| load(cert, key).is_ok())?;
        let credential = load(&cert, &key)?;
        Ok(Self { credential, cert, key, password })
    }

    fn key(&self) -> Result<PrivateKey, Fault> {
        files::load_key(&self.key, self.password.as_ref())
    }

    /// The credential once more; a key has no copies in memory.
    fn again(&self) -> Result<Credential, Fault> {
        Credential::new(self.credential.chain().to_vec(), self.key()?)
            .map_err(|error| Fault::yours("the key does not belong to the certificate").because(error))
    }
}

/// The moment before which the authority would rather not be asked; nothing where it is time, or where it says nothing.
async fn early(
    connector: &mut Connector,
    of: Fingerprint,
    now: OffsetDateTime,
) -> Result<Option<OffsetDateTime>, Fault> {
    let reply = connector.ask(&format!("/api/enrolment/renewal/{of}")).await?;
    if reply.status() == NOT_FOUND {
        return Ok(None);
    }
    let hint: Value = heard(connector, &reply)?;
    let at = |pointer: &str| {
        hint.pointer(pointer)
            .and_then(Value::as_str)
            .and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok())
    };
    let (Some(start), Some(end)) = (at("/suggestedWindow/start"), at("/suggestedWindow/end")) else {
        return Ok(None);
    };
    // Each certificate has a moment of its own, the same at every run, so that many do not come at once.
    let [a, b, c, d, ..] = *of.bytes();
    let due = Window { start, end }.moment(u32::from_be_bytes([a, b, c, d]));
    Ok((now < due).then_some(due))
}

const NOT_FOUND: u16 = 404;
