//! Hearing of what others have recorded.

use std::sync::Arc;
use std::time::Duration;

use ledger::LedgerError;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::link::{away, failed};
use crate::session::Session;
use crate::spec::PostgresSpec;
use crate::{read, schema};

/// Sees the ledger's revision grow, by whoever's hand.
///
/// A connection of its own listens: the server tells it of every commit. What it tells is only a reason to look, so that
/// nobody who may notify can make us believe a revision; and the revision is compared from time to time without one, so
/// that a notification which was lost is late and not missed.
#[derive(Debug)]
pub(crate) struct Watch {
    announced: Announced,
    task: parking_lot::Mutex<Option<JoinHandle<()>>>,
}

/// What is known of the revision; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Announced(watch::Sender<Known>);

#[derive(Clone, Debug)]
enum Known {
    /// The last revision that is known.
    Revision(u64),
    /// Nobody can say at the moment.
    Failing(LedgerError),
    Closed,
}

impl Watch {
    /// Starts listening.
    pub(crate) fn start(spec: Arc<PostgresSpec>) -> Self {
        let announced = Announced(watch::channel(Known::Revision(0)).0);
        let task = tokio::spawn(listen(spec, announced.clone()));
        Self { announced, task: parking_lot::Mutex::new(Some(task)) }
    }

    /// Where the writer announces what it has committed.
    pub(crate) fn announced(&self) -> Announced {
        self.announced.clone()
    }

    /// Waits until the revision is past `since`.
    ///
    /// # Errors
    /// Nobody can say at the moment: what others record is not heard of.
    pub(crate) async fn past(&self, since: u64) -> Result<u64, LedgerError> {
        let mut announced = self.announced.0.subscribe();
        loop {
            match &*announced.borrow_and_update() {
                Known::Closed => return Err(LedgerError::Closed),
                Known::Failing(error) => return Err(error.clone()),
                Known::Revision(revision) if *revision > since => return Ok(*revision),
                Known::Revision(_) => {}
            }
            announced.changed().await.map_err(|_| LedgerError::Closed)?;
        }
    }

    /// Ends all waiting, and the listening.
    pub(crate) fn close(&self) {
        if let Some(task) = self.task.lock().take() {
            task.abort();
        }
        self.announced.0.send_replace(Known::Closed);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.close();
    }
}

impl Announced {
    /// Tells those who wait; a revision that is known already tells nobody anything.
    pub(crate) fn tell(&self, revision: u64) {
        self.0.send_if_modified(|known| match known {
            Known::Revision(known) if *known < revision => {
                *known = revision;
                true
            }
            Known::Revision(_) | Known::Failing(_) | Known::Closed => false,
        });
    }

    /// Begins anew with what a fresh connection says, which is less than before where a backup was put in place.
    fn begin(&self, revision: u64) {
        self.replace(Known::Revision(revision));
    }

    fn fail(&self, error: LedgerError) {
        self.replace(Known::Failing(error));
    }

    fn replace(&self, with: Known) {
        self.0.send_if_modified(|known| match known {
            Known::Closed => false,
            Known::Revision(_) | Known::Failing(_) => {
                *known = with;
                true
            }
        });
    }
}

async fn listen(spec: Arc<PostgresSpec>, announced: Announced) {
    let mut pause = FIRST_PAUSE;
    loop {
        let (error, was_well) = attend(&spec, &announced).await;
        announced.fail(error);
        pause = if was_well { FIRST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
        tokio::time::sleep(pause).await;
    }
}

/// Listens on one connection until it ends; says why it did, and whether it had been well before.
async fn attend(spec: &PostgresSpec, announced: &Announced) -> (LedgerError, bool) {
    let heard = Arc::new(Notify::new());
    let session = match prepared(spec, &heard).await {
        Ok(session) => session,
        Err(error) => return (error, false),
    };
    let mut first = true;
    loop {
        match read::revision(&session).await {
            Ok(revision) if first => announced.begin(revision),
            Ok(revision) => announced.tell(revision),
            Err(error) => return (error, !first),
        }
        first = false;
        // One who was told while it looked finds the permit and looks again.
        let _late = tokio::time::timeout(COMPARED, heard.notified()).await;
    }
}

async fn prepared(spec: &PostgresSpec, heard: &Arc<Notify>) -> Result<Session, LedgerError> {
    let session = Session::open(spec, Some(Arc::clone(heard))).await.map_err(|fault| away(&fault))?;
    schema::must_be_ours(&session, spec).await.map_err(|fault| away(&fault))?;
    session.run("LISTEN countersign").await.map_err(|error| failed(&session, &error))?;
    Ok(session)
}

/// How often the revision is compared without a notification. A server that is gone is found out by it, too.
const COMPARED: Duration = Duration::from_secs(1);
/// After a connection has ended the next one is made so soon, and each time twice as late,
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// but never later than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
