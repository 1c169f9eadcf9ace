//! Who a certificate is: every matcher, and what happens at its edges (I1 to I21).

use testkit::certificate::{self, More, rcgen, shaped};
use testkit::{Curl, Node, World, openssl, recipe};

/// A world whose principals are what the test says; each line is one entry of `auth.principals`.
struct Town {
    world: World,
}

impl Town {
    fn new() -> Self {
        let world = World::new();
        recipe::two_authorities(&world);
        Self { world }
    }

    fn written(principals: &str) -> String {
        let indented: String = principals.lines().map(|line| format!("    {}\n", line.trim())).collect();
        format!("{HEAD}auth:\n  principals:\n{indented}{TAIL}")
    }

    fn serve(&self, principals: &str) -> Node {
        self.world.write("countersign.yaml", Self::written(principals));
        Node::serve(&self.world, "countersign.yaml")
    }

    fn refuses(&self, principals: &str) -> String {
        self.world.write("countersign.yaml", Self::written(principals));
        self.world.countersign(&["serve", "--config", "countersign.yaml"]).exited(2).said()
    }

    fn curl(&self, node: &Node, name: &str) -> Curl {
        Curl::to(node, "db.example.com")
            .cacert(&self.world.path("server-ca.crt"))
            .cert(&self.world.path(format!("{name}.crt")), &self.world.path(format!("{name}.key")))
    }

    /// The principal that this certificate is, or `None` for a 401.
    #[track_caller]
    fn who(&self, node: &Node, name: &str) -> Option<String> {
        let answer = self.curl(node, name).get("/_auth/whoami");
        if answer.status == 401 {
            return None;
        }
        answer.with_status(200).json()["principal"].as_str().map(str::to_owned)
    }

    fn leaf(&self, name: &str, subject: &str, san: &str) {
        let extensions = if san.is_empty() {
            "extendedKeyUsage = clientAuth".to_owned()
        } else {
            format!("extendedKeyUsage = clientAuth\nsubjectAltName = {san}")
        };
        certificate::leaf(&self.world, "client-ca", name, subject, &extensions, &More::default());
    }
}

/// I1: the common name matches exactly, capitals and all.
#[test]
fn a_common_name_matches_exactly() {
    let town = Town::new();
    town.leaf("capital", "/CN=Analyst", "");
    town.leaf("longer", "/CN=analyst2", "");
    let node = town.serve("- { name: a, methods: [ { mtls: { subject_cn: analyst } } ] }");
    assert_eq!(town.who(&node, "analyst").as_deref(), Some("a"));
    assert_eq!(town.who(&node, "capital"), None);
    assert_eq!(town.who(&node, "longer"), None);
}

/// I1: a certificate with two common names, or an empty one, is nobody, never "the first wins"; the log says why.
#[test]
fn a_certificate_with_two_common_names_is_nobody() {
    let town = Town::new();
    town.leaf("two", "/CN=analyst/CN=reporting", "");
    let node = town.serve(
        "- { name: a, methods: [ { mtls: { subject_cn: analyst } } ] }
         - { name: r, methods: [ { mtls: { subject_cn: reporting } } ] }",
    );
    assert_eq!(town.who(&node, "two"), None);
    let line = node.logged(&["unmapped-certificate"]);
    assert!(line.contains("two common names") || line.contains("common name"), "{line}");
}

/// I1: a control byte in the common name makes it nobody's.
#[test]
fn a_control_byte_in_a_common_name_makes_it_nobodys() {
    let town = Town::new();
    for (name, common_name) in [("newline", "analyst\nx"), ("nul", "analyst\0"), ("empty", "")] {
        shaped(&town.world, "client-ca", name, |params| {
            params.distinguished_name.remove(rcgen::DnType::CommonName);
            params
                .distinguished_name
                .push(rcgen::DnType::CommonName, rcgen::DnValue::Utf8String(common_name.to_owned()));
            params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
        });
    }
    let node = town.serve("- { name: a, methods: [ { mtls: { subject_cn: analyst } } ] }");
    for name in ["newline", "nul", "empty"] {
        assert_eq!(town.who(&node, name), None, "{name}");
    }
    assert!(!node.log().lines().any(|line| line.starts_with('x')), "a name must not break the log's lines");
}

