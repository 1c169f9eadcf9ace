//! What a compiled statement is going to do, read from its program as `EXPLAIN` lists it.

use rusqlite::Connection;

/// Instructions that cost about the same each time: no function, no sorter, no virtual table, no temporary index.
///
/// Loops are allowed, because the budget of the connection that runs them ends the long ones.
const CHEAP: &[&str] = &[
    "Add",
    "AddImm",
    "Affinity",
    "And",
    "BitAnd",
    "BitNot",
    "BitOr",
    "Cast",
    "Close",
    "CollSeq",
    "Column",
    "Compare",
    "Concat",
    "Copy",
    "CursorHint",
    "DecrJumpZero",
    "DeferredSeek",
    "Divide",
    "ElseEq",
    "EndCoroutine",
    "Eq",
    "Explain",
    "FinishSeek",
    "Found",
    "Ge",
    "Gosub",
    "Goto",
    "Gt",
    "Halt",
    "IdxGE",
    "IdxGT",
    "IdxLE",
    "IdxLT",
    "IdxRowid",
    "If",
    "IfNot",
    "IfNotZero",
    "IfNullRow",
    "IfPos",
    "Init",
    "InitCoroutine",
    "Int64",
    "IntCopy",
    "Integer",
    "IsNull",
    "IsTrue",
    "IsType",
    "Jump",
    "Last",
    "Le",
    "Lt",
    "Move",
    "Multiply",
    "MustBeInt",
    "Ne",
    "Next",
    "Noop",
    "Not",
    "NotExists",
    "NotFound",
    "NotNull",
    "Null",
    "NullRow",
    "OffsetLimit",
    "Once",
    "OpenRead",
    "Or",
    "Permutation",
    "Prev",
    "Real",
    "RealAffinity",
    "Remainder",
    "ReopenIdx",
    "ResultRow",
    "Return",
    "Rewind",
    "Rowid",
    "SCopy",
    "SeekGE",
    "SeekGT",
    "SeekHit",
    "SeekLE",
    "SeekLT",
    "SeekRowid",
    "SeekScan",
    "ShiftLeft",
    "ShiftRight",
    "SoftNull",
    "String8",
    "Subtract",
    "Transaction",
    "Variable",
    "Yield",
    "ZeroOrNull",
];

/// Whether every instruction of the statement is cheap.
pub(crate) fn is_cheap(connection: &Connection, sql: &str) -> rusqlite::Result<bool> {
    let mut explained = connection.prepare(&format!("EXPLAIN {sql}"))?;
    let mut rows = explained.raw_query();
    while let Some(row) = rows.next()? {
        let opcode = row.get_ref(1)?.as_str().unwrap_or_default();
        if !CHEAP.contains(&opcode) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// How a statement vacuums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Vacuum {
    /// `VACUUM`: the database itself.
    InPlace,
    /// `VACUUM INTO`: into a file that the client names.
    Into,
}

/// Whether the statement is a `VACUUM`, and which; the authorizer is not asked about it as such.
pub(crate) fn vacuum(connection: &Connection, sql: &str) -> rusqlite::Result<Option<Vacuum>> {
    let mut explained = connection.prepare(&format!("EXPLAIN {sql}"))?;
    let mut rows = explained.raw_query();
    while let Some(row) = rows.next()? {
        if row.get_ref(1)?.as_str() == Ok("Vacuum") {
            // The second operand is the register that holds the file's name.
            let into: i64 = row.get(3)?;
            return Ok(Some(if into == 0 { Vacuum::InPlace } else { Vacuum::Into }));
        }
    }
    Ok(None)
}
