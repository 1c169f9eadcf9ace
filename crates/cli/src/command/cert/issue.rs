mod issuer;

use std::path::PathBuf;

use authority::{Issued, Names, Request, parse_san};
use clap::Args;
use fault::{Fault, Faults};
use identity::{KeyKind, PrivateKey, San, Secret};
use serde_json::json;
use time::Duration;

use self::issuer::{Issuer, Source};
use crate::command::ca::key_kind;
use crate::console::Console;
use crate::exit::Exit;
use crate::loading::{key_pem, on_record};
use crate::shown::moment::{moment, rfc3339};

/// Issue a certificate, for a key made here or for a certificate request.
///
/// It is drafted by its profile, linted, put on record, and only then signed. Writes NAME.crt (the leaf and its issuer)
/// and NAME.key (mode 0600).
#[derive(Args)]
#[command(after_help = "Examples:
  countersign cert issue --cn reporting
  countersign cert issue --profile server --cn db.example.com --san db.example.com --san 203.0.113.10
  countersign cert issue --profile service --cn backend
  countersign cert issue --ca client-ca --cn analyst --days 90
  countersign cert issue --cn analyst --csr analyst.csr")]
pub(crate) struct Issue {
    /// The common name; for a client, who it is. With --csr, in place of the request's names.
    #[arg(long, value_name = "NAME", required_unless_present = "csr")]
    cn: Option<String>,
    /// The rules: client, server, service, or a profile of the configuration.
    #[arg(long, default_value = "client")]
    profile: String,
    /// A further name: a host name, an IP address, a URI or an e-mail address; may be repeated.
    #[arg(long, value_name = "NAME", value_parser = parse_san)]
    san: Vec<San>,
    /// How many days it is valid; otherwise what the profile says. Never longer than its issuer.
    #[arg(long, value_name = "N")]
    days: Option<u32>,
    /// The certificate request (PEM or DER) of whoever keeps the key.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key_type", "key_password_file"])]
    csr: Option<PathBuf>,
    #[command(flatten)]
    source: Source,
    /// The folder to write to; otherwise the realm's clients or servers; with --ca, the current one.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The kind of the key: ecdsa-p256, ecdsa-p384, ed25519, rsa-3072; otherwise what the profile prefers.
    #[arg(long, value_name = "KIND", value_parser = key_kind)]
    key_type: Option<KeyKind>,
    /// The file whose password encrypts the new key.
    #[arg(long, value_name = "FILE")]
    key_password_file: Option<PathBuf>,
    /// Replace files that exist.
    #[arg(long)]
    force: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Where the new files go.
struct Targets {
    cert: PathBuf,
    key: PathBuf,
}

impl Issue {
    pub(super) fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        let now = console.now();
        let issuer = self.source.open(&self.profile, now)?;
        let (request, key) = self.request(&issuer)?;
        let targets = self.targets(&request, &issuer)?;
        self.must_be_new(&targets, key.is_some())?;
        let password = self.key_password_file.as_deref().map(files::load_password).transpose()?;
        let issuing = async {
            issuer.authority.check_standing(issuer.ledger.as_ref()).await?;
            issuer.authority.issue(issuer.ledger.as_ref(), &request, &issuer.profile, now).await
        };
        let issued = on_record(issuer.ledger.as_ref(), issuing)?;
        self.write(&targets, &issued, key.as_ref(), password.as_ref())?;
        let passed_over = |what: &String| Fault::yours(format!("the request's {what} was not listened to"));
        let mut warnings: Vec<Fault> = request.passed_over().iter().map(passed_over).collect();
        warnings.extend(issued.warnings().iter().cloned());
        console.warn(&warnings);
        self.say(console, &targets, &issued, key.is_some())?;
        Ok(Exit::Done)
    }

