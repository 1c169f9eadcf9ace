use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use rusqlite::Connection;

/// Instructions of SQLite's machine between two looks; some tens of microseconds.
const STEP: i32 = 1_000;

/// Interrupts the running statement at its deadline, or when its client has gone.
#[derive(Debug)]
pub(crate) struct Watch(Arc<Mutex<Until>>);

#[derive(Debug, Default)]
struct Until {
    deadline: Option<Instant>,
    gone: Option<Arc<AtomicBool>>,
}

impl Watch {
    /// Looks after every statement of the connection from now on.
    pub(crate) fn install(connection: &mut Connection) -> rusqlite::Result<Self> {
        let until = Arc::new(Mutex::new(Until::default()));
        let seen = Arc::clone(&until);
        connection.progress_handler(STEP, Some(move || seen.lock().over()))?;
        Ok(Self(until))
    }

    /// Sets what ends the statements that follow.
    pub(crate) fn begin(&self, deadline: Instant, gone: Arc<AtomicBool>) {
        *self.0.lock() = Until { deadline: Some(deadline), gone: Some(gone) };
    }

    /// Lets every statement run to its end.
    pub(crate) fn rest(&self) {
        *self.0.lock() = Until::default();
    }
}

impl Until {
    fn over(&self) -> bool {
        self.gone.as_ref().is_some_and(|gone| gone.load(Ordering::Relaxed))
            || self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }
}
