//! The production set-up with two authorities, as its source document writes it (S1-1 to S1-21).

use testkit::certificate::{self, More};
use testkit::{Node, openssl, s_client};

use crate::production::{Production, S1_5, replaced};

/// Snippet S1-12, letter by letter.
const S1_12: &str = r#"curl --cacert server-ca.crt --cert analyst.crt --key analyst.key \
  https://db.example.com:7777/app/query \
  -H 'content-type: application/json' \
  -d '{"sql":"SELECT 1"}'"#;

/// Runs curl lines as they are written, with the written host and port leading to the node.
fn as_written(production: &Production, node: &Node, line: &str) -> testkit::Ran {
    let port = node.port();
    production.world.try_sh(&format!(
        "curl() {{ command curl -sS --connect-to db.example.com:7777:127.0.0.1:{port} \"$@\"; }}\n{line}"
    ))
}

/// S1-5, S1-12: with a real pin the file serves as it stands, and the documented call gets the documented answer.
#[test]
fn the_documented_curl_call_gets_the_documented_answer() {
    let production = Production::new();
    let node = production.serve();
    let ran = as_written(&production, &node, S1_12).succeeded();
    assert_eq!(
        ran.stdout.trim_end(),
        r#"{"columns":["1"],"rows":[[1]],"rows_affected":0,"last_insert_id":0}"#
    );
}

/// S1-5: one listener serves HTTP/2 and HTTP/1.1, over TLS 1.3.
#[test]
fn one_listener_serves_http_2_and_http_1_over_tls_1_3() {
    let production = Production::new();
    let node = production.serve();
    let analyst = production.curl(&node, "analyst");
    assert_eq!(analyst.clone().arg("--http2").sql("app", "SELECT 1").with_status(200).version, "2");
    assert_eq!(analyst.clone().arg("--http1.1").sql("app", "SELECT 1").with_status(200).version, "1.1");
    let spoken = s_client(
        &production.world,
        &node,
        &[
            "-CAfile",
            "server-ca.crt",
            "-cert",
            "analyst.crt",
            "-key",
            "analyst.key",
            "-servername",
            "db.example.com",
        ],
        "",
    );
    assert!(spoken.stdout.contains("TLSv1.3"), "{spoken}");
}

/// S1-5: with the literal pin of the document the server refuses to start, and names the principal and the line.
#[test]
fn a_pin_that_is_no_hash_stops_the_start_and_names_its_principal() {
    let production = Production::new();
    let pin = production.world.read("reporting.pin");
    let said = production.refuses(&replaced(&production.written(), pin.trim(), "3b0c…"));
    assert!(said.contains("reporting"), "{said}");
    assert!(said.contains("spki_sha256"), "{said}");
    assert!(said.contains("countersign.yaml:23:"), "the line must be named: {said}");
}

/// S1-1: two v3 authorities without keyUsage are accepted, as openssl makes them.
#[test]
fn authorities_without_key_usage_are_accepted_as_openssl_makes_them() {
    let production = Production::new();
    let text = production.world.sh("openssl x509 -in client-ca.crt -noout -text").stdout;
    assert!(!text.contains("Key Usage"), "the recipe changed: {text}");
    let node = production.serve();
    production.curl(&node, "analyst").sql("app", "SELECT 1").with_status(200);
}

/// S1-2: each name in the server's certificate verifies, wildcards for one label; another name does not.
#[test]
fn clients_accept_every_name_of_the_server_certificate_and_no_other() {
    let production = Production::new();
    let world = &production.world;
    for name in ["db.example.com", "a.db.internal", "203.0.113.10"] {
        world
            .countersign(&[
                "verify",
                "--trust",
                "server-ca.crt",
                "--purpose",
                "server",
                "--name",
                name,
                "server.crt",
            ])
            .exited(0);
    }
    for name in ["other.example.com", "a.b.db.internal", "db.internal", "203.0.113.11"] {
        world
            .countersign(&[
                "verify",
                "--trust",
                "server-ca.crt",
                "--purpose",
                "server",
                "--name",
                name,
                "server.crt",
            ])
            .exited(1)
            .says(name);
    }
    let node = production.serve();
    let other = testkit::Curl::to(&node, "other.example.com")
        .cacert(&world.path("server-ca.crt"))
        .cert(&world.path("analyst.crt"), &world.path("analyst.key"));
    other.get("/_health").failed(60, "SSL");
}