/// I2: a pin is accepted as hex in any case and as curl writes it; anything else is refused at start.
#[test]
fn a_pin_is_accepted_as_hex_in_any_case_and_as_curl_writes_it() {
    let town = Town::new();
    let hex = openssl::spki_sha256(&town.world, "analyst.crt");
    let base64 = town
        .world
        .sh("openssl x509 -in analyst.crt -pubkey -noout | openssl pkey -pubin -outform DER | \
             openssl dgst -sha256 -binary | openssl base64")
        .stdout;
    for pin in [hex.clone(), hex.to_uppercase(), format!("sha256//{}", base64.trim())] {
        let node =
            town.serve(&format!("- {{ name: a, methods: [ {{ mtls: {{ spki_sha256: \"{pin}\" }} }} ] }}"));
        assert_eq!(town.who(&node, "analyst").as_deref(), Some("a"), "{pin}");
        assert_eq!(town.who(&node, "nobody"), None, "{pin}");
    }
    for pin in [&hex[..63], &format!("{hex}0"), &hex.replace(|c: char| c.is_ascii_digit(), "g")] {
        let said =
            town.refuses(&format!("- {{ name: a, methods: [ {{ mtls: {{ spki_sha256: \"{pin}\" }} }} ] }}"));
        assert!(said.contains("spki_sha256"), "{said}");
    }
}

/// I3: all fields within one entry must match; several entries of one principal are alternatives.
#[test]
fn fields_of_one_entry_are_and_and_entries_are_or() {
    let town = Town::new();
    town.leaf("impostor", "/CN=analyst", "");
    town.leaf("other", "/CN=other", "");
    let pin = openssl::spki_sha256(&town.world, "analyst.crt");
    let node = town.serve(&format!(
        "- {{ name: both, methods: [ {{ mtls: {{ subject_cn: analyst, spki_sha256: {pin} }} }}, \
           {{ mtls: {{ subject_cn: other }} }} ] }}"
    ));
    assert_eq!(town.who(&node, "analyst").as_deref(), Some("both"));
    assert_eq!(town.who(&node, "impostor"), None, "the name alone is not enough");
    assert_eq!(town.who(&node, "other").as_deref(), Some("both"));
}

/// I4: a SAN of each kind maps: DNS, URI, e-mail, IP; any of the certificate's SANs will do.
#[test]
fn a_subject_alternative_name_of_each_kind_maps() {
    let town = Town::new();
    town.leaf("dns", "/CN=x", "DNS:first.example.com,DNS:worker.example.com");
    town.leaf("uri", "/CN=x", "URI:spiffe://example.com/ns/analyst");
    town.leaf("email", "/CN=x", "email:Alice@EXAMPLE.com");
    town.leaf("ip", "/CN=x", "IP:203.0.113.7");
    town.leaf("ip6", "/CN=x", "IP:2001:db8::7");
    let node = town.serve(
        "- { name: d, methods: [ { mtls: { san_dns: worker.example.com } } ] }
         - { name: u, methods: [ { mtls: { san_uri: 'spiffe://example.com/ns/analyst' } } ] }
         - { name: e, methods: [ { mtls: { san_email: Alice@example.com } } ] }
         - { name: i, methods: [ { mtls: { san_ip: 203.0.113.7 } } ] }
         - { name: j, methods: [ { mtls: { san_ip: '2001:db8:0::7' } } ] }",
    );
    for (name, principal) in [("dns", "d"), ("uri", "u"), ("email", "e"), ("ip", "i"), ("ip6", "j")] {
        assert_eq!(town.who(&node, name).as_deref(), Some(principal), "{name}");
    }
    assert_eq!(town.who(&node, "analyst"), None);
}

/// I4: the local part of an e-mail address is compared exactly, only its domain in any case.
#[test]
fn only_the_domain_of_an_email_address_is_compared_in_any_case() {
    let town = Town::new();
    town.leaf("alice", "/CN=x", "email:alice@example.com");
    let node = town.serve("- { name: e, methods: [ { mtls: { san_email: Alice@example.com } } ] }");
    assert_eq!(town.who(&node, "alice"), None);
}

