//! Lists from files, and serial numbers from the configuration: who is refused, and what does not start (R4, R9, R12, R14, R21).

use rustls::AlertDescription;
use testkit::certificate::{self, More};
use testkit::revocation::List;
use testkit::wire::No;
use testkit::{Client, Curl, Node, World, openssl};

use crate::production::{Production, replaced};

/// The production configuration with this under `tls.prod.revocation`.
fn written(production: &Production, revocation: &str) -> String {
    let yaml = production.written();
    replaced(&yaml, "tls:\n  prod:\n", &format!("tls:\n  prod:\n    revocation: {{ {revocation} }}\n"))
}

fn serve(production: &Production, revocation: &str) -> Node {
    production.serve_written(&written(production, revocation))
}

fn refuses(production: &Production, revocation: &str) -> String {
    production.refuses(&written(production, revocation))
}

fn knock(production: &Production, node: &Node, name: &str) -> Result<u16, No> {
    Client::new().presenting(&production.world, name).knock(node)
}

const REVOKED: Result<u16, No> = Err(No::Alert(AlertDescription::CertificateRevoked));
const UNKNOWN: Result<u16, No> = Err(No::Alert(AlertDescription::CertificateUnknown));

/// R4: who is on the authority's list is refused in the handshake, in PEM and in DER; who is not comes in.
#[test]
fn a_certificate_on_a_list_is_refused_in_the_handshake() {
    let production = Production::new();
    let world = &production.world;
    List::of(world, "client-ca").revoking("reporting", "keyCompromise").write("clients.pem");
    world.sh("openssl crl -in clients.pem -outform DER -out clients.der");
    for file in ["clients.pem", "clients.der"] {
        let node = serve(&production, &format!("crl_files: [{file}]"));
        assert_eq!(knock(&production, &node, "reporting"), REVOKED, "{file}");
        assert_eq!(knock(&production, &node, "analyst"), Ok(200), "{file}");
        let serial = openssl::serial(world, "reporting.crt");
        let line = node.logged(&["certificate-revoked", &serial]);
        assert!(line.contains("keyCompromise") && line.contains(file), "reason and source: {line}");
    }
    world.sh("openssl verify -crl_check -CAfile client-ca.crt -CRLfile clients.pem analyst.crt");
    world
        .try_sh("openssl verify -crl_check -CAfile client-ca.crt -CRLfile clients.pem reporting.crt")
        .says("certificate revoked");
}

