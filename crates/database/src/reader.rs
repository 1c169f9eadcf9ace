use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use rusqlite::{Connection, ffi};
use wire::sql::ResultEncoder;

use crate::execute::{Stop, read};
use crate::job::Job;
use crate::outcome::{RunError, sql_error};
use crate::policy::{Duty, Mode, Policy};
use crate::program;
use crate::queue::Queue;
use crate::settings::Reach;
use crate::shown::Shown;
use crate::verdicts::{Verdict, Verdicts};
use crate::watch::Watch;

/// How long a thread waits before it looks around; it has nothing else to do.
const IDLE: Duration = Duration::from_secs(60);

/// What the threads of a database share.
#[derive(Clone, Debug)]
pub(crate) struct Lanes {
    /// Reads that are not known to be cheap.
    pub(crate) readers: Arc<Queue<Job>>,
    /// Writes; nothing where the database is read only.
    pub(crate) writer: Option<Arc<Queue<Job>>>,
    /// What is known about statements.
    pub(crate) verdicts: Arc<Verdicts>,
    /// What may be read, where not everything may.
    pub(crate) shown: Option<Arc<Shown>>,
    /// A database in memory has no log beside which to read: there readers and the writer take turns.
    pub(crate) turn: Option<Arc<RwLock<()>>>,
}

/// One reading thread.
pub(crate) struct Reader {
    connection: Connection,
    policy: Policy,
    watch: Watch,
    lanes: Lanes,
}

impl Reader {
    /// A reader on a connection of its own.
    pub(crate) fn new(mut connection: Connection, lanes: Lanes) -> rusqlite::Result<Self> {
        let policy = Policy::install(&mut connection, Duty::Read, lanes.shown.clone())?;
        let watch = Watch::install(&mut connection)?;
        Ok(Self { connection, policy, watch, lanes })
    }

    /// Serves until the queue is closed.
    pub(crate) fn work(self) {
        while let Some(jobs) = self.lanes.readers.take(1, IDLE) {
            for job in jobs {
                // A defect met by one request must not take the lane from the others; its caller hears of it.
                if catch_unwind(AssertUnwindSafe(|| self.serve(job))).is_err() {
                    tracing::error!("a read has panicked");
                }
                if !self.connection.is_autocommit() {
                    drop(self.own("ROLLBACK"));
                }
            }
        }
    }

    fn serve(&self, job: Job) {
        if job.is_late() {
            return job.answer(Err(RunError::TimedOut));
        }
        let _turn = match self.lanes.turn.as_ref().map(|turn| turn.try_read_until(job.deadline)) {
            Some(None) => return job.answer(Err(RunError::TimedOut)),
            taken => taken.flatten(),
        };
        self.watch.begin(job.deadline, job.gone());
        let outcome = self.run(&job);
        self.watch.rest();
        match outcome {
            Ok(body) => {
                self.learn(&job);
                job.answer(Ok(body));
            }
            Err(Stop::Writes) => self.pass_on(job),
            Err(Stop::Failed(error)) => job.answer(Err(error)),
            Err(Stop::Interrupted | Stop::Outside) => job.answer(Err(RunError::TimedOut)),
        }
    }

    /// Runs all statements on one state of the database.
    fn run(&self, job: &Job) -> Result<Vec<u8>, Stop> {
        let batch = job.request.batch;
        if batch {
            self.own("BEGIN").map_err(|error| sql_error(&error))?;
        }
        let mut out = ResultEncoder::new(batch);
        for (n, statement) in job.request.statements.iter().enumerate() {
            read(&self.connection, &self.policy, statement, &job.limits, &mut out)
                .map_err(|stop| stop.at(batch.then_some(n)))?;
        }
        if batch {
            self.own("COMMIT").map_err(|error| sql_error(&error))?;
        }
        Ok(out.into_body())
    }

    /// Hands a write to the writer, if the caller may write.
    fn pass_on(&self, job: Job) {
        match &self.lanes.writer {
            _ if job.reach == Reach::ReadOnly => job.answer(Err(RunError::ReadOnly)),
            None => {
                let error = RunError::said("attempt to write a readonly database", ffi::SQLITE_READONLY);
                job.answer(Err(error));
            }
            Some(writer) => {
                if let (false, [statement]) = (job.request.batch, job.request.statements.as_slice()) {
                    self.lanes.verdicts.set(&statement.sql, Verdict::Write);
                }
                job.send(writer);
            }
        }
    }

    /// Finds out, once, whether a statement may take the express lane next time.
    fn learn(&self, job: &Job) {
        let (false, [statement]) = (job.request.batch, job.request.statements.as_slice()) else { return };
        if self.lanes.verdicts.get(&statement.sql).is_none() {
            let cheap = program::is_cheap(&self.connection, &statement.sql).unwrap_or(false);
            self.lanes.verdicts.set(&statement.sql, if cheap { Verdict::Express } else { Verdict::Read });
        }
    }

    /// Runs transaction control. Never out of the cache, where a client's `COMMIT` would find ours.
    fn own(&self, sql: &str) -> rusqlite::Result<()> {
        self.policy.within(Mode::Own, || self.connection.prepare(sql)?.raw_execute().map(drop))
    }
}
