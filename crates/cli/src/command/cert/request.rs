use std::env;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use authority::Names;
use clap::Args;
use client::{Connector, Endpoint, authority_of};
use fault::{Fault, Faults};
use identity::{Certificate, Fingerprint, KeyKind, PrivateKey, Secret};
use registrar::enrolment::Token;
use serde_json::json;
use transport::SystemClock;

use super::answered::{self, Answered, Had};
use super::issue::file_name;
use crate::command::ca::key_kind;
use crate::console::Console;
use crate::door::runtime;
use crate::exit::Exit;
use crate::loading;
use crate::shown::moment::{moment, rfc3339};

/// Ask for a certificate by an invitation, on the machine that is to have it.
///
/// The key is made here and stays here. The server is known by its authority's fingerprint. Writes NAME.key (mode 0600), NAME.crt
/// (the certificate and its issuer) and server-ca.crt. Whatever goes wrong on the way, the same command may be run again with
/// the same invitation: it asks for the same key and is given the same certificate.
#[derive(Args)]
#[command(after_help = "Examples:
  countersign cert request --url https://db.example.com:7777 --ca-sha256 5F…C1 --invitation -
  countersign cert request --url https://db.example.com:7777 --ca-sha256 5F…C1 --invitation /run/secrets/invitation --out /etc/app/tls")]
pub(crate) struct Request {
    /// Where to ask: https://HOST:PORT.
    #[arg(long, value_name = "URL")]
    url: Endpoint,
    /// The SHA-256 of the authority's certificate, as countersign cert invite prints it.
    #[arg(long, value_name = "SHA256", value_parser = Fingerprint::parse)]
    ca_sha256: Fingerprint,
    /// The file with the invitation; - reads it from standard input. Otherwise COUNTERSIGN_INVITATION. Never the secret itself.
    #[arg(long, value_name = "FILE|-")]
    invitation: Option<PathBuf>,
    /// The folder to write to.
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// The name of the files; otherwise the certificate's common name.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The kind of the key: ecdsa-p256, ecdsa-p384, ed25519, rsa-3072.
    #[arg(long, value_name = "KIND", value_parser = key_kind, default_value = "ecdsa-p256")]
    key_type: KeyKind,
    /// Replace files that exist.
    #[arg(long)]
    force: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Where the files go.
struct Targets {
    key: PathBuf,
    cert: PathBuf,
    ca: PathBuf,
}

impl Request {
    pub(super) fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        let token = self.token()?;
        files::create_folder(&self.out)?;
        // It outlives this process, so that the next one can ask again for the same key.
        let waiting = self.out.join(format!(".invitation-{}.key", token.id()));
        let (key, is_new) = self.key(&waiting)?;
        let asked = runtime()?.block_on(self.asked(&token, &key));
        if let Err(fault) = &asked
            && is_new
            && is_used(fault)
        {
            // This key was certified by nobody, and never will be.
            let _ = std::fs::remove_file(&waiting);
            if let Some(cert) = self.given_before(&token)? {
                return self.say_given(console, &cert).map(|()| Exit::Done).map_err(Faults::from);
            }
            return Err(asked.err().map_or_else(Faults::new, Faults::from));
        }
        let waits = |fault: Fault| {
            fault.because(format!(
                "the key that was made for it waits in {}: the same command asks with it again; remove it if nobody will",
                waiting.display()
            ))
        };
        let (authority, answered) = asked.map_err(waits)?;
        let had = answered.judged(key, console.now()).map_err(waits)?;
        let targets = self.targets(&had).map_err(waits)?;
        self.write(&targets, &had, &authority).map_err(waits)?;
        let _ = std::fs::remove_file(&waiting);
        self.say(console, &targets, &had)?;
        Ok(Exit::Done)
    }

    async fn asked(&self, token: &Token, key: &PrivateKey) -> Result<(Certificate, Answered), Fault> {
        let csr = authority::csr(key, &Names::default())?;
        let authority = authority_of(&self.url, self.ca_sha256, Arc::new(SystemClock)).await?;
        let connector = Connector::new(self.url.clone(), Arc::new(SystemClock));
        let mut connector = connector.trusting(vec![authority.clone()]);
        let wish = json!({ "csr": csr, "invitation": *token.text() });
        Ok((authority, answered::ask(&mut connector, &wish).await?))
    }

    /// The certificate here that the invitation gave, by the word of the authority: it gives it once more to the same key.
    fn given_before(&self, token: &Token) -> Result<Option<PathBuf>, Fault> {
        let runtime = runtime()?;
        for path in self.keys_here() {
            let cert = path.with_extension("crt");
            let (Ok(key), Ok(leaf)) = (files::load_key(&path, None), loading::leaf(&cert)) else { continue };
            let Ok((_, answered)) = runtime.block_on(self.asked(token, &key)) else { continue };
            let Ok(had) = answered.judged(key, leaf.identity().not_before()) else { continue };
            if *had.credential.leaf() == leaf {
                return Ok(Some(cert));
            }
        }
        Ok(None)
    }

    /// The keys beside certificates in the folder: the one of that name, or the first of all.
    fn keys_here(&self) -> Vec<PathBuf> {
        if let Some(name) = &self.name {
            return vec![self.out.join(format!("{}.key", file_name(name)))];
        }
        let entries = std::fs::read_dir(&self.out).into_iter().flatten().flatten();
        let keys = entries.map(|entry| entry.path()).filter(|path| {
            path.extension().is_some_and(|ending| ending == "key") && path.with_extension("crt").is_file()
        });
        keys.take(MOST_KEYS).collect()
    }

