use std::path::PathBuf;

use authority::{Authority, Responder, Standing, to_pem};
use clap::Args;
use fault::{Fault, Faults};
use identity::{KeyKind, PrivateKey};
use time::{Duration, OffsetDateTime};

use crate::console::Console;
use crate::exit::Exit;
use crate::loading::{for_new_authority, key_pem, on_record};
use crate::shown::moment::moment;

/// Certify a responder, which tells others about our issuers in the root's name (OCSP) while the root's key is away.
///
/// Writes pki/root-ocsp.crt and .key (mode 0600), for authority.root_ocsp. Given again before the responder ends, it certifies
/// the same key for another time, so that the node takes the new certificate without a pause.
#[derive(Args)]
#[command(after_help = "Examples:
  countersign ca init-responder --root ./realm --root-key /media/usb/root.key
  countersign ca init-responder --root ./realm --root-key /media/usb/root.key --days 30")]
pub(crate) struct InitResponder {
    /// The folder that holds pki/root.crt, as `ca init-root` made it.
    #[arg(long, value_name = "DIR", default_value = "realm")]
    root: PathBuf,
    /// The root's key; otherwise offline/root.key below that folder.
    #[arg(long, value_name = "FILE")]
    root_key: Option<PathBuf>,
    /// The file that holds the password of the root's key.
    #[arg(long, value_name = "FILE")]
    root_key_password_file: Option<PathBuf>,
    /// How many days it may answer; never longer than its root lives.
    #[arg(long, value_name = "N", default_value_t = 90)]
    days: u32,
}

impl InitResponder {
    pub(super) fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        let pki = self.root.join("pki");
        let [cert, key] = ["crt", "key"].map(|ending| pki.join(format!("root-ocsp.{ending}")));
        let now = console.now();
        let root = self.root_authority(now)?;
        let (private, is_new) = match key.exists() {
            true => (files::load_key(&key, None)?, false),
            false => (generate()?, true),
        };
        let ledger = for_new_authority(&self.root)?;
        let ledger = ledger.as_ref();
        let lifetime = Duration::days(self.days.into());
        let made = on_record(ledger, root.certify_responder(&private, ledger, lifetime, now))?;
        // As a node will look at it.
        Responder::of(made.clone(), &private, root.certificate())?;
        if is_new {
            files::create_secret(&key, key_pem(&private, None)?.as_bytes())?;
        }
        files::write_public(&cert, to_pem(&made).as_bytes())?;
        let until = moment(made.identity().not_after());
        console.line(format_args!("responder of {}, until {until}", root.certificate().identity().subject()));
        console.line(format_args!("  {}  the certificate", cert.display()));
        let said = if is_new { "the private key (mode 0600)" } else { "the private key, as it was" };
        console.line(format_args!("  {}  {said}", key.display()));
        console.line("in countersign.yaml: authority: { root_ocsp: { cert: ./pki/root-ocsp.crt, key: ./pki/root-ocsp.key } }");
        Ok(Exit::Done)
    }

    /// The root, with its key, for this one use.
    fn root_authority(&self, now: OffsetDateTime) -> Result<Authority, Fault> {
        let cert = self.root.join("pki/root.crt");
        let key = self.root_key.clone().unwrap_or_else(|| self.root.join("offline/root.key"));
        let password = self.root_key_password_file.as_deref().map(files::load_password).transpose()?;
        Authority::load(&cert, &key, password.as_ref(), Standing::ByHand, None, now)
    }
}

/// P-256 signs fastest of what every client takes.
fn generate() -> Result<PrivateKey, Fault> {
    PrivateKey::generate(KeyKind::EcdsaP256)
        .map_err(|error| Fault::ours("no key could be made for the responder").because(error))
}
