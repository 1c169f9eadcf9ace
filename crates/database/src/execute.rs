//! One statement on one connection: compiled or taken from the cache, bound, stepped, encoded.

use rusqlite::types::ValueRef as Stored;
use rusqlite::{CachedStatement, Connection, ErrorCode, Row, Statement as Compiled};
use wire::sql::{ResultEncoder, Statement, ValueRef};

use crate::bind::bind;
use crate::outcome::{RunError, code, sql_error};
use crate::policy::{Mode, Policy};
use crate::settings::Limits;

/// Bytes of the longest text whose statement is kept compiled.
const LONGEST_KEPT: usize = 8 << 10;

/// Why a statement has no result here.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It has none anywhere.
    Failed(RunError),
    /// It writes, and this connection reads.
    Writes,
    /// Its deadline has passed, or its client has gone.
    Interrupted,
    /// It must run outside every transaction.
    Outside,
}

impl Stop {
    /// Names the statement of the batch that failed.
    pub(crate) fn at(self, index: Option<usize>) -> Self {
        match self {
            Self::Failed(error) => Self::Failed(error.at(index)),
            other => other,
        }
    }
}

impl From<RunError> for Stop {
    fn from(error: RunError) -> Self {
        Self::Failed(error)
    }
}

/// What a write left behind.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Changes {
    /// Rows changed by the statement itself.
    pub(crate) rows: u64,
    /// The row it inserted last, or 0.
    pub(crate) last_insert_id: i64,
}

/// Runs a statement that must only read.
pub(crate) fn read(
    connection: &Connection,
    policy: &Policy,
    statement: &Statement,
    limits: &Limits,
    out: &mut ResultEncoder,
) -> Result<(), Stop> {
    policy.clear_denied();
    let outcome = compile(connection, policy, &statement.sql).map_err(|error| stop(policy, &error)).and_then(
        |mut compiled| {
            if !reads(&compiled) {
                compiled.discard();
                return Err(Stop::Writes);
            }
            let outcome = run(&mut compiled, policy, statement, limits, out);
            put_back(compiled, &statement.sql);
            outcome
        },
    );
    match outcome {
        Err(Stop::Writes) => second_look(connection, policy, statement, limits, out),
        other => finish(other, out),
    }
}

/// What SQLite itself says about the program, whatever was asked while it was compiled.
fn reads(compiled: &Compiled<'_>) -> bool {
    compiled.readonly() || compiled.is_explain() != 0
}

/// Looks again at a statement of which something was denied as a write, and that may read all the same: an `EXPLAIN`,
/// whose program is listed and never run, and a virtual table (R*Tree), which prepares its own writes before it is
/// first read. The statement must still be one that reads, and the handle still cannot write.
fn second_look(
    connection: &Connection,
    policy: &Policy,
    statement: &Statement,
    limits: &Limits,
    out: &mut ResultEncoder,
) -> Result<(), Stop> {
    policy.within(Mode::Compile, || {
        policy.clear_denied();
        let mut compiled = connection.prepare(&statement.sql).map_err(|error| stop(policy, &error))?;
        if !reads(&compiled) {
            return Err(Stop::Writes);
        }
        finish(run(&mut compiled, policy, statement, limits, out), out)
    })
}

/// Compiles a statement, or finds it compiled. Where it does not compile, the connection may know an old schema, of
/// which SQLite does not think in every case: it looks at the schema and tries again.
fn compile<'c>(
    connection: &'c Connection,
    policy: &Policy,
    sql: &str,
) -> rusqlite::Result<CachedStatement<'c>> {
    connection.prepare_cached(sql).or_else(|error| {
        if code(&error) == Some(ErrorCode::Unknown) {
            // The look finds the old schema out of date, and forgets it.
            policy.within(Mode::Own, || {
                connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
            })?;
            return connection.prepare_cached(sql);
        }
        Err(error)
    })
}

