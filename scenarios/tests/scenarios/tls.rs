//! Handshakes: alerts, versions, protocols, purposes, chains (T4 to T30).

use rustls::AlertDescription;
use rustls::version::{TLS12, TLS13};
use testkit::certificate::{self, More};
use testkit::wire::No;
use testkit::{Client, s_client};
use time::Duration;

use crate::production::Production;

/// Each refused certificate gets the alert of its own reason, and the log the stable code.
#[test]
fn each_refused_certificate_gets_the_alert_of_its_reason() {
    let production = Production::new();
    let world = &production.world;
    let day = Duration::days(1);
    certificate::client_valid(world, "client-ca", "expired", -day * 2, -day);
    certificate::client_valid(world, "client-ca", "future", day, day * 2);
    certificate::authority(world, "other-ca", "another authority");
    certificate::client(world, "other-ca", "stranger");
    certificate::leaf(
        world,
        "client-ca",
        "server-only",
        "/CN=analyst",
        "extendedKeyUsage = serverAuth",
        &More::default(),
    );
    let node = production.serve();
    for (name, alert, code) in [
        ("expired", AlertDescription::CertificateExpired, "certificate-expired"),
        ("future", AlertDescription::BadCertificate, "certificate-not-yet-valid"),
        ("stranger", AlertDescription::UnknownCA, "unknown-issuer"),
        ("server-only", AlertDescription::UnsupportedCertificate, "wrong-purpose"),
    ] {
        let no = Client::new().presenting(world, name).knock(&node).expect_err("a refused certificate");
        assert_eq!(no, No::Alert(alert), "{name}");
        node.logged(&[code]);
    }
    let no = Client::new().knock(&node).expect_err("no certificate");
    assert_eq!(no, No::Alert(AlertDescription::CertificateRequired));
    assert_eq!(Client::new().presenting(world, "analyst").knock(&node), Ok(200));
}

