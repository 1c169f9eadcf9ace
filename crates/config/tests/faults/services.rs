//! Registered services: when their certificates are replaced, and who presents them.

use authority::RotationRules;
use countersign_config::read_text;
use std::path::Path;
use std::time::Duration;

use super::{said_with, sources, with};

const LEDGER: &str = "ledger: { url: \"sqlite:l.db\" }";

fn rotating(rotation: &str) -> String {
    format!(
        "{}\n{LEDGER}",
        with(&format!("authority: {{ services: [backend], rotation: {{ {rotation} }} }}"))
    )
}

fn rotation(text: &str, env: &[(&str, &str)]) -> Option<RotationRules> {
    let read = read_text(&sources(env), &rotating(text), Path::new("/etc/countersign"));
    read.ok().and_then(|(plan, _)| plan.authority).map(|authority| authority.rotation)
}

const DAY: Duration = Duration::from_secs(86_400);

#[test]
fn a_variable_stands_before_the_file_and_the_file_before_what_is_built_in() {
    assert_eq!(rotation("", &[]), Some(RotationRules::default()));
    let written = "threshold: 20d, alert: 5d, every: 1h, overlap: 10m, fraction: 0.7";
    let expected = RotationRules {
        threshold: DAY * 20,
        fraction: Some(0.7),
        alert: DAY * 5,
        every: Duration::from_secs(3600),
        overlap: Duration::from_secs(600),
        ..RotationRules::default()
    };
    assert_eq!(rotation(written, &[]), Some(expected));
    let env = [
        ("COUNTERSIGN_ROTATION_THRESHOLD_DAYS", "30"),
        ("COUNTERSIGN_ALERT_THRESHOLD_DAYS", "3"),
        ("COUNTERSIGN_LIFECYCLE_INTERVAL_SECS", "90"),
    ];
    let every = Duration::from_secs(90);
    let expected = RotationRules { threshold: DAY * 30, alert: DAY * 3, every, ..expected };
    assert_eq!(rotation(written, &env), Some(expected));
}

#[test]
fn a_time_that_is_none_is_a_fault_and_never_the_default() {
    for (written, words) in [
        ("threshold: 0d", "authority.rotation.threshold is no time before an end"),
        ("alert: 0s", "authority.rotation.alert is no time before an end"),
        ("every: 10ms", "authority.rotation.every must be at least 1s"),
        ("fraction: 0", "authority.rotation.fraction \"0\" is no part of a whole"),
        ("fraction: 1", "is no part of a whole"),
        ("fraction: NaN", "is no part of a whole"),
        ("fraction: soon", "is no part of a whole"),
        ("threshold: 14", "is not a duration"),
    ] {
        let said = said_with(&rotating(written), &[]);
        assert!(said.contains(words), "{written}: {said}");
    }
    for variable in ["COUNTERSIGN_ROTATION_THRESHOLD_DAYS", "COUNTERSIGN_LEAF_CERT_VALIDITY_DAYS"] {
        for value in ["soon", "-1", "1.5", "0", "99999999999999999999", "14d"] {
            let said = said_with(&rotating(""), &[(variable, value)]);
            assert!(said.contains(variable), "{variable}={value}: {said}");
        }
    }
}

#[test]
fn a_tls_profile_presents_a_registered_service_and_nothing_beside_it() {
    let with_tls = |tls: &str| {
        let text = with("authority: { services: [backend] }");
        let text = text.replace(
            "tls: { prod: { mode: files, cert: s.crt, key: s.key,",
            &format!("tls: {{ prod: {{ {tls},"),
        );
        said_with(&format!("{text}\n{LEDGER}"), &[])
    };
    assert_eq!(with_tls("mode: authority, service: backend"), "nothing is wrong");
    for (written, words) in [
        (
            "mode: authority, service: backnd",
            "service \"backnd\" is not in authority.services\n  try: did you mean \"backend\"?",
        ),
        (
            "mode: authority, service: backend, hosts: [a]",
            "a service's certificate covers the service's name",
        ),
        ("mode: files, cert: c, key: k, service: backend", "service is for mode authority"),
    ] {
        let said = with_tls(written);
        assert!(said.contains(words), "{written}: {said}");
    }
}
