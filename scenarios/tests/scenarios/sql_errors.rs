//! Error texts and statuses of SQL over HTTP, to the letter (D4).

use testkit::Answer;

use crate::production::Production;

/// D4: every malformed request is 400 with the exact text.
#[test]
fn a_malformed_request_is_400_with_the_exact_text() {
    let production = Production::new();
    let node = production.serve();
    let ask = |body: &str| production.curl(&node, "analyst").query("app", body);
    ask("{}").is_error(400, "request must set 'sql' or 'statements'");
    ask(r#"{"args":[1]}"#).is_error(400, "request must set 'sql' or 'statements'");
    ask(r#"{"sql":"SELECT 1","statements":[{"sql":"SELECT 1"}]}"#)
        .is_error(400, "set either 'sql' or 'statements', not both");
    ask(r#"{"sql":"SELECT 1"} {"sql":"SELECT 2"}"#)
        .is_error(400, "unexpected trailing content after JSON body");
    ask(r#"{"statements":[{"args":[1]}]}"#).is_error(400, "batch statement missing 'sql'");
    for broken in ["", "{", "[1,2", r#"{"sql":1}"#, r#"{"sql":"SELECT 1","unknown":1}"#, "\u{feff}{}", "null"]
    {
        starts_with(&ask(broken), 400, "invalid JSON: ", broken);
    }
    for argument in [r#"{"base64":"%%"}"#, r#"{"other":1}"#, "[1]", "9223372036854775808", "1e999"] {
        let answer = ask(&format!(r#"{{"sql":"SELECT ?","args":[0,{argument}]}}"#));
        assert_eq!(answer.status, 400, "{argument}: {answer:#?}");
        let message = answer.json()["error"]["message"].as_str().unwrap_or_default().to_owned();
        assert!(
            message.starts_with("arg 1: ") || message.starts_with("invalid JSON: "),
            "{argument}: {message}"
        );
    }
}

/// D4: the wrong verb is 405 with the right one; the wrong path is 404 with its name.
#[test]
fn the_wrong_verb_and_the_wrong_path_are_told_apart() {
    let production = Production::new();
    let node = production.serve();
    let analyst = production.curl(&node, "analyst");
    analyst.get("/app/query").is_error(405, "use POST");
    analyst.clone().arg("-X").arg("PUT").body("{}").get("/app/query").is_error(405, "use POST");
    analyst.clone().body("{}").get("/app/nonsense").is_error(404, "unknown endpoint nonsense");
    analyst.get("/_nonsense").is_error(404, "reserved path not available");
    analyst.get("/").is_error(404, "no database in request (name it in the path, host, or set a default)");
}

/// D4: a name that no database may have is said to be so.
#[test]
fn a_name_that_no_database_may_have_is_said_to_be_so() {
    let production = Production::new();
    let node = production.serve();
    let analyst = production.curl(&node, "analyst").arg("--path-as-is");
    for name in ["a%00b", "a%2Fb", "..", "a b".replace(' ', "%20").as_str(), "query"] {
        let answer = analyst.clone().body("{\"sql\":\"SELECT 1\"}").get(&format!("/{name}/query"));
        assert!((400..=404).contains(&answer.status), "{name}: {answer:#?}");
        assert_ne!(answer.status, 401, "{name}: {answer:#?}");
    }
}

/// D4: an SQL fault is HTTP 200 with SQLite's own message and both of its codes.
#[test]
fn an_sql_fault_is_200_with_sqlites_message_and_codes() {
    let production = Production::new();
    let node = production.serve();
    production.with_notes(&node);
    let ask = |sql: &str| {
        production.curl(&node, "analyst").sql("app", sql).with_status(200).json()["error"].clone()
    };
    let cases = [
        ("SELECT * FROM missing", "no such table: missing", 1, 1),
        ("SELEKT 1", "near \"SELEKT\": syntax error", 1, 1),
        ("INSERT INTO notes VALUES (1,'x')", "UNIQUE constraint failed: notes.id", 19, 1555),
        ("INSERT INTO notes VALUES (7,'one')", "UNIQUE constraint failed: notes.body", 19, 2067),
    ];
    for (sql, message, code, extended) in cases {
        let error = ask(sql);
        assert_eq!(error["message"], message, "{sql}");
        assert_eq!(error["code"], code, "{sql}");
        assert_eq!(error["extended_code"], extended, "{sql}");
    }
}

/// D4: too many or too few arguments, and two statements in one text, are faults and run nothing.
#[test]
fn arguments_that_do_not_fit_run_nothing() {
    let production = Production::new();
    let node = production.serve();
    production.with_notes(&node);
    let analyst = production.curl(&node, "analyst");
    for body in [
        r#"{"sql":"DELETE FROM notes WHERE id = ?","args":[1,2]}"#,
        r#"{"sql":"DELETE FROM notes WHERE id = ? AND body = ?","args":[1]}"#,
        r#"{"sql":"DELETE FROM notes WHERE id = :id","args":{"other":1}}"#,
    ] {
        let answer = analyst.query("app", body);
        assert!(answer.json().get("error").is_some(), "{body}: {answer:#?}");
    }
    let rows = analyst.sql("app", "SELECT count(*) FROM notes").json();
    assert_eq!(rows["rows"][0][0], 3);
}

/// D4: answers end with a line feed, as the source's server ends its errors.
#[test]
fn an_error_body_ends_with_a_line_feed() {
    let production = Production::new();
    let node = production.serve();
    let answer = production.curl(&node, "analyst").query("app", "{}");
    assert!(answer.body.ends_with("}\n"), "{answer:#?}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

#[track_caller]
fn starts_with(answer: &Answer, status: u16, beginning: &str, sent: &str) {
    assert_eq!(answer.status, status, "{sent:?}: {answer:#?}");
    let message = answer.json()["error"]["message"].as_str().unwrap_or_default().to_owned();
    assert!(message.starts_with(beginning), "{sent:?}: {message}");
}
