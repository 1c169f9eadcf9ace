//! Harper's `http.mtls` block, as its documentation writes it (S3-1 to S3-5, E3).

use std::fs;

use testkit::{Curl, Node, World, recipe};

const S3_1: &str = "\
http:
  mtls:
    required: true
tls:
  certificateAuthority: ~/countersign/keys/ca.pem
";
const S3_3: &str = "\
http:
  mtls:
    required: true
    certificateVerification: true
";

/// A world with the files where the block expects them.
fn world() -> World {
    let world = World::new();
    recipe::two_authorities(&world);
    for (from, to) in
        [("server.crt", "certificate.pem"), ("server.key", "privateKey.pem"), ("client-ca.crt", "ca.pem")]
    {
        let to = world.write(format!("keys/{to}"), fs::read(world.path(from)).expect("a file of the recipe"));
        world.set_mode(&to, 0o600);
    }
    world
}

fn serve(world: &World, yaml: &str, env: &[(&str, &str)]) -> Node {
    world.write("countersign.yaml", yaml);
    Node::start(world, &["serve", "--config", "countersign.yaml", "--listen", "127.0.0.1:0"], env)
}

fn stranger(world: &World, node: &Node) -> Curl {
    Curl::to(node, "db.example.com").cacert(&world.path("server-ca.crt"))
}

fn curl(world: &World, node: &Node, name: &str) -> Curl {
    stranger(world, node).cert(&world.path(format!("{name}.crt")), &world.path(format!("{name}.key")))
}

/// S3-1: as written: no certificate is refused in the handshake, a certificate is the principal of its common name.
#[test]
fn the_block_as_written_requires_certificates_and_names_people_by_them() {
    let world = world();
    let home = world.folder().join("home");
    world.write("home/countersign/keys/ca.pem", world.read("client-ca.crt"));
    let node = serve(&world, S3_1, &[("HOME", &home.display().to_string())]);
    stranger(&world, &node).get("/_health").failed(56, "alert certificate required");
    let whoami = curl(&world, &node, "analyst").get("/_auth/whoami").with_status(200).json();
    assert_eq!(whoami["principal"], "analyst");
    curl(&world, &node, "analyst").sql("countersign", "CREATE TABLE t(a)").with_status(200);
}

/// S3-3: off by default, and as written it refuses whom nobody answers for; a list at hand answers.
#[test]
fn revocation_is_checked_only_where_the_block_says_so() {
    let world = world();
    let off = serve(&world, "http:\n  mtls:\n    required: true\n", &[]);
    curl(&world, &off, "analyst").get("/_auth/whoami").with_status(200);
    let on = serve(&world, S3_3, &[]);
    let no = curl(&world, &on, "analyst").get("/_auth/whoami");
    assert_ne!(no.status, 200, "in the handshake or after it: {no:#?}");
    on.logged(&["revocation-unknown"]);
    world.write("countersign.yaml", S3_3);
    let said = world.countersign(&["check", "countersign.yaml"]).exited(0);
    assert!(said.stdout.contains(":9926") && said.stdout.contains("lists, then OCSP; fail-closed"), "{said}");
}

/// S3-2: `required: false` asks and lets a certificate be left out; one of a stranger's authority is refused.
#[test]
fn an_optional_certificate_may_be_left_out_and_may_not_be_wrong() {
    let world = world();
    let node = serve(&world, "http:\n  mtls:\n    required: false\n", &[]);
    stranger(&world, &node).get("/_health").with_status(200);
    stranger(&world, &node).get("/_auth/whoami").with_status(401);
    curl(&world, &node, "analyst").get("/_auth/whoami").with_status(200);
    let no = curl(&world, &node, "server").get("/_health");
    assert_ne!(no.status, 200, "{no:#?}");
}

/// S3-4: with users, a common name is a user, nobody's name is nobody, and an inactive user is refused.
#[test]
fn a_common_name_is_a_user_and_nobodys_name_is_nobody() {
    let world = world();
    let yaml = "http: { mtls: { required: true } }
auth: { principals: [ { name: analyst }, { name: reporting, active: false } ] }
databases: [ { name: app, path: app.db, grants: [ { principal: analyst, level: read-write } ] } ]
";
    let node = serve(&world, yaml, &[]);
    curl(&world, &node, "analyst").sql("app", "SELECT 1").with_status(200);
    curl(&world, &node, "nobody").get("/_auth/whoami").with_status(401);
    curl(&world, &node, "reporting").get("/_auth/whoami").with_status(401);
}

/// S3-5: each missing piece has its own message, and names the key.
#[test]
fn each_missing_piece_has_its_own_message() {
    let world = world();
    world.write("countersign.yaml", "http:\n  mtls: true\n");
    for (file, key) in [
        ("keys/ca.pem", "tls.certificateAuthority"),
        ("keys/certificate.pem", "tls.certificate"),
        ("keys/privateKey.pem", "tls.privateKey"),
    ] {
        let kept = fs::read(world.path(file)).expect("a file");
        fs::remove_file(world.path(file)).expect("a file can be removed");
        let said = world.countersign(&["serve", "--config", "countersign.yaml"]).exited(2).said();
        assert!(said.contains(&format!("{key} is not set, and this is its default")), "{file}: {said}");
        let path = world.write(file, kept);
        world.set_mode(&path, 0o600);
    }
}

/// E3: the variables alone are the block, and stand before the file's.
#[test]
fn the_variables_of_the_block_stand_before_it() {
    let world = world();
    let optional = "http:\n  mtls:\n    required: false\n";
    let node = serve(&world, optional, &[("COUNTERSIGN_HTTP_MTLS_REQUIRED", "true")]);
    stranger(&world, &node).get("/_health").failed(56, "alert certificate required");
    let env = [("COUNTERSIGN_HTTP_MTLS_CERTIFICATEVERIFICATION", "true")];
    let node = Node::start(&world, &["serve", "--listen", "127.0.0.1:0"], &env);
    let no = curl(&world, &node, "analyst").get("/_auth/whoami");
    assert_ne!(no.status, 200, "{no:#?}");
    node.logged(&["revocation-unknown"]);
    let env = [("COUNTERSIGN_HTTP_MTLS_CERTIFICATEVERIFICATION_CRL_TIMEOUT", "999")];
    world
        .countersign_with(&["serve", "--listen", "127.0.0.1:0"], &env)
        .exited(2)
        .says("CRL timeout must be at least 1000ms (1 second)");
}

/// An invalid block stops the start: it does not switch the check off.
#[test]
fn an_invalid_block_stops_the_start() {
    let world = world();
    world.write("countersign.yaml", S3_3.replace("true\n    cert", "true\n    cret"));
    world.countersign(&["serve", "--config", "countersign.yaml"]).exited(2).says("certificateVerification");
    world
        .write("countersign.yaml", S3_3.replace("Verification: true", "Verification: { failureMode: open }"));
    world.countersign(&["serve", "--config", "countersign.yaml"]).exited(2).says("fail-closed or fail-open");
}
