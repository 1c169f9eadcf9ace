//! The issuer `service` from the environment, and the registry of services (L2, I14).

use std::collections::BTreeMap;
use std::path::Path;

use countersign_config::{PemText, Plan, Sources, read_text};
use fault::{Fault, Faults};

const CERT_PEM: &str = "COUNTERSIGN_INTERMEDIATE_CA_CERT_PEM";
const KEY_PEM: &str = "COUNTERSIGN_INTERMEDIATE_CA_KEY_PEM";
const CERT_FILE: &str = "COUNTERSIGN_INTERMEDIATE_CA_CERT_FILE";
const KEY_FILE: &str = "COUNTERSIGN_INTERMEDIATE_CA_KEY_FILE";

const BOTH: [(&str, &str); 2] = [(CERT_PEM, "the certificate"), (KEY_PEM, "the secret key")];

const DOOR: &str = "\
listeners: [ { name: h1, transport: h1, address: \"127.0.0.1:7777\", auth: [none] } ]
databases: [ { name: app, path: app.db, grants: [ { principal: \"*\", level: read-only } ] } ]
";

const LEDGER: &str = "ledger: { url: \"sqlite:ledger.db\" }\n";

fn read(section: &str, pairs: &[(&str, &str)]) -> Result<(Plan, Vec<Fault>), Faults> {
    let env: BTreeMap<String, String> = pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    let sources = Sources { file: Some("c.yaml".into()), env, ..Sources::default() };
    read_text(&sources, &format!("{section}{DOOR}"), Path::new("/etc/countersign"))
}

fn plan(section: &str, pairs: &[(&str, &str)]) -> Result<Plan, Faults> {
    read(&format!("{LEDGER}{section}"), pairs).map(|(plan, _)| plan)
}

fn said(section: &str, pairs: &[(&str, &str)]) -> String {
    read(section, pairs).map_or_else(|faults| faults.to_string(), |_| "nothing is wrong".to_owned())
}

#[test]
fn the_environment_gives_the_issuer_for_services_where_the_file_has_no_authority() {
    let authority = plan("", &BOTH).unwrap().authority.unwrap();
    let service = &authority.issuers["service"];
    assert!(
        matches!(&service.cert, PemText::Given { variable: CERT_PEM, text } if text == "the certificate")
    );
    assert!(matches!(&service.key, PemText::Given { text, .. } if text.expose() == b"the secret key"));
    assert!(authority.root_cert.is_none() && authority.services.is_empty());
}

#[test]
fn the_environment_stands_before_the_issuer_of_the_file() {
    let section = "authority: { root_cert: r, issuers: { service: { cert: c, key: k }, client: { cert: c, key: k } } }\n";
    let authority = plan(section, &BOTH).unwrap().authority.unwrap();
    assert!(matches!(authority.issuers["service"].cert, PemText::Given { .. }));
    assert!(matches!(authority.issuers["client"].cert, PemText::File(_)));
    let authority = plan(section, &[(CERT_PEM, ""), (KEY_PEM, "")]).unwrap().authority.unwrap();
    assert!(matches!(authority.issuers["service"].cert, PemText::File(_)), "empty counts as unset");
}

#[test]
fn a_variable_may_name_a_file_in_two_spellings() {
    let suffixed = ["COUNTERSIGN_INTERMEDIATE_CA_CERT_PEM_FILE", "COUNTERSIGN_INTERMEDIATE_CA_KEY_PEM_FILE"];
    for [cert, key] in [[CERT_FILE, KEY_FILE], suffixed] {
        let plan = plan("", &[(cert, "/run/secrets/ca.crt"), (key, "/run/secrets/ca.key")]).unwrap();
        let service = &plan.authority.as_ref().unwrap().issuers["service"];
        assert!(matches!(&service.cert, PemText::File(path) if path == Path::new("/run/secrets/ca.crt")));
        assert!(matches!(&service.key, PemText::File(path) if path == Path::new("/run/secrets/ca.key")));
        let origin =
            plan.origins.iter().find(|origin| origin.key == "authority.issuers.service.key").unwrap();
        assert_eq!(
            origin.to_string(),
            format!("authority.issuers.service.key = \"/run/secrets/ca.key\" ({key})")
        );
    }
}

#[test]
fn one_half_of_an_issuer_is_a_fault() {
    assert_eq!(
        said(LEDGER, &BOTH[..1]),
        "COUNTERSIGN_INTERMEDIATE_CA_CERT_PEM: COUNTERSIGN_INTERMEDIATE_CA_CERT_PEM is given and \
         COUNTERSIGN_INTERMEDIATE_CA_KEY_PEM or COUNTERSIGN_INTERMEDIATE_CA_KEY_FILE is not\n  try: give both: an issuer \
         is a certificate with its key"
    );
    let key_alone = said(LEDGER, &[(KEY_FILE, "k")]);
    assert!(key_alone.contains("KEY_FILE is given and COUNTERSIGN_INTERMEDIATE_CA_CERT_PEM"), "{key_alone}");
}

#[test]
fn text_and_file_of_one_half_is_a_fault() {
    let said = said(LEDGER, &[BOTH[0], BOTH[1], (KEY_FILE, "k")]);
    assert_eq!(
        said,
        "COUNTERSIGN_INTERMEDIATE_CA_KEY_PEM: COUNTERSIGN_INTERMEDIATE_CA_KEY_PEM and \
         COUNTERSIGN_INTERMEDIATE_CA_KEY_FILE are both given\n  try: keep one of them"
    );
}

#[test]
fn an_issuer_from_the_environment_needs_a_ledger_too() {
    let said = said("", &BOTH);
    assert!(
        said.starts_with("COUNTERSIGN_INTERMEDIATE_CA_CERT_PEM: config: authority needs a ledger"),
        "{said}"
    );
}

#[test]
fn the_key_is_never_shown() {
    let plan = plan("", &BOTH).unwrap();
    let env = BOTH.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    let sources = Sources { env, ..Sources::default() };
    let origins: Vec<String> = plan.origins.iter().map(ToString::to_string).collect();
    let shown = format!("{plan:?} {sources:?} {origins:?}");
    assert!(shown.contains(KEY_PEM) && !shown.contains("the secret key"), "{shown}");
    assert!(shown.contains(r#"authority.issuers.service.key = \"(PEM text)\" (COUNTERSIGN_"#), "{shown}");
}

#[test]
fn services_are_registered_by_name_and_need_no_issuer_yet() {
    let authority = plan("authority: { services: [worker, backend] }\n", &[]).unwrap().authority.unwrap();
    assert_eq!(authority.services.iter().collect::<Vec<_>>(), ["backend", "worker"]);
    assert!(authority.issuers.is_empty());
    let with_issuer =
        plan("authority: { services: [backend], root_cert: r }\n", &BOTH).unwrap().authority.unwrap();
    assert!(with_issuer.issuers.contains_key("service") && with_issuer.root_cert.is_some());
    let said = said(
        &format!("{LEDGER}authority: {{ services: [a], issuers: {{ client: {{ cert: c, key: k }} }} }}\n"),
        &[],
    );
    assert!(said.contains("config: authority needs root_cert"), "{said}");
}

#[test]
fn the_name_of_a_service_is_what_a_registry_can_hold() {
    let services = |names: &str| said(&format!("{LEDGER}authority: {{ services: [{names}] }}\n"), &[]);
    let longest = "x".repeat(63);
    assert_eq!(services(&format!("a, pay-2, {longest}")), "nothing is wrong");
    assert_eq!(
        services("a, Backend"),
        "c.yaml:2:28: authority.services[1] \"Backend\" is not the name of a service (want 1 to 63 of a-z, 0-9 and \"-\")"
    );
    for name in ["''", "a.b", "a_b", "ä", "\"a\\0\"", &format!("{longest}x")] {
        assert!(services(name).contains("is not the name of a service"), "{name}");
    }
    assert_eq!(services("a, b, a"), "c.yaml:2:31: config: duplicate service \"a\"\n  try: list each once");
}
