//! What a request says, and what a wrong one is told.
#![expect(clippy::unwrap_used, reason = "a failure here is the test failing")]

use countersign_wire::sql::{Args, Request, Value};

fn args(json: &str) -> Result<Args, String> {
    let body = format!(r#"{{"sql":"SELECT 1","args":{json}}}"#);
    Request::parse(body.as_bytes())
        .map(|request| request.statements.into_iter().next().unwrap().args)
        .map_err(|why| why.to_string())
}

fn wrong(body: &str) -> String {
    Request::parse(body.as_bytes()).unwrap_err().to_string()
}

#[test]
fn one_statement_and_a_batch_are_told_apart() {
    let one = Request::parse(br#"{"sql":"SELECT 1"}"#).unwrap();
    assert!(!one.batch);
    assert_eq!(one.statements[0].sql, "SELECT 1");
    assert_eq!(one.statements[0].args, Args::Positional(vec![]));
    let many = Request::parse(br#"{"statements":[{"sql":"A"},{"sql":"B","args":[1]}],"sql":null}"#).unwrap();
    assert!(many.batch);
    assert_eq!(many.statements.len(), 2);
}

#[test]
fn every_kind_of_value_arrives_as_it_was_meant() {
    let given = r#"[null,true,false,9223372036854775807,-9223372036854775808,1.5,1e3,100.0,"a\né",{"base64":"AP8="},{"base64":""}]"#;
    let wanted = vec![
        Value::Null,
        Value::Integer(1),
        Value::Integer(0),
        Value::Integer(i64::MAX),
        Value::Integer(i64::MIN),
        Value::Real(1.5),
        Value::Real(1000.0),
        Value::Real(100.0),
        Value::Text("a\né".into()),
        Value::Blob(vec![0, 255]),
        Value::Blob(vec![]),
    ];
    assert_eq!(args(given), Ok(Args::Positional(wanted)));
    let named = vec![(":a".to_owned(), Value::Integer(1)), ("b".to_owned(), Value::Null)];
    assert_eq!(args(r#"{":a":1,"b":null}"#), Ok(Args::Named(named)));
    assert_eq!(args("null"), Ok(Args::Positional(vec![])));
}

#[test]
fn an_integer_beyond_64_bits_is_refused_instead_of_rounded() {
    for beyond in
        ["9223372036854775808", "-9223372036854775809", "18446744073709551615", "1234567890123456789012345"]
    {
        let why = args(&format!("[1,{beyond}]")).unwrap_err();
        assert!(why.starts_with(&format!("arg 1: integer {beyond} does not fit 64 bits")), "{why}");
    }
    assert_eq!(
        args("[9223372036854775808.0]"),
        Ok(Args::Positional(vec![Value::Real(9_223_372_036_854_775_808.0)]))
    );
}

#[test]
fn a_wrong_argument_is_named_by_its_place() {
    assert!(args("[[1]]").unwrap_err().starts_with("arg 0: an array is not a value"));
    assert!(args(r#"[1,{"base64":"?"}]"#).unwrap_err().starts_with("arg 1: invalid base64"));
    assert!(args(r#"[1,{"base64":"","x":1}]"#).unwrap_err().starts_with("arg 1: an object must be a blob"));
    assert!(args(r#"{"a":{}}"#).unwrap_err().starts_with("arg a: an object must be a blob"));
    assert_eq!(args(r#"{"a":1,"b":2,"a":3}"#).unwrap_err(), "arg a: given twice");
    assert!(args("[1e999]").unwrap_err().starts_with("arg 0: 1e999 is out of range"));
}

#[test]
fn a_body_that_is_no_request_is_told_why_in_the_words_of_the_original() {
    assert_eq!(wrong("{}"), "request must set 'sql' or 'statements'");
    assert_eq!(wrong(r#"{"sql":"","statements":[]}"#), "request must set 'sql' or 'statements'");
    assert_eq!(
        wrong(r#"{"sql":"A","statements":[{"sql":"B"}]}"#),
        "set either 'sql' or 'statements', not both"
    );
    assert_eq!(wrong(r#"{"statements":[{"sql":"A"},{"args":[]}]}"#), "batch statement missing 'sql'");
    assert_eq!(wrong(r#"{"sql":"A"} x"#), "unexpected trailing content after JSON body");
    assert_eq!(wrong(r#"{"sql":"A"}{"sql":"B"}"#), "unexpected trailing content after JSON body");
    for body in [
        "",
        "{",
        "[]",
        r#"["SELECT 1"]"#,
        r#"{"statements":[["SELECT 1"]]}"#,
        "1",
        r#"{"sql":1}"#,
        r#"{"sql":"A","params":[]}"#,
        "{\"sql\":\"\u{1}\"}",
        r#"{"sql":"A","args":[+1]}"#,
    ] {
        assert!(wrong(body).starts_with("invalid JSON: "), "{body}");
    }
    assert_eq!(wrong(r#"{"sql":"SELECT 1\u0000; DROP TABLE t"}"#), "'sql' must not contain U+0000");
    assert!(wrong(r#"{"sql":"A","params":[]}"#).contains("unknown field `params`"));
    assert!(Request::parse(b"{\"sql\":\"\xff\"}").unwrap_err().to_string().starts_with("invalid JSON: "));
}
