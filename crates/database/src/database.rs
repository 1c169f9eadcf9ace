use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use fault::Fault;
use parking_lot::{Mutex, RwLock};
use tokio::sync::oneshot;
use wire::sql::Request;

use crate::express::{Attempt, Express};
use crate::job::Job;
use crate::open::Source;
use crate::outcome::RunError;
use crate::queue::Queue;
use crate::reader::{Lanes, Reader};
use crate::settings::{Limits, Reach, Settings};
use crate::verdicts::{Verdict, Verdicts};
use crate::writer::Writer;

/// Requests that wait for a reader, or for the writer, at most.
const WAITING: usize = 4_096;

/// Connections of the express lane at most; more threads than this share them.
const EXPRESS: usize = 8;

/// One open database.
///
/// Dropping it lets its threads finish what waits and end by themselves; [`close`](Self::close) waits for them.
#[derive(Debug)]
pub struct Database {
    name: String,
    express: Express,
    lanes: Lanes,
    running: AtomicUsize,
    commits: Arc<AtomicU64>,
    threads: Mutex<Threads>,
}

/// The ends of the threads: each resolves when its thread has ended.
#[derive(Debug, Default)]
struct Threads {
    readers: Vec<oneshot::Receiver<()>>,
    writer: Option<oneshot::Receiver<()>>,
}

impl Database {
    /// Opens the database and starts its threads.
    ///
    /// # Errors
    /// Why it cannot be opened, and what to do about it.
    pub fn open(settings: Settings) -> Result<Self, Fault> {
        let source = Source::new(&settings)?;
        let commits = Arc::new(AtomicU64::new(0));
        // The writer first: it makes the file, and sets its journal mode.
        let writer = source.writer()?;
        let lanes = Lanes {
            readers: Arc::new(Queue::new(WAITING)),
            writer: writer.is_some().then(|| Arc::new(Queue::new(WAITING))),
            verdicts: Arc::new(Verdicts::default()),
            shown: source.shown()?,
            turn: source.is_in_memory().then(|| Arc::new(RwLock::new(()))),
        };
        let mut threads = Threads::default();
        if let Some(connection) = writer {
            let writer = Writer::new(connection, source.anchor()?, lanes.clone(), Arc::clone(&commits));
            let writer = writer.map_err(|error| source.refused(&error))?;
            threads.writer = Some(start(&settings.name, "write", move || writer.work())?);
        }
        for _ in 0..settings.readers.max(1) {
            let reader =
                Reader::new(source.reader()?, lanes.clone()).map_err(|error| source.refused(&error))?;
            threads.readers.push(start(&settings.name, "read", move || reader.work())?);
        }
        let slots = std::thread::available_parallelism().map_or(1, usize::from).min(EXPRESS);
        let connections = (0..slots).map(|_| source.express()).collect::<Result<Vec<_>, _>>()?;
        let express = Express::new(connections, &lanes).map_err(|error| source.refused(&error))?;
        let threads = Mutex::new(threads);
        Ok(Self { name: settings.name, express, lanes, running: AtomicUsize::new(0), commits, threads })
    }

    /// The name clients know it by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Transactions committed since the database was opened; fewer than writes answered where they shared one.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Runs a request and gives the JSON body of its answer.
    ///
    /// A write is on the disk when this returns. Where the answer is [`RunError::TimedOut`], or the future is dropped,
    /// the statement is interrupted; a write may have been committed just before that.
    ///
    /// Must be polled within a tokio runtime that keeps time.
    ///
    /// # Errors
    /// Why there is no result.
    pub async fn run(&self, reach: Reach, request: Request, limits: &Limits) -> Result<Vec<u8>, RunError> {
        let _place = Place::take(&self.running, limits.max_concurrent)?;
        let verdict = self.verdict(&request);
        if let (Some(Verdict::Express), Some(statement)) = (verdict, request.statements.first()) {
            match self.express.attempt(statement, limits) {
                Attempt::Done(body) => return Ok(body),
                Attempt::NotNow => {}
                Attempt::NotCheap => self.lanes.verdicts.set(&statement.sql, Verdict::Read),
            }
        }
        // A reader decides about all that may not write: only it can say no with certainty.
        let writes = reach != Reach::ReadOnly && verdict == Some(Verdict::Write);
        let lane = self.lanes.writer.as_ref().filter(|_| writes).unwrap_or(&self.lanes.readers);
        let (job, waiting) = Job::new(request, reach, limits);
        job.send(lane);
        waiting.outcome().await
    }

    /// What is known about the request as a whole.
    fn verdict(&self, request: &Request) -> Option<Verdict> {
        let known = |sql: &str| self.lanes.verdicts.get(sql);
        match request.statements.as_slice() {
            [statement] if !request.batch => known(&statement.sql),
            many => {
                many.iter().find_map(|each| known(&each.sql).filter(|verdict| *verdict == Verdict::Write))
            }
        }
    }

    /// Takes no more requests, finishes those that wait, moves the log into the database file and closes it.
    pub async fn close(&self) {
        let threads = std::mem::take(&mut *self.threads.lock());
        self.express.close();
        self.lanes.readers.close();
        for reader in threads.readers {
            // The sender is dropped when the thread ends: that is the message.
            drop(reader.await);
        }
        if let Some(queue) = &self.lanes.writer {
            queue.close();
        }
        if let Some(writer) = threads.writer {
            drop(writer.await);
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.lanes.readers.close();
        if let Some(writer) = &self.lanes.writer {
            writer.close();
        }
    }
}

/// A place among the requests that may run at the same time.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(running: &'a AtomicUsize, most: usize) -> Result<Self, RunError> {
        let before = running.fetch_add(1, Ordering::Relaxed);
        let place = Self(running);
        if most > 0 && before >= most { Err(RunError::Busy) } else { Ok(place) }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Starts a thread and gives its end.
fn start(
    database: &str,
    duty: &str,
    work: impl FnOnce() + Send + 'static,
) -> Result<oneshot::Receiver<()>, Fault> {
    let (ended, end) = oneshot::channel();
    std::thread::Builder::new()
        .name(format!("{duty}-{database}"))
        .spawn(move || {
            work();
            drop(ended);
        })
        .map(|_| end)
        .map_err(|error| {
            Fault::theirs(format!("cannot start a thread for database {database:?}"))
                .because(error)
                .remedy("raise the limit on threads (ulimit -u), or lower the number of readers")
        })
}
