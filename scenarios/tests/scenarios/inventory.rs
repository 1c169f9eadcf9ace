//! What was issued, revoked and decided, for those who may see it: in SQL, by the API and by commands.

use serde_json::{Value, json};
use testkit::patience::wait_for;
use testkit::{Curl, Node, World, openssl};

fn as_client(world: &World, node: &Node, name: &str) -> Curl {
    Curl::to(node, "localhost").cacert(&world.path("realm/pki/server-ca.crt")).cert(
        &world.path(format!("realm/clients/{name}.crt")),
        &world.path(format!("realm/clients/{name}.key")),
    )
}

/// What the administrator reads of the ledger.
fn rows(world: &World, node: &Node, sql: &str) -> Value {
    as_client(world, node, "admin").sql("ledger", sql).with_status(200).json()["rows"].clone()
}

/// A realm with an issuer of services that has certified `backend`, before it is served.
fn with_a_service() -> World {
    let world = World::new();
    world.countersign(&["init"]).succeeded();
    world.countersign(&["ca", "init-issuer", "--kind", "service"]).succeeded();
    let written = world.read("realm/countersign.yaml");
    let service = "{ cert: ./pki/issuers/service.crt, key: ./pki/issuers/service.key }";
    let written = written.replacen(
        "  issuers:\n",
        &format!("  services: [backend]\n  issuers:\n    service: {service}\n"),
        1,
    );
    world.write(
        "realm/countersign.yaml",
        written.replace("0.0.0.0:7777", "127.0.0.1:0").replace("127.0.0.1:7777", "127.0.0.1:0"),
    );
    world
        .countersign(&["cert", "issue", "--profile", "service", "--cn", "backend", "--out", "out"])
        .succeeded();
    world
}

/// S4-11, L19: the three relations have the columns that other programs know, and are filled by what is issued and revoked.
#[test]
fn the_inventory_has_the_columns_that_other_programs_know_and_says_what_was_issued_and_revoked() {
    let world = with_a_service();
    let serial = openssl::serial(&world, "out/backend.crt");
    let node = Node::serve(&world, "realm/countersign.yaml");
    for (view, columns) in [
        (
            "mtls_service_certificates",
            "id,service_name,environment,serial,subject,issued_at,expires_at,is_revoked,revoked_at,revocation_reason,\
             rotation_in_progress,created_at,updated_at",
        ),
        ("mtls_crl_entries", "id,serial,service_name,revoked_at,reason,created_at"),
        (
            "mtls_handshake_audit",
            "id,from_service,to_service,client_serial,result,failure_reason,occurred_at",
        ),
    ] {
        let shown = as_client(&world, &node, "admin").sql("ledger", &format!("SELECT * FROM {view}"));
        let shown = shown.with_status(200).json();
        let columns: Vec<&str> = columns.split(',').collect();
        assert_eq!(shown["columns"], json!(columns), "{view}");
    }
    // The node has issued itself another one for the service meanwhile.
    let of_it = format!("WHERE serial = '{serial}'");
    let issued = format!(
        "SELECT service_name, environment, serial, is_revoked, revoked_at, rotation_in_progress, expires_at, length(id),
           subject LIKE '%,OU=countersign-internal' FROM mtls_service_certificates {of_it}"
    );
    let id_of_it = format!("SELECT id FROM mtls_service_certificates {of_it}");
    let before = rows(&world, &node, &issued);
    let ends = world
        .sh("date -u -d \"$(openssl x509 -in out/backend.crt -noout -enddate | cut -d= -f2)\" +%FT%TZ")
        .stdout;
    assert_eq!(before, json!([["backend", "development", serial, 0, null, 0, ends.trim(), 36, 1]]));
    let id = rows(&world, &node, &id_of_it);
    assert_eq!(rows(&world, &node, "SELECT count(*) FROM mtls_crl_entries"), json!([[0]]));

    world.countersign(&["cert", "revoke", "out/backend.crt", "--reason", "keyCompromise"]).succeeded();
    let revoked = format!(
        "SELECT is_revoked, revocation_reason, revoked_at = updated_at FROM mtls_service_certificates {of_it}"
    );
    assert_eq!(rows(&world, &node, &revoked), json!([[1, "keyCompromise", 1]]));
    let listed = "SELECT serial, service_name, reason, revoked_at IS NOT NULL FROM mtls_crl_entries";
    assert_eq!(rows(&world, &node, listed), json!([[serial, "backend", "keyCompromise", 1]]));
    assert_eq!(node.interrupted().code, Some(0));
    let node = Node::serve(&world, "realm/countersign.yaml");
    assert_eq!(
        rows(&world, &node, listed),
        json!([[serial, "backend", "keyCompromise", 1]]),
        "across a restart"
    );
    assert_eq!(rows(&world, &node, &id_of_it), id, "the id is the row's own");
}

