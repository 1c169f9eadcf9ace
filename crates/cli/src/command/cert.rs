//! Certificates: issued, listed, shown, taken back, handed to clients.

mod answered;
mod deny;
mod export;
mod invitations;
mod invite;
mod issue;
mod list;
mod record;
mod renew;
mod request;
mod revoke;
pub(super) mod show;
mod spki;

use clap::Subcommand;
use fault::Faults;

use crate::console::Console;
use crate::exit::Exit;

/// Issue certificates, look at them, take them back, hand them to clients.
#[derive(Subcommand)]
pub(crate) enum Cert {
    Issue(issue::Issue),
    Invite(invite::Invite),
    Invitations(invitations::Invitations),
    Request(request::Request),
    Renew(renew::Renew),
    List(list::List),
    Show(show::Show),
    Revoke(revoke::Revoke),
    Deny(deny::Deny),
    Spki(spki::Spki),
    Export(export::Export),
}

impl Cert {
    pub(super) fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        match self {
            Self::Issue(issue) => issue.run(console),
            Self::Invite(invite) => invite.run(console),
            Self::Invitations(invitations) => invitations.run(console),
            Self::Request(request) => request.run(console),
            Self::Renew(renew) => renew.run(console),
            Self::List(list) => list.run(console),
            Self::Show(show) => show.run(console),
            Self::Revoke(revoke) => revoke.run(console),
            Self::Deny(deny) => deny.run(console),
            Self::Spki(spki) => spki.run(console),
            Self::Export(export) => export.run(console),
        }
    }
}
