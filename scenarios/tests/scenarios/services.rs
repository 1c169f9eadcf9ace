//! Certificates of registered internal services, from an issuer that the environment gives (L2, L15, I14, I15, S4-9).

use testkit::certificate::{self, More, rcgen};
use testkit::{Node, Ran, World};

const CERT_PEM: &str = "COUNTERSIGN_INTERMEDIATE_CA_CERT_PEM";
const KEY_PEM: &str = "COUNTERSIGN_INTERMEDIATE_CA_KEY_PEM";
const CERT_FILE: &str = "COUNTERSIGN_INTERMEDIATE_CA_CERT_FILE";
const KEY_FILE: &str = "COUNTERSIGN_INTERMEDIATE_CA_KEY_FILE";

const ISSUER: &str = "r/pki/issuers/service.crt";
const ISSUER_KEY: &str = "r/pki/issuers/service.key";

const CONFIGURATION: &str = r#"
environment: staging
ledger: { url: "sqlite:./state/ledger.db" }
authority: { services: [backend, worker] }
listeners: [ { name: h1, transport: h1, address: "127.0.0.1:0", auth: [none] } ]
databases: [ { name: app, path: app.db, grants: [ { principal: "*", level: read-only } ] } ]
"#;

/// Three tiers whose root key is gone, and a registry of two services; the configuration names no issuer.
fn three_tiers() -> World {
    let world = World::new();
    let args = ["--environment", "staging"];
    world.countersign(&[&["ca", "init-root", "--out", "r"], &args[..]].concat()).succeeded();
    let issuer = ["ca", "init-issuer", "--root", "r", "--kind", "service"];
    world.countersign(&[&issuer, &args[..]].concat()).succeeded();
    world.sh("rm r/offline/root.key");
    world.write("r/countersign.yaml", CONFIGURATION);
    world
}

fn issue(world: &World, service: &str, env: &[(&str, &str)]) -> Ran {
    let args = ["cert", "issue", "--realm", "r", "--profile", "service", "--cn", service, "--out", "out"];
    world.countersign_with(&args, env)
}

/// Issues with the content of these files in the variables.
fn issue_given(world: &World, service: &str, cert: &str, key: &str) -> Ran {
    issue(world, service, &[(CERT_PEM, &world.read(cert)), (KEY_PEM, &world.read(key))])
}