/// Gives a statement back to the cache, unless its text is long: a few hundred of those would fill the memory.
pub(crate) fn put_back(compiled: CachedStatement<'_>, sql: &str) {
    if sql.len() > LONGEST_KEPT {
        compiled.discard();
    }
}

fn finish(outcome: Result<bool, Stop>, out: &mut ResultEncoder) -> Result<(), Stop> {
    let truncated = outcome?;
    out.finish(0, 0, truncated);
    Ok(())
}

/// Runs a statement on the connection that writes; what it changed is asked of `changes` when it is done.
pub(crate) fn write(
    compiled: &mut Compiled<'_>,
    policy: &Policy,
    statement: &Statement,
    limits: &Limits,
    out: &mut ResultEncoder,
    changes: impl FnOnce() -> Changes,
) -> Result<(), Stop> {
    let truncated = run(compiled, policy, statement, limits, out)?;
    let changes = changes();
    out.finish(changes.rows, changes.last_insert_id, truncated);
    Ok(())
}

/// Steps to the end, or to the limits; says whether rows were left out.
fn run(
    compiled: &mut Compiled<'_>,
    policy: &Policy,
    statement: &Statement,
    limits: &Limits,
    out: &mut ResultEncoder,
) -> Result<bool, Stop> {
    bind(compiled, &statement.args)?;
    if is_nothing(compiled) {
        out.begin([]);
        return Ok(false);
    }
    // What a writing statement has left to do after its rows is not cut off with them.
    let must_end = !compiled.readonly();
    let mut rows = compiled.raw_query();
    let (mut count, mut truncated) = (0, false);
    while let Some(row) = rows.next().map_err(|error| stop(policy, &error))? {
        if count == 0 {
            // Only now: the first step compiles the statement again where the schema has changed.
            begin(row.as_ref(), out);
        }
        count += 1;
        truncated = truncated || count > limits.max_rows || !encode(row, limits.max_result_bytes, out);
        if truncated && !must_end {
            return Ok(true);
        }
    }
    drop(rows);
    if count == 0 {
        begin(compiled, out);
    }
    Ok(truncated)
}

/// Whether the text held no statement at all, but comments or blanks.
fn is_nothing(compiled: &Compiled<'_>) -> bool {
    compiled.column_count() == 0 && compiled.readonly() && compiled.expanded_sql().is_none()
}

fn begin(compiled: &Compiled<'_>, out: &mut ResultEncoder) {
    out.begin((0..compiled.column_count()).map(|n| compiled.column_name(n).unwrap_or_default()));
}

/// Writes a row; takes it back and says no where it makes the answer too large.
fn encode(row: &Row<'_>, max_bytes: usize, out: &mut ResultEncoder) -> bool {
    let compiled: &Compiled<'_> = row.as_ref();
    out.row_begin();
    for n in 0..compiled.column_count() {
        out.value(row.get_ref(n).map_or(ValueRef::Null, borrowed));
        if out.size() > max_bytes {
            out.row_undo();
            return false;
        }
    }
    out.row_end();
    true
}

fn borrowed(stored: Stored<'_>) -> ValueRef<'_> {
    match stored {
        Stored::Null => ValueRef::Null,
        Stored::Integer(n) => ValueRef::Integer(n),
        Stored::Real(x) => ValueRef::Real(x),
        Stored::Text(text) => ValueRef::Text(text),
        Stored::Blob(bytes) => ValueRef::Blob(bytes),
    }
}

/// What an error of SQLite means here.
pub(crate) fn stop(policy: &Policy, error: &rusqlite::Error) -> Stop {
    let denied = match code(error) {
        Some(ErrorCode::OperationInterrupted) => return Stop::Interrupted,
        // A denied function is a plain error to SQLite.
        Some(ErrorCode::AuthorizationForStatementDenied | ErrorCode::Unknown) => policy.denied(),
        _ => None,
    };
    denied.map_or_else(
        || Stop::Failed(sql_error(error)),
        |denied| denied.error().map_or(Stop::Writes, Stop::Failed),
    )
}
