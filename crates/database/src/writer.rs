//! The one thread that writes, and how requests share a commit.
//!
//! What costs is the commit, because an answer is given only when its write is on the disk. So the writer takes
//! all that waits, runs each request in a savepoint of its own within one transaction, and commits once. A
//! request that fails is taken back alone. Nobody can tell that the commit was shared:
//!
//! - where the transaction is lost as a whole (SQLite rolls it back on an interrupt, a full disk, `OR ROLLBACK`), or the
//!   commit itself fails, every request of the group is run again, alone;
//! - a request that takes longer than [`SLICE`] while others wait for the commit is run again, alone, after it;
//! - constraints that are checked at the commit (`DEFERRABLE` in the schema) must fail their own request, so
//!   such a database has a commit for each request.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::hooks::Action;
use wire::sql::{ResultEncoder, Statement};

use crate::anchor::Anchor;
use crate::execute::{Changes, Stop, put_back, stop, write};
use crate::job::{Job, Outcome};
use crate::outcome::{RunError, sql_error};
use crate::policy::{Duty, Mode, Policy};
use crate::program::{self, Vacuum};
use crate::reader::Lanes;
use crate::settings::Limits;
use crate::watch::Watch;

/// Requests in one commit at most.
const GROUP: usize = 256;

/// How long a request may keep others of its group from their commit.
const SLICE: Duration = Duration::from_millis(20);

/// How long the anchor lies at the same place while nothing is written.
const IDLE: Duration = Duration::from_secs(5);

/// The writing thread.
pub(crate) struct Writer {
    connection: Connection,
    policy: Policy,
    watch: Watch,
    lanes: Lanes,
    inserted: Arc<AtomicI64>,
    schema: Schema,
    anchor: Option<Anchor>,
}

/// What the writer knows of the schema, and of which version.
#[derive(Debug, Default)]
struct Schema {
    version: i64,
    defers: bool,
}

impl Writer {
    /// The writer on its connection; `commits` counts what it commits.
    pub(crate) fn new(
        mut connection: Connection,
        anchor: Option<Anchor>,
        lanes: Lanes,
        commits: Arc<AtomicU64>,
    ) -> rusqlite::Result<Self> {
        let policy = Policy::install(&mut connection, Duty::Write, None)?;
        let watch = Watch::install(&mut connection)?;
        let inserted = Arc::new(AtomicI64::new(0));
        let seen = Arc::clone(&inserted);
        connection.update_hook(Some(move |action, _: &str, _: &str, row| {
            if action == Action::SQLITE_INSERT {
                seen.store(row, Ordering::Relaxed);
            }
        }))?;
        connection.commit_hook(Some(move || {
            commits.fetch_add(1, Ordering::Relaxed);
            false
        }))?;
        Ok(Self { connection, policy, watch, lanes, inserted, schema: Schema::default(), anchor })
    }

    /// Serves until the queue is closed, then leaves the database as one file without a log.
    pub(crate) fn work(mut self) {
        let Some(queue) = self.lanes.writer.clone() else { return };
        self.cast();
        while let Some(mut jobs) = queue.take(GROUP, IDLE) {
            if jobs.is_empty() {
                // Another process may have written, and waits to empty the log.
                self.weigh();
                self.cast();
            }
            // A defect met by one request must not take the lane from all others; its callers hear of it.
            if catch_unwind(AssertUnwindSafe(|| self.serve(&mut jobs))).is_err() {
                tracing::error!("a write has panicked");
                self.watch.rest();
                self.roll_back();
            }
        }
        // The connection that can write must be the last to close: it clears the log away.
        self.anchor = None;
        self.checkpoint();
    }

    fn cast(&self) {
        self.anchor.iter().for_each(Anchor::cast);
    }

    fn weigh(&self) {
        self.anchor.iter().for_each(Anchor::weigh);
    }

    fn serve(&mut self, jobs: &mut VecDeque<Job>) {
        let shared = jobs.len() > 1 && self.shares_commits();
        while !jobs.is_empty() {
            if shared {
                self.group(jobs);
            } else if let Some(job) = jobs.pop_front() {
                self.alone(job);
            }
        }
    }