/// S1-3: the certificate of S1-3 is identified as its principal.
#[test]
fn a_client_certificate_is_identified_by_its_common_name() {
    let production = Production::new();
    let node = production.serve();
    let whoami = production.curl(&node, "analyst").get("/_auth/whoami").with_status(200).json();
    assert_eq!(whoami["principal"], "analyst");
    assert_eq!(whoami["method"], "mtls");
}

/// S1-4: our own command prints the hex that the openssl line prints.
#[test]
fn cert_spki_prints_what_openssl_prints() {
    let production = Production::new();
    let ours = production.world.countersign(&["cert", "spki", "analyst.crt"]).succeeded();
    let theirs = openssl::spki_sha256(&production.world, "analyst.crt");
    assert_eq!(theirs.len(), 64);
    assert!(ours.stdout.contains(&theirs), "{ours}\nopenssl: {theirs}");
}

/// S1-6: no certificate, no connection; curl says so in its own words.
#[test]
fn without_a_certificate_there_is_no_connection() {
    let production = Production::new();
    let node = production.serve();
    production.stranger(&node).sql("app", "SELECT 1").failed(56, "alert certificate required, errno 0");
}

/// S1-6: a certificate from another authority is refused with the alert for that.
#[test]
fn a_certificate_of_another_authority_is_refused_as_unknown() {
    let production = Production::new();
    certificate::authority(&production.world, "other-ca", "another authority");
    certificate::client(&production.world, "other-ca", "mallory");
    let node = production.serve();
    production.curl(&node, "mallory").sql("app", "SELECT 1").failed(56, "alert unknown ca, errno 0");
    node.logged(&["unknown-issuer"]);
}

/// S1-6: an authority with the same name and another key is another authority.
#[test]
fn an_authority_with_the_same_name_and_another_key_is_another_authority() {
    let production = Production::new();
    certificate::authority(&production.world, "twin-ca", "countersign client CA");
    certificate::client(&production.world, "twin-ca", "analyst-twin");
    let node = production.serve();
    production.curl(&node, "analyst-twin").sql("app", "SELECT 1").failed(56, "alert");
}

/// S1-8: a certificate that verifies but maps to nobody is refused with 401 and a body that gives nothing away.
#[test]
fn a_verified_certificate_of_nobody_is_refused_with_401() {
    let production = Production::new();
    let node = production.serve();
    production.curl(&node, "nobody").sql("app", "SELECT 1").is_refused(
        401,
        "authentication required",
        "unmapped-certificate",
    );
    let line = node.logged(&["unmapped-certificate"]);
    assert!(line.contains("nobody"), "the log names the subject: {line}");
}

/// S1-9: a new key with the same common name is still the analyst, without a change of configuration.
#[test]
fn a_new_key_with_the_same_common_name_is_still_the_same_principal() {
    let production = Production::new();
    let node = production.serve();
    certificate::leaf(
        &production.world,
        "client-ca",
        "analyst-2",
        "/CN=analyst",
        "extendedKeyUsage = clientAuth",
        &More::default(),
    );
    let whoami = production.curl(&node, "analyst-2").get("/_auth/whoami").with_status(200).json();
    assert_eq!(whoami["principal"], "analyst");
}

/// S1-9: a pinned principal does not accept a new key, even with its own name in the certificate.
#[test]
fn a_pinned_principal_with_a_new_key_is_refused() {
    let production = Production::new();
    let node = production.serve();
    certificate::leaf(
        &production.world,
        "client-ca",
        "reporting-2",
        "/CN=reporting",
        "extendedKeyUsage = clientAuth",
        &More::default(),
    );
    production.curl(&node, "reporting-2").sql("app", "SELECT 1").is_refused(
        401,
        "authentication required",
        "unmapped-certificate",
    );
}

/// S1-9: a certificate issued again with the same key is still the pinned principal.
#[test]
fn a_pinned_principal_keeps_its_identity_when_its_key_is_certified_again() {
    let production = Production::new();
    let node = production.serve();
    production.world.sh("openssl req -new -key reporting.key -subj '/CN=another name' -out again.csr && \
         openssl x509 -req -in again.csr -CA client-ca.crt -CAkey client-ca.key -CAcreateserial -days 9 \
           -extfile client.ext -out again.crt && cp reporting.key again.key && chmod 600 again.key");
    let whoami = production.curl(&node, "again").get("/_auth/whoami").with_status(200).json();
    assert_eq!(whoami["principal"], "reporting");
}

