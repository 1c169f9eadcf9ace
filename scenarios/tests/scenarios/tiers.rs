//! `ca`: the tiers of the authority (L1, L2, I21, S4-9).

use testkit::{Node, World};

/// A realm that is not served.
fn realm() -> World {
    let world = World::new();
    assert_eq!(Node::up(&world).interrupted().code, Some(0));
    world
}

/// L1: `ca init-root` makes a root of ten years that may sign certificates and CRLs, its key for its owner only.
#[test]
fn ca_init_root_makes_a_root_whose_key_is_its_owners_only() {
    let world = World::new();
    world.countersign(&["ca", "init-root", "--out", "authority"]).succeeded().says("offline");
    let certificate = world.sh("find authority -name '*.crt'").stdout.trim().to_owned();
    let key = world.sh("find authority -name '*.key'").stdout.trim().to_owned();
    let text = world.sh(&format!("openssl x509 -in {certificate} -noout -text")).stdout;
    for words in ["CA:TRUE", "Certificate Sign, CRL Sign", "countersign Root CA (", "prime256v1"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert_eq!(world.mode(&key), 0o600);
    world.sh(&format!("openssl verify -CAfile {certificate} {certificate}"));
    world.countersign(&["ca", "init-root", "--out", "authority"]).exited(2);
}

/// S4-9: a root's key in the configuration is refused: the server never reads it.
#[test]
fn a_roots_key_in_the_configuration_is_refused() {
    let world = realm();
    let yaml = world.read("realm/countersign.yaml");
    let issuer_key = "./pki/issuers/client.key";
    assert!(yaml.contains(issuer_key), "{yaml}");
    let yaml =
        yaml.replace(issuer_key, "./offline/root.key").replace("./pki/issuers/client.crt", "./pki/root.crt");
    world.write("realm/countersign.yaml", yaml);
    let ran = world.countersign(&["up", "--listen", "127.0.0.1:0"]);
    assert!(matches!(ran.code, Some(1 | 2)), "{ran}");
    assert!(ran.said().contains("is a root"), "{ran}");
}

/// `ca show` shows root and issuers.
#[test]
fn ca_show_shows_root_and_issuers() {
    let world = realm();
    let ran = world.countersign(&["ca", "show"]).succeeded();
    assert!(ran.stdout.to_lowercase().contains("root"), "{ran}");
    assert!(ran.stdout.contains("server") && ran.stdout.contains("client"), "{ran}");
    assert!(world.countersign(&["ca", "show", "--json"]).succeeded().json().is_object());
}

/// S4-9: three tiers made by hand verify with openssl; the issuer cannot mint an authority, and never outlives its root.
#[test]
fn three_tiers_made_by_hand_verify_with_openssl() {
    let world = World::new();
    world.write_secret("password", "correct horse\n");
    world
        .countersign(&["ca", "init-root", "--out", "r", "--key-password-file", "password", "--days", "400"])
        .succeeded();
    assert!(world.read("r/offline/root.key").starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
    world.countersign(&["ca", "init-issuer", "--root", "r", "--kind", "client"]).exited(2).says("password");
    let args = [
        "ca",
        "init-issuer",
        "--root",
        "r",
        "--kind",
        "client",
        "--root-key-password-file",
        "password",
        "--days",
        "9999",
    ];
    world.countersign(&args).succeeded();
    world.sh("openssl verify -CAfile r/pki/root.crt r/pki/issuers/client.crt");
    let end = "for f in r/pki/root.crt r/pki/issuers/client.crt; do date +%s -d \"$(openssl x509 -in $f -noout -enddate | cut -d= -f2)\"; done";
    let ends: Vec<i64> = world.sh(end).stdout.lines().filter_map(|line| line.parse().ok()).collect();
    assert!(ends[1] <= ends[0], "{ends:?}");
    world.sh("cp r/pki/issuers/client.crt issuer.crt; cp r/pki/issuers/client.key issuer.key");
    let ca = "basicConstraints = critical,CA:TRUE\nkeyUsage = critical,keyCertSign";
    testkit::certificate::leaf(
        &world,
        "issuer",
        "minted",
        "/CN=minted",
        ca,
        &testkit::certificate::More::default(),
    );
    testkit::certificate::client(&world, "minted", "forged");
    world.sh("cat forged.crt minted.crt issuer.crt > chain.crt");
    world.countersign(&["verify", "--trust", "r/pki/root.crt", "chain.crt"]).exited(1);
}

/// L2: an issuer whose key belongs to another certificate does not start.
#[test]
fn an_issuer_with_another_ones_key_does_not_start() {
    let world = realm();
    world.sh("cp realm/pki/issuers/server.key realm/pki/issuers/client.key");
    let ran = world.countersign(&["up", "--listen", "127.0.0.1:0"]).exited(2);
    ran.says("key values mismatch").says("client.crt");
}

/// With `--key-password-file` the authority's keys are encrypted on disk, and the realm serves on with that file.
#[test]
fn the_authoritys_keys_can_be_encrypted_on_disk() {
    let world = World::new();
    world.write_secret("password", "correct horse\n");
    let args = ["up", "--listen", "127.0.0.1:0", "--key-password-file", "password"];
    assert_eq!(Node::start(&world, &args, &[]).interrupted().code, Some(0));
    for key in ["pki/issuers/server.key", "pki/issuers/client.key", "offline/root.key"] {
        assert!(world.read(format!("realm/{key}")).contains("ENCRYPTED"), "{key}");
    }
    let node = Node::up(&world);
    assert!(!node.log().contains("correct horse"), "{node}");
    world.countersign(&["cert", "issue", "--cn", "carol"]).succeeded();
}

/// I21: a realm's environment is in its certificates, and a production realm refuses a development service certificate.
#[test]
fn the_environment_is_in_the_certificates() {
    let world = World::new();
    let args = ["up", "--listen", "127.0.0.1:0", "--environment", "production"];
    assert_eq!(Node::start(&world, &args, &[]).interrupted().code, Some(0));
    let subject = world.sh("openssl x509 -in realm/clients/analyst.crt -noout -subject").stdout;
    assert!(subject.contains("O = production"), "{subject}");
}
