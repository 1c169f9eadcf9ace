//! The tiers of the authority, and the lists of what they took back.

mod crl;
mod init_issuer;
mod init_responder;
mod init_root;
mod rotate;
mod show;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use fault::{Fault, Faults};
use identity::KeyKind;

use crate::console::Console;
use crate::exit::Exit;

/// Make and look at certificate authorities: a root that stays offline, issuers below it, their lists.
#[derive(Subcommand)]
pub(crate) enum Ca {
    InitRoot(init_root::InitRoot),
    #[command(visible_alias = "init-intermediate")]
    InitIssuer(init_issuer::InitIssuer),
    InitResponder(init_responder::InitResponder),
    Show(show::Show),
    Crl(crl::Crl),
    #[command(subcommand)]
    Rotate(rotate::Rotate),
}

/// What a root and an issuer have in common.
#[derive(Args)]
struct TierArgs {
    /// The environment, which its name carries: development, staging, production.
    #[arg(long, value_name = "NAME", env = "COUNTERSIGN_ENV", default_value = "development")]
    environment: String,
    /// The kind of its key: ecdsa-p256, ecdsa-p384, ed25519, rsa-3072.
    #[arg(long, value_name = "KIND", default_value = "ecdsa-p256", value_parser = key_kind)]
    key_type: KeyKind,
    /// The file whose password encrypts the key; otherwise its mode alone protects it.
    #[arg(long, value_name = "FILE")]
    key_password_file: Option<PathBuf>,
}

impl Ca {
    pub(super) fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        match self {
            Self::InitRoot(init) => init.run(console),
            Self::InitIssuer(init) => init.run(console),
            Self::InitResponder(init) => init.run(console),
            Self::Show(show) => show.run(console),
            Self::Crl(crl) => crl.run(console),
            Self::Rotate(rotate) => rotate.run(console),
        }
    }
}

/// An authority's key that is overwritten is lost, and every certificate below it with it.
fn must_be_new<'a>(paths: impl IntoIterator<Item = &'a PathBuf>) -> Result<(), Faults> {
    let mut faults = Faults::new();
    for path in paths.into_iter().filter(|path| path.exists()) {
        faults.push(
            Fault::yours("the file exists, and is not overwritten")
                .in_file(path)
                .remedy("name another folder"),
        );
    }
    faults.or(())
}

/// A kind of key, by its name.
pub(super) fn key_kind(word: &str) -> Result<KeyKind, Fault> {
    word.parse().map_err(|_| {
        Fault::yours(format!("\"{word}\" is no kind of key"))
            .remedy("ecdsa-p256, ecdsa-p384, ed25519, rsa-2048, rsa-3072, rsa-4096")
    })
}