/// TLS 1.2 tells it in the handshake as well, and curl reads the alert.
#[test]
fn curl_is_told_that_its_certificate_is_revoked_in_both_versions_of_tls() {
    let production = Production::new();
    List::of(&production.world, "client-ca").revoking("analyst", "superseded").write("clients.crl");
    let yaml = replaced(&written(&production, "crl_files: [\"*.crl\"]"), r#""1.3""#, r#""1.2""#);
    let node = production.serve_written(&yaml);
    let no = production.curl(&node, "analyst").get("/_health");
    assert!(no.complaint.contains("certificate revoked"), "{no:#?}");
    let no = production.curl(&node, "analyst").arg("--tls-max").arg("1.2").get("/_health");
    assert!(no.complaint.contains("certificate revoked"), "{no:#?}");
}

/// R4: several files, and of several lists of one authority the one with the highest number.
#[test]
fn the_newest_list_of_an_authority_counts() {
    let production = Production::new();
    let world = &production.world;
    List::of(world, "client-ca").numbered(0x10).revoking("analyst", "certificateHold").write("a.crl");
    List::of(world, "client-ca").numbered(0x9).revoking("reporting", "superseded").write("b.crl");
    let node = serve(&production, "crl_files: [\"*.crl\"]");
    assert_eq!(knock(&production, &node, "analyst"), REVOKED);
    assert_eq!(knock(&production, &node, "reporting"), Ok(200), "taken off by the newer list");
}

/// A list that somebody changed, or that another key signed, does not start, whatever the policy.
#[test]
fn a_list_with_a_wrong_signature_stops_the_start() {
    let production = Production::new();
    let world = &production.world;
    List::of(world, "client-ca").write("clients.pem");
    world.sh("openssl crl -in clients.pem -outform DER -out clients.der");
    let mut der = std::fs::read(world.path("clients.der")).expect("a list");
    let last = der.len() - 1;
    der[last] ^= 1;
    world.write("clients.der", der);
    let said = refuses(&production, "crl_files: [clients.der], outdated: fail-open");
    assert!(said.contains("is not one of its issuer \"CN=countersign client CA\""), "{said}");
    certificate::authority(world, "impostor", "countersign client CA");
    List::of(world, "impostor").extended("").write("impostor.crl");
    let said = refuses(&production, "crl_files: [impostor.crl], outdated: fail-open");
    assert!(said.contains("is not one of its issuer \"CN=countersign client CA\""), "{said}");
}

/// R4: a list of an authority that nobody trusts stops the start and names the authority.
#[test]
fn a_list_of_another_authority_stops_the_start_and_names_it() {
    let production = Production::new();
    List::of(&production.world, "server-ca").write("other.crl");
    let said = refuses(&production, "crl_files: [other.crl]");
    assert!(
        said.contains("other.crl\" is of CN=countersign server CA, which is no authority in client_ca"),
        "{said}"
    );
    let said = refuses(&production, "crl_files: [none.crl]");
    assert!(said.contains("none.crl") && said.contains("No such file"), "{said}");
    let said = refuses(&production, "crl_files: [\"none/*.crl\", server.crt]");
    assert!(said.contains("none") && said.contains("server.crt"), "all at once: {said}");
}

/// R9: once a list's next update has passed, `outdated` decides about whoever is not on it; who is on it is refused.
#[test]
fn an_outdated_list_counts_for_what_the_policy_says() {
    let production = Production::new();
    let world = &production.world;
    List::of(world, "client-ca").revoking("reporting", "superseded").dated(-48, -24).write("clients.crl");
    for (policy, wanted) in [
        ("", UNKNOWN),
        (", outdated: fail-closed", UNKNOWN),
        (", outdated: grace, grace: 23h", UNKNOWN),
        (", outdated: grace, grace: 25h", Ok(200)),
        (", outdated: fail-open", Ok(200)),
    ] {
        let node = serve(&production, &format!("crl_files: [clients.crl]{policy}"));
        node.logged(&["WARN", "clients.crl", "is outdated since"]);
        assert_eq!(knock(&production, &node, "analyst"), wanted, "{policy}");
        assert_eq!(knock(&production, &node, "reporting"), REVOKED, "{policy}");
    }
}

/// A list that is about to be outdated is seen before it refuses everybody: in status, and by whoever reads the metrics.
#[test]
fn status_and_metrics_show_the_lists_from_files() {
    let production = Production::new();
    let world = &production.world;
    List::of(world, "client-ca").numbered(0x2A).dated(-48, -24).write("old.crl");
    List::of(world, "client-ca").numbered(0x2B).write("clients.crl");
    let yaml = written(&production, "crl_files: [old.crl, clients.crl]");
    let node =
        production.serve_written(&format!("{yaml}\ncontrol_plane: {{ enabled: true, admins: [analyst] }}\n"));
    let status = production.curl(&node, "analyst").get("/_admin/status").with_status(200).json();
    let lists = status["revocation"].as_array().expect("sources");
    let of = |file: &str| {
        let of_file =
            |list: &&serde_json::Value| list["source"].as_str().is_some_and(|said| said.ends_with(file));
        lists.iter().find(of_file).expect("the list")
    };
    assert_eq!((&of("old.crl")["outdated"], &of("clients.crl")["outdated"]), (&true.into(), &false.into()));
    assert_eq!(of("clients.crl")["issuer"], "CN=countersign client CA", "{status}");
    assert!(of("clients.crl")["number"].as_str().is_some_and(|number| number.contains("2B")), "{status}");
    let metrics = production.curl(&node, "analyst").get("/_metrics").body;
    let gauge = "countersign_revocation_list_next_update_seconds{source=";
    assert!(metrics.lines().any(|line| line.starts_with(gauge) && line.contains("clients.crl")), "{metrics}");
}

/// R14: a serial number is refused however it is spelt, from its issuer or from every issuer.
#[test]
fn a_serial_number_on_the_deny_list_is_refused_however_it_is_spelt() {
    let production = Production::new();
    let world = &production.world;
    let serial = openssl::serial(world, "reporting.crt");
    let pairs: Vec<String> =
        serial.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair).into()).collect();
    let pin = openssl::spki_sha256(world, "client-ca.crt");
    for entry in [
        format!("\"{serial}\""),
        format!("\"{}\"", serial.to_lowercase()),
        format!("\"0x00{serial}\""),
        format!("\"{}\"", pairs.join(":")),
        format!("{{ serial: \"{serial}\" }}"),
        format!("{{ serial: \"{serial}\", issuer: \"CN=countersign client CA\" }}"),
        format!("{{ serial: \"{serial}\", issuer: \"cn = Countersign Client CA\" }}"),
        format!("{{ serial: \"{serial}\", issuer: {pin} }}"),
    ] {
        let node = serve(&production, &format!("revoked_serials: [ {entry} ]"));
        assert_eq!(knock(&production, &node, "reporting"), REVOKED, "{entry}");
        assert_eq!(knock(&production, &node, "analyst"), Ok(200), "{entry}");
    }
    let node = serve(
        &production,
        &format!("revoked_serials: [ {{ serial: \"{serial}\", issuer: \"CN=Old CA\" }} ]"),
    );
    assert_eq!(knock(&production, &node, "reporting"), Ok(200), "another authority's serial number");
    node.logged(&["WARN", "no authority in client_ca is CN=Old CA"]);
}

