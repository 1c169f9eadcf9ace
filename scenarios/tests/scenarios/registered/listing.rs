//! The inventory of services (S4-1, A1, A4, A5, L15).

use serde_json::Value;
use testkit::patience::wait_for;

use super::estate::{CERTIFICATES, Estate, metric};

/// S4-1, A1: the documented shape, and the serials that the services really present.
#[test]
fn the_inventory_shows_the_serials_that_services_really_present() {
    let estate = Estate::new();
    let node = estate.serve();
    let listed = estate.curl_as(&node, "admin").get(CERTIFICATES).json();
    assert_eq!(listed["total"], 2, "{listed}");
    for entry in listed["certificates"].as_array().expect("a list") {
        let keys: Vec<&String> = entry.as_object().expect("an entry").keys().collect();
        let documented = [
            "days_until_expiry",
            "expires_at",
            "is_revoked",
            "issued_at",
            "rotation_in_progress",
            "rotation_status",
            "serial",
            "service_name",
        ];
        assert_eq!(keys, documented);
        let service = entry["service_name"].as_str().expect("a name");
        assert_eq!(entry["serial"], Value::from(estate.serial(service)));
        assert_eq!((&entry["is_revoked"], &entry["rotation_in_progress"]), (&false.into(), &false.into()));
        assert_eq!((&entry["rotation_status"], &entry["days_until_expiry"]), (&"ok".into(), &89.into()));
        let end =
            estate.openssl(&format!("x509 -in r/state/services/{service}/current/tls.crt -noout -enddate"));
        let end = end.stdout.trim().trim_start_matches("notAfter=").to_owned();
        let told = estate.world.sh(&format!("date -u +%FT%TZ -d '{end}'")).stdout;
        assert_eq!(entry["expires_at"], told.trim(), "the certificate's own end");
    }
    assert_eq!(estate.listed(&node, "backend")["serial"], Value::from(estate.presented(&node)));
}

/// A5, L10, A9: the thresholds that are configured count. Without an issuer nothing is replaced, and it is told.
#[test]
fn a_service_is_due_or_critical_by_the_configured_thresholds() {
    let estate = Estate::new();
    drop(estate.serve());
    estate.configured("    service: { cert: pki/issuers/service.crt, key: pki/issuers/service.key }\n", "");
    estate.configured("overlap: 24h", "fraction: 0.000000001, alert: 1d");
    let node = estate.serve();
    assert_eq!(estate.listed(&node, "worker")["rotation_status"], "due");
    let page = estate.curl_as(&node, "admin").get("/_metrics").body;
    let of = |name: &str| metric(&page, name, &["environment=\"staging\""]);
    assert_eq!(of("countersign_mtls_certs_within_rotation_threshold"), 2.0, "{page}");
    assert_eq!(of("countersign_mtls_certs_within_alert_threshold"), 0.0, "{page}");
    drop(node);
    estate.configured("alert: 1d", "alert: 200d");
    let node = estate.serve();
    node.logged(&["WARN", "worker", "within the alert threshold, and no rotation is in progress"]);
    assert_eq!(estate.listed(&node, "worker")["rotation_status"], "critical");
    let page = estate.curl_as(&node, "admin").get("/_metrics").body;
    assert_eq!(metric(&page, "countersign_mtls_certs_within_alert_threshold", &["staging"]), 2.0, "{page}");
}

/// A4: the certificates are for administrators, and who is refused is on record.
#[test]
fn the_certificates_are_for_administrators_and_refusals_are_on_record() {
    let estate = Estate::new();
    let node = estate.serve();
    for path in ["", "/backend/rotate", "/backend/revoke"] {
        let call = estate.curl_of(&node, "worker").body(r#"{"reason":"superseded"}"#);
        let call = if path.is_empty() { estate.curl_of(&node, "worker") } else { call };
        let refused = call.get(&format!("{CERTIFICATES}{path}"));
        assert_eq!(refused.status, 403, "{path}: {refused:#?}");
        assert_eq!(refused.json()["error"]["code"], "admin-only", "{path}");
        let unmapped = estate.curl_as(&node, "other").get(&format!("{CERTIFICATES}{path}"));
        assert_eq!(unmapped.status, 401, "{path}: {unmapped:#?}");
    }
    assert_eq!(estate.on_record().len(), 2, "nothing was issued");
    let of_worker = || {
        let query = "/_admin/audit?kind=refusal&principal=worker";
        let page = estate.curl_as(&node, "admin").get(query).with_status(200).json();
        page["events"].as_array().expect("a list of events").clone()
    };
    let refused = wait_for(
        "three refusals on record",
        || node.log(),
        || Some(of_worker()).filter(|events| events.len() == 3),
    );
    for path in ["", "/backend/rotate", "/backend/revoke"] {
        let target = format!("{CERTIFICATES}{path}");
        let of_path = refused.iter().find(|event| event["target"] == target);
        let event = of_path.unwrap_or_else(|| panic!("{target} is not in {refused:?}"));
        assert_eq!(
            (&event["code"], &event["principal"]),
            (&"admin-only".into(), &"worker".into()),
            "{event}"
        );
        assert!(event["serial"].is_string() && event["at"].is_string(), "{event}");
    }
    let wrong = estate.curl_as(&node, "admin").get(&format!("{CERTIFICATES}/backend/rotate"));
    assert_eq!(wrong.status, 405, "{wrong:#?}");
}

/// L15, S4-9: without an issuer, reading works and issuing says what is missing.
#[test]
fn without_an_issuer_administrators_read_and_issuing_says_what_is_missing() {
    let estate = Estate::new();
    drop(estate.serve());
    estate.configured("    service: { cert: pki/issuers/service.crt, key: pki/issuers/service.key }\n", "");
    let node = estate.serve();
    assert_eq!(estate.listed(&node, "worker")["serial"], Value::from(estate.serial("worker")));
    for answer in
        [estate.rotate(&node, "worker"), estate.revoke(&node, "worker", r#"{"reason":"key_compromise"}"#)]
    {
        assert_eq!(answer.status, 503, "{answer:#?}");
        assert_eq!(
            answer.json()["error"]["message"],
            "Intermediate CA not configured — set COUNTERSIGN_INTERMEDIATE_CA_CERT_PEM and COUNTERSIGN_INTERMEDIATE_CA_KEY_PEM"
        );
    }
    assert_eq!(estate.state_of(&estate.serial("worker")), "issued", "neither replaced nor revoked");
}
