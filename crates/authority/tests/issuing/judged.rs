//! What OpenSSL says of what we issue.

use authority::{IssuerKind, Names, Profile, Request, Tier, parse_san, to_pem};
use identity::{KeyKind, Pin, PrivateKey};

use crate::world::{World, client, server};

const VERIFY: &str = "verify -x509_strict -CAfile root.crt -untrusted";

#[tokio::test]
async fn openssl_accepts_every_kind_of_leaf_for_its_purpose_and_for_no_other() {
    let world = World::new().await;
    let cases = [
        (IssuerKind::Server, Profile::server(), server("db.example.com"), true, false),
        (IssuerKind::Client, Profile::client(), client("analyst"), false, true),
        (IssuerKind::Service, Profile::service(), client("backend"), true, true),
    ];
    for (kind, profile, names, as_server, as_client) in cases {
        let issuer = world.issuer(kind).await;
        world.issue(&issuer, &profile, names).await;
        for (purpose, expected) in [("sslserver", as_server), ("sslclient", as_client)] {
            let (yes, said) = world.openssl(&format!("{VERIFY} {kind}.crt -purpose {purpose} leaf.crt"));
            assert_eq!(yes, expected, "{kind} as {purpose}: {said}");
        }
    }
}

#[tokio::test]
async fn a_leaf_says_exactly_what_the_profile_allows() {
    let world = World::new().await;
    let issuer = world.issuer(IssuerKind::Server).await;
    let sans = ["db.example.com", "*.db.internal", "203.0.113.10", "spiffe://example.com/db", "::1"];
    let names = Names::common("db.example.com").with_sans(sans.map(|san| parse_san(san).unwrap()));
    let leaf = world.issue(&issuer, &Profile::server(), names).await;
    let (_, text) = world.openssl("x509 -in leaf.crt -noout -text -nameopt RFC2253,-dn_rev");
    for line in [
        "Version: 3 (0x2)",
        "Signature Algorithm: ecdsa-with-SHA256",
        "Issuer: CN=countersign Server Issuer (test)",
        "Subject: CN=db.example.com,O=test",
        "X509v3 Key Usage: critical\n                Digital Signature\n",
        "X509v3 Extended Key Usage: \n                TLS Web Server Authentication\n",
        "X509v3 Basic Constraints: critical\n                CA:FALSE\n",
        "DNS:db.example.com, DNS:*.db.internal, IP Address:203.0.113.10, URI:spiffe://example.com/db, IP Address:0:0:0:0:0:0:0:1",
        "X509v3 Subject Key Identifier:",
        "X509v3 Authority Key Identifier:",
    ] {
        assert!(text.contains(line), "{line:?} is not in {text}");
    }
    let (_, serial) = world.openssl("x509 -in leaf.crt -noout -serial");
    assert_eq!(serial.trim(), format!("serial={}", leaf.identity().serial()));
    assert_eq!(world.records().await.first().unwrap().draft.serial, *leaf.identity().serial());
}

#[tokio::test]
async fn a_service_carries_its_environment_and_its_own_name_as_a_host() {
    let world = World::new().await;
    let issuer = world.issuer(IssuerKind::Service).await;
    let leaf = world.issue(&issuer, &Profile::service(), client("backend")).await;
    assert_eq!(leaf.identity().subject().to_string(), "CN=backend,O=test,OU=countersign-internal");
    assert_eq!(leaf.identity().sans(), [parse_san("backend").unwrap()]);
}

#[tokio::test]
async fn a_registry_admits_its_services_and_no_others() {
    let world = World::new().await;
    let issuer = world.issuer(IssuerKind::Service).await;
    let profile = Profile::service().with_registry(["backend".to_owned(), "worker".to_owned()]);
    world.issue(&issuer, &profile, client("worker")).await;
    for (name, remedy) in
        [("workr", "did you mean \"worker\"?"), ("payments", "add it to authority.services")]
    {
        let key = PrivateKey::generate(KeyKind::EcdsaP256).unwrap();
        let request = Request::for_key(&key, client(name)).unwrap();
        let fault = issuer.draft(&request, &profile, world.now).unwrap_err();
        assert_eq!(fault.what(), format!("service '{name}' is not in the registered service registry"));
        assert!(fault.remedy_text().unwrap().contains(remedy), "{fault}");
    }
    let nobody = Profile::service().with_registry([]);
    let key = PrivateKey::generate(KeyKind::EcdsaP256).unwrap();
    let request = Request::for_key(&key, client("worker")).unwrap();
    assert!(issuer.draft(&request, &nobody, world.now).is_err(), "an empty registry admits nobody");
}

#[tokio::test]
async fn the_unit_of_services_is_in_no_other_certificate() {
    let world = World::new().await;
    let issuer = world.issuer(IssuerKind::Client).await;
    let key = PrivateKey::generate(KeyKind::EcdsaP256).unwrap();
    let unit = Some("Countersign-Internal".to_owned());
    let request = Request::for_key(&key, Names { organizational_unit: unit, ..client("backend") }).unwrap();
    let fault = issuer.draft(&request, &Profile::client(), world.now).unwrap_err().to_string();
    assert!(fault.contains("is that of services"), "{fault}");
}