    fn token(&self) -> Result<Token, Fault> {
        let text = match &self.invitation {
            Some(path) if path.as_os_str() == "-" => {
                let mut text = String::new();
                let read = std::io::stdin().take(LONGEST).read_to_string(&mut text);
                read.map_err(|error| Fault::yours("standard input cannot be read").because(error))?;
                Secret::new(text)
            }
            Some(path) if path.to_string_lossy().starts_with("invite_") => {
                return Err(Fault::yours("the invitation stands on the command line, where others see it")
                    .remedy("pass --invitation - and paste it, or name a file; ask for a new one if this machine has other users"));
            }
            Some(path) => files::load_password(path)?,
            None => Secret::new(env::var(VARIABLE).map_err(|_| {
                Fault::yours("no invitation")
                    .remedy(format!("pass --invitation - and paste it, name a file, or set {VARIABLE}"))
            })?),
        };
        let text = std::str::from_utf8(text.expose()).unwrap_or_default();
        text.parse().map_err(|error| {
            Fault::yours("the invitation cannot be read")
                .because(error)
                .remedy("paste the whole of what countersign cert invite printed")
        })
    }

    /// The key that waits for a certificate, and whether it was made just now.
    fn key(&self, waiting: &Path) -> Result<(PrivateKey, bool), Fault> {
        if waiting.exists() {
            return Ok((files::load_key(waiting, None)?, false));
        }
        let key = PrivateKey::generate(self.key_type)
            .map_err(|error| Fault::yours("no key can be made").because(error))?;
        files::create_secret(waiting, key.to_pem().as_bytes())?;
        Ok((key, true))
    }

    fn targets(&self, had: &Had) -> Result<Targets, Fault> {
        let identity = had.credential.leaf().identity();
        let named = self.name.as_deref().or_else(|| identity.common_name().one()).map(file_name);
        let name = named.filter(|name| !name.is_empty()).ok_or_else(|| {
            Fault::yours("the certificate has no common name to name the files by")
                .remedy("run it again with --name NAME")
        })?;
        let file = |ending: &str| self.out.join(format!("{name}.{ending}"));
        let targets = Targets { key: file("key"), cert: file("crt"), ca: self.out.join("server-ca.crt") };
        for path in [&targets.key, &targets.cert].into_iter().filter(|path| !self.force && path.exists()) {
            // Unless an earlier run of this very command put it there.
            let own = files::load_key(&targets.key, None)
                .is_ok_and(|key| key.public_spki() == had.credential.key().public_spki());
            if !own {
                return Err(Fault::yours("the file exists, and is not overwritten").in_file(path).remedy(
                    "run it again with --force to replace it, or with --out DIR or --name NAME; the invitation still holds for this key",
                ));
            }
        }
        Ok(targets)
    }

    fn write(&self, targets: &Targets, had: &Had, authority: &Certificate) -> Result<(), Fault> {
        let (chain, key) = (had.chain_pem(), had.credential.key().to_pem());
        files::replace_pair((&targets.cert, chain.as_bytes()), (&targets.key, key.as_bytes()))?;
        let ca = had.root.clone().unwrap_or_else(|| authority::to_pem(authority));
        match self.force || !targets.ca.exists() {
            true => files::write_public(&targets.ca, ca.as_bytes()),
            false => Ok(()),
        }
    }

    /// What the same command gave before.
    fn say_given(&self, console: &mut Console, cert: &Path) -> Result<(), Fault> {
        let leaf = loading::leaf(cert)?;
        let identity = leaf.identity();
        let (serial, until) = (identity.serial(), identity.not_after());
        if self.json {
            return console.json(&json!({
                "already": true,
                "subject": identity.subject(),
                "serial": serial,
                "not_after": rfc3339(until),
                "cert": cert,
            }));
        }
        console.line(format_args!(
            "the invitation was used here, and its certificate is here: {}, serial {serial}, until {}",
            identity.subject(),
            moment(until)
        ));
        console.line(format_args!("  {}", cert.display()));
        Ok(())
    }

    fn say(&self, console: &mut Console, targets: &Targets, had: &Had) -> Result<(), Fault> {
        let identity = had.credential.leaf().identity();
        if self.json {
            return console.json(&json!({
                "subject": identity.subject(),
                "serial": identity.serial(),
                "not_after": rfc3339(identity.not_after()),
                "cert": targets.cert,
                "key": targets.key,
                "ca": targets.ca,
            }));
        }
        let until = moment(identity.not_after());
        console.line(format_args!(
            "certificate {}, serial {}, until {until}",
            identity.subject(),
            identity.serial()
        ));
        console.line(format_args!("  {}  the certificate and its issuer", targets.cert.display()));
        console.line(format_args!("  {}  the private key (mode 0600)", targets.key.display()));
        console.line(format_args!("  {}  what to trust the server by", targets.ca.display()));
        Ok(())
    }
}

/// Whether the authority says that the invitation has given its certificate.
fn is_used(fault: &Fault) -> bool {
    fault.to_string().contains("it has been used")
}

const VARIABLE: &str = "COUNTERSIGN_INVITATION";
const LONGEST: u64 = 4096;
/// Keys of a folder that may be the one that was certified.
const MOST_KEYS: usize = 16;
