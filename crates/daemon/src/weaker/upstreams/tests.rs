//! What is behind the door must not become anything else without a word.

use std::path::Path;
use std::time::Duration;

use config::{Sources, UpstreamIdentityPlan};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use tempfile::TempDir;
use time::macros::datetime;

use crate::prepare::{Earlier, Prepared, prepare, prepare_after};
use crate::watch::{Digests, Unchanged};
use crate::weaker::weaker;

const WELL: &str =
    "address: 10.0.0.5, database: o, identity: shared, ssl_rootcert: a.crt, roles: { read-write: rw }";

fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    for name in ["a.crt", "b.crt"] {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_before = datetime!(2026-11-01 0:00 UTC);
        params.not_after = datetime!(2036-11-01 0:00 UTC);
        let pem = params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem();
        files::write_public(&folder.path().join(name), pem.as_bytes()).unwrap();
    }
    folder
}

fn text(service: &str, more: &str) -> String {
    format!(
        "listeners: [ {{ name: h1, transport: h1, address: \"127.0.0.1:0\", auth: [none] }} ]
auth: {{ principals: [ {{ name: bob, methods: [ {{ mtls: {{ subject_cn: bob }} }} ] }} ] }}
databases: [ {{ name: orders, backend: postgres, service: pg, grants: [ {{ principal: bob, level: read-write }} ] }} ]
services: [ {{ name: pg, postgres: {{ {service} }} }} ]
{more}
"
    )
}

fn written(folder: &Path, text: &str) -> config::Plan {
    let file = folder.join("countersign.yaml");
    files::write_public(&file, text.as_bytes()).unwrap();
    config::read(&Sources { file: Some(file), ..Sources::default() })
        .unwrap_or_else(|faults| panic!("{faults}"))
        .0
}

fn prepared(folder: &Path, service: &str) -> Prepared {
    let plan = written(folder, &text(service, ""));
    prepare(plan, datetime!(2026-11-22 10:00:00 UTC)).unwrap_or_else(|faults| panic!("{faults}"))
}

fn names(folder: &Path, old: &str, new: &str) -> Vec<String> {
    let [old, new] = [old, new].map(|service| prepared(folder, service));
    weaker(&old, &new).into_iter().map(|weakening| weakening.name).collect()
}

#[test]
fn a_server_that_is_judged_less_is_named() {
    let folder = folder();
    let with = |mode: &str| {
        format!("address: 10.0.0.5, database: o, identity: shared, roles: {{ read-write: rw }}, {mode}")
    };
    let modes = [
        "sslmode: disable",
        "sslmode: allow",
        "sslmode: prefer",
        "sslmode: require",
        "sslmode: verify-ca, ssl_rootcert: a.crt",
        "sslmode: verify-full, ssl_rootcert: a.crt",
    ];
    for (n, less) in modes.iter().enumerate() {
        for more in &modes[n + 1..] {
            let word = less.trim_start_matches("sslmode: ").split(',').next().unwrap();
            assert_eq!(
                names(folder.path(), &with(more), &with(less)),
                [format!("service pg sslmode {word}")]
            );
            assert_eq!(names(folder.path(), &with(less), &with(more)), [""; 0], "{less} {more}");
        }
    }
    let root = |file: &str| with(&format!("sslmode: require, ssl_rootcert: {file}"));
    assert_eq!(
        names(folder.path(), &root("a.crt"), &with("sslmode: require")),
        ["service pg sslmode require"]
    );
    let found = names(folder.path(), &root("a.crt"), &root("b.crt"));
    assert!(matches!(&found[..], [one] if one.starts_with("service pg trust-anchor ")), "{found:?}");
}