/// S4-11, A11: every handshake is there, that of whoever came in and that of whoever was refused, across a restart.
#[test]
fn every_handshake_is_in_the_inventory_whether_it_came_to_something_or_not() {
    let world = World::new();
    let node = Node::up(&world);
    as_client(&world, &node, "analyst").get("/_auth/whoami").with_status(200);
    let stranger = Curl::to(&node, "localhost").cacert(&world.path("realm/pki/server-ca.crt"));
    stranger.get("/_health").failed(56, "alert");
    // Who does not believe us is on record as well.
    Curl::to(&node, "localhost")
        .cacert(&world.path("realm/pki/client-ca.crt"))
        .get("/_health")
        .failed(60, "");
    let serial = openssl::serial(&world, "realm/clients/analyst.crt");
    let reasons = "SELECT from_service, to_service, client_serial, result,
        CASE WHEN failure_reason LIKE 'alert: %' THEN 'alert' ELSE failure_reason END
        FROM mtls_handshake_audit WHERE from_service IS NOT 'admin' ORDER BY occurred_at, id";
    let wanted = json!([
        ["analyst", "main", serial, "success", null],
        [null, "main", null, "failure", "certificate-required"],
        [null, "main", null, "failure", "alert"],
    ]);
    // Events are written a moment after they happen.
    wait_for("the record", || node.log(), || (rows(&world, &node, reasons) == wanted).then_some(()));
    assert_eq!(node.interrupted().code, Some(0));
    let node = Node::serve(&world, "realm/countersign.yaml");
    assert_eq!(rows(&world, &node, reasons), wanted, "across a restart");
}

/// The ledger in SQL: for whoever has a grant on it, for reading, and no more of it than its views.
#[test]
fn the_ledger_is_served_read_only_and_shows_nothing_but_its_views() {
    let world = World::new();
    let node = Node::up(&world);
    let url = format!("https://localhost:{}", node.port());
    let query =
        |sql: &str, who: &str| world.countersign(&["query", "ledger", sql, "--as", who, "--url", &url]);
    let names = query(
        "SELECT name FROM certificates WHERE profile = 'client' AND state = 'issued' ORDER BY name",
        "admin",
    );
    let names = names.succeeded().stdout;
    assert!(names.contains("admin") && names.contains("analyst"), "{names}");
    let seen = "SELECT DISTINCT c.name, a.method FROM audit a JOIN certificates c USING (serial)
        WHERE a.kind = 'sign-in' AND c.not_after > '2026'";
    let wanted = json!([["admin", "mtls"]]);
    // Events are written a moment after they happen.
    wait_for("the sign-in", || node.log(), || (rows(&world, &node, seen) == wanted).then_some(()));
    assert_eq!(rows(&world, &node, "SELECT count(*) FROM revocations"), json!([[0]]));
    query("SELECT 1", "analyst").exited(1);
    let admin = as_client(&world, &node, "admin");
    for sql in [
        "SELECT der FROM main.certificates",
        "SELECT * FROM notes",
        "SELECT * FROM main.audit",
        "WITH certificates AS (SELECT der FROM main.certificates) SELECT * FROM certificates",
        "SELECT * FROM sqlite_schema",
        "PRAGMA table_list",
        "ATTACH 'realm/data/app.db' AS app",
        "DELETE FROM audit",
        "DELETE FROM main.audit",
        "CREATE TABLE t (x)",
    ] {
        let answer = admin.sql("ledger", sql);
        assert!(answer.status >= 400 || answer.json().get("error").is_some(), "{sql}: {answer:#?}");
    }
    // A reader that reads on does not keep the ledger from being written to.
    world.countersign(&["cert", "issue", "--cn", "late"]).succeeded();
    assert_eq!(rows(&world, &node, "SELECT count(*) FROM certificates WHERE name = 'late'"), json!([[1]]));
    assert_eq!(node.interrupted().code, Some(0));
}

