//! `POST /_admin/revoke` and `cert deny`: a running node refuses the certificate of an authority that is not its own (R14).

use std::time::Duration;

use rustls::AlertDescription;
use serde_json::{Value, json};
use testkit::certificate::{self, rcgen};
use testkit::patience::wait_at_most;
use testkit::wire::No;
use testkit::{Client, Curl, Node, Wire, World, openssl};

use crate::production::{Production, replaced};

/// From the decision to the last byte.
const A_SECOND: Duration = Duration::from_secs(1);
const SECTIONS: &str =
    "ledger: { url: \"sqlite:./ledger.db\" }\ncontrol_plane: { enabled: true, admins: [reporting] }";
/// The analyst's serial at one authority, and the twin's at the other.
const SERIAL: &str = "0A1B2C3D4E";

/// The set-up of S1-5 with a second authority, of which the twin has the analyst's serial; `reporting` is the administrator.
fn two_of_a_serial() -> (Production, String) {
    let production = Production::new();
    let world = &production.world;
    certificate::authority(world, "other-ca", "other client CA");
    for (ca, name) in [("client-ca", "analyst"), ("other-ca", "twin")] {
        certificate::shaped(world, ca, name, |params| {
            params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
            params.serial_number = Some(rcgen::SerialNumber::from(vec![0x0a, 0x1b, 0x2c, 0x3d, 0x4e]));
        });
    }
    world.sh("cat client-ca.crt other-ca.crt > both.crt");
    let here = world.folder().display().to_string();
    let yaml = production.written();
    let yaml = replaced(&yaml, &format!("{here}/client-ca.crt"), &format!("{here}/both.crt"));
    let twin =
        "    - name: twin\n      methods:\n        - mtls: { subject_cn: twin }\n    - name: reporting";
    let yaml = replaced(&yaml, "    - name: reporting", twin);
    let grants = "      - { principal: twin, level: read-write }\n      - { principal: analyst,";
    let yaml = replaced(&yaml, "      - { principal: analyst,", grants);
    (production, format!("{yaml}\n{SECTIONS}\n"))
}

fn client(world: &World, name: &str) -> Client {
    Client::new().presenting(world, name)
}

fn connected(world: &World, node: &Node, name: &str) -> Wire {
    let mut wire = client(world, name).connect(node).expect("a good client");
    answers(&mut wire);
    wire
}

fn answers(wire: &mut Wire) {
    wire.ask("app", "SELECT 1");
    assert_eq!(wire.answer().status, 200);
}

fn denying(curl: &Curl, body: &Value) -> testkit::curl::Answer {
    curl.clone().body(&body.to_string()).get("/_admin/revoke")
}

/// R14: the open connection ends within a second, the next handshake hears why, nobody else notices, and a restart
/// changes nothing.
#[test]
fn a_denied_certificate_is_refused_for_good_and_no_other_is() {
    let (production, yaml) = two_of_a_serial();
    let world = &production.world;
    let node = production.serve_written(&yaml);
    let mut denied = connected(world, &node, "analyst");
    let (mut twin, mut admin) = (connected(world, &node, "twin"), connected(world, &node, "reporting"));
    let body = json!({
        "serial": format!("0x{}", SERIAL.to_lowercase()),
        "issuer_spki_sha256": openssl::spki_sha256(world, "client-ca.crt"),
        "reason": "key_compromise",
    });
    let first = denying(&production.curl(&node, "reporting"), &body).with_status(200).json();
    denied.ends_within(A_SECOND);
    assert_eq!(
        (&first["serial"], &first["reason"], &first["already"], &first["recorded"]),
        (&json!(SERIAL), &json!("keyCompromise"), &json!(false), &json!("denial")),
        "{first}"
    );
    assert_eq!(first["issuer_spki_sha256"], body["issuer_spki_sha256"]);
    let analyst = client(world, "analyst");
    let revoked = Err(No::Alert(AlertDescription::CertificateRevoked));
    wait_at_most(A_SECOND, "the alert", || node.log(), || (analyst.knock(&node) == revoked).then_some(()));
    answers(&mut twin);
    answers(&mut admin);
    assert_eq!(client(world, "twin").knock(&node), Ok(200));

    let later =
        json!({ "reason": "superseded", "serial": SERIAL, "issuer_spki_sha256": body["issuer_spki_sha256"] });
    let again = denying(&production.curl(&node, "reporting"), &later).with_status(200).json();
    assert_eq!(again["already"], true, "{again}");
    for kept in ["revoked_at", "reason"] {
        assert_eq!(again[kept], first[kept], "{again}");
    }

    assert_eq!(node.interrupted().code, Some(0));
    let node = production.serve_written(&yaml);
    assert_eq!(analyst.knock(&node), revoked);
    for name in ["twin", "reporting"] {
        assert_eq!(client(world, name).knock(&node), Ok(200), "{name}");
    }
}