/// I5: O, OU, issuer key and fingerprint narrow an entry, read from the certificate and not from a joined string.
#[test]
fn organization_unit_issuer_and_fingerprint_narrow_an_entry() {
    let town = Town::new();
    town.leaf("perf", "/O=Acme/OU=Perf/CN=x", "");
    town.leaf("comma", "/O=Other,OU=Perf,O=Acme/CN=x", "");
    let issuer = openssl::spki_sha256(&town.world, "client-ca.crt");
    let fingerprint = town.world.sh("openssl x509 -in nobody.crt -outform DER | sha256sum").stdout;
    let fingerprint = fingerprint.split(' ').next().unwrap_or_default();
    let node = town.serve(&format!(
        "- {{ name: perf, methods: [ {{ mtls: {{ subject_o: Acme, subject_ou: Perf, issuer_spki_sha256: {issuer} }} }} ] }}
         - {{ name: one, methods: [ {{ mtls: {{ cert_sha256: {fingerprint} }} }} ] }}"
    ));
    assert_eq!(town.who(&node, "perf").as_deref(), Some("perf"));
    assert_eq!(town.who(&node, "comma"), None);
    assert_eq!(town.who(&node, "nobody").as_deref(), Some("one"));
}

/// I6: on a listener that admits anonymous callers too, a certificate of nobody does not become anonymous.
#[test]
fn a_certificate_of_nobody_becomes_anonymous_only_where_none_is_listed() {
    let town = Town::new();
    let yaml = Town::written("- { name: a, methods: [ { mtls: { subject_cn: analyst } } ] }");
    town.world.write("countersign.yaml", yaml.replace("auth: [mtls]", "auth: [mtls, none]"));
    let node = Node::serve(&town.world, "countersign.yaml");
    let stranger = Curl::to(&node, "db.example.com").cacert(&town.world.path("server-ca.crt"));
    let whoami = stranger.get("/_auth/whoami").with_status(200).json();
    assert_eq!(whoami["principal"], serde_json::Value::Null, "{whoami}");
    assert_eq!(whoami["method"], "none", "{whoami}");
    stranger.sql("app", "SELECT 1").with_status(200);
    stranger.sql("app", "CREATE TABLE t(a)").with_status(403);
    assert_eq!(town.who(&node, "analyst").as_deref(), Some("a"));
    assert_eq!(town.who(&node, "nobody"), None, "a principal of null, as without a certificate");
    town.curl(&node, "nobody").get("/_auth/whoami").with_status(200);
}