/// S4-9, I15: an intermediate from the environment issues a registered service's certificate, which openssl verifies.
#[test]
fn an_intermediate_from_the_environment_issues_what_openssl_verifies() {
    let world = three_tiers();
    let ran = issue_given(&world, "backend", ISSUER, ISSUER_KEY).succeeded();
    assert!(!ran.said().contains("PRIVATE KEY"), "{ran}");
    world.sh("openssl x509 -in out/backend.crt -out leaf.pem");
    world
        .sh(&format!("openssl verify -CAfile r/pki/root.crt -untrusted {ISSUER} leaf.pem"))
        .says("leaf.pem: OK");
    let text = world.sh("openssl x509 -in leaf.pem -noout -text -nameopt RFC2253").stdout;
    for words in [
        "Subject: OU=countersign-internal,O=staging,CN=backend",
        "DNS:backend",
        "TLS Web Server Authentication, TLS Web Client Authentication",
        "CA:FALSE",
        "prime256v1",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let life = "for end in startdate enddate; do date +%s -d \"$(openssl x509 -in leaf.pem -noout -$end | cut -d= -f2)\"; done";
    let life: Vec<i64> = world.sh(life).stdout.lines().filter_map(|line| line.parse().ok()).collect();
    let days = (life[1] - life[0]) as f64 / 86_400.0;
    assert!((89.9..90.1).contains(&days), "{days}");
    let listed = world.countersign(&["cert", "list", "--realm", "r", "--profile", "service"]).succeeded();
    assert!(listed.stdout.contains("backend"), "{listed}");
}

/// L2: the same from files, in both spellings of their variables, or one half each way.
#[test]
fn an_intermediate_may_come_from_files_that_the_environment_names() {
    let world = three_tiers();
    issue(&world, "backend", &[(CERT_FILE, ISSUER), (KEY_FILE, ISSUER_KEY)]).succeeded();
    let suffixed = [(format!("{CERT_PEM}_FILE"), ISSUER), (format!("{KEY_PEM}_FILE"), ISSUER_KEY)];
    let suffixed: Vec<(&str, &str)> = suffixed.iter().map(|(name, path)| (name.as_str(), *path)).collect();
    issue(&world, "worker", &suffixed).succeeded();
    world.sh("rm -r out");
    issue(&world, "worker", &[(CERT_PEM, &world.read(ISSUER)), (KEY_FILE, ISSUER_KEY)]).succeeded();
    world.set_mode(ISSUER_KEY, 0o644);
    issue(&world, "backend", &[(CERT_FILE, ISSUER), (KEY_FILE, ISSUER_KEY)])
        .exited(2)
        .says("group or world access");
}

/// S4-9, I14: only registered services get certificates.
#[test]
fn an_unregistered_service_gets_no_certificate() {
    let world = three_tiers();
    let refused = issue_given(&world, "payments", ISSUER, ISSUER_KEY).exited(2);
    refused.says("service 'payments' is not in the registered service registry").says("authority.services");
    issue_given(&world, "Backend", ISSUER, ISSUER_KEY)
        .exited(2)
        .says("service 'Backend' is not in the registered");
    world.sh("openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k -subj /CN=admin -out csr");
    let args = ["cert", "issue", "--realm", "r", "--profile", "service", "--csr", "csr", "--out", "out"];
    let env = [(CERT_FILE, ISSUER), (KEY_FILE, ISSUER_KEY)];
    world
        .countersign_with(&args, &env)
        .exited(2)
        .says("service 'admin' is not in the registered service registry");
    assert!(!world.path("out").exists(), "nothing was written");
    let listed = world.countersign(&["cert", "list", "--realm", "r", "--json"]).succeeded();
    assert!(!listed.stdout.contains("payments"), "nothing was drafted: {listed}");
}

/// I14: the intermediate signs registered services alone, whatever profile is asked for.
#[test]
fn an_intermediate_certifies_nothing_but_registered_services() {
    let world = three_tiers();
    let env = [(CERT_FILE, ISSUER), (KEY_FILE, ISSUER_KEY)];
    let args = ["cert", "issue", "--realm", "r", "--profile", "client", "--cn", "backend", "--out", "out"];
    world
        .countersign_with(&args, &env)
        .exited(2)
        .says("no issuer of this realm may issue the profile \"client\"");
}

/// L2: a node starts with an intermediate from the environment, and shows its key nowhere.
#[test]
fn a_node_with_an_intermediate_from_the_environment_shows_its_key_nowhere() {
    let world = three_tiers();
    let (cert, key) = (world.read(ISSUER), world.read(ISSUER_KEY));
    let env = [(CERT_PEM, cert.as_str()), (KEY_PEM, key.as_str())];
    let secret = key.lines().nth(1).expect("a key has a line of base64");
    let origins = world.countersign_with(&["check", "--origin", "r/countersign.yaml"], &env).succeeded();
    assert!(!origins.said().contains(secret), "{origins}");
    let origins = origins.says("authority.issuers.service.key");
    assert!(origins.said().contains(KEY_PEM), "{origins}");
    let node = Node::start(&world, &["serve", "--config", "r/countersign.yaml"], &env);
    let ran = node.interrupted();
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(!ran.said().contains(secret), "{ran}");
}

/// S4-9, L15: without an intermediate nothing is issued, in the documented words, and reading goes on.
#[test]
fn without_an_intermediate_nothing_is_issued_and_reading_goes_on() {
    let world = three_tiers();
    issue_given(&world, "backend", ISSUER, ISSUER_KEY).succeeded();
    issue(&world, "worker", &[]).exited(2).says(
        "Intermediate CA not configured — set COUNTERSIGN_INTERMEDIATE_CA_CERT_PEM and COUNTERSIGN_INTERMEDIATE_CA_KEY_PEM",
    );
    world.countersign(&["check", "r/countersign.yaml"]).succeeded();
    let list = ["cert", "list", "--realm", "r", "--profile", "service"];
    assert!(world.countersign(&list).succeeded().stdout.contains("backend"));
    let serial = world.sh("openssl x509 -in out/backend.crt -noout -serial | cut -d= -f2").stdout;
    world.countersign(&["cert", "show", serial.trim(), "--realm", "r"]).succeeded().says("backend");
    // A configuration without any authority says the same.
    let none = CONFIGURATION.replace("authority: { services: [backend, worker] }\n", "");
    world.write("r/countersign.yaml", none);
    issue(&world, "worker", &[]).exited(2).says("Intermediate CA not configured");
}

/// L2: each way in which an intermediate is none has its own words, and stops the node.
#[test]
fn an_intermediate_that_is_none_stops_the_start_in_its_own_words() {
    let world = three_tiers();
    let serve = |cert: &str, key: &str| {
        let args = ["serve", "--config", "r/countersign.yaml"];
        let ran =
            world.countersign_with(&args, &[(CERT_PEM, &world.read(cert)), (KEY_PEM, &world.read(key))]);
        assert!(!ran.said().contains("PRIVATE KEY-"), "{ran}");
        ran.exited(2)
    };
    world.sh("openssl ecparam -name prime256v1 -genkey -noout -out other.key");
    serve(ISSUER, "other.key").says("key values mismatch").says(CERT_PEM);
    certificate::authority(&world, "root", "A root");
    serve("root.crt", "root.key").says("is a root").says(CERT_PEM);
    certificate::client(&world, "root", "leaf");
    serve("leaf.crt", "leaf.key").says("is not an authority's");
    certificate::shaped(&world, "root", "expired", |params| {
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(0));
        params.not_after = params.not_before + time::Duration::minutes(1);
    });
    serve("expired.crt", "expired.key").says("expired on");
    serve(ISSUER_KEY, ISSUER_KEY).says("failed to find any PEM data in certificate input");
    serve(ISSUER, ISSUER).says("failed to find any PEM private key").says(KEY_PEM);
    let half = world.countersign_with(&["check", "r/countersign.yaml"], &[(CERT_PEM, "x")]).exited(2);
    half.says("COUNTERSIGN_INTERMEDIATE_CA_CERT_PEM is given and COUNTERSIGN_INTERMEDIATE_CA_KEY_PEM");
    let twice = [(CERT_PEM, "x"), (CERT_FILE, ISSUER), (KEY_FILE, ISSUER_KEY)];
    world.countersign_with(&["check", "r/countersign.yaml"], &twice).exited(2).says("are both given");
}