/// It is on record who denied what.
#[test]
fn a_denial_is_in_the_audit_record_with_its_administrator() {
    let production = Production::new();
    let node = production.serve_adding(SECTIONS);
    denying(&production.curl(&node, "reporting"), &json!({ "serial": SERIAL })).with_status(200);
    assert_eq!(node.interrupted().code, Some(0));
    let reading = replaced(&production.written(), "app.db", "ledger.db").replace("rwc", "ro");
    let node = production.serve_written(&reading.replace("read-write", "read-only"));
    let sql = "SELECT serial, cause FROM audit WHERE kind = 'revoke'";
    let rows = production.curl(&node, "analyst").sql("app", sql).with_status(200).json()["rows"].clone();
    assert_eq!((rows.as_array().map(Vec::len), &rows[0][0]), (Some(1), &json!(SERIAL)), "{rows}");
    let cause = rows[0][1].as_str().unwrap_or_default().to_owned();
    assert!(cause.starts_with("unspecified, by principal \"reporting\""), "{cause}");
}

/// Whoever is no administrator denies nothing, and what is not clear denies nobody; the answer tells what was missing.
#[test]
fn what_is_not_clear_or_not_allowed_denies_nobody() {
    let (production, yaml) = two_of_a_serial();
    let world = &production.world;
    let node = production.serve_written(&yaml);
    let pin = openssl::spki_sha256(world, "client-ca.crt");
    let good = json!({ "serial": SERIAL, "issuer_spki_sha256": pin });
    let refused = denying(&production.curl(&node, "twin"), &good).with_status(403);
    assert!(refused.body.contains("admin-only"), "{refused:#?}");
    let admin = production.curl(&node, "reporting");
    let unclear = denying(&admin, &json!({ "serial": SERIAL })).with_status(400);
    let other = openssl::spki_sha256(world, "other-ca.crt");
    for word in ["issuer_spki_sha256", pin.as_str(), other.as_str(), "CN=other client CA"] {
        assert!(unclear.body.contains(word), "{word}: {unclear:#?}");
    }
    for (body, word) in [
        (json!({ "serial": SERIAL, "issuer_spki_sha256": pin, "reason": "lost" }), "keyCompromise"),
        (json!({ "serial": "no hex", "issuer_spki_sha256": pin }), "serial"),
        (json!({ "serial": SERIAL, "issuer_spki_sha256": "01" }), "issuer_spki_sha256"),
        (json!({ "serial": SERIAL, "issuer": pin }), "unknown field"),
    ] {
        let answer = denying(&admin, &body).with_status(400);
        assert!(answer.body.contains(word), "{body}: {answer:#?}");
    }
    for name in ["analyst", "twin"] {
        assert_eq!(client(world, name).knock(&node), Ok(200), "{name}");
    }
}

/// A node that could not keep it promises nothing.
#[test]
fn without_a_ledger_the_answer_says_what_to_add() {
    let production = Production::new();
    let node = production.serve_adding("control_plane: { enabled: true, admins: [reporting] }");
    let answer = denying(&production.curl(&node, "reporting"), &json!({ "serial": "01" })).with_status(409);
    assert!(answer.body.contains("ledger:") && answer.body.contains("revoked_serials"), "{answer:#?}");
}

/// `cert deny` over the door: another authority's certificate is denied, one of our own is revoked in its record.
#[test]
fn cert_deny_asks_the_node_over_the_door() {
    let world = World::new();
    let node = Node::up(&world);
    certificate::authority(&world, "foreign-ca", "foreign CA");
    certificate::client(&world, "foreign-ca", "stranger");
    let url = format!("https://localhost:{}", node.port());
    let deny = |args: &[&str]| {
        let args: Vec<&str> =
            ["cert", "deny", "--url", &url].into_iter().chain(args.iter().copied()).collect();
        world.countersign(&args)
    };
    let by_file = deny(&["stranger.crt", "--issuer", "foreign-ca.crt", "--as", "admin", "--json"]);
    let by_file = by_file.succeeded().json();
    assert_eq!((&by_file["recorded"], &by_file["already"]), (&json!("denial"), &json!(false)), "{by_file}");
    assert_eq!(by_file["serial"], openssl::serial(&world, "stranger.crt"));
    let pin = openssl::spki_sha256(&world, "foreign-ca.crt");
    assert_eq!(by_file["issuer_spki_sha256"], pin);
    world.sh("cat stranger.crt foreign-ca.crt > chain.crt");
    deny(&["chain.crt", "--as", "admin"]).succeeded().says("already denied").says(&pin);
    deny(&["stranger.crt", "--issuer", "realm/pki/client-ca.crt", "--as", "admin"])
        .exited(2)
        .says("is not the issuer of");
    let serial = openssl::serial(&world, "realm/clients/analyst.crt");
    deny(&[&serial]).exited(1).says("admin-only");
    let ours = deny(&[&serial, "--reason", "superseded", "--as", "admin", "--json"]).succeeded().json();
    assert_eq!(ours["recorded"], "certificate", "{ours}");
    world.countersign(&["cert", "list", "--state", "revoked"]).succeeded().says("superseded");
}
