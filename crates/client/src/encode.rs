use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value as Json, json};
use wire::sql::{Args, Request, Statement, Value};

/// The body of a request, as the door reads it.
pub(crate) fn body(request: &Request) -> Vec<u8> {
    let body = match request.statements.as_slice() {
        [one] if !request.batch => statement(one),
        several => json!({ "statements": several.iter().map(statement).collect::<Vec<_>>() }),
    };
    body.to_string().into_bytes()
}

fn statement(statement: &Statement) -> Json {
    let args = match &statement.args {
        Args::Positional(values) => values.iter().map(value).collect(),
        Args::Named(values) => {
            Json::Object(values.iter().map(|(name, v)| (name.clone(), value(v))).collect::<Map<_, _>>())
        }
    };
    json!({ "sql": statement.sql, "args": args })
}

fn value(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Integer(integer) => json!(integer),
        Value::Real(real) => json!(real),
        Value::Text(text) => json!(text),
        Value::Blob(bytes) => json!({ "base64": BASE64_STANDARD.encode(bytes) }),
    }
}

#[cfg(test)]
mod tests {
    use wire::sql::{Args, Request, Statement, Value};

    use super::body;

    #[test]
    fn what_is_written_is_what_the_door_reads() {
        let args = vec![
            Value::Integer(i64::MIN),
            Value::Real(100.0),
            Value::Null,
            Value::Text("it's".into()),
            Value::Blob(vec![0, 255]),
        ];
        let one = Statement { sql: "SELECT ?".into(), args: Args::Positional(args) };
        let named = Args::Named(vec![("a".into(), Value::Integer(1))]);
        let other = Statement { sql: "SELECT :a".into(), args: named };
        let single = Request { statements: vec![one.clone()], batch: false };
        let batch = Request { statements: vec![one, other], batch: true };
        for request in [single, batch] {
            assert_eq!(Request::parse(&body(&request)).unwrap(), request);
        }
    }
}
