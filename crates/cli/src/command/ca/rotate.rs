//! Replacing what is above the leaves, in steps.

mod begin;
mod place;
mod status;

use clap::{Args, Subcommand};
use fault::Faults;
use registrar::rotation::{Done, Hands, Phase};

use crate::console::Console;
use crate::exit::Exit;
use crate::loading::on_record;
use crate::shown::moment::moment;
use place::{Place, Realm};

/// Replace an issuer or the root, without anybody noticing: the new one is believed first, then it issues, then the old
/// one goes.
///
/// One rotation at a time. Each step may be given again: it goes on where it was cut off. A realm whose nodes have files
/// of their own takes the same commands, once for each folder.
#[derive(Subcommand)]
#[command(after_help = "Examples:
  countersign ca rotate issuer client    make the new one, and let everybody believe both
  countersign ca rotate status           who does not hold it yet
  countersign ca rotate move             the new one issues from now on
  countersign ca rotate status           who still comes by the old one
  countersign ca rotate finish           the old one goes
  countersign ca rotate abort            go back, as long as nothing was moved")]
pub(crate) enum Rotate {
    Issuer(begin::Issuer),
    Root(begin::Root),
    Status(status::ShowStatus),
    Move(Move),
    Finish(Finish),
    Abort(Abort),
}

/// Move the leaves: the new issuers issue from now on, and the old ones are still believed.
///
/// Refused while a node that reports does not hold the new certificates.
#[derive(Args)]
#[command(after_help = "Examples:
  countersign ca rotate move
  countersign ca rotate move --acknowledge db7:/srv/realm/countersign.yaml")]
pub(crate) struct Move {
    #[command(flatten)]
    place: Place,
    /// Say on record that somebody holds the new certificates who cannot be asked, or is gone.
    #[arg(long, value_name = "NAME")]
    acknowledge: Vec<String>,
}

/// Remove the old ones.
///
/// Refused, with names, while a node is behind, or anybody came by the old ones within authority.rotation.quiet.
#[derive(Args)]
#[command(after_help = "Examples:
  countersign ca rotate finish
  countersign ca rotate finish --force analyst --force time")]
pub(crate) struct Finish {
    #[command(flatten)]
    place: Place,
    /// Say on record that a node is gone, or somebody holds the new certificates who cannot be asked.
    #[arg(long, value_name = "NAME")]
    acknowledge: Vec<String>,
    /// Remove them although this one still needs them: the name is the one that the refusal tells. It is put on record.
    #[arg(long, value_name = "NAME")]
    force: Vec<String>,
}

/// Go back to what was before the rotation, as long as nothing was moved.
#[derive(Args)]
#[command(after_help = "Examples:
  countersign ca rotate abort")]
pub(crate) struct Abort {
    #[command(flatten)]
    place: Place,
}

impl Rotate {
    pub(super) fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        match self {
            Self::Issuer(issuer) => issuer.run(console),
            Self::Root(root) => root.run(console),
            Self::Status(status) => status.run(console),
            Self::Move(step) => step.run(console),
            Self::Finish(step) => step.run(console),
            Self::Abort(step) => step.run(console),
        }
    }
}

impl Move {
    fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        let realm = self.place.open()?;
        let hands = hands(&realm, console);
        let done = on_record(realm.ledger.as_ref(), async {
            hands.alone(&realm.doing("move")).await?.advance(&self.acknowledge).await
        })?;
        say(console, &done);
        Ok(Exit::Done)
    }
}

impl Finish {
    fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        let realm = self.place.open()?;
        let hands = hands(&realm, console);
        let done = on_record(realm.ledger.as_ref(), async {
            let turn = hands.alone(&realm.doing("finish")).await?;
            turn.finish(realm.quiet, &self.acknowledge, &self.force).await
        })?;
        say(console, &done);
        for waiting in &done.overruled {
            let line = console.paint().notable(&format!("  against    {waiting}"));
            console.line(line);
        }
        Ok(Exit::Done)
    }
}

impl Abort {
    fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        let realm = self.place.open()?;
        let hands = hands(&realm, console);
        let done = on_record(realm.ledger.as_ref(), async {
            hands.alone(&realm.doing("abort")).await?.abort().await
        })?;
        say(console, &done);
        Ok(Exit::Done)
    }
}

fn hands<'a>(realm: &'a Realm, console: &Console) -> Hands<'a> {
    Hands { ledger: realm.ledger.as_ref(), places: &realm.places, by: &realm.by, now: console.now() }
}

/// What was done, the files that changed, and what comes next.
fn say(console: &mut Console, done: &Done) {
    let rotation = &done.rotation;
    let since = rotation.since(rotation.phase).map_or_else(String::new, |at| format!(", {}", moment(at)));
    console.warn(&done.warnings);
    console.line(format_args!("rotation of {}: {}{since}", rotation.of, rotation.phase));
    for file in &done.files {
        let what = if file.exists() { "changed" } else { "removed" };
        console.line(format_args!("  {what:<9}  {}", file.display()));
    }
    console.line(next(rotation.phase));
}

/// What an operator does after this phase.
fn next(phase: Phase) -> &'static str {
    match phase {
        Phase::Begun => "next: give the same command again, its files were not all written",
        Phase::Distributed | Phase::Acknowledged => {
            "nodes that use these files believe old and new within seconds; give the bundles in pki/ to everybody else\n\
             who verifies\n\
             next: countersign ca rotate status, then countersign ca rotate move"
        }
        Phase::Moved => {
            "the new one issues from now on, and the old one is still believed\n\
             next: have certificates renewed; countersign ca rotate status names who still comes by the old one, then\n\
             countersign ca rotate finish"
        }
        Phase::Removed => {
            "done; what was replaced lies in offline/retired, to be destroyed when nobody asks for it any more"
        }
        Phase::Aborted => "everything is as it was before",
    }
}