/// The verdicts of TLS 1.2 and 1.3 are the same; only the words for a missing certificate differ.
#[test]
fn tls_1_2_judges_as_tls_1_3_does() {
    let production = Production::new();
    certificate::authority(&production.world, "other-ca", "another authority");
    certificate::client(&production.world, "other-ca", "stranger");
    let node = production.serve_with(r#"min_version: "1.3""#, r#"min_version: "1.2""#);
    for version in [&TLS12, &TLS13] {
        let client = Client::new().speaking(&[version]);
        assert_eq!(client.clone().presenting(&production.world, "analyst").knock(&node), Ok(200));
        let no =
            client.clone().presenting(&production.world, "stranger").knock(&node).expect_err("a stranger");
        assert_eq!(no, No::Alert(AlertDescription::UnknownCA));
        let no = client.knock(&node).expect_err("no certificate");
        assert!(
            matches!(
                no,
                No::Alert(AlertDescription::CertificateRequired | AlertDescription::HandshakeFailure)
            ),
            "{no:?}"
        );
    }
}

/// T29: without extended key usage a client certificate is accepted; with other usages beside clientAuth too.
#[test]
fn a_client_certificate_needs_client_auth_or_no_usage_at_all() {
    let production = Production::new();
    for (name, extensions) in [
        ("bare", "basicConstraints = CA:FALSE"),
        ("both", "extendedKeyUsage = serverAuth, clientAuth"),
        ("email", "extendedKeyUsage = emailProtection"),
    ] {
        certificate::leaf(&production.world, "client-ca", name, "/CN=analyst", extensions, &More::default());
    }
    let node = production.serve();
    let knock = |name: &str| Client::new().presenting(&production.world, name).knock(&node);
    assert_eq!(knock("bare"), Ok(200));
    assert_eq!(knock("both"), Ok(200));
    assert_eq!(knock("email"), Err(No::Alert(AlertDescription::UnsupportedCertificate)));
}

/// T28: a leaf below an intermediate verifies when the intermediate is sent with it, and not when it is missing.
#[test]
fn an_intermediate_must_be_sent_with_its_leaf() {
    let production = Production::new();
    let world = &production.world;
    certificate::leaf(
        world,
        "client-ca",
        "middle",
        "/CN=middle",
        "basicConstraints = critical,CA:TRUE,pathlen:0\nkeyUsage = critical,keyCertSign",
        &More::default(),
    );
    certificate::leaf(
        world,
        "middle",
        "below",
        "/CN=analyst",
        "extendedKeyUsage = clientAuth",
        &More::default(),
    );
    world.sh("cat below.crt middle.crt > chained.crt; cp below.key chained.key");
    world.sh("cat below.crt client-ca.crt middle.crt > shuffled.crt; cp below.key shuffled.key");
    let node = production.serve();
    assert_eq!(Client::new().presenting(world, "chained").knock(&node), Ok(200));
    assert_eq!(Client::new().presenting(world, "shuffled").knock(&node), Ok(200));
    assert_eq!(
        Client::new().presenting(world, "below").knock(&node),
        Err(No::Alert(AlertDescription::UnknownCA))
    );
}

/// S4-9: an intermediate with path length 0 cannot make an authority that verifies; nor can a leaf be an authority.
#[test]
fn a_path_length_of_zero_and_a_leaf_make_no_authority() {
    let production = Production::new();
    let world = &production.world;
    let ca = "basicConstraints = critical,CA:TRUE,pathlen:0\nkeyUsage = critical,keyCertSign";
    certificate::leaf(world, "client-ca", "middle", "/CN=middle", ca, &More::default());
    certificate::leaf(world, "middle", "deep", "/CN=deep", ca, &More::default());
    certificate::leaf(
        world,
        "deep",
        "deepest",
        "/CN=analyst",
        "extendedKeyUsage = clientAuth",
        &More::default(),
    );
    world.sh("cat deepest.crt deep.crt middle.crt > chain.crt; cp deepest.key chain.key");
    certificate::leaf(
        world,
        "analyst",
        "minted",
        "/CN=analyst",
        "extendedKeyUsage = clientAuth",
        &More::default(),
    );
    world.sh("cat minted.crt analyst.crt > minted-chain.crt; cp minted.key minted-chain.key");
    let node = production.serve();
    for name in ["chain", "minted-chain"] {
        let no = Client::new().presenting(world, name).knock(&node).expect_err("a forged authority");
        assert!(matches!(no, No::Alert(_)), "{name}: {no:?}");
    }
}

/// T28: the server sends its chain in order even where the file has it shuffled.
#[test]
fn the_server_sends_its_chain_in_order() {
    let production = Production::new();
    let world = &production.world;
    certificate::leaf(
        world,
        "server-ca",
        "middle",
        "/CN=middle",
        "basicConstraints = critical,CA:TRUE",
        &More::default(),
    );
    certificate::leaf(
        world,
        "middle",
        "leaf",
        "/CN=db.example.com",
        "subjectAltName = DNS:db.example.com\nextendedKeyUsage = serverAuth",
        &More::default(),
    );
    world.sh("cat middle.crt leaf.crt > server.crt; cp leaf.key server.key");
    let node = production.serve();
    production.curl(&node, "analyst").get("/_health").with_status(200);
    let shown = s_client(world, &node, &["-cert", "analyst.crt", "-key", "analyst.key", "-showcerts"], "");
    let leaf = shown.stdout.find("CN = db.example.com").unwrap_or(usize::MAX);
    let middle = shown.stdout.find("s:CN = middle").unwrap_or(0);
    assert!(leaf < middle, "{shown}");
}

/// T20, T21: where a certificate is optional, a bad one still fails the handshake.
#[test]
fn where_a_certificate_is_optional_a_bad_one_still_fails() {
    let production = Production::new();
    certificate::authority(&production.world, "other-ca", "another authority");
    certificate::client(&production.world, "other-ca", "stranger");
    let node = production.serve_with("auth: [mtls]", "auth: [mtls, none]");
    assert_eq!(Client::new().knock(&node), Ok(200));
    let no = Client::new().presenting(&production.world, "stranger").knock(&node).expect_err("a stranger");
    assert_eq!(no, No::Alert(AlertDescription::UnknownCA));
}

/// T9: h2 is preferred, http/1.1 is spoken without ALPN, and nothing else is.
#[test]
fn h2_is_preferred_and_http_1_needs_no_alpn() {
    let production = Production::new();
    let node = production.serve();
    let args = ["-cert", "analyst.crt", "-key", "analyst.key", "-alpn", "http/1.1,h2"];
    let shown = s_client(&production.world, &node, &args, "");
    assert!(shown.stdout.contains("ALPN protocol: h2"), "{shown}");
    assert_eq!(Client::new().presenting(&production.world, "analyst").knock(&node), Ok(200));
    let no = Client::new().presenting(&production.world, "analyst").offering(&["spdy/1"]).knock(&node);
    assert_eq!(no, Err(No::Alert(AlertDescription::NoApplicationProtocol)));
}

/// A server name that is unknown, or none at all, gets the listener's certificate: whether it fits is the client's to say.
#[test]
fn an_unknown_server_name_gets_the_listeners_certificate() {
    let production = Production::new();
    let node = production.serve();
    for host in ["unknown.example.com", "127.0.0.1"] {
        let client = Client::new().asking_for(host).presenting(&production.world, "analyst");
        assert_eq!(client.knock(&node), Ok(200), "{host}");
    }
}

/// The post-quantum hybrid key exchange is offered by default.
#[test]
fn the_post_quantum_key_exchange_is_on_by_default() {
    let production = Production::new();
    let node = production.serve();
    // Our raw client offers X25519MLKEM768 first; a node that did not speak it would ask again for X25519.
    let wire = Client::new().presenting(&production.world, "analyst").connect(&node).expect("a handshake");
    let group = wire.key_exchange().expect("a negotiated group");
    assert_eq!(group, rustls::NamedGroup::X25519MLKEM768);
}

/// T31: a connection that requires a certificate is not resumed: each handshake is judged in full.
#[test]
fn a_connection_that_requires_a_certificate_is_not_resumed() {
    let production = Production::new();
    let node = production.serve();
    let shown = production.world.try_sh(&format!(
        "printf 'GET /_health HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n' | timeout 5 openssl s_client -connect {0} \
           -cert analyst.crt -key analyst.key -quiet -no_ign_eof -sess_out session.pem >/dev/null 2>&1; \
         if [ -s session.pem ]; then echo | openssl s_client -connect {0} -cert analyst.crt -key analyst.key \
           -sess_in session.pem 2>&1; else echo 'no ticket'; fi",
        node.address()
    ));
    assert!(shown.stdout.contains("no ticket") || shown.stdout.contains("New, TLS"), "{shown}");
    assert!(!shown.stdout.contains("Reused, TLS"), "{shown}");
}

/// R3: an open connection ends with its certificate; the next request on it is not served.
#[test]
fn an_open_connection_ends_with_its_certificate() {
    let production = Production::new();
    let node = production.serve();
    certificate::client_valid(
        &production.world,
        "client-ca",
        "analyst",
        -Duration::minutes(1),
        Duration::seconds(4),
    );
    let mut wire =
        Client::new().presenting(&production.world, "analyst").connect(&node).expect("a good client");
    wire.ask("app", "SELECT 1");
    assert_eq!(wire.answer().status, 200);
    testkit::patience::wait_for(
        "the end of the connection",
        || node.log(),
        || {
            let asked = wire.try_send(b"GET /_auth/whoami HTTP/1.1\r\nhost: x\r\n\r\n");
            asked
                .and_then(|()| wire.try_answer())
                .is_ok_and(|reply| reply.status == 200)
                .then_some(())
                .xor(Some(()))
        },
    );
    // A certificate is good through the whole second of its notAfter.
    let expired = Err(No::Alert(AlertDescription::CertificateExpired));
    testkit::patience::wait_at_most(
        std::time::Duration::from_secs(3),
        "the end of the certificate",
        || node.log(),
        || (Client::new().presenting(&production.world, "analyst").knock(&node) == expired).then_some(()),
    );
}

/// R3: an open connection that says nothing ends with its certificate as well.
#[test]
fn a_silent_connection_ends_with_its_certificate() {
    let production = Production::new();
    let node = production.serve();
    certificate::client_valid(
        &production.world,
        "client-ca",
        "analyst",
        -Duration::minutes(1),
        Duration::seconds(4),
    );
    let mut wire =
        Client::new().presenting(&production.world, "analyst").connect(&node).expect("a good client");
    wire.ask("app", "SELECT 1");
    assert_eq!(wire.answer().status, 200);
    wire.ends_within(std::time::Duration::from_secs(12));
}
