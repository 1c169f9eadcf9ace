use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::argument;
use super::value::Value;

/// A request: one statement, or a batch that is one transaction.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The statements, in order; never empty.
    pub statements: Vec<Statement>,
    /// Whether they came as `statements`: answered as a list, and all or nothing.
    pub batch: bool,
}

/// One statement and its arguments.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// The SQL text; never empty.
    pub sql: String,
    /// What its parameters are bound to.
    pub args: Args,
}

/// The arguments of a statement.
#[derive(Clone, Debug, PartialEq)]
pub enum Args {
    /// `[1,"two"]`, bound from the first parameter on.
    Positional(Vec<Value>),
    /// `{":a":1}` or `{"a":1}`, bound by name.
    Named(Vec<(String, Value)>),
}

/// A body that is no request; the text is what the client reads, with status 400.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRequest(String);

impl fmt::Display for BadRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadRequest {}

impl BadRequest {
    fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    fn json(why: impl fmt::Display) -> Self {
        Self(format!("invalid JSON: {why}"))
    }
}

impl Request {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// What is wrong with it, in the words that the client gets.
    pub fn parse(body: &[u8]) -> Result<Self, BadRequest> {
        let text = std::str::from_utf8(body).map_err(BadRequest::json)?;
        object(text)?;
        let mut reader = serde_json::Deserializer::from_str(text);
        let form = Form::deserialize(&mut reader).map_err(BadRequest::json)?;
        reader.end().map_err(|_| BadRequest::new("unexpected trailing content after JSON body"))?;
        let sql = form.sql.unwrap_or_default();
        let statements = form.statements.unwrap_or_default();
        match (sql.is_empty(), statements.is_empty()) {
            (true, true) => Err(BadRequest::new("request must set 'sql' or 'statements'")),
            (false, false) => Err(BadRequest::new("set either 'sql' or 'statements', not both")),
            (false, true) => Self::one(sql, form.args),
            (true, false) if form.args.is_some() => {
                Err(BadRequest::new("'args' belong to each of the 'statements'"))
            }
            (true, false) => Self::many(statements),
        }
    }

    fn one(sql: String, args: Option<WireArgs>) -> Result<Self, BadRequest> {
        Ok(Self { statements: vec![statement(sql, args)?], batch: false })
    }

    fn many(statements: Vec<&RawValue>) -> Result<Self, BadRequest> {
        let statements = statements.into_iter().map(|json| step(json.get())).collect::<Result<_, _>>()?;
        Ok(Self { statements, batch: true })
    }
}

/// One statement of a batch.
fn step(json: &str) -> Result<Statement, BadRequest> {
    object(json)?;
    let given: WireStatement = serde_json::from_str(json).map_err(BadRequest::json)?;
    match given.sql {
        Some(sql) if !sql.is_empty() => statement(sql, given.args),
        _ => Err(BadRequest::new("batch statement missing 'sql'")),
    }
}

/// An object is wanted: a derived reader would take a list of the fields' values as well.
fn object(json: &str) -> Result<(), BadRequest> {
    match json.trim_start().chars().next() {
        Some(first) if first != '{' => Err(BadRequest::json("an object is expected")),
        _ => Ok(()),
    }
}

fn statement(sql: String, args: Option<WireArgs>) -> Result<Statement, BadRequest> {
    let args = args.map_or(Ok(Args::Positional(Vec::new())), |args| args.0).map_err(BadRequest)?;
    if sql.contains('\0') {
        // SQLite would read no further, and run something else than what was sent.
        return Err(BadRequest::new("'sql' must not contain U+0000"));
    }
    Ok(Statement { sql, args })
}

/// The body as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form<'a> {
    #[serde(default)]
    sql: Option<String>,
    #[serde(default)]
    args: Option<WireArgs>,
    #[serde(borrow, default)]
    statements: Option<Vec<&'a RawValue>>,
}

/// A statement of a batch as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireStatement {
    #[serde(default)]
    sql: Option<String>,
    #[serde(default)]
    args: Option<WireArgs>,
}

/// Arguments, or what the client is told about the first bad one: the JSON may be fine where its meaning is not.
struct WireArgs(Result<Args, String>);

impl<'de> Deserialize<'de> for WireArgs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ArgsVisitor)
    }
}

struct ArgsVisitor;

impl<'de> Visitor<'de> for ArgsVisitor {
    type Value = WireArgs;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of arguments, or an object of named arguments")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<WireArgs, A::Error> {
        let mut values = Vec::new();
        let mut wrong = None;
        while let Some(json) = list.next_element::<&RawValue>()? {
            match argument::read(json.get()) {
                Ok(value) => values.push(value),
                Err(why) => {
                    let position = values.len();
                    wrong.get_or_insert_with(|| format!("arg {position}: {why}"));
                }
            }
        }
        Ok(WireArgs(wrong.map_or(Ok(Args::Positional(values)), Err)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<WireArgs, A::Error> {
        let mut values: Vec<(String, Value)> = Vec::new();
        let mut wrong = None;
        while let Some((name, json)) = map.next_entry::<String, &RawValue>()? {
            match argument::read(json.get()) {
                Ok(value) => values.push((name, value)),
                Err(why) => {
                    wrong.get_or_insert_with(|| format!("arg {name}: {why}"));
                }
            }
        }
        let wrong = wrong.or_else(|| twice(&values).map(|name| format!("arg {name}: given twice")));
        Ok(WireArgs(wrong.map_or(Ok(Args::Named(values)), Err)))
    }
}

/// A name that occurs more than once. Sorted, because a stranger decides how many names there are.
fn twice(values: &[(String, Value)]) -> Option<&str> {
    let mut names: Vec<&str> = values.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names.iter().zip(names.iter().skip(1)).find(|(one, next)| one == next).map(|(one, _)| *one)
}
