//! What an operator sees: health, metrics, the access log (A10, A14, A15, A20).

use serde_json::{Value, json};

use crate::production::Production;

/// A14: every health route answers, over HTTP/1.1 and HTTP/2.
#[test]
fn every_health_route_answers() {
    let production = Production::new();
    let node = production.serve();
    for path in ["/_health", "/health", "/v1/health", "/v1/healthz"] {
        for version in ["--http1.1", "--http2"] {
            let answer = production.curl(&node, "analyst").arg(version).get(path).with_status(200);
            let status = answer.json()["status"].clone();
            assert!(["ok", "healthy"].iter().any(|word| status == *word), "{path}: {answer:#?}");
        }
    }
    assert_eq!(production.curl(&node, "analyst").get("/_health").json()["status"], "ok");
}

/// HEAD is answered with the head alone, over both protocols.
#[test]
fn head_is_answered_with_the_head_alone() {
    let production = Production::new();
    let node = production.serve();
    for version in ["--http1.1", "--http2"] {
        let answer =
            production.curl(&node, "analyst").arg(version).arg("--head").get("/_health").with_status(200);
        assert_eq!(answer.exit, 0, "{answer:#?}");
        assert_eq!(answer.header("content-length"), Some("15"), "{answer:#?}");
    }
}

/// A14: health needs no principal, but on a port that requires a certificate it needs that.
#[test]
fn health_needs_no_principal() {
    let production = Production::new();
    let node = production.serve();
    production.curl(&node, "nobody").get("/_health").with_status(200);
}

/// A10: requests are counted by database, exactly once each.
#[test]
fn requests_are_counted_by_database_exactly_once_each() {
    let production = Production::new();
    let node = production.serve();
    let analyst = production.curl(&node, "analyst");
    for _ in 0..3 {
        analyst.sql("app", "SELECT 1").with_status(200);
    }
    let answer = analyst.get("/_metrics").with_status(200);
    assert!(answer.header("content-type").is_some_and(|kind| kind.contains("text")), "{answer:#?}");
    assert!(answer.body.contains("requests_total{db=\"app\"} 3"), "{}", answer.body);
    assert!(answer.body.contains("request_duration_seconds_count{db=\"app\"} 3"), "{}", answer.body);
    assert!(answer.body.contains("request_duration_seconds_sum{db=\"app\"}"), "{}", answer.body);
}

/// Metrics are for principals: nobody's certificate does not read them.
#[test]
fn metrics_are_for_principals() {
    let production = Production::new();
    let node = production.serve();
    production.curl(&node, "nobody").get("/_metrics").with_status(401);
    production.curl(&node, "reporting").get("/_metrics").with_status(200);
}

/// Handshakes are counted by result: a good one, and one refused for each reason.
#[test]
fn handshakes_are_counted_by_result() {
    let production = Production::new();
    let node = production.serve();
    production.stranger(&node).get("/_health").failed(56, "alert");
    let line = testkit::patience::wait_for(
        "the counter",
        || node.log(),
        || {
            let metrics = production.curl(&node, "analyst").get("/_metrics").body;
            metrics
                .lines()
                .find(|line| line.contains("handshakes_total") && line.contains("certificate-required"))
                .map(str::to_owned)
        },
    );
    assert!(line.ends_with(" 1"), "{line}");
}

/// One access log line per request: who, what, status, how long; never the SQL or its arguments.
#[test]
fn each_request_has_one_access_log_line_that_does_not_hold_its_data() {
    let production = Production::new();
    let node = production.serve();
    production
        .curl(&node, "analyst")
        .query("app", r#"{"sql":"SELECT 'secret-in-sql', ?","args":["secret-in-args"]}"#)
        .with_status(200);
    let line = node.logged(&["/app/query"]);
    for part in ["POST", "analyst", "200", "127.0.0.1"] {
        assert!(line.contains(part), "{part} is missing: {line}");
    }
    production.curl(&node, "analyst").get("/_auth/whoami").with_status(200);
    node.logged(&["/_auth/whoami"]);
    assert_eq!(node.log().lines().filter(|line| line.contains("/app/query")).count(), 1, "{node}");
    assert!(!node.log().contains("secret-in"), "{node}");
}

/// A refused request's line holds the refusal's id, so that a user's report leads to the cause.
#[test]
fn the_refusal_id_that_a_client_sees_leads_to_the_cause_in_the_log() {
    let production = Production::new();
    let node = production.serve();
    let refused = production.curl(&node, "nobody").sql("app", "SELECT 1").with_status(401).json();
    let id = refused["error"]["refusal"].as_str().expect("an id").to_owned();
    let line = node.logged(&[&id, "unmapped-certificate"]);
    assert!(line.contains("CN=nobody"), "{line}");
}

/// With `format: json` every line of the log is one JSON object.
#[test]
fn a_json_log_is_json_line_by_line() {
    let production = Production::new();
    let node = production.serve_adding("logging: { format: json }");
    production.curl(&node, "analyst").sql("app", "SELECT 1").with_status(200);
    let line = node.logged(&["/app/query"]);
    let object: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
    assert!(object.is_object());
    for line in node.stderr().lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok(), "not JSON: {line}");
    }
}

/// A path that tries to write into the log stays on its line.
#[test]
fn nothing_that_a_client_sends_breaks_out_of_its_log_line() {
    let production = Production::new();
    let node = production.serve();
    production.curl(&node, "analyst").arg("--path-as-is").get("/a%0Aforged=line/query?x=%0d%0aforged");
    node.logged(&["GET"]);
    assert!(!node.log().contains('\u{1b}'), "{node}");
    assert!(!node.log().lines().any(|line| line.starts_with("forged")), "{node}");
}

/// A15: the line at start tells transport, TLS and client authentication.
#[test]
fn the_line_at_start_tells_what_is_served() {
    let production = Production::new();
    let node = production.serve();
    let line = node.logged(&["listening on"]);
    let expected = format!(
        "countersign HTTPS listening on 127.0.0.1:{} (transport=h2, tls=on, mtls=on (clientAuth=require))",
        node.port()
    );
    assert!(line.contains(&expected), "{line}");
}

/// T22: at start the log tells how many client authorities there are, who they are and when they end.
#[test]
fn the_client_authorities_are_told_at_start() {
    let production = Production::new();
    let node = production.serve();
    let line = node.logged(&["countersign client CA"]);
    let year = time::OffsetDateTime::now_utc().year() + 9;
    assert!((year..=year + 1).any(|year| line.contains(&year.to_string())), "{line}");
}

/// Nothing that a client sees names the server's software version.
#[test]
fn answers_do_not_tell_the_software_version() {
    let production = Production::new();
    let node = production.serve();
    let answer = production.curl(&node, "analyst").get("/_health");
    assert_eq!(answer.json(), json!({"status": "ok"}));
    assert!(answer.header("server").is_none_or(|value| !value.contains('.')), "{answer:#?}");
}
