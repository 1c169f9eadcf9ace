//! Who may do what, and what nobody may do (Z1, Z3, Z4, Z16, Z20).

use testkit::certificate;

use crate::production::{Production, replaced};

/// Z1: the effective grant is the greater of the named one and that of `*`.
#[test]
fn the_greater_of_the_named_grant_and_everybodys_counts() {
    let production = Production::new();
    let yaml = replaced(
        &production.written(),
        "- { principal: analyst,   level: read-write }",
        "- { principal: analyst, level: none }\n      - { principal: '*', level: read-write }",
    );
    let node = production.serve_written(&yaml);
    production.with_notes(&node);
    production.curl(&node, "reporting").sql("app", "DELETE FROM notes").with_status(200);
}

/// Z1: an unknown principal or level in a grant stops the start, in the documented words and with the nearest known one.
#[test]
fn a_grant_to_an_unknown_principal_or_of_an_unknown_level_stops_the_start() {
    let production = Production::new();
    let said =
        production.refuses(&production.written().replace("principal: reporting", "principal: reprting"));
    assert!(said.contains(r#"database "app" grants to unknown principal "reprting""#), "{said}");
    let said = production.refuses(&production.written().replace("level: read-only", "level: readonly"));
    assert!(said.contains(r#"database "app" grant has invalid level "readonly""#), "{said}");
    assert!(said.contains("read-only"), "the nearest known level: {said}");
}

/// Z3: without a grant, a database that exists and one that does not look the same.
#[test]
fn without_a_grant_existing_and_missing_databases_look_the_same() {
    let production = Production::new();
    let here = production.world.folder().display().to_string();
    let node = production.serve_adding(&format!(
        "  - {{ name: secret, backend: file, path: {here}/secret.db, mode: rwc, grants: [ {{ principal: analyst, level: admin }} ] }}"
    ));
    let reporting = production.curl(&node, "reporting");
    let exists = reporting.sql("secret", "SELECT 1");
    let missing = reporting.sql("no-such", "SELECT 1");
    for answer in [&exists, &missing] {
        answer.clone().is_refused(403, "forbidden: no access to this database", "no-grant");
    }
    assert_eq!(exists.headers.len(), missing.headers.len(), "{exists:#?} {missing:#?}");
    production.curl(&node, "analyst").sql("secret", "SELECT 1").with_status(200);
}

/// Z4: a control plane without administrators, or with unknown ones, cannot be switched on.
#[test]
fn a_control_plane_needs_known_administrators() {
    let production = Production::new();
    let said = production.refuses(&format!("{}\ncontrol_plane: {{ enabled: true }}\n", production.written()));
    assert!(
        said.contains("control_plane.enabled requires at least one control_plane.admins entry"),
        "{said}"
    );
    let said = production
        .refuses(&format!("{}\ncontrol_plane: {{ enabled: true, admins: [ghost] }}\n", production.written()));
    assert!(said.contains(r#"control_plane admin "ghost" is not a configured principal"#), "{said}");
}

/// Z4: administrative routes answer that they are off, or that they are for administrators.
#[test]
fn administrative_routes_are_for_administrators() {
    let production = Production::new();
    let node = production.serve();
    production.curl(&node, "analyst").get("/_admin/status").is_error(404, "control plane not enabled");
    drop(node);
    let node = production.serve_adding("control_plane: { enabled: true, admins: [analyst] }");
    production.curl(&node, "reporting").get("/_admin/status").is_refused(
        403,
        "forbidden: administrators only",
        "admin-only",
    );
}

/// Z20: ATTACH and DETACH are refused for everybody, and nothing appears on disk.
#[test]
fn attach_is_refused_for_everybody() {
    let production = Production::new();
    let node = production.serve_with("level: read-write", "level: admin");
    let words = "statement not permitted by server policy: ATTACH/DETACH is disabled";
    for sql in
        ["ATTACH 'other.db' AS other", "attach database ':memory:' as m", "DETACH main", "ATTACH ? AS x"]
    {
        let answer = production.curl(&node, "analyst").query(
            "app",
            &serde_json::json!({ "sql": sql, "args": if sql.contains('?') { vec!["other.db"] } else { vec![] } })
                .to_string(),
        );
        answer.is_refused(403, words, "statement-not-permitted");
    }
    assert!(!production.world.path("other.db").exists());
}

/// Z20: nothing leaves the database through other doors: VACUUM INTO, extension loading, file functions, pragmas.
#[test]
fn nothing_leaves_the_database_through_other_doors() {
    let production = Production::new();
    let node = production.serve_with("level: read-write", "level: admin");
    let analyst = production.curl(&node, "analyst");
    for sql in [
        "VACUUM INTO 'copy.db'",
        "VACUUM main INTO 'copy.db'",
        "SELECT load_extension('evil.so')",
        "SELECT writefile('copy.db','x')",
        "SELECT readfile('/etc/passwd')",
        "SELECT edit('x')",
        "SELECT fts3_tokenizer('simple', x'0102030405060708')",
        "PRAGMA temp_store_directory = '/tmp'",
        "PRAGMA data_store_directory = '/tmp'",
        "CREATE VIRTUAL TABLE t USING csv(filename='/etc/passwd')",
    ] {
        let answer = analyst.sql("app", sql);
        let is_refused = answer.status == 403 || answer.json().get("error").is_some();
        assert!(is_refused, "{sql}: {answer:#?}");
    }
    assert!(!production.world.path("copy.db").exists());
}

/// Z3: a principal without any grant is known, and may do nothing.
#[test]
fn a_principal_without_a_grant_is_known_and_may_do_nothing() {
    let production = Production::new();
    certificate::client(&production.world, "client-ca", "guest");
    let node = production.serve_with(
        "auth:\n  principals:\n",
        "auth:\n  principals:\n    - { name: guest, methods: [ { mtls: { subject_cn: guest } } ] }\n",
    );
    let guest = production.curl(&node, "guest");
    guest.get("/_auth/whoami").with_status(200);
    guest.sql("app", "SELECT 1").is_refused(403, "forbidden: no access to this database", "no-grant");
}

/// A refusal reaches the client every time, with the body that it sent still on its way, over both protocols.
#[test]
fn a_refusal_reaches_the_client_every_time() {
    let production = Production::new();
    let node = production.serve();
    for round in 0..40 {
        let version = if round % 2 == 0 { "--http2" } else { "--http1.1" };
        production.curl(&node, "reporting").arg(version).sql("elsewhere", "SELECT 1").is_refused(
            403,
            "forbidden: no access to this database",
            "no-grant",
        );
    }
}
