use std::collections::HashMap;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Statement, ToSql, ffi};
use wire::sql::{Args, Value};

use crate::outcome::{RunError, sql_error};

/// Binds the arguments; every parameter must have one, and every argument a parameter.
pub(crate) fn bind(statement: &mut Statement<'_>, args: &Args) -> Result<(), RunError> {
    match args {
        Args::Positional(values) => positional(statement, values),
        Args::Named(values) => named(statement, values),
    }
}

fn positional(statement: &mut Statement<'_>, values: &[Value]) -> Result<(), RunError> {
    let wanted = statement.parameter_count();
    if wanted != values.len() {
        let given = values.len();
        return Err(mismatch(format!(
            "the statement has {wanted} parameters, the request gives {given} arguments"
        )));
    }
    for (n, value) in values.iter().enumerate() {
        set(statement, n + 1, value)?;
    }
    Ok(())
}

fn named(statement: &mut Statement<'_>, values: &[(String, Value)]) -> Result<(), RunError> {
    // A map, because a stranger decides how many there are on either side.
    let mut given: HashMap<&str, &Value> =
        values.iter().map(|(name, value)| (name.as_str(), value)).collect();
    for index in 1..=statement.parameter_count() {
        let Some(name) = statement.parameter_name(index) else {
            return Err(mismatch(format!("parameter {index} has no name; give the arguments as an array")));
        };
        let bare = name.get(1..).unwrap_or_default();
        let Some(value) = given.remove(name).or_else(|| given.remove(bare)) else {
            return Err(mismatch(format!("no argument for parameter {name}")));
        };
        set(statement, index, value)?;
    }
    match given.keys().next() {
        Some(name) => Err(mismatch(format!("the statement has no parameter {name:?}"))),
        None => Ok(()),
    }
}

fn set(statement: &mut Statement<'_>, index: usize, value: &Value) -> Result<(), RunError> {
    statement.raw_bind_parameter(index, Bound(value)).map_err(|error| sql_error(&error))
}

fn mismatch(message: String) -> RunError {
    RunError::said(message, ffi::SQLITE_RANGE)
}

/// Our value as SQLite takes it, without a copy.
struct Bound<'a>(&'a Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Integer(n) => ValueRef::Integer(*n),
            Value::Real(x) => ValueRef::Real(*x),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}
