//! The enforcement matrix: every way to present a certificate, on every transport, at every moment, tried on a running
//! node and compared with what the manual says must come of it.
//!
//! - [`case`], [`moment`], [`wire`]: what is presented, when, and over what: the three sides of the table.
//! - [`rules`], [`names`], [`expected`]: what must come of it, from the listener's rules alone.
//! - [`guest`], [`visit`], [`seen`]: a client that presents anything, and what it sees.
//! - [`stand_in`], [`cast`], [`setting`]: authorities, certificates and files in place of the user's own.
//! - [`target`], [`process`]: the node that it is tried on.
//! - [`rehearsal`], [`cell`], [`report`]: trying, and telling.

mod case;
mod cast;
mod cell;
mod expected;
pub mod guest;
mod moment;
mod names;
mod process;
mod rehearsal;
mod report;
mod rules;
mod seen;
mod setting;
mod stand_in;
mod target;
mod visit;
mod wire;

use std::path::Path;

use config::{Plan, Transport};
use fault::Fault;
use time::OffsetDateTime;

pub use case::{Case, Source};
pub use cell::{Cell, Verdict};
pub use expected::Expected;
pub use moment::{Moment, Stage, Way};
pub use report::{Counts, Report, Table};
pub use rules::{Row, Rules};
pub use seen::Seen;
pub use target::Target;
pub use wire::{Begins, Tongue, Wire};

use process::Process;
use rehearsal::Rehearsal;
use setting::Setting;
use stand_in::Server;

/// Tries a configuration: `binary` serves it on free ports of this machine, in a folder of its own, with stand-ins in
/// place of the user's authorities, certificates, databases and ledger.
///
/// # Errors
/// The node could not be started, or its record not read. A cell that is not as it must be is no error; see
/// [`Report::passed`].
pub fn rehearse(plan: &Plan, binary: &Path, now: OffsetDateTime) -> Result<Report, Fault> {
    rehearse_otherwise(plan, plan, binary, now)
}

/// [`rehearse`] with a node that serves another configuration than the one that it is held to: whether the matrix
/// notices is how the matrix itself is tested.
///
/// # Errors
/// As [`rehearse`].
pub fn rehearse_otherwise(
    plan: &Plan,
    served: &Plan,
    binary: &Path,
    now: OffsetDateTime,
) -> Result<Report, Fault> {
    let folder = tempfile::Builder::new()
        .prefix("countersign-matrix-")
        .tempdir()
        .map_err(|error| Fault::theirs("no folder for the rehearsal can be made").because(error))?;
    let rehearsal = Rehearsal::of(plan, now)?;
    let asks = served.listeners.iter().any(|listener| listener.transport == Transport::Postgres);
    let server = asks.then(Server::start).transpose()?;
    let upstream = server.as_ref().map(Server::address);
    let setting = Setting { plan: served, cast: &rehearsal.cast, folder: folder.path(), upstream, now };
    let mut process = Process::start(binary, setting)?;
    rehearsal.run(&mut process)
}
