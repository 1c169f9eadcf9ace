//! The lane for statements that cost less than handing them to another thread.
//!
//! A point SELECT takes a microsecond; a thread switch and back takes ten. So a statement whose program is
//! [known to be cheap](crate::program::is_cheap) runs at once on the thread that asks, which belongs to the
//! asynchronous runtime and must not be held up. Four things keep it short:
//!
//! - a connection is taken only where one is free, never waited for, and it never waits for a lock itself;
//! - its statements end after [`BUDGET`] rounds of [`ROUND`] instructions, at most a tenth of a millisecond;
//! - it reads no value larger than [`LARGEST`];
//! - whatever goes wrong, the statement is run again from the start on a reader thread. Reads have no effects, so
//!   nobody can tell, and the error the client gets is the reader's.
//!
//! Each run is its own read transaction: the last commit is always seen, one's own first of all.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use parking_lot::{Mutex, RwLock};
use rusqlite::Connection;
use rusqlite::limits::Limit;
use wire::sql::{ResultEncoder, Statement};

use crate::execute::{Stop, read};
use crate::policy::{Duty, Policy};
use crate::reader::Lanes;
use crate::settings::Limits;
use crate::shown::Shown;

/// Instructions of SQLite's machine in a round.
const ROUND: i32 = 500;

/// Rounds that a statement may take.
const BUDGET: u32 = 4;

/// Bytes of the largest value, and of the largest argument.
const LARGEST: i32 = 64 << 10;

/// The free connections.
#[derive(Debug)]
pub(crate) struct Express {
    slots: Box<[Mutex<Option<Slot>>]>,
    turn: Option<Arc<RwLock<()>>>,
}

#[derive(Debug)]
struct Slot {
    connection: Connection,
    policy: Policy,
    rounds: Arc<AtomicU32>,
}

/// What came of an attempt.
#[derive(Debug)]
pub(crate) enum Attempt {
    /// The answer.
    Done(Vec<u8>),
    /// Nothing; a reader must run it.
    NotNow,
    /// Nothing, and the statement is not cheap after all.
    NotCheap,
}

impl Express {
    /// A lane of reading connections beside the others.
    pub(crate) fn new(connections: Vec<Connection>, lanes: &Lanes) -> rusqlite::Result<Self> {
        let slot = |connection| Slot::new(connection, lanes.shown.clone());
        let slots = connections
            .into_iter()
            .map(|connection| slot(connection).map(|slot| Mutex::new(Some(slot))))
            .collect::<rusqlite::Result<_>>()?;
        Ok(Self { slots, turn: lanes.turn.clone() })
    }

    /// Runs a statement if a connection is free and the budget suffices.
    pub(crate) fn attempt(&self, statement: &Statement, limits: &Limits) -> Attempt {
        let _turn = match self.turn.as_ref().map(|turn| turn.try_read()) {
            Some(None) => return Attempt::NotNow,
            taken => taken.flatten(),
        };
        let first = favourite() % self.slots.len().max(1);
        let (early, late) = self.slots.split_at_checked(first).unwrap_or((&[], &self.slots));
        match late.iter().chain(early).find_map(|slot| slot.try_lock()) {
            Some(mut slot) => slot.as_mut().map_or(Attempt::NotNow, |slot| slot.attempt(statement, limits)),
            None => Attempt::NotNow,
        }
    }

    /// Closes the connections.
    pub(crate) fn close(&self) {
        for slot in &self.slots {
            *slot.lock() = None;
        }
    }
}

impl Slot {
    fn new(mut connection: Connection, shown: Option<Arc<Shown>>) -> rusqlite::Result<Self> {
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, LARGEST)?;
        let rounds = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&rounds);
        // SQLite counts instructions over all runs of a statement, so a round may begin in the middle of one.
        connection
            .progress_handler(ROUND, Some(move || counted.fetch_add(1, Ordering::Relaxed) >= BUDGET))?;
        let policy = Policy::install(&mut connection, Duty::Read, shown)?;
        Ok(Self { connection, policy, rounds })
    }

    fn attempt(&mut self, statement: &Statement, limits: &Limits) -> Attempt {
        self.rounds.store(0, Ordering::Relaxed);
        let mut out = ResultEncoder::new(false);
        match read(&self.connection, &self.policy, statement, limits, &mut out) {
            Ok(()) => Attempt::Done(out.into_body()),
            Err(Stop::Interrupted) => Attempt::NotCheap,
            Err(_) => Attempt::NotNow,
        }
    }
}

/// The slot that the calling thread tries first, so that each thread finds its own statements and pages again.
fn favourite() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static MINE: Cell<Option<usize>> = const { Cell::new(None) };
    }
    MINE.with(|mine| {
        mine.get().unwrap_or_else(|| {
            let slot = NEXT.fetch_add(1, Ordering::Relaxed);
            mine.set(Some(slot));
            slot
        })
    })
}
