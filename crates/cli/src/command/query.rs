use clap::Args;
use client::Answer;
use fault::Faults;
use wire::sql::{Args as Arguments, Request, Statement, Value};

use crate::console::Console;
use crate::door::Door;
use crate::exit::Exit;
use crate::shown;

/// Run SQL over the door: a table on a terminal, JSON in a pipe.
#[derive(Args)]
#[command(after_help = "Examples:
  countersign query app \"SELECT 1\"
  countersign query app \"INSERT INTO people(id, name) VALUES (?, ?)\" 7 Ada --as admin
  countersign query app \"SELECT * FROM people\" --url https://db.example.com:7777 \\
    --cert analyst.crt --key analyst.key --cacert server-ca.crt | jq .rows")]
pub(crate) struct Query {
    /// The database.
    #[arg(value_name = "DB")]
    database: String,
    /// The statement.
    sql: String,
    /// Values for its placeholders: JSON (7, 1.5, true, null, "7") where it is a JSON scalar, otherwise text.
    #[arg(allow_negative_numbers = true)]
    args: Vec<String>,
    #[command(flatten)]
    door: Door,
    /// Print the server's JSON, on a terminal too.
    #[arg(long)]
    json: bool,
}

impl Query {
    pub(super) fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        let request = request(&self.sql, &self.args);
        let body =
            self.door.with(console, async |connector| connector.query(&self.database, &request).await)?;
        if self.json || !console.is_terminal() {
            console.bytes(&body);
            if !body.ends_with(b"\n") {
                console.line("");
            }
        } else {
            print(console, &Answer::read(&body)?);
        }
        Ok(Exit::Done)
    }
}

/// One statement with positional values.
pub(super) fn request(sql: &str, args: &[String]) -> Request {
    let args = Arguments::Positional(args.iter().map(|text| value(text)).collect());
    Request { statements: vec![Statement { sql: sql.to_owned(), args }], batch: false }
}

/// Prints rows as a table, and what a statement without rows changed as a line.
pub(super) fn print(console: &mut Console, answer: &Answer) {
    if answer.columns().is_empty() {
        console.line(format_args!("{} affected", count(answer.rows_affected(), "row")));
        return;
    }
    let mut table = shown::Table::new(answer.columns());
    for row in answer.rows() {
        table.aligned(row.map(shown::cell));
    }
    console.line(table);
    let rows = i64::try_from(answer.rows().len()).unwrap_or(i64::MAX);
    let cut = if answer.is_truncated() { ", cut off at the server's limit" } else { "" };
    console.line(format_args!("({}{cut})", count(rows, "row")));
}

fn count(number: i64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// A JSON scalar is that scalar; anything else is the text as typed.
fn value(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(serde_json::Value::Null) => Value::Null,
        Ok(serde_json::Value::Bool(truth)) => Value::Integer(i64::from(truth)),
        Ok(serde_json::Value::String(string)) => Value::Text(string),
        Ok(serde_json::Value::Number(number)) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => Value::Integer(integer),
            // An integer beyond 64 bits would lose digits as a float; as text it keeps them.
            (None, Some(real)) if text.contains(['.', 'e', 'E']) => Value::Real(real),
            (None, _) => Value::Text(text.to_owned()),
        },
        Ok(serde_json::Value::Array(_) | serde_json::Value::Object(_)) | Err(_) => {
            Value::Text(text.to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use wire::sql::Value;

    use super::value;

    #[test]
    fn arguments_are_json_scalars_or_text() {
        assert_eq!(value("7"), Value::Integer(7));
        assert_eq!(value("9223372036854775807"), Value::Integer(i64::MAX));
        assert_eq!(value("18446744073709551616"), Value::Text("18446744073709551616".into()));
        assert_eq!(value("-1.5"), Value::Real(-1.5));
        assert_eq!(value("true"), Value::Integer(1));
        assert_eq!(value("null"), Value::Null);
        assert_eq!(value("\"7\""), Value::Text("7".into()));
        assert_eq!(value("Ada"), Value::Text("Ada".into()));
        assert_eq!(value("[1]"), Value::Text("[1]".into()));
        assert_eq!(value(""), Value::Text(String::new()));
    }
}