    /// In memory there is no disk to save; a deferred constraint must fail its own request alone.
    fn shares_commits(&mut self) -> bool {
        if self.lanes.turn.is_some() {
            return false;
        }
        let schema = self.policy.within(Mode::Own, || {
            let ask =
                |sql: &str| self.connection.prepare_cached(sql)?.query_row([], |row| row.get::<_, i64>(0));
            let version = ask("PRAGMA schema_version")?;
            if version == self.schema.version {
                return Ok(None);
            }
            let defers = ask("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE sql LIKE '%DEFERR%')")? != 0;
            Ok::<_, rusqlite::Error>(Some(Schema { version, defers }))
        });
        match schema {
            Ok(Some(schema)) => self.schema = schema,
            Ok(None) => {}
            Err(_) => return false,
        }
        !self.schema.defers
    }

    /// Runs requests from the front within one commit, until none is left or the commit is due.
    fn group(&mut self, jobs: &mut VecDeque<Job>) {
        if let Err(error) = self.own("BEGIN IMMEDIATE") {
            return jobs.drain(..).for_each(|job| job.answer(Err(sql_error(&error))));
        }
        let started = Instant::now();
        let mut done: Vec<(Job, Outcome)> = Vec::new();
        let mut again = Vec::new();
        while let Some(job) = jobs.pop_front() {
            match self.nested(&job, (!done.is_empty()).then(|| Instant::now() + SLICE)) {
                Some(outcome) => done.push((job, outcome)),
                None => again.push(job),
            }
            if self.connection.is_autocommit() || started.elapsed() > SLICE {
                break;
            }
        }
        if !self.connection.is_autocommit() && self.commit().is_ok() {
            done.into_iter().for_each(|(job, outcome)| job.answer(outcome));
        } else {
            self.roll_back();
            done.into_iter().for_each(|(job, _)| self.alone(job));
        }
        again.into_iter().for_each(|job| self.alone(job));
    }

    /// Runs a request in a savepoint; nothing where it must run again, alone.
    fn nested(&self, job: &Job, slice: Option<Instant>) -> Option<Outcome> {
        if job.is_late() {
            return Some(Err(RunError::TimedOut));
        }
        self.own("SAVEPOINT request").ok()?;
        let until = slice.map_or(job.deadline, |slice| job.deadline.min(slice));
        self.watch.begin(until, job.gone());
        let outcome = self.statements(job);
        self.watch.rest();
        if outcome.is_err() && !self.connection.is_autocommit() {
            self.own("ROLLBACK TO request").ok()?;
        }
        if !self.connection.is_autocommit() {
            self.own("RELEASE request").ok()?;
        }
        match outcome {
            Ok(body) => Some(Ok(body)),
            Err(Stop::Failed(error)) => Some(Err(error)),
            Err(Stop::Interrupted) if job.is_late() => Some(Err(RunError::TimedOut)),
            Err(Stop::Interrupted | Stop::Outside | Stop::Writes) => None,
        }
    }

    /// Runs a request in a transaction of its own.
    fn alone(&self, job: Job) {
        if job.is_late() {
            return job.answer(Err(RunError::TimedOut));
        }
        let _turn = match self.lanes.turn.as_ref().map(|turn| turn.try_write_until(job.deadline)) {
            Some(None) => return job.answer(Err(RunError::TimedOut)),
            taken => taken.flatten(),
        };
        if let Err(error) = self.own("BEGIN IMMEDIATE") {
            return job.answer(Err(sql_error(&error)));
        }
        self.watch.begin(job.deadline, job.gone());
        let outcome = self.statements(&job);
        self.watch.rest();
        let outcome = match outcome {
            Ok(body) => self.commit().map(|()| body).map_err(|error| sql_error(&error)),
            Err(Stop::Failed(error)) => Err(error),
            Err(Stop::Interrupted | Stop::Writes) => Err(RunError::TimedOut),
            Err(Stop::Outside) => {
                self.roll_back();
                self.vacuum(&job)
            }
        };
        self.roll_back();
        job.answer(outcome);
    }