    /// What is asked for, and the key where it is made here.
    fn request(&self, issuer: &Issuer) -> Result<(Request, Option<PrivateKey>), Fault> {
        let lasting = |request: Request| match self.days {
            Some(days) => request.lasting(Duration::days(days.into())),
            None => request,
        };
        if let Some(path) = &self.csr {
            let request = Request::from_csr(&files::read(path)?).map_err(|fault| fault.in_file(path))?;
            let own = self.cn.is_some() || !self.san.is_empty();
            let names = Names {
                common_name: self.cn.clone().or_else(|| request.names().common_name.clone()),
                sans: self.san.clone(),
                ..request.names().clone()
            };
            let request = if own { request.named(names) } else { request };
            return Ok((lasting(request), None));
        }
        let kind = self.key_type.unwrap_or_else(|| issuer.profile.preferred_key());
        let key =
            PrivateKey::generate(kind).map_err(|error| Fault::yours("no key can be made").because(error))?;
        let names =
            Names { common_name: self.cn.clone(), ..Names::default() }.with_sans(self.san.iter().cloned());
        Ok((lasting(Request::for_key(&key, names)?), Some(key)))
    }

    fn targets(&self, request: &Request, issuer: &Issuer) -> Result<Targets, Fault> {
        let name = request.names().common_name.as_deref().map(file_name).filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| {
            Fault::yours("the request has no common name to name the file by").remedy("--cn NAME")
        })?;
        let folder = self.out.as_ref().unwrap_or(&issuer.folder);
        Ok(Targets { cert: folder.join(format!("{name}.crt")), key: folder.join(format!("{name}.key")) })
    }

    fn must_be_new(&self, targets: &Targets, with_key: bool) -> Result<(), Faults> {
        let mut faults = Faults::new();
        let paths = [Some(&targets.cert), with_key.then_some(&targets.key)];
        for path in paths.into_iter().flatten().filter(|path| !self.force && path.exists()) {
            faults.push(
                Fault::yours("the file exists, and is not overwritten")
                    .in_file(path)
                    .remedy("pass --force to replace it, or --out DIR"),
            );
        }
        faults.or(())
    }

    fn write(
        &self,
        targets: &Targets,
        issued: &Issued,
        key: Option<&PrivateKey>,
        password: Option<&Secret>,
    ) -> Result<(), Fault> {
        if let Some(folder) = targets.cert.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            files::create_folder(folder)?;
        }
        if let Some(key) = key {
            files::replace_secret(&targets.key, key_pem(key, password)?.as_bytes())?;
        }
        files::write_public(&targets.cert, issued.chain_pem().as_bytes())
    }

    fn say(
        &self,
        console: &mut Console,
        targets: &Targets,
        issued: &Issued,
        with_key: bool,
    ) -> Result<(), Fault> {
        let identity = issued.certificate().identity();
        if self.json {
            return console.json(&json!({
                "subject": identity.subject(),
                "serial": identity.serial(),
                "not_after": rfc3339(identity.not_after()),
                "spki_sha256": identity.spki_sha256(),
                "cert": targets.cert,
                "key": with_key.then_some(&targets.key),
            }));
        }
        let (serial, until) = (identity.serial(), moment(identity.not_after()));
        console.line(format_args!(
            "issued {} ({}), serial {serial}, until {until}",
            identity.subject(),
            self.profile
        ));
        console.line(format_args!("  {}  the certificate and its issuer", targets.cert.display()));
        if with_key {
            console.line(format_args!("  {}  the private key (mode 0600)", targets.key.display()));
        }
        Ok(())
    }
}

/// A common name as the name of a file: what could leave the folder or hide is replaced.
pub(super) fn file_name(common_name: &str) -> String {
    let kept = |c: char| if c.is_alphanumeric() || "-_.@+".contains(c) { c } else { '_' };
    let name: String = common_name.chars().map(kept).collect();
    name.trim_start_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn a_common_name_cannot_leave_the_folder() {
        assert_eq!(file_name("analyst"), "analyst");
        assert_eq!(file_name("*.example.com"), "_.example.com");
        assert_eq!(file_name("../../etc/passwd"), "_.._etc_passwd");
        assert_eq!(file_name(".."), "");
    }
}
