//! One file per command: its arguments, whose documentation is the help, and what it does.

mod acme;
mod audit;
mod ca;
mod cert;
mod check;
mod explain;
mod init;
mod kill;
mod query;
mod realm;
mod reference;
mod reload;
mod serve;
mod sessions;
mod shell;
mod status;
mod up;
mod verify;

use clap::Subcommand;
use fault::Faults;

use crate::console::Console;
use crate::exit::Exit;

/// What countersign can be told to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    Up(up::Up),
    #[command(visible_alias = "dev-certs")]
    Init(init::Init),
    Serve(serve::Serve),
    Check(check::Check),
    #[command(subcommand)]
    Ca(ca::Ca),
    #[command(subcommand)]
    Cert(cert::Cert),
    #[command(subcommand)]
    Acme(acme::Acme),
    Verify(verify::Verify),
    Explain(explain::Explain),
    Query(query::Query),
    Shell(shell::Shell),
    Status(status::Status),
    Sessions(sessions::Sessions),
    Audit(audit::Audit),
    Kill(kill::Kill),
    Reload(reload::Reload),
    #[command(hide = true)]
    Reference(reference::Reference),
}

impl Command {
    /// Does it.
    ///
    /// # Errors
    /// What stood in the way.
    pub(crate) fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        match self {
            Self::Up(up) => up.run(console),
            Self::Init(init) => init.run(console),
            Self::Serve(serve) => serve.run(console),
            Self::Check(check) => check.run(console),
            Self::Ca(ca) => ca.run(console),
            Self::Cert(cert) => cert.run(console),
            Self::Acme(acme) => acme.run(console),
            Self::Verify(verify) => verify.run(console),
            Self::Explain(explain) => explain.run(console),
            Self::Query(query) => query.run(console),
            Self::Shell(shell) => shell.run(console),
            Self::Status(status) => status.run(console),
            Self::Sessions(sessions) => sessions.run(console),
            Self::Audit(audit) => audit.run(console),
            Self::Kill(kill) => kill.run(console),
            Self::Reload(reload) => reload.run(console),
            Self::Reference(reference) => Ok(reference.run(console)),
        }
    }
}
