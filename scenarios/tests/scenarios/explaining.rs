//! `explain`: which principals and grants were considered, and what came of it; before, and after the fact.

use serde_json::{Value, json};
use testkit::{Client, Curl, Node, Wire, World};

use crate::production::Production;

fn production() -> Production {
    let production = Production::new();
    production.world.write("countersign.yaml", production.written());
    production
}

/// An admitted certificate: exit code 0, its principal, its level, and the grants considered.
#[test]
fn an_admitted_certificate_is_explained() {
    let production = production();
    let args = ["explain", "--config", "countersign.yaml", "--cert", "analyst.crt", "--on", "app"];
    let ran = production.world.countersign(&args).succeeded();
    for word in ["analyst", "read-write", "reporting"] {
        assert!(ran.stdout.contains(word), "{word}: {ran}");
    }
}

/// A certificate of nobody: exit code 1, with every entry that was compared and why it did not match.
#[test]
fn a_certificate_of_nobody_is_explained_entry_by_entry() {
    let production = production();
    let args = ["explain", "--config", "countersign.yaml", "--cert", "nobody.crt", "--on", "app", "--json"];
    let ran = production.world.countersign(&args).exited(1);
    let explained = ran.json().to_string();
    for word in ["unmapped-certificate", "analyst", "reporting", "subject_cn", "spki_sha256", "nobody"] {
        assert!(explained.contains(word), "{word}: {ran}");
    }
}

/// A certificate that does not verify is explained with the reason of the door.
#[test]
fn a_certificate_that_does_not_verify_is_explained() {
    let production = production();
    testkit::certificate::authority(&production.world, "other-ca", "another authority");
    testkit::certificate::client(&production.world, "other-ca", "stranger");
    let args = ["explain", "--config", "countersign.yaml", "--cert", "stranger.crt", "--on", "app"];
    production.world.countersign(&args).exited(1).says("unknown-issuer");
}

/// A missing grant is explained, and a database that does not exist looks no different to the peer.
#[test]
fn a_missing_grant_is_explained() {
    let production = production();
    let args = ["explain", "--config", "countersign.yaml", "--cert", "analyst.crt", "--on", "elsewhere"];
    production.world.countersign(&args).exited(1).says("no-grant");
}

/// A served realm, and the URL that leads to it.
fn served() -> (World, Node, String) {
    let world = World::new();
    let node = Node::up(&world);
    let url = format!("https://localhost:{}", node.port());
    (world, node, url)
}

/// The id with this prefix in what a program said.
#[track_caller]
fn id(said: &str, prefix: &str) -> String {
    let at = said.find(prefix).unwrap_or_else(|| panic!("no {prefix} id in: {said}"));
    said[at..].chars().take(prefix.len() + 16).collect()
}

/// Has analyst refused, and gives the id that it saw.
fn refused_request(world: &World, url: &str) -> String {
    let ran = world.countersign(&["query", "secret", "SELECT 1", "--url", url]).exited(1);
    let id = id(&ran.stderr, "rf_");
    ran.says("no-grant").says(&format!("countersign explain {id}"));
    id
}

/// What the node tells an administrator about an id.
fn explained(world: &World, url: &str, id: &str) -> Value {
    world.countersign(&["explain", id, "--url", url, "--json"]).succeeded().json()
}

