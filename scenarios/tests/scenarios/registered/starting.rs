//! Certificates at the start (S4-4, S4-10, L5, I15).

use testkit::{Curl, Node, World};

use super::estate::{CERTIFICATES, Estate};

/// S4-4, I15: every registered service has a certificate as documented, which openssl verifies.
#[test]
fn every_registered_service_has_a_certificate_from_the_start_on() {
    let estate = Estate::new();
    let node = estate.serve();
    for service in ["backend", "worker"] {
        let file = format!("r/state/services/{service}/current/tls.crt");
        estate.openssl(&format!("x509 -in {file} -out leaf.pem"));
        estate
            .openssl("verify -CAfile r/pki/root.crt -untrusted r/pki/issuers/service.crt leaf.pem")
            .says("leaf.pem: OK");
        let text = estate.openssl("x509 -in leaf.pem -noout -text -nameopt RFC2253").stdout;
        for words in [
            &format!("Subject: OU=countersign-internal,O=staging,CN={service}"),
            &format!("DNS:{service}"),
            "TLS Web Server Authentication, TLS Web Client Authentication",
            "CA:FALSE",
            "prime256v1",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
        assert_eq!(estate.world.mode(&file), 0o600);
        assert_eq!(estate.world.mode(format!("r/state/services/{service}/current/tls.key")), 0o600);
        assert_eq!(estate.world.mode(format!("r/state/services/{service}")), 0o700);
    }
    drop(node);
}

/// S4-4, L5: what is still good is kept.
#[test]
fn a_restart_does_not_reissue() {
    let estate = Estate::new();
    drop(estate.serve());
    let before = ["backend", "worker"].map(|service| estate.serial(service));
    let node = estate.serve();
    assert_eq!(["backend", "worker"].map(|service| estate.serial(service)), before);
    assert_eq!(estate.presented(&node), before[0]);
    assert_eq!(estate.on_record().len(), 2);
}

/// L5: a service that cannot have a certificate is told in the log, and the others are served.
#[test]
fn a_service_that_cannot_have_a_certificate_is_told_of_and_the_node_starts() {
    let estate = Estate::new();
    estate.configured("[backend, worker]", "[backend, payments, worker]");
    let node = estate.serve();
    node.logged(&["payments", "the issuer's own certificate does not allow this certificate"]);
    assert_eq!(estate.curl_of(&node, "worker").get("/_auth/whoami").status, 200);
    drop(node);
    estate.configured("  rotation:", "  provision_required: true\n  rotation:");
    let args = ["serve", "--config", "r/countersign.yaml"];
    estate.world.countersign(&args).exited(2).says("does not allow this certificate");
}

/// L10: an issuer is told of long before its end, for everything below it ends with it.
#[test]
fn an_issuer_within_ninety_days_of_its_end_is_warned_of() {
    let estate = Estate::new();
    estate.world.sh("mkdir s");
    for (command, more) in [("init-root", "--out"), ("init-issuer", "--root")] {
        let kind: &[&str] = if more == "--root" { &["--kind", "service", "--days", "60"] } else { &[] };
        let args = [&["ca", command, more, "s", "--environment", "staging"], kind].concat();
        estate.world.countersign(&args).succeeded();
    }
    estate.world.sh("cp s/pki/root.crt r/pki/; cp s/pki/issuers/service.* r/pki/issuers/");
    estate.configured("    client: { cert: pki/issuers/client.crt, key: pki/issuers/client.key }\n", "");
    let node = estate.serve();
    node.logged(&["WARN", "an authority ends within 90 days", "authority.issuers.service"]);
}

/// L6: a number that cannot be read is never taken for its default.
#[test]
fn a_number_that_cannot_be_read_stops_the_start() {
    let estate = Estate::new();
    for variable in [
        "COUNTERSIGN_ROTATION_THRESHOLD_DAYS",
        "COUNTERSIGN_ALERT_THRESHOLD_DAYS",
        "COUNTERSIGN_LIFECYCLE_INTERVAL_SECS",
        "COUNTERSIGN_LEAF_CERT_VALIDITY_DAYS",
    ] {
        for value in ["fourteen", "-1", "1.5", "99999999999999999999"] {
            let ran = estate.world.countersign_with(&["check", "r/countersign.yaml"], &[(variable, value)]);
            ran.exited(2).says(variable).says(value);
        }
    }
    let env = [("COUNTERSIGN_LEAF_CERT_VALIDITY_DAYS", "30"), ("COUNTERSIGN_ROTATION_THRESHOLD_DAYS", "7")];
    let node = Node::start(&estate.world, &["serve", "--config", "r/countersign.yaml"], &env);
    let entry = estate.listed(&node, "worker");
    assert_eq!(entry["days_until_expiry"], 29, "{entry}");
}

#[test]
fn the_page_about_services_works_as_it_is_printed() {
    let page = include_str!("../../../../docs/services.md");
    let world = World::new();
    let (_, after) = page.split_once("```yaml\n").expect("a configuration");
    let (configuration, after) = after.split_once("```").expect("its end");
    // Any port that is free.
    world.write("countersign.yaml", configuration.replace(":7777", ":0"));
    let (_, commands) = after.split_once("```\n").expect("commands");
    let (commands, after) = commands.split_once("```").expect("their end");
    let words = |line: &str| {
        let line = line.split('#').next().unwrap_or_default();
        line.split_whitespace().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    for line in commands.lines().filter(|line| !line.contains(" serve ")) {
        let words = words(line);
        world.countersign(&words.iter().map(String::as_str).collect::<Vec<_>>()).succeeded();
    }
    let node = Node::serve(&world, "countersign.yaml");
    let curl = Curl::to(&node, "backend").cacert(&world.path("pki/root.crt"));
    let listed = curl.cert(&world.path("admin.crt"), &world.path("admin.key")).get(CERTIFICATES);
    assert_eq!((listed.status, listed.json()["total"].as_u64()), (200, Some(2)), "{listed:#?}");
    world.sh("cp pki/root.crt db-ca.crt; cp pki/root.crt cache-ca.crt");
    let exports: Vec<&str> =
        after.lines().filter(|line| line.starts_with("countersign cert export")).collect();
    assert_eq!(exports.len(), 2);
    for line in exports {
        let words = words(line);
        let ran = world.countersign(&words.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(ran.succeeded().stdout.contains("services/worker/current"));
    }
}