/// I11: two principals that claim the same name or the same key stop the start, both named.
#[test]
fn two_principals_that_claim_the_same_thing_stop_the_start() {
    let town = Town::new();
    let said = town.refuses(
        "- { name: a, methods: [ { mtls: { subject_cn: x } } ] }
         - { name: b, methods: [ { mtls: { subject_cn: x } } ] }",
    );
    assert!(said.contains(r#"principals "a" and "b" both claim subject_cn "x""#), "{said}");
    let pin = openssl::spki_sha256(&town.world, "analyst.crt");
    let said = town.refuses(&format!(
        "- {{ name: a, methods: [ {{ mtls: {{ spki_sha256: {pin} }} }} ] }}
         - {{ name: b, methods: [ {{ mtls: {{ spki_sha256: {} }} }} ] }}",
        pin.to_uppercase()
    ));
    assert!(said.contains(r#"principals "a" and "b" both claim spki_sha256"#), "{said}");
}

/// I1: a certificate that matches two principals by different fields is nobody: refused as ambiguous, not "first wins".
#[test]
fn a_certificate_that_matches_two_principals_is_refused() {
    let town = Town::new();
    town.leaf("both", "/CN=analyst", "DNS:worker.example.com");
    let node = town.serve(
        "- { name: a, methods: [ { mtls: { subject_cn: analyst } } ] }
         - { name: w, methods: [ { mtls: { san_dns: worker.example.com } } ] }",
    );
    town.curl(&node, "both").get("/_auth/whoami").is_refused(
        401,
        "authentication required",
        "ambiguous-identity",
    );
    let line = node.logged(&["ambiguous-identity"]);
    assert!(line.contains(r#"\"a\" and \"w\""#), "{line}");
}

/// I19: whoami answers every mapping question.
#[test]
fn whoami_answers_every_mapping_question() {
    let town = Town::new();
    let node = town.serve("- { name: a, methods: [ { mtls: { subject_cn: analyst } } ] }");
    let whoami = town.curl(&node, "analyst").get("/_auth/whoami").with_status(200).json();
    assert_eq!(whoami["principal"], "a");
    assert_eq!(whoami["method"], "mtls");
    let cert = &whoami["cert"];
    assert_eq!(cert["subject"], "CN=analyst");
    assert_eq!(cert["issuer"], "CN=countersign client CA");
    assert_eq!(cert["serial"], openssl::serial(&town.world, "analyst.crt"));
    assert_eq!(cert["spki_sha256"], openssl::spki_sha256(&town.world, "analyst.crt"));
    let fingerprint = town.world.sh("openssl x509 -in analyst.crt -outform DER | sha256sum").stdout;
    assert_eq!(cert["sha256"], fingerprint.split(' ').next().unwrap_or_default());
    let until = cert["not_after"].as_str().unwrap_or_default();
    assert!(
        time::OffsetDateTime::parse(until, &time::format_description::well_known::Rfc3339).is_ok(),
        "{until}"
    );
}

/// I15: a service certificate of another environment is refused, and the log names both environments.
#[test]
fn a_service_certificate_of_another_environment_is_refused() {
    let town = Town::new();
    town.leaf("staging", "/CN=worker/O=staging/OU=countersign-internal", "DNS:worker");
    town.leaf("production", "/CN=worker/O=production/OU=countersign-internal", "DNS:worker");
    let yaml = Town::written("- { name: w, methods: [ { mtls: { subject_cn: worker } } ] }");
    town.world.write("countersign.yaml", format!("environment: production\n{yaml}"));
    let node = Node::serve(&town.world, "countersign.yaml");
    assert_eq!(town.who(&node, "production").as_deref(), Some("w"));
    let refused = town.curl(&node, "staging").get("/_auth/whoami");
    assert_ne!(refused.status, 200, "{refused:#?}");
    let line = node.logged(&["name-not-allowed"]);
    assert!(line.contains("staging") && line.contains("production"), "{line}");
}

/// A principal that is switched off is refused, known as it is.
#[test]
fn a_principal_that_is_switched_off_is_refused() {
    let town = Town::new();
    let node = town.serve("- { name: a, active: false, methods: [ { mtls: { subject_cn: analyst } } ] }");
    town.curl(&node, "analyst").get("/_auth/whoami").is_refused(
        401,
        "authentication required",
        "principal-inactive",
    );
}

/// A name in a header is no identity.
#[test]
fn a_header_that_claims_an_identity_has_no_effect() {
    let town = Town::new();
    let node = town.serve("- { name: a, methods: [ { mtls: { subject_cn: analyst } } ] }");
    let forged = town
        .curl(&node, "nobody")
        .header("X-Client-Cert-Subject: CN=analyst")
        .header("X-Client-Cert-Serial: 01")
        .header("X-Forwarded-Client-Cert: Subject=\"CN=analyst\"")
        .header("Client-Cert: :AAAA:");
    forged.get("/_auth/whoami").with_status(401);
}

const HEAD: &str = "
tls:
  prod: { mode: files, cert: ./server.crt, key: ./server.key, client_ca: ./client-ca.crt }
listeners:
  - { name: h2, transport: h2, address: '127.0.0.1:0', tls: prod, auth: [mtls] }
";

/// The first principal of every story here has a grant, so that grants are never what decides.
const TAIL: &str = r#"databases:
  - { name: app, backend: memory-shared, grants: [ { principal: "*", level: read-only } ] }
"#;
