use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// Statements that are remembered at most.
const PLACES: usize = 8_192;

/// The lane that a statement took the last time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Cheap: it may run on the caller's thread.
    Express,
    /// It reads, and takes its time.
    Read,
    /// It writes.
    Write,
}

/// What is known about statements, by the hash of their text.
///
/// Only a hint: two texts with one hash, or a schema that has changed since, send a statement down a lane that
/// gives the same answer by a longer way. The writer runs reads as well, readers pass writes on, and the express
/// lane has a budget. That is why a table without locks and without the texts is enough.
#[derive(Debug)]
pub(crate) struct Verdicts {
    places: Box<[AtomicU64]>,
    hasher: RandomState,
}

impl Default for Verdicts {
    fn default() -> Self {
        Self { places: (0..PLACES).map(|_| AtomicU64::new(0)).collect(), hasher: RandomState::new() }
    }
}

impl Verdicts {
    /// What is known about the statement.
    pub(crate) fn get(&self, sql: &str) -> Option<Verdict> {
        let hash = self.hasher.hash_one(sql);
        let known = self.place(hash)?.load(Ordering::Relaxed);
        if known >> 2 != hash >> 2 {
            return None;
        }
        match known & 3 {
            1 => Some(Verdict::Express),
            2 => Some(Verdict::Read),
            3 => Some(Verdict::Write),
            _ => None,
        }
    }

    /// Notes what has been found out.
    pub(crate) fn set(&self, sql: &str, verdict: Verdict) {
        let hash = self.hasher.hash_one(sql);
        let mark = match verdict {
            Verdict::Express => 1,
            Verdict::Read => 2,
            Verdict::Write => 3,
        };
        if let Some(place) = self.place(hash) {
            place.store((hash & !3) | mark, Ordering::Relaxed);
        }
    }

    fn place(&self, hash: u64) -> Option<&AtomicU64> {
        // The upper half, because the lower bits hold the verdict.
        self.places.get((hash >> 32) as usize % PLACES)
    }
}
