//! Harper's `http.mtls` block and its variables (S3-1 to S3-5, E3), `reload` and `allow_weaker`.
#![expect(clippy::unwrap_used, reason = "a configuration that cannot be read is the test failing")]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use access::Method;
use countersign_config::{AllowWeaker, ClientAuth, ClientCa, Plan, Sources, TlsMode, TlsPlan, read_text};
use fault::Fault;
use identity::{FailureMode, Verification};

const PREFIX: &str = "COUNTERSIGN_HTTP_MTLS_";

fn read(text: &str, pairs: &[(&str, &str)]) -> (Plan, Vec<Fault>) {
    let env: BTreeMap<String, String> = pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    let sources = Sources { file: Some("c.yaml".into()), env, ..Sources::default() };
    read_text(&sources, text, Path::new("/srv/countersign")).unwrap()
}

fn with(text: &str, pairs: &[(&str, &str)]) -> Plan {
    let pairs: Vec<(String, &str)> = pairs.iter().map(|(name, v)| (format!("{PREFIX}{name}"), *v)).collect();
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, v)| (name.as_str(), *v)).collect();
    read(text, &[&pairs[..], &[("HOME", "/home/alice")]].concat()).0
}

fn tls(plan: &Plan) -> &TlsPlan {
    plan.tls.get("default").unwrap()
}

fn verification(plan: &Plan) -> Option<Verification> {
    plan.tls.values().next().unwrap().revocation.policy.verification
}

#[test]
fn the_block_as_written_is_https_on_9926_with_client_certificates_required() {
    let plan = with(
        "http:\n  mtls:\n    required: true\ntls:\n  certificateAuthority: ~/countersign/keys/ca.pem\n",
        &[],
    );
    let listener = &plan.listeners[0];
    assert_eq!(
        (listener.bind_address().as_str(), listener.tls.as_deref()),
        ("0.0.0.0:9926", Some("default"))
    );
    let TlsMode::Files { cert, key, .. } = &tls(&plan).mode else { panic!("files") };
    assert_eq!(cert, Path::new("/srv/countersign/keys/certificate.pem"));
    assert_eq!(key, Path::new("/srv/countersign/keys/privateKey.pem"));
    assert_eq!(tls(&plan).client_ca, Some(ClientCa::Path("/home/alice/countersign/keys/ca.pem".into())));
    assert_eq!(tls(&plan).client_auth, Some(ClientAuth::Require));
    assert!(plan.env_only && plan.grants.iter().any(|grant| grant.principal == "*"));
    assert_eq!(verification(&plan), None, "off by default");
}

#[test]
fn revocation_is_checked_as_the_block_says() {
    let plan = with("http:\n  mtls:\n    required: true\n    certificateVerification: true\n", &[]);
    assert_eq!(verification(&plan), Some(Verification::default()));
    assert_eq!(tls(&plan).client_ca, Some(ClientCa::Path("/srv/countersign/keys/ca.pem".into())));
    let text = "http: { mtls: { certificateVerification: { failureMode: fail-open, crl: { timeout: 15000 }, ocsp: false } } }";
    let asked = verification(&with(text, &[])).unwrap();
    assert_eq!((asked.failure_mode, asked.ocsp), (FailureMode::FailOpen, None));
    assert_eq!(asked.crl.unwrap().timeout, Duration::from_secs(15));
}

#[test]
fn certificates_are_asked_for_only_where_that_is_said() {
    for text in ["http: { mtls: true }", "http: { mtls: {} }", "http: { mtls: { required: false } }"] {
        let plan = with(text, &[]);
        assert_eq!(tls(&plan).client_auth, Some(ClientAuth::Request), "{text}");
    }
    for text in ["http: {}", "http: { mtls: false }"] {
        let plan = with(&format!("{text}\ntls: {{ certificateAuthority: ca.pem }}"), &[]);
        assert_eq!((tls(&plan).client_ca.clone(), plan.grants.len()), (None, 0), "{text}");
        assert!(plan.listeners[0].auth.is_empty() && !plan.open, "{text}");
    }
}

#[test]
fn certificates_and_port_are_as_written() {
    let text = "http: { securePort: '127.0.0.1:8443', mtls: true }
tls: { certificate: a.pem, privateKey: b.pem, certificateAuthority: c.pem, minVersion: 1.3 }";
    let plan = with(text, &[]);
    assert_eq!(plan.listeners[0].address, "127.0.0.1:8443");
    let TlsMode::Files { cert, key, .. } = &tls(&plan).mode else { panic!("files") };
    assert_eq!(
        (cert.as_path(), key.as_path()),
        (Path::new("/srv/countersign/a.pem"), Path::new("/srv/countersign/b.pem"))
    );
    assert_eq!(with("http: { securePort: 7443 }", &[]).listeners[0].address, ":7443");
}

