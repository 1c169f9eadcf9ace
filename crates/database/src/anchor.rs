use rusqlite::Connection;

/// A read transaction that is held while nothing is being committed, so that reading needs no system call.
///
/// A reader of a database in WAL mode locks the state it reads, with two calls to the system that take longer than a
/// point SELECT. SQLite leaves them out where another connection of the process holds the same lock: that is
/// the anchor. It is weighed before each commit and cast after it, so it always holds the newest state and never keeps
/// the log from being moved into the database file.
#[derive(Debug)]
pub(crate) struct Anchor {
    connection: Connection,
}

impl Anchor {
    /// An anchor on a reading connection of its own, not yet cast.
    pub(crate) fn new(connection: Connection) -> Self {
        Self { connection }
    }

    /// Holds the newest state. Where that fails, reading is slower and nothing else.
    pub(crate) fn cast(&self) {
        let held = self.step("BEGIN").and_then(|()| self.step("SELECT 1 FROM sqlite_schema LIMIT 1"));
        if let Err(error) = held {
            tracing::debug!(%error, "the newest state could not be held");
            self.weigh();
        }
    }

    /// Lets go.
    pub(crate) fn weigh(&self) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.step("COMMIT")
        {
            tracing::warn!(%error, "a state that was held could not be let go");
        }
    }

    fn step(&self, sql: &str) -> rusqlite::Result<()> {
        let mut compiled = self.connection.prepare_cached(sql)?;
        let mut rows = compiled.raw_query();
        rows.next().map(drop)
    }
}