#[tokio::test]
async fn root_and_issuers_say_what_they_are() {
    let world = World::new().await;
    world.issuer(IssuerKind::Client).await;
    let (_, root) = world.openssl("x509 -in root.crt -noout -text");
    for line in ["countersign Root CA (test)", "CA:TRUE", "Certificate Sign, CRL Sign", "prime256v1"] {
        assert!(root.contains(line), "{line:?} is not in {root}");
    }
    assert!(!root.contains("Extended Key Usage"));
    let (_, issuer) = world.openssl("x509 -in client.crt -noout -text");
    for line in [
        "countersign Client Issuer (test)",
        "X509v3 Basic Constraints: critical\n                CA:TRUE, pathlen:0",
        "X509v3 Key Usage: critical\n                Certificate Sign, CRL Sign",
        "TLS Web Client Authentication",
    ] {
        assert!(issuer.contains(line), "{line:?} is not in {issuer}");
    }
    let days = |certificate: &identity::Certificate| {
        (certificate.identity().not_after() - certificate.identity().not_before()).whole_days()
    };
    assert_eq!(days(world.root.certificate()), 3650);
    let records = world.records().await;
    let profiles: Vec<&str> = records.iter().map(|record| record.draft.profile.as_str()).collect();
    assert_eq!(profiles, ["client-issuer", "root"]);
    assert_eq!((records[0].draft.not_after - records[0].draft.not_before).whole_days(), 730);
}

#[tokio::test]
async fn the_client_issuer_cannot_make_a_server_that_anyone_accepts() {
    let world = World::new().await;
    let issuer = world.issuer(IssuerKind::Client).await;
    let fault = issuer
        .issue(&world.ledger, &crate::world::request(server("db.example.com")), &Profile::server(), world.now)
        .await
        .unwrap_err();
    assert!(fault.to_string().contains("does not allow serverAuth"), "{fault}");
    // Whoever has stolen its key does not ask us.
    world.put("server.ext", b"subjectAltName=DNS:db.example.com\nextendedKeyUsage=serverAuth\n");
    forge(&world, "client", "server.ext");
    let (yes, said) = world.openssl(&format!("{VERIFY} client.crt -purpose sslserver leaf.crt"));
    assert!(!yes && said.contains("unsuitable certificate purpose"), "{said}");
    assert_eq!(ours(&world, identity::Purpose::Server), Some(fault::Code::WrongPurpose));
}

#[tokio::test]
async fn an_issuer_cannot_mint_an_authority_that_anyone_accepts() {
    let world = World::new().await;
    let issuer = world.issuer(IssuerKind::Client).await;
    let fault = issuer
        .init_issuer(IssuerKind::Client, &Tier::issuer("test"), &world.ledger, world.now)
        .await
        .unwrap_err();
    assert!(fault.to_string().contains("its path length is 0"), "{fault}");
    world.put("ca.ext", b"basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n");
    forge(&world, "client", "ca.ext");
    std::fs::rename(world.path("leaf.crt"), world.path("minted.crt")).unwrap();
    std::fs::rename(world.path("leaf.key"), world.path("minted.key")).unwrap();
    world.put("client.ext", b"extendedKeyUsage=clientAuth\n");
    forge(&world, "minted", "client.ext");
    let (yes, said) =
        world.openssl(&format!("{VERIFY} client.crt -untrusted minted.crt -purpose sslclient leaf.crt"));
    assert!(!yes && said.contains("path length constraint exceeded"), "{said}");
}

/// Signs a leaf behind our back, with OpenSSL and the issuer's key.
fn forge(world: &World, issuer: &str, extensions: &str) {
    let (yes, said) = world.openssl("req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout leaf.key -subj /CN=forged -out leaf.csr");
    assert!(yes, "{said}");
    let (yes, said) = world.openssl(&format!(
        "x509 -req -in leaf.csr -CA {issuer}.crt -CAkey {issuer}.key -days 9 -extfile {extensions} -out leaf.crt"
    ));
    assert!(yes, "{said}");
}

/// What our own verifier says of `leaf.crt` below the root.
fn ours(world: &World, purpose: identity::Purpose) -> Option<fault::Code> {
    let chain =
        ["leaf.crt", "client.crt"].map(|name| files::load_certificates(&world.path(name)).unwrap().remove(0));
    let trust = identity::Trust::new(vec![world.root.certificate().clone()], identity::Strictness::default());
    let chain = chain.map(|certificate| certificate.der().clone());
    identity::verify(&chain, &trust, purpose, None, crate::world::now() + time::Duration::SECOND)
        .err()
        .map(|refusal| refusal.code())
}

#[tokio::test]
async fn every_kind_of_key_issues_and_is_issued_for() {
    let kinds = [KeyKind::EcdsaP256, KeyKind::EcdsaP384, KeyKind::Ed25519, KeyKind::Rsa(2048)];
    for (n, kind) in kinds.into_iter().enumerate() {
        let world = World::with(&Tier { key: kind, ..Tier::root("test") }, crate::world::now()).await;
        let tier = Tier { key: kinds[(n + 1) % kinds.len()], ..Tier::issuer("test") };
        let issuer = world.issuer_as(IssuerKind::Client, &tier).await;
        for leaf in kinds {
            let key = PrivateKey::generate(leaf).unwrap();
            let request = Request::for_key(&key, client("analyst")).unwrap();
            let issued = issuer.issue(&world.ledger, &request, &Profile::client(), world.now).await.unwrap();
            world.put("leaf.crt", to_pem(issued.certificate()).as_bytes());
            let (yes, said) = world.openssl(&format!("{VERIFY} client.crt -purpose sslclient leaf.crt"));
            assert!(yes, "{kind} > {} > {leaf}: {said}", tier.key);
            assert_eq!(issued.certificate().identity().spki_sha256(), Pin::of_spki(&key.public_spki()));
        }
    }
}
