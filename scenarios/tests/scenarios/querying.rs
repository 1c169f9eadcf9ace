//! `query`, `shell` and `status`: the door from the command line.

use serde_json::json;
use testkit::{Node, World};

/// A served realm, and the URL that leads to it.
fn served() -> (World, Node, String) {
    let world = World::new();
    let node = Node::up(&world);
    let url = format!("https://localhost:{}", node.port());
    (world, node, url)
}

/// In a pipe, `query` prints the server's JSON.
#[test]
fn query_prints_json_in_a_pipe() {
    let (world, _node, url) = served();
    let ran = world.countersign(&["query", "app", "SELECT 1 AS one", "--url", &url]).succeeded();
    assert_eq!(ran.json()["columns"], json!(["one"]));
    assert_eq!(ran.json()["rows"], json!([[1]]));
}

/// Arguments bind to placeholders; what looks like JSON is that, everything else is text.
#[test]
fn query_binds_its_arguments() {
    let (world, _node, url) = served();
    let args = ["query", "--url", &url, "app", "SELECT ?, ?, ?, ?", "7", "1.5", "null", "it's"];
    let ran = world.countersign(&args).succeeded();
    assert_eq!(ran.json()["rows"], json!([[7, 1.5, null, "it's"]]));
}

/// An SQL fault is exit code 1 with SQLite's message.
#[test]
fn an_sql_fault_is_exit_code_1() {
    let (world, _node, url) = served();
    world
        .countersign(&["query", "--url", &url, "app", "SELECT * FROM missing"])
        .exited(1)
        .says("no such table: missing");
}

/// A refusal is exit code 1 with its code, its id and what to do.
#[test]
fn a_refusal_is_exit_code_1_with_its_code_and_id() {
    let (world, _node, url) = served();
    let ran = world.countersign(&["query", "--url", &url, "secret", "SELECT 1"]).exited(1);
    ran.says("no-grant").says("rf_");
}

/// `--as` says which of the realm's clients to be; an unknown one is exit code 2 with the nearest known.
#[test]
fn query_can_be_any_client_of_the_realm() {
    let (world, _node, url) = served();
    world.countersign(&["query", "--url", &url, "--as", "admin", "app", "SELECT 1"]).succeeded();
    world
        .countersign(&["query", "--url", &url, "--as", "analist", "app", "SELECT 1"])
        .exited(2)
        .says("analyst");
}

/// A server that is not there, or not the one we trust, is exit code 1 and named.
#[test]
fn a_server_that_is_not_there_or_not_trusted_is_named() {
    let (world, node, url) = served();
    let other = World::new();
    let _other_node = Node::up(&other);
    let foreign = other.path("realm/pki/server-ca.crt").display().to_string();
    let untrusted =
        world.countersign(&["query", "--url", &url, "--cacert", &foreign, "app", "SELECT 1"]).exited(1);
    assert!(untrusted.said().contains("countersign"), "the issuer seen: {untrusted}");
    untrusted.says("certificate");
    let port = node.port();
    drop(node);
    world
        .countersign(&["query", "--url", &url, "app", "SELECT 1"])
        .exited(1)
        .says(&format!("localhost:{port}"));
}

/// X8: without a certificate the command says itself what is missing.
#[test]
fn without_a_certificate_the_command_says_what_is_missing() {
    let (world, _node, url) = served();
    let elsewhere = World::new();
    let ca = world.path("realm/pki/server-ca.crt").display().to_string();
    let ran = elsewhere.countersign(&["query", "--url", &url, "--cacert", &ca, "app", "SELECT 1"]).exited(1);
    ran.says("certificate").says("--cert");
}

/// A certificate without a key, or the reverse, is wrong use and names the missing one.
#[test]
fn a_certificate_without_a_key_is_wrong_use() {
    let (world, _node, url) = served();
    world
        .countersign(&["query", "--url", &url, "--cert", "realm/clients/analyst.crt", "app", "SELECT 1"])
        .exited(2)
        .says("--key");
}

/// The environment names certificate, key and authority as it does for every client.
#[test]
fn the_environment_names_the_clients_files() {
    let (world, _node, url) = served();
    let file = |name: &str| world.path(format!("realm/{name}")).display().to_string();
    let (cert, key, ca) =
        (file("clients/analyst.crt"), file("clients/analyst.key"), file("pki/server-ca.crt"));
    let elsewhere = World::new();
    let env = [
        ("COUNTERSIGN_SSL_CERT", cert.as_str()),
        ("COUNTERSIGN_SSL_KEY", &key),
        ("COUNTERSIGN_SSL_ROOTCERT", &ca),
        ("COUNTERSIGN_URL", &url),
    ];
    elsewhere.countersign_with(&["query", "app", "SELECT 1"], &env).succeeded();
}

/// `shell` runs statement after statement from a pipe, and tells by its exit code whether one failed.
#[test]
fn the_shell_runs_statements_from_a_pipe() {
    let (world, _node, url) = served();
    let script =
        "CREATE TABLE t(a TEXT);\nINSERT INTO t VALUES ('semi;colon'),\n  ('two');\nSELECT a FROM t;\n";
    let ran = world.countersign_reading(&["shell", "--url", &url, "app"], script).succeeded();
    assert!(ran.stdout.contains("semi;colon") && ran.stdout.contains("two"), "{ran}");
    let ran = world.countersign_reading(&["shell", "--url", &url, "app"], "SELECT nonsense;\nSELECT 42;\n");
    let ran = ran.exited(1).says("no such column: nonsense");
    assert!(ran.stdout.contains("42"), "one fault does not end the sitting: {ran}");
}

/// `status` tells the node's health and who we are to it, and to an administrator its certificates with days left.
#[test]
fn status_tells_health_and_to_administrators_more() {
    let (world, node, url) = served();
    let ran = world.countersign(&["status", "--url", &url, "--json"]).succeeded();
    assert_eq!(ran.json()["healthy"], true, "{ran}");
    assert!(ran.stdout.contains("analyst"), "{ran}");
    let ran = world.countersign(&["status", "--url", &url, "--as", "admin"]).succeeded();
    for word in ["admin", "app", "h2"] {
        assert!(ran.stdout.contains(word), "{word}: {ran}");
    }
    drop(node);
    world.countersign(&["status", "--url", &url]).exited(1);
}

/// Wrong use is exit code 2, help is exit code 0 and has an example for every command.
#[test]
fn wrong_use_is_exit_code_2_and_every_command_has_help_with_an_example() {
    let world = World::new();
    world.countersign(&["nonsense"]).exited(2);
    world.countersign(&["query"]).exited(2);
    world.countersign(&["query", "--nonsense"]).exited(2);
    world.countersign(&["--version"]).succeeded().says("countersign ");
    for command in [
        "up",
        "serve",
        "check",
        "status",
        "ca init-root",
        "ca init-issuer",
        "ca show",
        "cert issue",
        "cert list",
        "cert show",
        "cert export",
        "cert spki",
        "verify",
        "explain",
        "query",
        "shell",
    ] {
        let args: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        world.countersign(&args).succeeded().says("Example").says(&format!("countersign {command}"));
    }
}

/// No escape sequence reaches a pipe.
#[test]
fn nothing_is_coloured_in_a_pipe() {
    let (world, _node, url) = served();
    for args in [
        &["query", "--url", &url, "app", "SELECT nonsense"][..],
        &["status", "--url", &url],
        &["check", "realm/countersign.yaml"],
    ] {
        let ran = world.countersign(args);
        assert!(!ran.said().contains('\u{1b}'), "{ran}");
    }
}