/// L2: an intermediate below another root than the configured one is refused.
#[test]
fn an_intermediate_of_another_root_is_refused() {
    let world = three_tiers();
    let rooted = |root: &str| {
        let yaml = CONFIGURATION.replace("services:", &format!("root_cert: {root}, services:"));
        world.write("r/countersign.yaml", yaml);
        let env = [(CERT_FILE, ISSUER), (KEY_FILE, ISSUER_KEY)];
        world.countersign_with(&["check", "r/countersign.yaml"], &env)
    };
    rooted("pki/root.crt").succeeded();
    certificate::authority(&world, "other", "Another root");
    rooted("../other.crt").exited(2).says("was not signed by the root");
}

/// L2: an intermediate further below the root comes with the certificates in between.
#[test]
fn an_intermediate_comes_with_the_certificates_between_it_and_the_root() {
    let world = three_tiers();
    certificate::authority(&world, "root", "A root");
    let ca = "basicConstraints = critical,CA:TRUE\nkeyUsage = critical,keyCertSign";
    certificate::leaf(&world, "root", "policy", "/CN=policy", ca, &More::default());
    certificate::leaf(&world, "policy", "intermediate", "/CN=intermediate", ca, &More::default());
    world.sh("cat intermediate.crt policy.crt > chain.crt");
    world
        .write("r/countersign.yaml", CONFIGURATION.replace("services:", "root_cert: ../root.crt, services:"));
    issue(&world, "backend", &[(CERT_FILE, "intermediate.crt"), (KEY_FILE, "intermediate.key")])
        .exited(2)
        .says("was not signed by the root");
    issue(&world, "backend", &[(CERT_FILE, "chain.crt"), (KEY_FILE, "intermediate.key")]).succeeded();
    world.sh("openssl verify -CAfile root.crt -untrusted out/backend.crt out/backend.crt");
}

/// S4-9: the intermediate has path length 0, and an authority that it signs all the same verifies nowhere.
#[test]
fn an_intermediate_cannot_mint_an_authority_that_verifies() {
    let world = three_tiers();
    let text = world.sh(&format!("openssl x509 -in {ISSUER} -noout -text")).stdout;
    assert!(text.contains("CA:TRUE, pathlen:0"), "{text}");
    assert!(text.contains("TLS Web Server Authentication, TLS Web Client Authentication"), "{text}");
    world.sh(&format!("cp {ISSUER} issuer.crt; cp {ISSUER_KEY} issuer.key"));
    let ca = "basicConstraints = critical,CA:TRUE\nkeyUsage = critical,keyCertSign";
    certificate::leaf(&world, "issuer", "minted", "/CN=minted", ca, &More::default());
    certificate::client(&world, "minted", "forged");
    world.sh("cat issuer.crt minted.crt > above.crt; cat forged.crt minted.crt issuer.crt > chain.crt");
    let openssl = world.try_sh("openssl verify -CAfile r/pki/root.crt -untrusted above.crt forged.crt");
    assert_ne!(openssl.code, Some(0), "{openssl}");
    world.countersign(&["verify", "--trust", "r/pki/root.crt", "chain.crt"]).exited(1);
    world.write(
        "r/countersign.yaml",
        CONFIGURATION.replace("services:", "root_cert: pki/root.crt, services:"),
    );
    world.sh("cat minted.crt issuer.crt > chain.crt");
    for (chain, words) in [("minted.crt", "was not signed by"), ("chain.crt", "allows no issuer below it")] {
        issue(&world, "backend", &[(CERT_FILE, chain), (KEY_FILE, "minted.key")]).exited(2).says(words);
    }
}