/// A refused request is explained to an administrator: certificate, check, sources, principals and grants, generation.
#[test]
fn a_refused_request_is_explained_in_full_to_an_administrator() {
    let (world, _node, url) = served();
    let id = refused_request(&world, &url);
    let said = explained(&world, &url, &id);
    let serial = testkit::openssl::serial(&world, "realm/clients/analyst.crt");
    let spki = testkit::openssl::spki_sha256(&world, "realm/clients/analyst.crt");
    assert_eq!(
        [
            &said["refusal"],
            &said["code"],
            &said["check"],
            &said["stage"],
            &said["target"],
            &said["principal"]
        ],
        [
            &json!(id),
            &json!("no-grant"),
            &json!("admit"),
            &json!("request"),
            &json!("/secret/query"),
            &json!("analyst")
        ]
    );
    assert_eq!(
        [&said["certificate"]["serial"], &said["certificate"]["spki_sha256"]],
        [&json!(serial), &json!(spki)]
    );
    assert_eq!((&said["generation"], &said["now"]["generation"]), (&json!(1), &json!(1)));
    assert!(said["handshake"].as_str().is_some_and(|hello| hello.starts_with("ch_")), "{said}");
    assert_eq!(said["path"].as_array().map(Vec::len), Some(2), "{said}");
    assert!(!said["revocation_sources"].as_array().expect("sources").is_empty(), "{said}");
    let principals = said["now"]["principals"].as_array().expect("principals");
    let matched: Vec<_> = principals.iter().map(|one| (&one["principal"], &one["matched"])).collect();
    assert_eq!(matched, [(&json!("admin"), &json!(false)), (&json!("analyst"), &json!(true))]);
    assert_eq!(said["now"]["outcome"]["code"], "no-grant");

    let text = world.countersign(&["explain", &id, "--url", &url]).succeeded();
    for part in
        ["refused: no-grant", "cause: no grant on database", "try: add a grant", &serial, "generation 1"]
    {
        assert!(text.stdout.contains(part), "{part}: {text}");
    }
}

/// Whoever is no administrator learns the code, the sentence and the remedy, whatever the id; never the cause, the
/// principals or the certificate.
#[test]
fn a_stranger_learns_code_and_remedy_and_never_a_principal() {
    let (world, node, url) = served();
    let id = refused_request(&world, &url);
    let as_analyst = || {
        Curl::to(&node, "localhost")
            .cacert(&world.path("realm/pki/server-ca.crt"))
            .cert(&world.path("realm/clients/analyst.crt"), &world.path("realm/clients/analyst.key"))
    };
    let said = as_analyst().get(&format!("/_refusals/{id}")).with_status(200).json();
    assert_eq!(
        said,
        json!({
            "code": "no-grant",
            "message": "forbidden: no access to this database",
            "remedy": "add a grant for the principal to the database",
        })
    );
    as_analyst().get("/_refusals/rf_0000000000000000").with_status(404);
    as_analyst().get("/_refusals/whatever").with_status(404);
    as_analyst().get(&format!("/_admin/refusals/{id}")).with_status(403);
    as_analyst().get("/_admin/refusals").with_status(403);

    let ran = world.countersign(&["explain", &id, "--url", &url, "--as", "analyst"]).succeeded();
    assert!(!ran.stdout.contains("analyst") && !ran.stdout.contains("cause"), "{ran}");
    ran.says("no-grant").says("try: add a grant").says("no administrator");
    world
        .countersign(&["explain", "--peer", "127.0.0.1", "--url", &url, "--as", "analyst"])
        .exited(1)
        .says("admin-only");
}

/// Guessing ids is slow: each address may ask so often and no more, and nobody else waits for it.
#[test]
fn the_questions_of_strangers_are_counted() {
    let (world, node, _url) = served();
    let client = Client::new().presenting(&world, "realm/clients/analyst").asking_for("localhost");
    let mut wire = client.connect(&node).expect("an open door");
    let mut ask = || {
        wire.send(b"GET /_refusals/rf_0000000000000000 HTTP/1.1\r\nhost: localhost\r\n\r\n");
        wire.answer().status
    };
    assert_eq!(ask(), 404);
    assert!((0..1_000).any(|_| ask() == 429), "a thousand questions were answered at once");
}

