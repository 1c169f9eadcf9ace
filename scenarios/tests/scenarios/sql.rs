//! SQL over HTTP, to the letter (D1 to D3).

use serde_json::{Value, json};
use testkit::Node;

use crate::production::Production;

/// A served database and the analyst's calls to it.
struct Desk {
    production: Production,
    node: Node,
}

impl Desk {
    fn new() -> Self {
        let production = Production::new();
        let node = production.serve();
        Self { production, node }
    }

    fn ask(&self, body: &str) -> testkit::Answer {
        self.production.curl(&self.node, "analyst").query("app", body)
    }

    /// The first row of an answer, as the text it was sent as: numbers must not pass through a float.
    #[track_caller]
    fn row(&self, body: &str) -> String {
        let answer = self.ask(body).with_status(200);
        let (_, rest) = answer.body.split_once("\"rows\":[").unwrap_or_else(|| panic!("{answer:#?}"));
        rest.split_once("],\"rows_affected\"").unwrap_or_else(|| panic!("{answer:#?}")).0.to_owned()
    }

    #[track_caller]
    fn is(&self, body: &str, expected: &Value) {
        self.ask(body).is(expected);
    }
}

/// D1: one statement answers with columns, rows and both counters, and nothing else.
#[test]
fn one_statement_answers_with_columns_rows_and_counters() {
    let desk = Desk::new();
    desk.is(
        r#"{"sql":"CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT)"}"#,
        &json!({"columns": [], "rows": [], "rows_affected": 0, "last_insert_id": 0}),
    );
    desk.is(
        r#"{"sql":"INSERT INTO t(name) VALUES ('a'),('b')"}"#,
        &json!({"columns": [], "rows": [], "rows_affected": 2, "last_insert_id": 2}),
    );
    let rows = desk.ask(r#"{"sql":"SELECT id, name AS n FROM t ORDER BY id"}"#).with_status(200).json();
    assert_eq!(rows["columns"], json!(["id", "n"]));
    assert_eq!(rows["rows"], json!([[1, "a"], [2, "b"]]));
    let answer = desk.ask(r#"{"sql":"SELECT 1"}"#);
    assert!(
        answer.header("content-type").is_some_and(|kind| kind.starts_with("application/json")),
        "{answer:#?}"
    );
}

/// D1: an empty result has its columns.
#[test]
fn an_empty_result_has_its_columns() {
    let desk = Desk::new();
    let rows = desk.ask(r#"{"sql":"SELECT 1 AS a, 2 AS b WHERE 0"}"#).with_status(200).json();
    assert_eq!((&rows["columns"], &rows["rows"]), (&json!(["a", "b"]), &json!([])));
}

/// D3: 64-bit integers are exact, in both directions.
#[test]
fn integers_are_exact_to_64_bits() {
    let desk = Desk::new();
    for number in ["9223372036854775807", "-9223372036854775808", "9007199254740993", "0", "-1"] {
        assert_eq!(desk.row(&format!(r#"{{"sql":"SELECT ?","args":[{number}]}}"#)), format!("[{number}]"));
    }
}

/// D3: a float always shows that it is one, and is given back exactly.
#[test]
fn floats_always_show_a_point_or_an_exponent() {
    let desk = Desk::new();
    assert_eq!(desk.row(r#"{"sql":"SELECT 100.0, 0.1, -2.5"}"#), "[100.0,0.1,-2.5]");
    assert_eq!(desk.row(r#"{"sql":"SELECT ?","args":[100.0]}"#), "[100.0]");
    for sent in ["1e300", "5e-324", "0.30000000000000004", "1.7976931348623157e308", "123456789012345680.0"] {
        let row = desk.row(&format!(r#"{{"sql":"SELECT ?","args":[{sent}]}}"#));
        let back = row.trim_matches(['[', ']']);
        assert!(back.contains(['.', 'e']), "{sent} came back as {back}");
        assert_eq!(back.parse::<f64>().ok(), sent.parse::<f64>().ok(), "{sent} came back as {back}");
    }
    assert_eq!(desk.row(r#"{"sql":"SELECT typeof(?)","args":[100.0]}"#), r#"["real"]"#);
    assert_eq!(desk.row(r#"{"sql":"SELECT typeof(?)","args":[1e2]}"#), r#"["real"]"#);
}

/// D3: what JSON cannot say (infinity) is null.
#[test]
fn infinity_is_null() {
    let desk = Desk::new();
    assert_eq!(desk.row(r#"{"sql":"SELECT 9e999, -9e999"}"#), "[null,null]");
}

/// D3: blobs are objects with base64, in both directions.
#[test]
fn blobs_are_base64_in_both_directions() {
    let desk = Desk::new();
    assert_eq!(desk.row(r#"{"sql":"SELECT x'00ff10', x''"}"#), r#"[{"base64":"AP8Q"},{"base64":""}]"#);
    assert_eq!(
        desk.row(r#"{"sql":"SELECT typeof(?1), hex(?1)","args":[{"base64":"AP8Q"}]}"#),
        r#"["blob","00FF10"]"#
    );
}

/// D3: null, true and false, text with every kind of character.
#[test]
fn null_booleans_and_text_keep_their_meaning() {
    let desk = Desk::new();
    assert_eq!(desk.row(r#"{"sql":"SELECT ?, ?, ?","args":[null,true,false]}"#), "[null,1,0]");
    let text = "tab\t quote\" back\\ line\n ä 😀 \u{0001} \u{007f} </script>";
    let body = json!({ "sql": "SELECT ?", "args": [text] }).to_string();
    assert_eq!(desk.ask(&body).with_status(200).json()["rows"][0][0], text);
}

/// D3: text with a NUL inside is given back whole.
#[test]
fn text_with_a_nul_inside_is_given_back_whole() {
    let desk = Desk::new();
    let body = r#"{"sql":"SELECT ?","args":["a\u0000b"]}"#;
    assert_eq!(desk.ask(body).with_status(200).json()["rows"][0][0], "a\0b");
}

/// D1: arguments may be named, which the source's server cannot do.
#[test]
fn arguments_may_be_named() {
    let desk = Desk::new();
    assert_eq!(
        desk.row(r#"{"sql":"SELECT :a, @b, $c","args":{"a":1,"b":"two","c":null}}"#),
        r#"[1,"two",null]"#
    );
}

/// D2: a batch is one transaction; each statement has its result.
#[test]
fn a_batch_is_one_transaction_with_a_result_for_each_statement() {
    let desk = Desk::new();
    desk.is(
        r#"{"statements":[
            {"sql":"CREATE TABLE t(a UNIQUE)"},
            {"sql":"INSERT INTO t VALUES (?)","args":[7]},
            {"sql":"SELECT a FROM t"}]}"#,
        &json!({"results": [
            {"columns": [], "rows": [], "rows_affected": 0, "last_insert_id": 0},
            {"columns": [], "rows": [], "rows_affected": 1, "last_insert_id": 1},
            {"columns": ["a"], "rows": [[7]], "rows_affected": 0, "last_insert_id": 0}]}),
    );
}

/// D2: a failing statement rolls the whole batch back and is named by its index.
#[test]
fn a_failing_statement_rolls_the_whole_batch_back() {
    let desk = Desk::new();
    desk.production.with_notes(&desk.node);
    let failed = desk
        .ask(
            r#"{"statements":[
                {"sql":"INSERT INTO notes VALUES (4,'four')"},
                {"sql":"INSERT INTO notes VALUES (5,'one')"},
                {"sql":"INSERT INTO notes VALUES (6,'six')"}]}"#,
        )
        .with_status(200)
        .json();
    assert_eq!(failed["failed_index"], 1, "{failed}");
    assert_eq!(failed["error"]["code"], 19, "{failed}");
    assert_eq!(failed["error"]["extended_code"], 2067, "{failed}");
    assert_eq!(failed["error"]["message"], "UNIQUE constraint failed: notes.body", "{failed}");
    assert_eq!(desk.row(r#"{"sql":"SELECT count(*) FROM notes"}"#), "[3]");
}

/// D2: a client cannot leave a transaction open behind it: neither in a statement nor in a batch.
#[test]
fn a_transaction_left_open_does_not_outlive_its_request() {
    let desk = Desk::new();
    desk.production.with_notes(&desk.node);
    for body in [
        r#"{"sql":"BEGIN IMMEDIATE"}"#,
        r#"{"statements":[{"sql":"INSERT INTO notes VALUES (8,'eight')"},{"sql":"BEGIN"}]}"#,
        r#"{"statements":[{"sql":"COMMIT"},{"sql":"INSERT INTO notes VALUES (9,'nine')"},{"sql":"nonsense"}]}"#,
        r#"{"sql":"SAVEPOINT s"}"#,
    ] {
        desk.ask(body);
        let after =
            desk.ask(r#"{"sql":"INSERT INTO notes(body) VALUES (hex(randomblob(8)))"}"#).with_status(200);
        assert!(after.json().get("error").is_none(), "after {body}: {after:#?}");
    }
}

/// D1: what a client wrote is durable: another node finds it after the first was killed.
#[test]
fn what_was_answered_survives_a_kill() {
    let desk = Desk::new();
    desk.production.with_notes(&desk.node);
    let Desk { production, node } = desk;
    node.signal("KILL");
    drop(node);
    let node = production.serve();
    let rows =
        production.curl(&node, "reporting").sql("app", "SELECT count(*) FROM notes").with_status(200).json();
    assert_eq!(rows["rows"], json!([[3]]));
}

/// D11: a database in memory is shared by all its readers and writers, and is gone with the node.
#[test]
fn a_database_in_memory_is_shared_by_all_clients() {
    let production = Production::new();
    let here = production.world.folder().display().to_string();
    let file = format!("backend: file\n    path: {here}/app.db\n    mode: rwc");
    let node = production.serve_with(&file, "backend: memory-shared");
    production.with_notes(&node);
    let rows =
        production.curl(&node, "reporting").sql("app", "SELECT count(*) FROM notes").with_status(200).json();
    assert_eq!(rows["rows"], json!([[3]]));
    assert!(!production.world.path("app.db").exists());
}

/// D11: mode `ro` opens an existing file for reading only; `rw` does not create one.
#[test]
fn the_mode_of_a_file_decides_whether_it_is_created_or_written() {
    let production = Production::new();
    let refused = production.refuses(&production.written().replace("mode: rwc", "mode: rw"));
    assert!(refused.contains("app.db"), "{refused}");
    let node = production.serve();
    production.with_notes(&node);
    assert_eq!(node.interrupted().code, Some(0));
    let node = production.serve_with("mode: rwc", "mode: ro");
    let analyst = production.curl(&node, "analyst");
    analyst.sql("app", "SELECT count(*) FROM notes").with_status(200);
    let written = analyst.sql("app", "DELETE FROM notes");
    assert!(written.status == 403 || written.json().get("error").is_some(), "{written:#?}");
}

/// Many clients write at once: every write that was answered is there, exactly once.
#[test]
fn many_writers_at_once_lose_nothing() {
    let desk = Desk::new();
    desk.production.with_notes(&desk.node);
    let port = desk.node.port();
    let line = |writer: usize| {
        format!(
            "curl -sS -Z --parallel-max 8 --resolve db.example.com:{port}:127.0.0.1 --cacert server-ca.crt --cert analyst.crt \
               --key analyst.key -o /dev/null -w '%{{http_code}}\\n' \
               -d '{{\"sql\":\"INSERT INTO notes(body) VALUES (hex(randomblob(16)))\"}}' \
               'https://db.example.com:{port}/app/query?writer={writer}&n=[1-50]'"
        )
    };
    let all: Vec<String> = (0..4).map(|writer| format!("{} &", line(writer))).collect();
    let ran = desk.production.world.sh(&format!("{} wait", all.join(" ")));
    assert_eq!(ran.stdout.lines().filter(|line| *line == "200").count(), 200, "{ran}");
    assert_eq!(desk.row(r#"{"sql":"SELECT count(*) FROM notes"}"#), "[203]");
}

/// A node that is killed while it writes leaves a whole database, with every write that it had answered.
#[test]
fn a_node_killed_while_it_writes_has_kept_what_it_answered() {
    let desk = Desk::new();
    desk.production.with_notes(&desk.node);
    let Desk { production, node } = desk;
    let mut wire = testkit::Client::new()
        .presenting(&production.world, "analyst")
        .connect(&node)
        .expect("a good client");
    let mut answered = 3;
    while answered < 60 {
        wire.ask("app", "INSERT INTO notes(body) VALUES (hex(randomblob(16)))");
        assert_eq!(wire.answer().status, 200);
        answered += 1;
    }
    wire.ask("app", "INSERT INTO notes(body) VALUES ('perhaps')");
    node.signal("KILL");
    drop(node);
    let node = production.serve();
    let reporting = production.curl(&node, "reporting");
    let rows =
        reporting.sql("app", "SELECT count(*) FROM notes WHERE body <> 'perhaps'").with_status(200).json();
    assert_eq!(rows["rows"][0][0], answered);
    let whole =
        production.curl(&node, "analyst").sql("app", "PRAGMA integrity_check").with_status(200).json();
    assert_eq!(whole["rows"], json!([["ok"]]), "{whole}");
}