#[test]
fn a_role_that_somebody_had_not_is_named() {
    let folder = folder();
    let with = |roles: &str| WELL.replace("roles: { read-write: rw }", roles);
    let (own, levels) = (with("connect_timeout: 4s"), with("roles: { read-only: ro, read-write: rw }"));
    let map = |entries: &str| with(&format!("map: [ {entries} ]"));
    let (one, two) =
        ("{ subject_cn: bob, role: rw }", "{ subject_cn: bob, role: rw }, { san_dns: x, role: adm }");
    for (old, new, named) in [
        (
            levels.clone(),
            with("roles: { read-only: ro, read-write: boss }"),
            vec!["service pg role read-write boss"],
        ),
        (
            levels.clone(),
            with("roles: { read-only: rx, read-write: ro }"),
            vec!["service pg role read-only rx"],
        ),
        (levels.clone(), levels.clone(), vec![]),
        (levels.clone(), with("roles: { read-write: rw }"), vec![]),
        (levels.clone(), own.clone(), vec!["service pg own-names"]),
        (own.clone(), levels, vec!["service pg role read-only ro", "service pg role read-write rw"]),
        (map(one), map(two), vec!["service pg map adm"]),
        (map(two), map(one), vec![]),
        (own, map(one), vec!["service pg map rw"]),
    ] {
        assert_eq!(names(folder.path(), &old, &new), named, "{old} -> {new}");
    }
}

#[test]
fn a_database_that_leads_elsewhere_is_named() {
    let folder = folder();
    let elsewhere = ["database orders service"];
    assert_eq!(names(folder.path(), WELL, &WELL.replace("10.0.0.5", "10.0.0.6")), elsewhere);
    assert_eq!(names(folder.path(), WELL, &WELL.replace("database: o", "database: p")), elsewhere);
    assert_eq!(names(folder.path(), WELL, &format!("{WELL}, max_connections: 5")), [""; 0]);
}

#[test]
fn a_server_that_no_longer_sees_who_comes_is_named() {
    let folder = folder();
    let plan = |service: &str| prepared(folder.path(), service).plan.upstreams.remove(0);
    let shared = plan(WELL);
    let own = config::UpstreamPlan {
        identity: UpstreamIdentityPlan::PerPrincipal { lifetime: Duration::from_secs(300) },
        ..shared.clone()
    };
    let named = |was, is| super::identity(was, is).map(|weakening| weakening.name);
    assert_eq!(named(&own, &shared).as_deref(), Some("service pg identity shared"));
    assert_eq!(named(&shared, &own), None);
    assert_eq!(named(&own, &own), None);
}

#[test]
fn requests_to_cancel_in_clear_text_are_named_where_they_begin_to_count() {
    let folder = folder();
    let was = prepared(folder.path(), WELL);
    let is = |plaintext_cancel: bool| {
        let mut is = prepared(folder.path(), WELL);
        let mut listener = is.plan.listeners.remove(0);
        listener.transport = config::Transport::Postgres;
        listener.plaintext_cancel = plaintext_cancel;
        is.plan.listeners.push(listener);
        is
    };
    fn named(old: &Prepared, new: &Prepared) -> Vec<String> {
        super::cancelling(old, new).map(|weakening| weakening.name).collect()
    }
    assert_eq!(named(&was, &is(true)), ["plaintext-cancel h1"]);
    assert_eq!(named(&was, &is(false)), [""; 0]);
    assert_eq!(named(&is(true), &is(true)), [""; 0]);
}

#[test]
fn a_server_stays_the_same_one_while_neither_what_is_written_nor_a_file_of_it_changes() {
    let folder = folder();
    let root = folder.path().join("a.crt");
    let before = prepared(folder.path(), WELL);
    let digests = Digests::default().and_of(&before.plan);
    let again = |text: &str| {
        let plan = written(folder.path(), text);
        let now = digests.clone().and_of(&plan);
        let unchanged = Unchanged { before: &digests, now: &now };
        let earlier = Earlier { prepared: &before, unchanged: &unchanged };
        let after = prepare_after(plan, Some(earlier), datetime!(2026-11-22 11:00:00 UTC)).unwrap();
        std::sync::Arc::ptr_eq(&before.upstreams["pg"], &after.upstreams["pg"])
    };
    assert!(again(&text(WELL, "logging: { level: debug }")));
    assert!(!again(&text(&format!("{WELL}, connect_timeout: 3s"), "")));
    files::write_public(&root, &std::fs::read(folder.path().join("b.crt")).unwrap()).unwrap();
    assert!(!again(&text(WELL, "")));
}