/// With a wrong certificate all that our client hears is an alert; the id that it shows leads an administrator to the
/// certificate and the cause, and anybody to the remedy.
#[test]
fn a_refused_handshake_is_explained_by_the_id_that_our_client_shows() {
    let (world, _node, url) = served();
    testkit::certificate::authority(&world, "other-ca", "another authority");
    testkit::certificate::client(&world, "other-ca", "stranger");
    world.set_mode("stranger.key", 0o600);
    let ran = world
        .countersign(&[
            "query",
            "app",
            "SELECT 1",
            "--url",
            &url,
            "--cert",
            "stranger.crt",
            "--key",
            "stranger.key",
            "--cacert",
            "realm/pki/server-ca.crt",
        ])
        .exited(1);
    let id = id(&ran.stderr, "ch_");
    ran.says(&format!("the server may know this handshake as {id}"))
        .says(&format!("countersign explain {id}"));

    let said = explained(&world, &url, &id);
    let serial = testkit::openssl::serial(&world, "stranger.crt");
    assert_eq!(
        [&said["handshake"], &said["stage"], &said["code"], &said["check"], &said["certificate"]["serial"]],
        [&json!(id), &json!("handshake"), &json!("unknown-issuer"), &json!("verify"), &json!(serial)]
    );
    assert!(said["cause"].as_str().is_some_and(|cause| cause.contains("another authority")), "{said}");
    assert_eq!(said["path"], Value::Null, "a chain that did not verify has no path: {said}");

    let ran = world.countersign(&["explain", &id, "--url", &url, "--as", "analyst"]).succeeded();
    assert!(!ran.said().contains("another authority"), "{ran}");
    ran.says("unknown-issuer").says("try: use a certificate from an authority");
}

/// The id is what the manual says, over TLS 1.2 and 1.3: 80 bits of SHA-256 of the random that openssl sent, in base 32.
#[test]
fn the_id_of_a_handshake_is_computed_from_what_any_client_sends() {
    let world = World::new();
    world.countersign(&["init"]).succeeded();
    let written = world.read("realm/countersign.yaml");
    world.write("realm/countersign.yaml", written.replace("min_version: \"1.3\"", "min_version: \"1.2\""));
    let args = ["serve", "--config", "realm/countersign.yaml", "--listen", "127.0.0.1:0"];
    let node = Node::start(&world, &args, &[]);
    let url = format!("https://localhost:{}", node.port());
    for version in ["-tls1_2", "-tls1_3"] {
        let said =
            testkit::s_client(&world, &node, &[version, "-msg", "-ign_eof"], "GET / HTTP/1.1\r\n\r\n").said();
        let (_, hello) = said.split_once("], ClientHello\n").expect("openssl shows its hello");
        let hex: String = hello.lines().take_while(|line| line.starts_with("    ")).collect();
        let random: Vec<&str> = hex.split_whitespace().skip(6).take(32).collect();
        let escaped = format!("\\x{}", random.join("\\x"));
        let hash = world.sh(&format!("printf '{escaped}' | openssl dgst -sha256 -r")).stdout;
        let bits = u128::from_str_radix(&hash[..20], 16).expect("hex");
        let alphabet = b"0123456789abcdefghjkmnpqrstvwxyz";
        let letters = (0..16).rev().map(|at| char::from(alphabet[(bits >> (5 * at) & 31) as usize]));
        let id = format!("ch_{}", letters.collect::<String>());
        let said = explained(&world, &url, &id);
        assert_eq!(
            (&said["code"], &said["stage"]),
            (&json!("certificate-required"), &json!("handshake")),
            "{version}"
        );
    }
}

/// A client that computes nothing is found by its address and the time: openssl's refusals, and what is no refusal of
/// ours but came to nothing all the same.
#[test]
fn refusals_are_found_by_address_and_time() {
    let (world, node, url) = served();
    testkit::s_client(&world, &node, &["-tls1_3", "-ign_eof"], "GET / HTTP/1.1\r\n\r\n");
    let one = world.countersign(&["explain", "--peer", "127.0.0.1", "--url", &url]).succeeded();
    one.says("refused: certificate-required").says("stage        handshake");

    testkit::s_client(&world, &node, &["-alpn", "bogus"], "");
    let listed = |args: &[&str]| {
        world.countersign(&[&["explain", "--peer"], args, &["--url", &url, "--json"]].concat())
    };
    let said = listed(&["127.0.0.1", "--within", "1m"]).succeeded().json();
    let codes: Vec<_> = said["refusals"].as_array().expect("a list").iter().map(|one| &one["code"]).collect();
    assert_eq!(codes, ["alpn", "certificate-required"], "{said}");
    let peer = said["refusals"][0]["peer"].as_str().expect("an address");
    let whole = listed(&[peer]).succeeded().json();
    assert_eq!(whole["refusals"].as_array().map(Vec::len), Some(1), "{whole}");
    listed(&["127.0.0.2"]).exited(1);
    listed(&["127.0.0.1", "--at", "2020-01-01", "--within", "1m"]).exited(1);
    listed(&["localhost"]).exited(2).says("no address");
}

