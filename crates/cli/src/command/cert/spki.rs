use std::path::PathBuf;

use clap::Args;
use fault::Faults;
use serde_json::json;

use crate::console::Console;
use crate::exit::Exit;
use crate::loading;

/// Print the hash of a certificate's public key, as `spki_sha256` in a configuration wants it.
///
/// It is the hex that openssl prints for
/// `openssl x509 -in FILE -pubkey -noout | openssl pkey -pubin -outform DER | openssl dgst -sha256`.
#[derive(Args)]
#[command(after_help = "Example:
  countersign cert spki analyst.crt")]
pub(crate) struct Spki {
    /// The certificate; of a chain, its first.
    #[arg(value_name = "FILE")]
    certificate: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Spki {
    pub(super) fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        let pin = loading::leaf(&self.certificate)?.identity().spki_sha256();
        if self.json {
            console.json(&json!({ "spki_sha256": pin }))?;
        } else {
            console.line(pin);
        }
        Ok(Exit::Done)
    }
}