    fn statements(&self, job: &Job) -> Result<Vec<u8>, Stop> {
        let batch = job.request.batch;
        let mut out = ResultEncoder::new(batch);
        for (n, statement) in job.request.statements.iter().enumerate() {
            self.statement(statement, batch, &job.limits, &mut out)
                .map_err(|stop| stop.at(batch.then_some(n)))?;
        }
        Ok(out.into_body())
    }

    fn statement(
        &self,
        statement: &Statement,
        batch: bool,
        limits: &Limits,
        out: &mut ResultEncoder,
    ) -> Result<(), Stop> {
        self.policy.clear_denied();
        self.inserted.store(0, Ordering::Relaxed);
        let before = self.connection.total_changes();
        let mut compiled =
            self.connection.prepare_cached(&statement.sql).map_err(|error| stop(&self.policy, &error))?;
        let outcome = write(&mut compiled, &self.policy, statement, limits, out, || self.changes(before));
        put_back(compiled, &statement.sql);
        match outcome {
            Err(Stop::Failed(error)) => Err(self.vacuums(statement, batch).unwrap_or(Stop::Failed(error))),
            other => other,
        }
    }

    /// What a statement changed. The connection serves many clients, so nothing may be told that an earlier
    /// statement left behind: `changes` holds only where the total has grown, and the row identifier only where
    /// this statement inserted that row.
    fn changes(&self, before: u64) -> Changes {
        if self.connection.total_changes() == before {
            return Changes::default();
        }
        let last = self.connection.last_insert_rowid();
        let own = self.inserted.load(Ordering::Relaxed) == last;
        Changes { rows: self.connection.changes(), last_insert_id: if own { last } else { 0 } }
    }

    /// What to do instead, where a statement failed because it was a `VACUUM` inside our transaction.
    fn vacuums(&self, statement: &Statement, batch: bool) -> Option<Stop> {
        match program::vacuum(&self.connection, &statement.sql) {
            Ok(Some(Vacuum::Into)) => Some(Stop::Failed(RunError::NotPermitted("VACUUM INTO is disabled"))),
            Ok(Some(Vacuum::InPlace)) if !batch => Some(Stop::Outside),
            _ => None,
        }
    }

    /// Runs a `VACUUM`, which must be outside every transaction.
    fn vacuum(&self, job: &Job) -> Outcome {
        let Some(statement) = job.request.statements.first() else { return Err(RunError::Unavailable) };
        let mut out = ResultEncoder::new(false);
        self.weigh();
        self.watch.begin(job.deadline, job.gone());
        let outcome = self.policy.within(Mode::Vacuum, || {
            self.policy.clear_denied();
            let mut compiled =
                self.connection.prepare(&statement.sql).map_err(|error| stop(&self.policy, &error))?;
            write(&mut compiled, &self.policy, statement, &job.limits, &mut out, Changes::default)
        });
        self.watch.rest();
        self.cast();
        match outcome {
            Ok(()) => Ok(out.into_body()),
            Err(Stop::Failed(error)) => Err(error),
            Err(_) => Err(RunError::TimedOut),
        }
    }

    /// Commits, and moves the log into the database file where it has grown long: nothing may be held meanwhile.
    fn commit(&self) -> rusqlite::Result<()> {
        self.weigh();
        let outcome = self.own("COMMIT");
        self.cast();
        outcome
    }

    fn roll_back(&self) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.own("ROLLBACK")
        {
            tracing::error!(%error, "a transaction could not be rolled back");
        }
    }

    /// Runs transaction control. Never out of the cache, where a client's `COMMIT` would find ours.
    fn own(&self, sql: &str) -> rusqlite::Result<()> {
        self.policy.within(Mode::Own, || self.connection.prepare(sql)?.raw_execute().map(drop))
    }

    /// Moves the log into the database file, so that a copy of the file is a copy of the database.
    fn checkpoint(self) {
        let moved = self.policy.within(Mode::Own, || {
            self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0))
        });
        if let Err(error) = moved {
            tracing::warn!(%error, "the log could not be moved into the database file");
        }
    }
}