/// S1-13: a wrong server authority, or a host that the certificate does not name, is curl's exit code 60.
#[test]
fn a_client_with_the_wrong_server_authority_is_told_so_by_its_own_tls() {
    let production = Production::new();
    let node = production.serve();
    let wrong = testkit::Curl::to(&node, "db.example.com").cacert(&production.world.path("client-ca.crt"));
    wrong.get("/_health").failed(60, "SSL certificate problem");
}

/// S1-14: `min_version: "1.3"` refuses TLS 1.2 with exit code 35; `"1.2"` accepts it.
#[test]
fn min_version_decides_which_tls_is_spoken() {
    let production = Production::new();
    let strict = production.serve();
    production.curl(&strict, "analyst").arg("--tls-max").arg("1.2").get("/_health").failed(35, "alert");
    drop(strict);
    let lenient = production.serve_with(r#"min_version: "1.3""#, r#"min_version: "1.2""#);
    production.curl(&lenient, "analyst").arg("--tls-max").arg("1.2").get("/_health").with_status(200);
}

/// S1-15: a certificate signed by the server's authority is no client certificate.
#[test]
fn a_certificate_signed_by_the_server_authority_is_no_client_certificate() {
    let production = Production::new();
    certificate::leaf(
        &production.world,
        "server-ca",
        "confused",
        "/CN=analyst",
        "extendedKeyUsage = clientAuth",
        &More::default(),
    );
    let node = production.serve();
    production.curl(&node, "confused").sql("app", "SELECT 1").failed(56, "alert unknown ca");
}

/// S1-15: a server certificate signed by the client authority is refused by clients.
#[test]
fn a_server_certificate_signed_by_the_client_authority_is_refused_by_clients() {
    let production = Production::new();
    certificate::leaf(
        &production.world,
        "client-ca",
        "rogue",
        "/CN=db.example.com",
        "subjectAltName = DNS:db.example.com\nextendedKeyUsage = serverAuth",
        &More::default(),
    );
    let here = production.world.folder().display().to_string();
    let node = production.serve_written(
        &production
            .written()
            .replace(&format!("{here}/server.crt"), &format!("{here}/rogue.crt"))
            .replace(&format!("{here}/server.key"), &format!("{here}/rogue.key")),
    );
    production.curl(&node, "analyst").get("/_health").failed(60, "SSL certificate problem");
}

/// S1-19: a private key that others may read is refused, and the message names the command that mends it.
#[test]
fn a_private_key_that_others_may_read_is_refused_with_the_command_that_mends_it() {
    let production = Production::new();
    production.world.set_mode("server.key", 0o644);
    let said = production.refuses(&production.written());
    assert!(said.contains("server.key"), "{said}");
    assert!(said.contains("group or world access"), "{said}");
    assert!(said.contains("chmod 600"), "{said}");
    production.world.set_mode("server.key", 0o600);
    production.serve();
}

/// S1-20: the least grant is enforced per principal and per database.
#[test]
fn a_reader_reads_and_cannot_write_and_sees_no_other_database() {
    let production = Production::new();
    let node = production.serve();
    production.with_notes(&node);
    let reporting = production.curl(&node, "reporting");
    reporting.sql("app", "SELECT count(*) FROM notes").with_status(200);
    reporting.sql("app", "INSERT INTO notes VALUES (9,'nine')").is_refused(
        403,
        "forbidden: read-only (write not permitted)",
        "read-only",
    );
    reporting.sql("elsewhere", "SELECT 1").is_refused(
        403,
        "forbidden: no access to this database",
        "no-grant",
    );
}

/// S1-21: one command prints the production checklist, each point passed or failed.
#[test]
fn check_prints_the_production_checklist() {
    let production = Production::new();
    production.world.write("countersign.yaml", production.written());
    let ran = production.world.countersign(&["check", "countersign.yaml"]).succeeded();
    for word in ["analyst", "reporting", "app", "read-write", "read-only"] {
        assert!(ran.said().contains(word), "{word} is missing\n{ran}");
    }
    let points =
        ran.said().lines().filter(|line| line.to_lowercase().contains("pass") || line.contains('✓')).count();
    assert!(points >= 6, "the checklist has seven points\n{ran}");
}

/// S1-5: the comments and the spacing of the document do not matter; the constant is the document.
#[test]
fn the_document_is_read_letter_by_letter() {
    let production = Production::new();
    // The paths of the document do not exist here, so its faults are about those files and the pin, and nothing else.
    let said = production.refuses(S1_5);
    assert!(said.contains("3b0c…"), "{said}");
    assert!(!said.contains("unknown"), "every key of the document is known: {said}");
}
