//! Rotation without a failed call (S4-2, S4-5, L7 to L9, A2).

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use testkit::patience::wait_for;
use testkit::{Client, Node};

use super::estate::{CERTIFICATES, Estate, metric};

/// S4-2, A2: another certificate is presented at once, and who holds the one before is accepted until its overlap ends.
#[test]
fn a_manual_rotation_reaches_new_handshakes_and_the_one_before_is_good_until_its_overlap_ends() {
    let estate = Estate::new();
    let node = estate.serve();
    estate.put_aside("worker", "long");
    for service in ["worker", "backend"] {
        let before = estate.serial(service);
        let rotated = estate.rotate(&node, service);
        assert_eq!(rotated.status, 200, "{rotated:#?}");
        let told = rotated.json();
        assert_eq!(told["service_name"], service);
        assert_eq!(told["message"], "Certificate rotated successfully");
        assert_eq!(told["serial"], estate.serial(service));
        assert_ne!(told["serial"], before);
        assert_eq!(told["expires_at"], estate.listed(&node, service)["expires_at"]);
        assert_eq!(estate.state_of(&before), "issued", "it stays good for a while");
    }
    estate.presents(&node, &estate.serial("backend"));
    assert_eq!(estate.curl_of(&node, "worker").get("/_auth/whoami").status, 200);
    assert_eq!(estate.curl_as(&node, "long").get("/_auth/whoami").status, 200, "the one before");
    // The same with an overlap that a test can wait for.
    estate.put_aside("worker", "short");
    let short = estate.serial("worker");
    estate.configured("overlap: 24h", "overlap: 1s");
    node.logged(&["reload applied"]);
    assert_eq!(estate.rotate(&node, "worker").status, 200);
    wait_for(
        "the end of the overlap",
        || node.log(),
        || {
            let refused = estate.curl_as(&node, "short").get("/_auth/whoami");
            (refused.status == 0 || refused.status == 401).then_some(())
        },
    );
    assert_eq!(estate.state_of(&short), "revoked");
    assert_eq!(estate.curl_as(&node, "long").get("/_auth/whoami").status, 200, "its own overlap goes on");
    assert!(!estate.world.path("r/state/services/worker").join(&short).exists(), "its files are gone");
}

/// A2: what cannot be rotated is told, and never without a word.
#[test]
fn a_rotation_of_a_service_that_nobody_registered_is_not_found() {
    let estate = Estate::new();
    let node = estate.serve();
    let unknown = estate.rotate(&node, "payments");
    assert_eq!(unknown.status, 404, "{unknown:#?}");
    assert_eq!(
        unknown.json()["error"]["message"],
        "service 'payments' is not in the registered service registry"
    );
    let odd = estate.curl_as(&node, "admin").body("").get(&format!("{CERTIFICATES}/..%2fx/rotate"));
    assert_eq!(odd.status, 404, "{odd:#?}");
}

/// S4-5: callers old and new, at a door whose own certificate is rotated and revoked, hear no failure.
#[test]
fn no_call_fails_while_certificates_are_rotated_and_revoked() {
    let estate = Estate::new();
    let node = estate.serve();
    let (over, calls) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let caller = || {
            while !over.load(Ordering::Relaxed) {
                let answer = estate.curl_of(&node, "worker").get("/_auth/whoami");
                assert_eq!(answer.status, 200, "{answer:#?}");
                calls.fetch_add(1, Ordering::Relaxed);
            }
        };
        let kept = || {
            let mut wire = Client::new().presenting(&estate.world, "admin").connect(&node).expect("a client");
            while !over.load(Ordering::Relaxed) {
                wire.send(b"GET /_auth/whoami HTTP/1.1\r\nhost: backend\r\n\r\n");
                assert_eq!(wire.answer().status, 200);
                std::thread::sleep(Duration::from_millis(20));
            }
        };
        scope.spawn(caller);
        scope.spawn(kept);
        // Whatever fails in here ends the callers too.
        let _ended = Ended(&over);
        for _ in 0..2 {
            assert_eq!(estate.rotate(&node, "backend").status, 200);
            estate.presents(&node, &estate.serial("backend"));
        }
        let revoked = estate.revoke(&node, "backend", r#"{"reason":"superseded"}"#);
        assert_eq!(revoked.status, 200, "{revoked:#?}");
        estate.presents(&node, &estate.serial("backend"));
        let seen = calls.load(Ordering::Relaxed);
        wait_for(
            "calls after the last change",
            || node.log(),
            || (calls.load(Ordering::Relaxed) > seen + 1).then_some(()),
        );
    });
}

struct Ended<'a>(&'a AtomicBool);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// S4-10 (4), L7, L9: the worker finds what is due by itself, in lives of minutes too, and a running door presents it.
#[test]
fn a_certificate_is_rotated_by_itself_when_a_fraction_of_its_life_is_over() {
    let estate = Estate::new();
    // A minute's life, and due after three seconds of it.
    estate.configured(
        "  rotation: {",
        "  profiles: { service: { lifetime: 1m } }\n  rotation: { fraction: 0.05,",
    );
    let node = estate.serve();
    let first = estate.presented(&node);
    let second = wait_for(
        "a rotation",
        || node.log(),
        || {
            let presented = estate.presented(&node);
            (presented != first).then_some(presented)
        },
    );
    assert_ne!(second, first);
    node.logged(&["service certificate issued", "backend", "was due"]);
    let page = estate.curl_as(&node, "admin").get("/_metrics").body;
    assert!(metric(&page, "countersign_mtls_cert_rotations_total", &["backend"]) >= 1.0, "{page}");
}

/// L9: what the node before had begun or had due is done by the next one.
#[test]
fn what_came_due_while_the_node_was_down_is_rotated_at_its_start() {
    let estate = Estate::new();
    drop(estate.serve());
    let before = estate.serial("worker");
    estate.configured("overlap: 24h", "fraction: 0.000000001, overlap: 24h, every: 24h");
    let node: Node = estate.serve();
    assert_ne!(estate.serial("worker"), before);
    assert_eq!(estate.state_of(&before), "issued", "with an overlap");
    drop(node);
}
