//! Metrics of registered services (S4-7, A6 to A9): each moves by exactly one for each event.

use testkit::patience::wait_for;
use testkit::{Node, certificate};

use super::estate::{Estate, metric};

fn page(estate: &Estate, node: &Node) -> String {
    let answer = estate.curl_as(node, "admin").get("/_metrics");
    assert_eq!(answer.status, 200, "{answer:#?}");
    answer.body
}

/// S4-7, A8: issued, rotated, taken back.
#[test]
fn issuing_rotating_and_revoking_are_each_counted_once() {
    let estate = Estate::new();
    let node = estate.serve();
    let counts = |service: &str| {
        let (page, label) = (page(&estate, &node), format!("service_name=\"{service}\""));
        ["issuances", "rotations", "revocations"]
            .map(|what| metric(&page, &format!("countersign_mtls_cert_{what}_total"), &[&label]))
    };
    assert_eq!(counts("worker"), [1.0, 0.0, 0.0], "the first one is no rotation");
    assert_eq!(estate.rotate(&node, "worker").status, 200);
    assert_eq!(counts("worker"), [2.0, 1.0, 0.0]);
    assert_eq!(estate.revoke(&node, "worker", r#"{"reason":"superseded"}"#).status, 200);
    // The one from before the rotation, which still overlapped, is taken back with it.
    assert_eq!(counts("worker"), [3.0, 1.0, 2.0], "a replacement is no rotation");
    assert_eq!(estate.rotate(&node, "payments").status, 404);
    assert_eq!((counts("worker"), counts("backend")), ([3.0, 1.0, 2.0], [1.0, 0.0, 0.0]));
    assert!(!page(&estate, &node).contains("payments"), "nobody makes up a label");
}

/// S4-7, A6, A9: how long certificates last.
#[test]
fn the_days_of_each_service_and_of_each_authority_are_shown_in_fractions() {
    let estate = Estate::new();
    let node = estate.serve();
    let page = page(&estate, &node);
    let days = |name: &str| {
        metric(&page, "countersign_mtls_cert_days_until_expiry", &[&format!("service_name=\"{name}\"")])
    };
    for service in ["backend", "worker"] {
        assert!((89.9..90.0).contains(&days(service)), "{service}: {page}");
    }
    assert!((729.0..730.0).contains(&days("authority.issuers.service")), "{page}");
    assert!((3649.0..3650.0).contains(&days("authority.root_cert")), "{page}");
    for gauge in ["rotation", "alert"] {
        let name = format!("countersign_mtls_certs_within_{gauge}_threshold");
        assert!(page.contains(&format!("{name}{{environment=\"staging\"}} 0")), "{page}");
    }
}

/// A certificate that no listener presents is missed all the same when its service cannot have another.
#[test]
fn the_outage_budget_counts_the_certificates_of_services() {
    let estate = Estate::new();
    let short = "  services: [backend, worker]\n  profiles: { service: { lifetime: 30d } }";
    let node = estate.configured("  services: [backend, worker]", short).serve();
    // The door presents another one of backend each time, which ends later than the one of worker.
    wait_for(
        "the certificate of worker as what ends first",
        || page(&estate, &node),
        || {
            assert_eq!(estate.rotate(&node, "backend").status, 200);
            let first = "countersign_outage_budget_info{first=\"certificate of service worker\"} 1";
            page(&estate, &node).contains(first).then_some(())
        },
    );
}

/// S4-7, A7: every handshake is counted once, where it is decided.
#[test]
fn every_handshake_is_counted_once_with_who_called_and_why_it_failed() {
    let estate = Estate::new();
    let node = estate.serve();
    let name = "countersign_mtls_handshake_total";
    let count = |from: &str, result: &str, reason: &str| {
        let labels = [
            format!("from_service=\"{from}\""),
            "to_service=\"backend\"".to_owned(),
            format!("result=\"{result}\""),
            format!("reason=\"{reason}\""),
        ];
        metric(&page(&estate, &node), name, &labels.each_ref().map(String::as_str))
    };
    assert_eq!(estate.curl_of(&node, "worker").get("/_auth/whoami").status, 200);
    assert_eq!(count("worker", "success", ""), 1.0);
    // The administrator is no service, and each look at the page is a handshake of its own.
    let before = count("other", "success", "");
    assert_eq!(count("other", "success", ""), before + 1.0);
    assert_ne!(estate.curl(&node).get("/_auth/whoami").exit, 0);
    wait_for("no certificate", || node.log(), || (count("none", "failure", "no_cert") == 1.0).then_some(()));
    certificate::authority(&estate.world, "stranger", "A stranger");
    certificate::client(&estate.world, "stranger", "forged");
    assert_ne!(estate.curl_as(&node, "forged").get("/_auth/whoami").exit, 0);
    wait_for(
        "an unknown authority",
        || node.log(),
        || (count("other", "failure", "unknown_ca") == 1.0).then_some(()),
    );
    assert_eq!(estate.curl_as(&node, "other").get("/_auth/whoami").status, 401);
    assert_eq!(count("other", "failure", "unmapped"), 1.0);
    estate.put_aside("worker", "old");
    assert_eq!(estate.revoke(&node, "worker", r#"{"reason":"superseded"}"#).status, 200);
    let mut refused = 0.0;
    wait_for(
        "the refusal of the old one",
        || node.log(),
        || {
            let said = estate.curl_as(&node, "old").get("/_auth/whoami");
            (said.exit != 0).then(|| refused += 1.0)
        },
    );
    wait_for(
        "a revoked one",
        || node.log(),
        || (count("worker", "failure", "revoked") == refused).then_some(()),
    );
}