/// A13, A4: administrators read the audit record page by page, and nobody else does; who tries is on record.
#[test]
fn the_audit_record_is_read_page_by_page_and_by_administrators_alone() {
    let world = World::new();
    let node = Node::up(&world);
    let analyst = as_client(&world, &node, "analyst");
    analyst.get("/_admin/audit").with_status(403);
    analyst.sql("secret", "SELECT 1").with_status(403);
    let admin = as_client(&world, &node, "admin");
    let events = |query: &str| admin.get(&format!("/_admin/audit?{query}")).with_status(200).json();
    let denied = wait_for(
        "both refusals",
        || node.log(),
        || {
            let page = events("kind=refusal&principal=analyst");
            (page["events"].as_array()?.len() == 2).then_some(page)
        },
    );
    let of = |n: usize, name: &str| denied["events"][n][name].clone();
    assert_eq!(
        (of(0, "action"), of(0, "code"), of(0, "target")),
        (json!("request.denied"), json!("no-grant"), json!("/secret/query"))
    );
    assert_eq!(
        (of(1, "action"), of(1, "code"), of(1, "target")),
        (json!("admin.denied"), json!("admin-only"), json!("/_admin/audit"))
    );
    assert_eq!(denied["next"], Value::Null);
    let serial = openssl::serial(&world, "realm/clients/analyst.crt");
    let all = events(&format!("serial={serial}"));
    let all = all["events"].as_array().expect("events").clone();
    assert!(all.len() >= 3, "{all:#?}");
    let (mut paged, mut after) = (Vec::new(), String::new());
    loop {
        let page = events(&format!("serial={serial}&limit=2{after}"));
        paged.extend(page["events"].as_array().expect("events").clone());
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(paged, all, "page after page is the whole");
    assert_eq!(events("until=2020-01-01T00:00:00Z")["events"], json!([]));
    admin
        .get("/_admin/audit?kind=shout")
        .is_error(400, "kind is one of sign-in, refusal, issue, revoke, session-end, reload, admin");
    let printed = world.countersign(&["audit", "--kind", "refusal", "--since", "1h"]).succeeded().stdout;
    assert!(printed.contains("admin.denied") && printed.contains("no-grant"), "{printed}");
    let url = format!("https://localhost:{}", node.port());
    let asked = world.countersign(&[
        "audit",
        "--principal",
        "analyst",
        "--kind",
        "refusal",
        "--json",
        "--url",
        &url,
        "--as",
        "admin",
    ]);
    let asked: Value = serde_json::from_str(&asked.succeeded().stdout).expect("JSON");
    assert_eq!(asked, denied["events"]);
    world.countersign(&["audit", "--url", &url]).exited(1);
}

/// A1, A4: an administrator finds every certificate on record by each of its fields, page by page, and nobody else does.
#[test]
fn every_certificate_on_record_is_found_by_its_fields_and_by_administrators_alone() {
    let world = World::new();
    let node = Node::up(&world);
    let path = "/api/admin/security/certificates";
    as_client(&world, &node, "analyst").get(&format!("{path}?all")).with_status(403);
    let admin = as_client(&world, &node, "admin");
    let found = |query: &str| admin.get(&format!("{path}?{query}")).with_status(200).json();
    let names = |query: &str| {
        let page = found(query);
        let mut names: Vec<String> = page["certificates"]
            .as_array()
            .expect("certificates")
            .iter()
            // Those who answer for the issuers come and go by themselves.
            .filter(|one| one["profile"] != "ocsp")
            .map(|one| {
                format!(
                    "{} {}",
                    one["profile"].as_str().unwrap_or_default(),
                    one["state"].as_str().unwrap_or_default()
                )
            })
            .collect();
        names.sort_unstable();
        names
    };
    let issued = [
        "client issued",
        "client issued",
        "client-issuer issued",
        "root issued",
        "server issued",
        "server-issuer issued",
    ];
    assert_eq!(names("all"), issued);
    assert_eq!(names("kind=ca"), [issued[2], issued[3], issued[5]]);
    assert_eq!(names("kind=server"), [issued[4]]);
    assert_eq!(names("name=analyst"), [issued[0]]);
    assert_eq!(names("name=a*&kind=client"), issued[..2]);
    assert_eq!(names("issuer=*Client%20Issuer*"), issued[..2]);
    assert_eq!(names("expires_before=2020-01-01T00:00:00Z"), [""; 0]);
    assert_eq!(names("state=revoked"), [""; 0]);
    let serial = openssl::serial(&world, "realm/clients/analyst.crt");
    let one = found(&format!("serial={serial}"));
    let one = &one["certificates"][0];
    let ends = world.sh(
        "date -u -d \"$(openssl x509 -in realm/clients/analyst.crt -noout -enddate | cut -d= -f2)\" +%FT%TZ",
    );
    assert_eq!(
        (&one["serial"], &one["service_name"], &one["expires_at"]),
        (&json!(serial), &json!("analyst"), &json!(ends.stdout.trim()))
    );
    assert_eq!((&one["is_revoked"], &one["days_until_expiry"]), (&json!(false), &json!(89)));
    let pin = world.countersign(&["cert", "spki", "realm/clients/analyst.crt"]).succeeded().stdout;
    assert!(pin.contains(one["spki_sha256"].as_str().expect("a pin")), "{pin}");
    assert!(!found("all").to_string().contains("PRIVATE"), "no keys");
    let page = found("kind=ca&limit=2");
    let rest = found(&format!("kind=ca&limit=2&after={}", page["next"].as_str().expect("more")));
    assert_eq!(
        (page["total"].clone(), rest["total"].clone(), rest["next"].clone()),
        (json!(2), json!(1), Value::Null)
    );
    admin.get(&format!("{path}?color=red")).with_status(400);

    let url = format!("https://localhost:{}", node.port());
    let listed = |more: &[&str]| {
        let args = [&["cert", "list", "--json", "--kind", "client", "--name", "a*"], more].concat();
        let listed: Value = serde_json::from_str(&world.countersign(&args).succeeded().stdout).expect("JSON");
        listed
    };
    let of_ledger = listed(&[]);
    assert_eq!(of_ledger.as_array().map(Vec::len), Some(2));
    assert_eq!(listed(&["--url", &url, "--as", "admin"]), of_ledger);
    assert_eq!(listed(&["--serial", &serial])[0]["subject"], one["subject"]);
    assert_eq!(listed(&["--limit", "1"]).as_array().map(Vec::len), Some(1));
    assert_eq!(listed(&["--expires-after", "2100-01-01"]), json!([]));
}