/// S3-4.
#[test]
fn a_principal_is_recognized_by_its_name_unless_methods_are_written() {
    let text = "http: { mtls: { required: true } }
auth: { principals: [ { name: alice }, { name: bob, methods: [] }, { name: eve, active: false } ] }
databases: [ { name: app, path: app.db, grants: [ { principal: alice, level: read-write } ] } ]";
    let plan = with(text, &[]);
    assert!(!plan.env_only);
    let names: Vec<Option<&str>> = plan
        .principals
        .iter()
        .map(|principal| match principal.methods.first() {
            Some(Method::Mtls(entry)) => entry.subject_cn.as_deref(),
            None => None,
        })
        .collect();
    assert_eq!(names, [Some("alice"), None, Some("eve")]);
    assert!(!plan.principals[2].active);
}

#[test]
fn variables_stand_before_the_block() {
    let text = "http: { mtls: { required: false, certificateVerification: { crl: { timeout: 15000, cacheTtl: 5000 } } } }";
    let plan = with(
        text,
        &[
            ("REQUIRED", "true"),
            ("CERTIFICATEVERIFICATION_FAILUREMODE", "fail-open"),
            ("CERTIFICATEVERIFICATION_CRL_TIMEOUT", "20000"),
            ("CERTIFICATEVERIFICATION_CRL_GRACEPERIOD", "0"),
            ("CERTIFICATEVERIFICATION_CRL_FAILUREMODE", "fail-closed"),
            ("CERTIFICATEVERIFICATION_OCSP_TIMEOUT", "2s"),
            ("CERTIFICATEVERIFICATION_OCSP_CACHETTL", "7200000"),
            ("CERTIFICATEVERIFICATION_OCSP_ERRORCACHETTL", "60000"),
        ],
    );
    assert_eq!(tls(&plan).client_auth, Some(ClientAuth::Require));
    let asked = verification(&plan).unwrap();
    let (crl, ocsp) = (asked.crl.unwrap(), asked.ocsp.unwrap());
    assert_eq!((crl.timeout.as_secs(), crl.cache_ttl.as_secs(), crl.grace), (20, 5, Duration::ZERO));
    assert_eq!((crl.failure_mode, ocsp.failure_mode), (FailureMode::FailClosed, FailureMode::FailOpen));
    assert_eq!(
        (ocsp.timeout.as_secs(), ocsp.cache_ttl.as_secs(), ocsp.error_cache_ttl.as_secs()),
        (2, 7_200, 60)
    );
    let origin = plan.origins.iter().find(|origin| origin.key == "http.mtls.required").unwrap();
    assert_eq!(origin.to_string(), "http.mtls.required = \"true\" (COUNTERSIGN_HTTP_MTLS_REQUIRED)");
}

#[test]
fn a_variable_switches_verification_on_and_off() {
    let on = "http: { mtls: { certificateVerification: true } }";
    let off = "http: { mtls: true }";
    assert_eq!(
        verification(&with(off, &[("CERTIFICATEVERIFICATION", "true")])),
        Some(Verification::default())
    );
    assert_eq!(verification(&with(on, &[("CERTIFICATEVERIFICATION", "false")])), None);
    assert_eq!(
        verification(&with(off, &[("CERTIFICATEVERIFICATION_CRL", "true")])),
        Some(Verification::default())
    );
    let asked = verification(&with(on, &[("CERTIFICATEVERIFICATION_OCSP", "false")])).unwrap();
    assert!(asked.ocsp.is_none() && asked.crl.is_some());
    let off = "http: { mtls: { certificateVerification: { crl: { enabled: false } } } }";
    let asked = verification(&with(off, &[("CERTIFICATEVERIFICATION_CRL_TIMEOUT", "1000")])).unwrap();
    assert_eq!(asked.crl.unwrap().timeout, Duration::from_secs(1));
}

#[test]
fn the_variables_alone_are_the_block() {
    let plan = with("", &[("REQUIRED", "true"), ("CERTIFICATEVERIFICATION", "true")]);
    assert_eq!(plan.listeners[0].address, ":9926");
    assert_eq!(tls(&plan).client_auth, Some(ClientAuth::Require));
    assert_eq!(verification(&plan), Some(Verification::default()));
}

#[test]
fn elsewhere_the_variables_override_the_only_profile() {
    let text = "tls: { prod: { mode: files, cert: a, key: b, client_ca: c, client_auth: request } }
listeners: [ { name: h2, address: '127.0.0.1:1', tls: prod, auth: [mtls] } ]";
    let plan = with(text, &[("REQUIRED", "true"), ("CERTIFICATEVERIFICATION", "true")]);
    assert_eq!(plan.tls["prod"].client_auth, Some(ClientAuth::Require));
    assert_eq!(verification(&plan), Some(Verification::default()));
    let short = "tls: { enabled: true, certFile: a, keyFile: b, clientCAFile: c }";
    let plan = with(short, &[("REQUIRED", "false")]);
    assert_eq!(plan.listeners[0].address, ":11023");
    assert_eq!(tls(&plan).client_auth, Some(ClientAuth::Request));
}