/// An id that nobody gave is unknown, and what is no id is wrong use.
#[test]
fn an_unknown_id_is_exit_code_1_and_no_id_is_2() {
    let (world, _node, url) = served();
    world
        .countersign(&["explain", "rf_0000000000000000", "--url", &url])
        .exited(1)
        .says("knows no refusal rf_");
    world
        .countersign(&["explain", "ch_0000000000000000", "--url", &url])
        .exited(1)
        .says("knows no refusal ch_");
    world.countersign(&["explain", "rf_0", "--url", &url]).exited(2).says("rf_ or ch_");
    world.countersign(&["explain", "--url", &url]).exited(2);
}

/// Memory is bounded; what it let go is still in the audit record, and administrators find it there.
#[test]
fn what_memory_has_forgotten_is_found_in_the_audit_record() {
    let (world, node, url) = served();
    let id = refused_request(&world, &url);
    let client = Client::new().presenting(&world, "realm/clients/analyst").asking_for("localhost");
    let mut wire = client.connect(&node).expect("an open door");
    for _ in 0..MEMORY {
        wire.ask("secret", "SELECT 1");
        assert_eq!(wire.answer().status, 403);
    }
    let said = explained(&world, &url, &id);
    assert_eq!(
        [&said["source"], &said["code"], &said["principal"], &said["refusal"]],
        [&json!("audit record"), &json!("no-grant"), &json!("analyst"), &json!(id)]
    );
    assert!(said["cause"].as_str().is_some_and(|cause| cause.contains("/secret/query")), "{said}");
    world.countersign(&["explain", &id, "--url", &url, "--as", "analyst"]).exited(1);
}

/// As many refusals of one kind as a node keeps in memory.
const MEMORY: usize = 4096;

/// The audit record outlives the node: a restarted one finds what the last one refused, by either id, and so does the
/// command alone, while no node runs.
#[test]
fn the_audit_record_explains_after_a_restart_and_without_a_node() {
    let (world, node, url) = served();
    let request = refused_request(&world, &url);
    testkit::certificate::authority(&world, "other-ca", "another authority");
    testkit::certificate::client(&world, "other-ca", "stranger");
    let stranger = ["-ign_eof", "-cert", "stranger.crt", "-key", "stranger.key"];
    testkit::s_client(&world, &node, &stranger, "GET / HTTP/1.1\r\n\r\n");
    let said =
        world.countersign(&["explain", "--peer", "127.0.0.1", "--url", &url, "--json"]).succeeded().json();
    let handshakes = said["refusals"].as_array().expect("a list").iter();
    let shaken =
        handshakes.filter(|one| one["stage"] == "handshake").find_map(|one| one["handshake"].as_str());
    let shaken = shaken.expect("a refused handshake").to_owned();
    assert_eq!(node.interrupted().code, Some(0));

    let offline = world.countersign(&["explain", &request, "--json"]).succeeded();
    assert_eq!(
        (&offline.json()["code"], &offline.json()["source"]),
        (&json!("no-grant"), &json!("audit record"))
    );
    offline.says("the node could not be asked");
    let by_peer = world.countersign(&["explain", "--peer", "127.0.0.1", "--json"]).succeeded().json();
    assert_eq!(by_peer["refusals"].as_array().map(Vec::len), Some(2), "{by_peer}");
    world.countersign(&["explain", "rf_0000000000000000"]).exited(1).says("audit record has no refusal");

    let args = ["serve", "--config", "realm/countersign.yaml", "--listen", "127.0.0.1:0"];
    let node = Node::start(&world, &args, &[]);
    let url = format!("https://localhost:{}", node.port());
    for (id, code) in [(request, "no-grant"), (shaken, "unknown-issuer")] {
        let said = explained(&world, &url, &id);
        assert_eq!((&said["code"], &said["source"]), (&json!(code), &json!("audit record")), "{id}");
        assert!(said["certificate"]["serial"].is_string(), "{said}");
    }
}

