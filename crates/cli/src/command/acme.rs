//! The keys that ACME accounts are bound to.

mod key;
mod keys;
mod withdraw;

use std::sync::Arc;

use clap::Subcommand;
use fault::Faults;
use ledger::Ledger;

use crate::console::Console;
use crate::exit::Exit;
use crate::loading::{self, Configured};

/// Give out and withdraw the keys with which certbot, lego and Caddy may ask for certificates by ACME.
#[derive(Subcommand)]
pub(crate) enum Acme {
    Key(key::Key),
    Keys(keys::Keys),
    Withdraw(withdraw::Withdraw),
}

impl Acme {
    pub(super) fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        match self {
            Self::Key(key) => key.run(console),
            Self::Keys(keys) => keys.run(console),
            Self::Withdraw(withdraw) => withdraw.run(console),
        }
    }
}

/// The configuration, and the ledger that it names.
fn opened(configured: Configured) -> Result<(config::Plan, Arc<dyn Ledger>), Faults> {
    let (plan, _) = configured.plan()?;
    let ledger = loading::written_or_new(&plan)?;
    Ok((plan, ledger))
}
