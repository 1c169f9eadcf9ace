//! Serving from environment variables alone, and from the spelling of a file that goes with them (S2-1 to S2-7).

use testkit::Node;

use crate::internal_authority::{REQUIRE, alice, curl, internal, serve};

/// S2-3: environment variables alone serve with mTLS, and the line at start says so.
#[test]
fn environment_variables_alone_serve_with_client_certificates_required() {
    let world = internal();
    let node = serve(&world, REQUIRE);
    let line = node.logged(&["countersign HTTPS listening on"]);
    assert!(line.contains("db=countersign.db, tls=on, mtls=on (clientAuth=require))"), "{line}");
    assert!(line.contains("mode=wr"), "{line}");
}

/// S2-1, T3: TLS that is switched on without a certificate does not fall back to plaintext: it does not start.
#[test]
fn tls_switched_on_without_a_certificate_does_not_start() {
    let world = internal();
    let env = [("COUNTERSIGN_TLS_ENABLED", "true"), ("COUNTERSIGN_TLS_KEY", "server.key")];
    world
        .countersign_with(&["serve", "--listen", "127.0.0.1:0"], &env)
        .exited(2)
        .says("TLS is enabled but COUNTERSIGN_TLS_CERT (or tls.certFile) is not set");
}

/// S2-6: an unknown client-auth word is refused in the documented words.
#[test]
fn an_unknown_client_auth_is_refused_in_the_documented_words() {
    let world = internal();
    let mut env = REQUIRE.to_vec();
    env.retain(|(name, _)| *name != "COUNTERSIGN_TLS_CLIENT_AUTH");
    env.push(("COUNTERSIGN_TLS_CLIENT_AUTH", "bogus"));
    world
        .countersign_with(&["serve", "--listen", "127.0.0.1:0"], &env)
        .exited(2)
        .says(r#"unknown tls.clientAuth "bogus" (use 'require' or 'request')"#);
}

/// S2-6, T20: the client-auth word may be written in capitals; `request` lets a client without a certificate shake hands.
#[test]
fn request_in_capitals_lets_a_client_without_a_certificate_shake_hands() {
    let world = internal();
    let mut env = REQUIRE.to_vec();
    env.retain(|(name, _)| *name != "COUNTERSIGN_TLS_CLIENT_AUTH");
    env.push(("COUNTERSIGN_TLS_CLIENT_AUTH", "REQUEST"));
    let node = serve(&world, &env);
    curl(&world, &node).get("/v1/healthz").with_status(200);
    curl(&world, &node).sql("countersign", "SELECT 1").with_status(401);
    alice(&world, &node).sql("countersign", "SELECT 1").with_status(200);
}

/// S2-7: the same from a file in the source's own spelling; the environment beats it.
#[test]
fn the_sources_own_spelling_of_a_file_serves_the_same() {
    let world = internal();
    let here = world.folder().display().to_string();
    world.write("countersign.yaml", S2_7.replace("/etc/countersign", &here));
    let args = ["serve", "--config", "countersign.yaml", "--listen", "127.0.0.1:0"];
    let node = Node::start(&world, &args, &[]);
    let line = node.logged(&["countersign HTTPS listening on"]);
    assert!(line.ends_with("db=countersign.db, tls=on, mtls=on (clientAuth=require))"), "{line}");
    alice(&world, &node).get("/v1/healthz").with_status(200);
    drop(node);
    let node = Node::start(&world, &args, &[("COUNTERSIGN_TLS_CLIENT_AUTH", "request")]);
    curl(&world, &node).get("/v1/healthz").with_status(200);
}

/// S2-3: from the environment alone, a verified certificate reads and writes the database `countersign`.
#[test]
fn a_verified_certificate_reads_and_writes_the_default_database() {
    let world = internal();
    let node = serve(&world, REQUIRE);
    let written = alice(&world, &node).sql("countersign", "CREATE TABLE t(a)").with_status(200);
    assert!(written.json().get("error").is_none(), "{written:#?}");
    assert!(world.path("countersign.db").exists());
}

/// Without TLS and without a client authority only the health routes answer; the log names the setting to add.
#[test]
fn without_a_client_authority_only_the_health_routes_answer() {
    let world = internal();
    let env = &REQUIRE[..3];
    let node = serve(&world, env);
    let line = node.logged(&["countersign HTTPS listening on"]);
    assert!(line.ends_with("db=countersign.db, tls=on)"), "{line}");
    curl(&world, &node).get("/v1/healthz").with_status(200);
    curl(&world, &node).sql("countersign", "SELECT 1").with_status(401);
    node.logged(&["COUNTERSIGN_TLS_CLIENT_CA"]);
}

/// Snippet S2-7, letter by letter.
const S2_7: &str = r#"tls:
  enabled: true
  certFile: /etc/countersign/server.crt
  keyFile: /etc/countersign/server.key
  clientCAFile: /etc/countersign/clients-ca.crt
  clientAuth: require # or "request"
"#;
