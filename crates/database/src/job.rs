use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use wire::sql::Request;

use crate::outcome::RunError;
use crate::queue::{NotQueued, Queue};
use crate::settings::{Limits, Reach};

/// What a request comes to.
pub(crate) type Outcome = Result<Vec<u8>, RunError>;

/// How long past its deadline a request is waited for: the interrupt needs a moment, and one instruction of
/// SQLite's machine (a sort, a search in a large text) cannot be interrupted at all.
const GRACE: Duration = Duration::from_millis(500);

/// The longest that a request may take, whatever its limit says: later moments need not exist.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3_600);

/// A request on its way through the threads of a database.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) request: Request,
    pub(crate) reach: Reach,
    pub(crate) limits: Limits,
    pub(crate) deadline: Instant,
    gone: Arc<AtomicBool>,
    reply: oneshot::Sender<Outcome>,
}

/// The caller's end of a [`Job`]; dropping it interrupts the job.
pub(crate) struct Waiting {
    gone: Arc<AtomicBool>,
    deadline: Instant,
    answer: oneshot::Receiver<Outcome>,
}

impl Job {
    /// A job and the end to wait at.
    pub(crate) fn new(request: Request, reach: Reach, limits: &Limits) -> (Self, Waiting) {
        let deadline = Instant::now() + limits.statement_timeout.min(LONGEST);
        let gone = Arc::new(AtomicBool::new(false));
        let (reply, answer) = oneshot::channel();
        let waiting = Waiting { gone: Arc::clone(&gone), deadline, answer };
        (Self { request, reach, limits: limits.clone(), deadline, gone, reply }, waiting)
    }

    /// Gives the caller its answer.
    pub(crate) fn answer(self, outcome: Outcome) {
        // A caller that has gone misses nothing.
        drop(self.reply.send(outcome));
    }

    /// Puts the job on a queue; the caller hears of it where there is no room.
    pub(crate) fn send(self, queue: &Queue<Self>) {
        match queue.push(self) {
            Ok(()) => {}
            Err((job, NotQueued::Full)) => job.answer(Err(RunError::Busy)),
            Err((job, NotQueued::Closed)) => job.answer(Err(RunError::Unavailable)),
        }
    }

    /// The flag that the caller raises by leaving.
    pub(crate) fn gone(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.gone)
    }

    /// Whether it is not worth starting: the deadline has passed or the caller has gone.
    pub(crate) fn is_late(&self) -> bool {
        self.gone.load(Ordering::Relaxed) || Instant::now() >= self.deadline
    }
}

impl Waiting {
    /// Waits for the answer.
    pub(crate) async fn outcome(mut self) -> Outcome {
        let until = tokio::time::Instant::from_std(self.deadline + GRACE);
        match tokio::time::timeout_at(until, &mut self.answer).await {
            Ok(Ok(outcome)) => outcome,
            // The thread died with the job; nobody will answer.
            Ok(Err(_)) => Err(RunError::Unavailable),
            Err(_) => Err(RunError::TimedOut),
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.gone.store(true, Ordering::Relaxed);
    }
}
