use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::watch;

use super::place::Place;
use crate::error::LedgerError;

/// Sees the ledger's revision grow, by whoever's hand.
///
/// The writer of this process announces each commit. For the commits of others a connection of its own asks SQLite
/// for its data version, which is a look at shared memory and reads no page; it is asked only while somebody waits.
#[derive(Debug)]
pub(super) struct Watch {
    announced: Announced,
    eye: Arc<Mutex<Option<Eye>>>,
}

/// The last revision that is known; `None` once the ledger is closed.
#[derive(Clone, Debug)]
pub(super) struct Announced(watch::Sender<Option<u64>>);

/// What looks after other processes' commits.
#[derive(Debug)]
struct Eye {
    connection: Connection,
    /// The data version at the last look. It changes with the commits of every other connection.
    seen: Option<i64>,
    place: Place,
    /// When the file was last found in its place.
    found: Option<Instant>,
}

impl Watch {
    pub(super) fn new(connection: Connection, place: Place) -> Self {
        let (announced, _) = watch::channel(Some(0));
        let eye = Some(Eye { connection, seen: None, place, found: None });
        Self { announced: Announced(announced), eye: Arc::new(Mutex::new(eye)) }
    }

    /// Where the writer announces what it has committed.
    pub(super) fn announced(&self) -> Announced {
        self.announced.clone()
    }

    /// Waits until the revision is past `since`.
    ///
    /// # Errors
    /// The file is no longer in its place: others' commits are not seen from here.
    pub(super) async fn past(&self, since: u64) -> Result<u64, LedgerError> {
        let mut announced = self.announced.0.subscribe();
        loop {
            self.look().await?;
            match *announced.borrow_and_update() {
                None => return Err(LedgerError::Closed),
                Some(revision) if revision > since => return Ok(revision),
                Some(_) => {}
            }
            tokio::select! {
                _announced = announced.changed() => {}
                () = tokio::time::sleep(INTERVAL) => {}
            }
        }
    }

    /// Ends all waiting, and lets go of the file.
    pub(super) fn close(&self) {
        drop(self.eye.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.announced.0.send_replace(None);
    }

    /// Announces what others have committed since the last look.
    async fn look(&self) -> Result<(), LedgerError> {
        let (eye, announced) = (Arc::clone(&self.eye), self.announced.clone());
        let looked = tokio::task::spawn_blocking(move || {
            let mut eye = eye.lock().unwrap_or_else(PoisonError::into_inner);
            let eye = eye.as_mut().ok_or(LedgerError::Closed)?;
            eye.find()?;
            eye.look(&announced).map_err(super::storage)
        });
        looked.await.map_err(|error| LedgerError::Storage(error.to_string()))?
    }
}

impl Announced {
    /// Tells those who wait; a revision that is known already tells nobody anything.
    pub(super) fn tell(&self, revision: u64) {
        self.0.send_if_modified(|known| match known {
            Some(known) if *known < revision => {
                *known = revision;
                true
            }
            Some(_) | None => false,
        });
    }
}

impl Eye {
    /// Sees from time to time that the file is in its place; where it is not, at every look.
    fn find(&mut self) -> Result<(), LedgerError> {
        if self.found.is_none_or(|at| at.elapsed() >= FOUND_FOR) {
            self.found = None;
            self.place.check()?;
            self.found = Some(Instant::now());
        }
        Ok(())
    }

    /// The version is asked for before the revision, so that a commit between the two is seen at the next look.
    fn look(&mut self, announced: &Announced) -> rusqlite::Result<()> {
        let version =
            self.connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?;
        if self.seen != Some(version) {
            announced.tell(super::read::revision(&self.connection)?);
            self.seen = Some(version);
        }
        Ok(())
    }
}

/// How often the data version is asked for: with a look this is how late another process's change is heard of.
const INTERVAL: Duration = Duration::from_millis(50);
/// A file that was found in its place is not looked for again so soon.
const FOUND_FOR: Duration = Duration::from_secs(1);
