use std::path::PathBuf;

use authority::{Tier, to_pem};
use clap::Args;
use fault::Faults;
use time::Duration;

use super::{TierArgs, must_be_new};
use crate::console::Console;
use crate::exit::Exit;
use crate::loading::{for_new_authority, key_pem, on_record};
use crate::shown::moment::moment;

/// Make a root: the authority above the issuers, whose key stays off every server.
///
/// Writes pki/root.crt and offline/root.key (mode 0600) below DIR, and records it in the ledger that countersign.yaml there
/// names, otherwise in state/ledger.db. Nothing that exists is overwritten.
#[derive(Args)]
#[command(after_help = "Examples:
  countersign ca init-root --out ./realm
  countersign ca init-root --out /media/usb/root --environment production --key-password-file root.password")]
pub(crate) struct InitRoot {
    /// The folder to make it in.
    #[arg(long, value_name = "DIR", default_value = "realm")]
    out: PathBuf,
    /// How many days it is valid.
    #[arg(long, value_name = "N", default_value_t = 3650)]
    days: u32,
    #[command(flatten)]
    tier: TierArgs,
}

impl InitRoot {
    pub(super) fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        let (cert, key) = (self.out.join("pki/root.crt"), self.out.join("offline/root.key"));
        must_be_new([&cert, &key])?;
        let password = self.tier.key_password_file.as_deref().map(files::load_password).transpose()?;
        let ledger = for_new_authority(&self.out)?;
        let ledger = ledger.as_ref();
        let lifetime = Duration::days(self.days.into());
        let tier = Tier { lifetime, key: self.tier.key_type, ..Tier::root(self.tier.environment) };
        let made = on_record(ledger, authority::init_root(&tier, ledger, console.now()))?;
        for folder in [cert.parent(), key.parent()].into_iter().flatten() {
            files::create_folder(folder)?;
        }
        files::create_secret(&key, key_pem(&made.key, password.as_ref())?.as_bytes())?;
        files::create_public(&cert, to_pem(&made.certificate).as_bytes())?;
        console.warn(&made.warnings);
        let identity = made.certificate.identity();
        console.line(format_args!("root {}, until {}", identity.subject(), moment(identity.not_after())));
        console.line(format_args!("  {}  the certificate", cert.display()));
        console.line(format_args!("  {}  the private key (mode 0600)", key.display()));
        console.line(format_args!(
            "\nThe key is needed for new issuers only: after countersign ca init-issuer, take {} to a medium that lies\n\
             in a safe, and remove it here. A server never needs it, and countersign serve refuses to read it.",
            key.display()
        ));
        Ok(Exit::Done)
    }
}