/// A certificate of `analyst` below an intermediate, presented with it: `deep.crt` holds both.
fn deep(production: &Production) {
    let world = &production.world;
    let authority = "basicConstraints = critical, CA:TRUE\nkeyUsage = critical, keyCertSign, cRLSign\n\
                     subjectKeyIdentifier = hash\nauthorityKeyIdentifier = keyid";
    certificate::leaf(world, "client-ca", "middle", "/CN=middle", authority, &More::default());
    certificate::leaf(
        world,
        "middle",
        "deep",
        "/CN=analyst",
        "extendedKeyUsage = clientAuth",
        &More::default(),
    );
    let chain = world.read("deep.crt") + &world.read("middle.crt");
    world.write("deep.crt", chain);
}

/// R12: an intermediate that is revoked takes everybody below it along, by list and by deny-list.
#[test]
fn whoever_stands_below_a_revoked_intermediate_is_refused() {
    let production = Production::new();
    let world = &production.world;
    deep(&production);
    let node = serve(&production, "verification: false");
    assert_eq!(knock(&production, &node, "deep"), Ok(200));
    List::of(world, "client-ca").revoking("middle", "cACompromise").write("root.crl");
    let serial = openssl::serial(world, "middle.crt");
    for revocation in ["crl_files: [root.crl]".to_owned(), format!("revoked_serials: [\"{serial}\"]")] {
        let node = serve(&production, &revocation);
        assert_eq!(knock(&production, &node, "deep"), REVOKED, "{revocation}");
        assert_eq!(knock(&production, &node, "analyst"), Ok(200), "{revocation}");
    }
}

/// R12: an intermediate in `client_ca` cannot vouch past the root that took it back.
#[test]
fn a_revoked_intermediate_in_client_ca_vouches_for_nobody() {
    let production = Production::new();
    let world = &production.world;
    deep(&production);
    let both = world.read("client-ca.crt") + &world.read("middle.crt");
    world.write("client-ca.crt", both);
    List::of(world, "middle").revoking("deep", "superseded").write("middle.crl");
    let node = serve(&production, "crl_files: [middle.crl]");
    assert_eq!(knock(&production, &node, "deep"), REVOKED, "the intermediate's own list counts");
    List::of(world, "client-ca").revoking("middle", "cACompromise").write("root.crl");
    let node = serve(&production, "crl_files: [root.crl]");
    node.logged(&["WARN", "client authority CN=middle", "is revoked"]);
    assert_eq!(knock(&production, &node, "deep"), REVOKED);
    assert_eq!(knock(&production, &node, "analyst"), Ok(200));
}

/// R21: what a list says critically and we do not know is not passed over, and a delta list is no list.
#[test]
fn a_list_that_cannot_be_followed_stops_the_start_and_says_why() {
    let production = Production::new();
    let world = &production.world;
    for (extensions, wanted) in [
        ("1.2.3.4.5 = critical,ASN1:UTF8String:x", "the critical extension 1.2.3.4.5, which we do not know"),
        ("2.5.29.27 = critical,DER:02:01:01", "it is a delta list"),
        (
            "issuingDistributionPoint = critical, @point\n[point]\nindirectCRL = TRUE",
            "it is an indirect list",
        ),
    ] {
        List::of(world, "client-ca").extended(extensions).write("odd.crl");
        let said = refuses(&production, "crl_files: [odd.crl], outdated: fail-open");
        assert!(said.contains("odd.crl") && said.contains(wanted), "{extensions}: {said}");
    }
}