/// A node says in its log under which ids it can be asked.
#[test]
fn the_log_has_both_ids_of_a_refused_handshake() {
    let (world, node, url) = served();
    testkit::s_client(&world, &node, &["-ign_eof"], "GET / HTTP/1.1\r\n\r\n");
    let line = node.logged(&["handshake refused", "certificate-required"]);
    for prefix in ["rf_", "ch_"] {
        assert_eq!(explained(&world, &url, &id(&line, prefix))["code"], "certificate-required");
    }
}

/// A revoked certificate is explained with what its authority says, and with the sources that were looked through.
#[test]
fn a_revoked_certificate_is_explained_with_who_revoked_it() {
    let (world, _node, url) = served();
    world
        .countersign(&["cert", "revoke", "realm/clients/analyst.crt", "--reason", "keyCompromise"])
        .succeeded();
    let refused = testkit::patience::wait_for("the refusal of a revoked certificate", String::new, || {
        let ran = world.countersign(&["query", "app", "SELECT 1", "--url", &url]);
        ran.stderr.contains("ch_").then_some(ran.stderr)
    });
    let said = explained(&world, &url, &id(&refused, "ch_"));
    let serial = testkit::openssl::serial(&world, "realm/clients/analyst.crt");
    assert_eq!(
        (&said["code"], &said["check"]),
        (&json!("certificate-revoked"), &json!("revocation")),
        "{said}"
    );
    let cause = said["cause"].as_str().expect("a cause");
    for part in [serial.as_str(), "keyCompromise", "our own ledger"] {
        assert!(cause.contains(part), "{part}: {said}");
    }
    assert_eq!(said["revocation_sources"][0], "our own ledger: 1 revoked", "{said}");
}

/// What was decided stands as it was; what is compared again says by which generation, and what would come of it now.
#[test]
fn a_refusal_of_an_earlier_generation_is_compared_with_the_rules_of_now() {
    let (world, node, url) = served();
    let id = refused_request(&world, &url);
    let written = world.read("realm/countersign.yaml");
    let stricter = written
        .replace("{ principal: analyst, level: read-write }", "{ principal: analyst, level: read-only }");
    assert_ne!(written, stricter);
    world.write("realm/countersign.yaml", stricter);
    node.signal("HUP");
    let said = testkit::patience::wait_for(
        "another generation",
        || node.log(),
        || Some(explained(&world, &url, &id)).filter(|said| said["now"]["generation"] != said["generation"]),
    );
    assert_eq!((&said["generation"], &said["code"]), (&json!(1), &json!("no-grant")), "{said}");
    assert_eq!(said["now"]["outcome"]["code"], "no-grant", "{said}");
    world.countersign(&["explain", &id, "--url", &url]).succeeded().says("a later one");
}

/// Who holds too many connections hears nothing at all; the address leads to the reason.
#[test]
fn an_address_that_was_turned_away_is_explained() {
    let world = World::new();
    world.countersign(&["init"]).succeeded();
    let written = world.read("realm/countersign.yaml");
    world.write("realm/countersign.yaml", format!("{written}\nlimits: {{ handshakes_per_ip: 1 }}\n"));
    let args = ["serve", "--config", "realm/countersign.yaml", "--listen", "127.0.0.1:0"];
    let node = Node::start(&world, &args, &[]);
    let (first, mut second) = (Wire::plain(&node), Wire::plain(&node));
    assert!(second.hear().is_err());
    drop(first);
    let url = format!("https://localhost:{}", node.port());
    let asked = || {
        let ran = world.countersign(&["explain", "--peer", "127.0.0.1", "--url", &url, "--json"]);
        (ran.code == Some(0))
            .then(|| ran.json())
            .filter(|said| said.to_string().contains("too-many-connections"))
    };
    testkit::patience::wait_for("the one that was turned away", || node.log(), asked);
}
