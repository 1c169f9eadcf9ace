//! What is sent: every statement of a request, in one go.

use std::fmt::Write as _;
use std::io;

use bytes::BytesMut;
use database::Limits;
use postgres_protocol::IsNull;
use postgres_protocol::message::frontend::{self, BindError};
use wire::sql::{Args, Request, Value};

use super::NotAsked;
use super::control::controls_transaction;

/// One statement of an exchange.
pub(super) struct Step<'a> {
    pub(super) sql: &'a str,
    pub(super) args: &'a [Value],
    /// Which one of the request's it is; none where it is ours.
    pub(super) index: Option<usize>,
}

impl Step<'static> {
    fn ours(sql: &'static str) -> Self {
        Self { sql, args: &[], index: None }
    }
}

/// The statements of an exchange. A batch is a transaction; and what may only read is one that reads, whatever it sets
/// first: once a statement has looked at the data, the server takes that back no more.
pub(super) fn steps(request: &Request, reads: bool) -> Result<Vec<Step<'_>>, NotAsked> {
    let mut steps = Vec::with_capacity(request.statements.len() + 3);
    match (reads, request.batch) {
        (true, _) => steps.extend([Step::ours("BEGIN READ ONLY"), Step::ours("SELECT 1")]),
        (false, true) => steps.push(Step::ours("BEGIN")),
        (false, false) => {}
    }
    for (index, statement) in request.statements.iter().enumerate() {
        if controls_transaction(&statement.sql) {
            return Err(NotAsked::NotPermitted(CONTROL));
        }
        let args = match &statement.args {
            Args::Positional(args) => args.as_slice(),
            Args::Named(_) => return Err(NotAsked::Bad(NAMED.to_owned())),
        };
        steps.push(Step { sql: &statement.sql, args, index: Some(index) });
    }
    if reads || request.batch {
        steps.push(Step::ours("COMMIT"));
    }
    Ok(steps)
}

/// The bytes of an exchange. Types are the server's to find, as for a literal in quotes; every value is text.
pub(super) fn sent(steps: &[Step<'_>], limits: &Limits) -> io::Result<BytesMut> {
    // One row more than is answered tells that there are more.
    let most = limits.max_rows.checked_add(1).and_then(|most| i32::try_from(most).ok()).unwrap_or(0);
    let mut sent = BytesMut::new();
    for step in steps {
        frontend::parse("", step.sql, [], &mut sent)?;
        bind(step.args, &mut sent)?;
        frontend::describe(b'P', "", &mut sent)?;
        frontend::execute("", if step.index.is_some() { most } else { 0 }, &mut sent)?;
    }
    frontend::sync(&mut sent);
    Ok(sent)
}

fn bind(args: &[Value], sent: &mut BytesMut) -> io::Result<()> {
    let text = |value: &Value, out: &mut BytesMut| {
        match value {
            Value::Null => return Ok(IsNull::Yes),
            Value::Integer(n) => write!(out, "{n}")?,
            Value::Real(x) => write!(out, "{x:?}")?,
            Value::Text(text) => out.extend_from_slice(text.as_bytes()),
            Value::Blob(bytes) => {
                out.extend_from_slice(b"\\x");
                bytes.iter().try_for_each(|byte| write!(out, "{byte:02x}"))?;
            }
        }
        Ok(IsNull::No)
    };
    frontend::bind("", "", [], args, text, [], sent).map_err(|error| match error {
        BindError::Conversion(why) => io::Error::other(why.to_string()),
        BindError::Serialization(error) => error,
    })
}

const NAMED: &str = "PostgreSQL knows parameters by number: write $1, $2 and so on, and 'args' as a list";
const CONTROL: &str = "transaction control is not available in a single request; send the statements of a transaction as 'statements'";