/// A list that speaks of authorities alone says nothing about clients.
#[test]
fn a_list_counts_within_its_scope() {
    let production = Production::new();
    let world = &production.world;
    let scope = |only: &str| format!("issuingDistributionPoint = critical, @point\n[point]\n{only} = TRUE");
    let list = List::of(world, "client-ca").revoking("reporting", "superseded");
    list.clone().extended(&scope("onlyCA")).write("authorities.crl");
    let node = serve(&production, "crl_files: [authorities.crl]");
    assert_eq!(knock(&production, &node, "reporting"), Ok(200));
    list.extended(&scope("onlyuser")).write("users.crl");
    let node = serve(&production, "crl_files: [users.crl]");
    assert_eq!(knock(&production, &node, "reporting"), REVOKED);
}

/// `check` shows every source, and its yes is the node's.
#[test]
fn check_shows_what_counts_as_revoked() {
    let production = Production::new();
    let world = &production.world;
    List::of(world, "client-ca").numbered(0x2A).revoking("reporting", "superseded").write("clients.crl");
    let yaml = written(&production, "crl_files: [clients.crl], revoked_serials: [ab], verification: true");
    world.write("countersign.yaml", yaml);
    let said = world.countersign(&["check", "countersign.yaml"]).exited(0);
    for words in [
        "What counts as revoked",
        "clients.crl",
        "0x2A",
        "in 29 days",
        "revoked_serials",
        "lists, then OCSP; fail-closed",
    ] {
        assert!(said.stdout.contains(words), "{words}: {said}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&world.countersign(&["check", "countersign.yaml", "--json"]).exited(0).stdout)
            .expect("JSON");
    let profile = &json["revocation"][0];
    assert_eq!(profile["lists"][0]["issuer"], "CN=countersign client CA", "{profile}");
    assert_eq!(profile["lists"][0]["entries"], 1, "{profile}");
    assert_eq!(profile["verification"]["failure_mode"], "fail-closed", "{profile}");
}

/// R8, R13: with verification on, a certificate that names nobody to ask is refused.
#[test]
fn a_certificate_that_nobody_can_answer_for_is_refused() {
    let production = Production::new();
    let node = serve(&production, "verification: true");
    let no = production.curl(&node, "analyst").get("/_auth/whoami");
    assert_ne!(no.status, 200, "in the handshake or after it: {no:#?}");
    node.logged(&["revocation-unknown"]);
    List::of(&production.world, "client-ca").write("clients.crl");
    let node = serve(&production, "crl_files: [clients.crl], verification: true");
    production.curl(&node, "analyst").get("/_auth/whoami").with_status(200);
}

/// Our own authority's ledger answers for what it issued: nobody has to be asked about that.
#[test]
fn our_own_authority_needs_no_list_and_no_responder() {
    let world = World::new();
    assert_eq!(Node::up(&world).interrupted().code, Some(0));
    let yaml = world.read("realm/countersign.yaml");
    let line = yaml
        .lines()
        .find(|line| line.trim_start().starts_with("client_ca: authority"))
        .expect("the realm's client_ca");
    let indent = line.len() - line.trim_start().len();
    let asking = format!("{line}\n{:indent$}revocation: {{ verification: true }}", "");
    world.write("realm/countersign.yaml", replaced(&yaml, line, &asking));
    let node = Node::up(&world);
    Curl::to(&node, "localhost")
        .cacert(&world.path("realm/pki/server-ca.crt"))
        .cert(&world.path("realm/clients/analyst.crt"), &world.path("realm/clients/analyst.key"))
        .get("/_auth/whoami")
        .with_status(200);
}

/// R12: an issuer of ours that its root took back vouches for nobody, although `client_ca: authority` names it.
#[test]
fn an_issuer_that_was_revoked_in_our_ledger_vouches_for_nobody() {
    let world = World::new();
    assert_eq!(Node::up(&world).interrupted().code, Some(0));
    world
        .countersign(&[
            "cert",
            "revoke",
            "realm/pki/issuers/client.crt",
            "--authority",
            "--reason",
            "cACompromise",
        ])
        .succeeded();
    let node = Node::up(&world);
    let no = Curl::to(&node, "localhost")
        .cacert(&world.path("realm/pki/server-ca.crt"))
        .cert(&world.path("realm/clients/analyst.crt"), &world.path("realm/clients/analyst.key"))
        .get("/_auth/whoami");
    assert!(no.complaint.contains("certificate revoked"), "{no:#?}");
}
