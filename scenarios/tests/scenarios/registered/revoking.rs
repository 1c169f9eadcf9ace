//! A certificate is taken back, and another one is there before (S4-3, R15, A3).

use testkit::Client;
use testkit::patience::{self, wait_for};

use super::estate::{CERTIFICATES, Estate};

/// Milliseconds after the decision within which a session of what was revoked has ended, as the node itself records it.
const SOON: u64 = 1_000;

/// S4-3, A3, R15: the old one is refused at once, also where it is connected, and for ever.
#[test]
fn a_revoked_certificate_is_replaced_and_refused_where_it_comes_and_where_it_is() {
    let estate = Estate::new();
    let node = estate.serve();
    estate.put_aside("worker", "old");
    let old = estate.serial("worker");
    let mut live = Client::new().presenting(&estate.world, "old").connect(&node).expect("a good client");
    live.send(b"GET /_auth/whoami HTTP/1.1\r\nhost: backend\r\n\r\n");
    assert_eq!(live.answer().status, 200);
    let revoked = estate.revoke(&node, "worker", r#"{"reason":"key_compromise"}"#);
    assert_eq!(revoked.status, 200, "{revoked:#?}");
    let told = revoked.json();
    assert_eq!(told["message"], "Certificate revoked and replacement issued");
    assert_eq!((&told["service_name"], &told["revoked_serial"]), (&"worker".into(), &old.as_str().into()));
    assert_eq!(told["new_serial"], estate.serial("worker"));
    live.ends_within(patience::PATIENCE);
    let ended = node.logged(&["session ended", "reason=revoked", &old]);
    let took =
        ended.split("milliseconds=").nth(1).and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    assert!(took.is_some_and(|took: u64| took < SOON), "{ended}");
    wait_for(
        "the refusal of the old one",
        || node.log(),
        || (estate.curl_as(&node, "old").get("/_auth/whoami").exit != 0).then_some(()),
    );
    assert_eq!(estate.curl_of(&node, "worker").get("/_auth/whoami").status, 200, "the replacement");
    assert_eq!(estate.state_of(&old), "revoked");
    assert!(!estate.world.path("r/state/services/worker/previous").exists());
    drop(node);
    let node = estate.serve();
    assert_ne!(estate.curl_as(&node, "old").get("/_auth/whoami").exit, 0, "a restart takes nothing back");
    assert_eq!(estate.curl_of(&node, "worker").get("/_auth/whoami").status, 200);
    let args = ["ca", "crl", "--realm", "r", "--issuer", "service", "--out", "service.crl"];
    estate.world.countersign(&args).succeeded();
    let text = estate.openssl("crl -in service.crl -noout -text").stdout;
    assert!(text.contains(&format!("Serial Number: {old}")) && text.contains("Key Compromise"), "{text}");
}

#[test]
fn a_revocation_after_a_rotation_refuses_the_certificate_from_before_it() {
    let estate = Estate::new();
    let node = estate.serve();
    estate.put_aside("worker", "stolen");
    let stolen = estate.serial("worker");
    let rotated = estate.rotate(&node, "worker");
    assert_eq!(rotated.status, 200, "{rotated:#?}");
    let revoked = estate.revoke(&node, "worker", r#"{"reason":"key_compromise"}"#);
    assert_eq!(revoked.status, 200, "{revoked:#?}");
    let said = revoked.json();
    assert_eq!(said["also_revoked"], serde_json::json!([stolen]));
    assert_eq!(said["revoked_serial"], rotated.json()["serial"]);
    wait_for(
        "the refusal of the stolen one",
        || node.log(),
        || (estate.curl_as(&node, "stolen").get("/_auth/whoami").exit != 0).then_some(()),
    );
    assert_eq!(estate.curl_of(&node, "worker").get("/_auth/whoami").status, 200, "the replacement");
    assert_eq!(estate.state_of(&stolen), "revoked");
}

/// A3: what is not clear is not done.
#[test]
fn a_revocation_without_a_reason_that_exists_is_not_made() {
    let estate = Estate::new();
    let node = estate.serve();
    let serial = estate.serial("worker");
    for body in
        ["", "{}", r#"{"reason":""}"#, r#"{"reason":"lost"}"#, r#"{"reason":"removeFromCRL"}"#, "null"]
    {
        let answer = estate.revoke(&node, "worker", body);
        assert_eq!(answer.status, 400, "{body}: {answer:#?}");
        let message = answer.json()["error"]["message"].as_str().unwrap_or_default().to_owned();
        assert!(message.contains("reason"), "{body}: {message}");
    }
    let unknown = estate.revoke(&node, "payments", r#"{"reason":"superseded"}"#);
    assert_eq!(unknown.status, 404, "{unknown:#?}");
    let nobody = estate.curl(&node).body(r#"{"reason":"superseded"}"#);
    assert_ne!(nobody.get(&format!("{CERTIFICATES}/worker/revoke")).exit, 0, "without a certificate");
    assert_eq!((estate.serial("worker"), estate.state_of(&serial)), (serial.clone(), "issued".to_owned()));
}

/// R15: the reasons are RFC 5280's, in either spelling.
#[test]
fn a_reason_is_taken_in_either_spelling() {
    let estate = Estate::new();
    let node = estate.serve();
    for reason in ["cessationOfOperation", "affiliation_changed"] {
        let body = format!("{{\"reason\":\"{reason}\"}}");
        let answer = estate.revoke(&node, "worker", &body);
        assert_eq!(answer.status, 200, "{answer:#?}");
    }
    let list = ["cert", "list", "--realm", "r", "--profile", "service", "--state", "revoked"];
    estate.world.countersign(&list).succeeded().says("cessationOfOperation").says("affiliationChanged");
}

/// L8, R15: one that was revoked by hand is replaced by itself.
#[test]
fn a_certificate_that_was_revoked_by_hand_is_replaced_by_itself() {
    let estate = Estate::new();
    let node = estate.serve();
    let old = estate.serial("backend");
    let args = ["cert", "revoke", &old, "--reason", "keyCompromise", "--realm", "r"];
    estate.world.countersign(&args).succeeded();
    wait_for("the replacement", || node.log(), || (estate.serial("backend") != old).then_some(()));
    estate.presents(&node, &estate.serial("backend"));
}
