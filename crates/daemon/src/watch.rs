//! Notices that the configuration, or a file that it names, has changed.
//!
//! - [`named`]: which files a Plan was made of.
//! - [`digests`]: what is in them, so that touching is not changing.
//! - [`folders`]: word from the kernel that something happened beside them.

mod digests;
mod folders;
mod named;

use std::collections::BTreeSet;
use std::future;
use std::path::PathBuf;
use std::time::Duration;

use config::Plan;
use tokio::time::{Instant, sleep, sleep_until};

pub(crate) use digests::{Digests, Unchanged};
use folders::Folders;
use named::Named;

/// Watches the folders of the files, not the files: whoever replaces a file, or the folder behind a symbolic link, as
/// certificate tools and Kubernetes do, is seen there. A comparison of contents from time to time sees the rest.
pub(crate) struct Watch {
    file: Option<PathBuf>,
    named: BTreeSet<Named>,
    /// What is served was made of this.
    applied: Digests,
    /// This was looked at last, whatever came of it.
    looked: Digests,
    folders: Option<Folders>,
    on: bool,
    poll: Duration,
    next: Instant,
    /// Something happened and was not looked at yet.
    noticed: bool,
    /// Before this nobody looks again: a database that lives beside the files makes the kernel tell without end.
    rested: Instant,
}

impl Watch {
    /// Begins with what a Plan was made of. The digests must have been taken before the files were read.
    pub(crate) fn new(file: Option<PathBuf>, plan: &Plan, digests: Digests) -> Self {
        let poll = plan.reload.poll;
        let mut watch = Self {
            file,
            named: BTreeSet::new(),
            applied: Digests::default(),
            looked: Digests::default(),
            folders: None,
            on: plan.reload.watch,
            poll,
            next: Instant::now() + poll,
            noticed: false,
            rested: Instant::now(),
        };
        watch.applied(plan, digests);
        watch
    }

    /// What the files hold now.
    pub(crate) async fn look(&self) -> Digests {
        let named = self.named.clone();
        // A task that panics or is cut off has seen nothing: that is different from everything.
        tokio::task::spawn_blocking(move || Digests::of(&named)).await.unwrap_or_default()
    }

    /// Whether what is served was made of this. What only a rejected configuration names does not count.
    pub(crate) fn is_applied(&self, digests: &Digests) -> bool {
        digests.include(&self.applied)
    }

    /// What is served was made of.
    pub(crate) fn made_of(&self) -> Digests {
        self.applied.clone()
    }

    /// This is served from now on.
    pub(crate) fn applied(&mut self, plan: &Plan, digests: Digests) {
        self.named = named::all(plan, self.file.as_deref());
        (self.applied, self.looked) = (digests.clone(), digests);
        (self.on, self.poll) = (plan.reload.watch, plan.reload.poll);
        self.next = self.next.min(Instant::now() + self.poll);
        self.follow();
    }

    /// This was looked at and is not served. What it names may come or change, and is followed too.
    pub(crate) fn refused(&mut self, plan: Option<&Plan>, digests: Digests) {
        if let Some(plan) = plan {
            self.named.extend(named::all(plan, self.file.as_deref()));
        }
        self.looked.extend(digests);
        self.follow();
    }

    /// Returns once the files have changed and are quiet again. Nothing is lost where nobody waits to the end.
    pub(crate) async fn changed(&mut self) {
        loop {
            self.notice().await;
            sleep_until(self.rested).await;
            let began = Instant::now();
            let mut now = self.look().await;
            let mut looks = 0;
            while now != self.looked && looks < MOST_LOOKS {
                sleep(QUIET).await;
                let again = self.look().await;
                if again == now {
                    self.noticed = false;
                    self.looked = now;
                    return;
                }
                (now, looks) = (again, looks + 1);
            }
            // Who never stops writing is looked at when he has, or with the next comparison.
            self.noticed = false;
            self.rested = Instant::now() + (began.elapsed() * REST).min(LONGEST_REST);
        }
    }

    async fn notice(&mut self) {
        if self.noticed {
            return;
        }
        if !self.on {
            return future::pending().await;
        }
        let told = async {
            match &self.folders {
                Some(folders) => folders.told().await,
                None => future::pending().await,
            }
        };
        tokio::select! {
            () = told => {}
            () = sleep_until(self.next) => self.next = Instant::now() + self.poll,
        }
        self.noticed = true;
    }

    fn follow(&mut self) {
        if !self.on {
            self.folders = None;
            return;
        }
        match Folders::follow(&self.named) {
            Ok(folders) => self.folders = Some(folders),
            Err(error) => {
                let poll = self.poll;
                tracing::warn!(%error, ?poll, "the kernel does not tell of changed files; they are compared instead");
                self.folders = None;
            }
        }
        // Between the last look and now something may have happened.
        self.noticed = true;
    }
}

/// For so long nothing may change before a change counts as whole.
const QUIET: Duration = Duration::from_millis(100);
/// After a look that found nothing, so many times as long as it took nobody looks,
const REST: u32 = 20;
/// but never for longer than this.
const LONGEST_REST: Duration = Duration::from_secs(1);
/// So often is looked again before.
const MOST_LOOKS: usize = 20;