#[test]
fn a_reload_may_weaken_what_is_named() {
    let base = "http: { mtls: true }\n";
    let allowed = |text: &str| read(&format!("{base}{text}"), &[]).0.allow_weaker;
    assert_eq!(allowed(""), AllowWeaker::Nothing);
    assert_eq!(allowed("allow_weaker: false"), AllowWeaker::Nothing);
    assert_eq!(allowed("allow_weaker: [a, 'b c']"), AllowWeaker::Named(vec!["a".into(), "b c".into()]));
    let (plan, warnings) = read(&format!("{base}allow_weaker: true"), &[]);
    assert_eq!(plan.allow_weaker, AllowWeaker::Everything);
    let said: Vec<&str> = warnings.iter().map(Fault::what).collect();
    assert!(
        said.contains(&"allow_weaker is true: every reload may weaken what guards this node"),
        "{said:?}"
    );
}

#[test]
fn changed_files_are_noticed_unless_that_is_switched_off() {
    let base = "http: { mtls: true }\n";
    let reload = |text: &str| read(&format!("{base}{text}"), &[]).0.reload;
    assert_eq!((reload("").watch, reload("").poll), (true, Duration::from_secs(60)));
    let written = reload("reload: { watch: false, poll: 5m }");
    assert_eq!((written.watch, written.poll), (false, Duration::from_secs(300)));
}

const REPLICATION: &str = "COUNTERSIGN_REPLICATION_MTLS_CERTIFICATEVERIFICATION";

/// R22: the same block, for the connection between nodes.
#[test]
fn the_connection_between_nodes_is_judged_by_the_same_block() {
    let text = "http: { mtls: true }\nreplication:\n  mtls:\n    certificateVerification:\n      failureMode: fail-open\n      \
                crl: { timeout: 5000, gracePeriod: 86400000 }\n      ocsp: false\n";
    let (plan, warnings) = read(text, &[("HOME", "/home/alice")]);
    let asked = plan.replication.revocation.policy.verification.unwrap();
    assert_eq!((asked.failure_mode, asked.ocsp), (FailureMode::FailOpen, None));
    assert_eq!(asked.crl.unwrap().timeout, Duration::from_secs(5));
    assert_eq!(verification(&plan), None, "what is said of nodes is not said of clients");
    let said = warnings.iter().map(ToString::to_string).collect::<String>();
    assert!(said.contains("replication has nothing to act on"), "{said}");
    let lists = "http: { mtls: true }\nreplication: { mtls: { crl_files: [ca.crl] } }";
    let (plan, _) = read(lists, &[("HOME", "/home/alice")]);
    assert_eq!(plan.replication.revocation.crl_files, [Path::new("/srv/countersign/ca.crl")]);
}

#[test]
fn the_variables_of_replication_speak_of_nodes_and_of_nobody_else() {
    let variable = |part: &str| format!("{REPLICATION}{part}");
    let (mode, ttl) = (variable("_FAILUREMODE"), variable("_OCSP_CACHETTL"));
    let pairs = [(mode.as_str(), "fail-open"), (ttl.as_str(), "2h"), ("HOME", "/home/alice")];
    let (plan, _) = read("http: { mtls: true }", &pairs);
    let asked = plan.replication.revocation.policy.verification.unwrap();
    assert_eq!(asked.failure_mode, FailureMode::FailOpen);
    assert_eq!(asked.ocsp.unwrap().cache_ttl, Duration::from_secs(7200));
    assert_eq!(verification(&plan), None);
    let written = "http: { mtls: true }\nreplication: { mtls: { certificateVerification: true } }";
    let (plan, _) = read(written, &[(REPLICATION, "false"), ("HOME", "/home/alice")]);
    assert_eq!(plan.replication.revocation.policy.verification, None);
}

/// S1, S4: there is nothing to switch off, and public authorities vouch for no node.
#[test]
fn nodes_always_speak_mutual_tls_and_no_public_authority_vouches_for_them() {
    for (text, wanted) in [
        ("replication: { mtls: false }", "mTLS between nodes cannot be switched off"),
        ("replication: { enableRootCAs: true }", "public authorities are not believed"),
    ] {
        let env = BTreeMap::from([("HOME".to_owned(), "/home/alice".to_owned())]);
        let sources = Sources { file: Some("c.yaml".into()), env, ..Sources::default() };
        let text = format!("http: {{ mtls: true }}\n{text}");
        let faults = read_text(&sources, &text, Path::new("/srv/countersign")).unwrap_err().to_string();
        assert!(faults.contains(wanted), "{faults}");
    }
    for text in ["replication: { mtls: true }", "replication: { enableRootCAs: false }"] {
        read(&format!("http: {{ mtls: true }}\n{text}"), &[("HOME", "/home/alice")]);
    }
}
