//! Certificate requests, as OpenSSL and others make them.

use authority::{IssuerKind, Names, Profile, Request};
use identity::{KeyKind, PrivateKey};

use crate::world::World;

async fn made(arguments: &str) -> (World, Vec<u8>) {
    let world = World::new().await;
    let (yes, said) = world.openssl(&format!("req -new {arguments} -nodes -keyout k.key -out r.csr"));
    assert!(yes, "{said}");
    let csr = std::fs::read(world.path("r.csr")).unwrap();
    (world, csr)
}

const P256: &str = "-newkey ec -pkeyopt ec_paramgen_curve:P-256";

#[tokio::test]
async fn a_request_made_by_openssl_is_issued_for() {
    for (key, kind) in [
        (P256, KeyKind::EcdsaP256),
        ("-newkey ec -pkeyopt ec_paramgen_curve:P-384 -sha384", KeyKind::EcdsaP384),
        ("-newkey ed25519", KeyKind::Ed25519),
        ("-newkey rsa:2048 -sha512", KeyKind::Rsa(2048)),
    ] {
        let (world, csr) = made(&format!("{key} -subj /CN=analyst/O=Perf -addext subjectAltName=DNS:a.example.com,email:a@example.com,IP:10.0.0.1")).await;
        let request = Request::from_csr(&csr).unwrap();
        assert_eq!(request.key_kind(), kind);
        let issuer = world.issuer(IssuerKind::Client).await;
        let issued = issuer.issue(&world.ledger, &request, &Profile::client(), world.now).await.unwrap();
        // The environment is the organization, whatever the request says.
        assert_eq!(issued.certificate().identity().subject().to_string(), "CN=analyst,O=test");
        let sans: Vec<String> =
            issued.certificate().identity().sans().iter().map(ToString::to_string).collect();
        assert_eq!(sans, ["DNS:a.example.com", "email:a@example.com", "IP:10.0.0.1"]);
    }
}

#[tokio::test]
async fn a_request_may_be_pem_der_or_of_the_old_label() {
    let (world, pem) = made(&format!("{P256} -subj /CN=a")).await;
    let request = Request::from_csr(&pem).unwrap();
    world.openssl("req -in r.csr -outform DER -out r.der");
    let der = std::fs::read(world.path("r.der")).unwrap();
    let old = String::from_utf8(pem).unwrap().replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST");
    for same in [der, old.clone().into_bytes(), format!("some text\n{old}\nmore\n").into_bytes()] {
        let read = Request::from_csr(&same).unwrap();
        assert_eq!((read.spki_sha256(), read.names()), (request.spki_sha256(), &Names::common("a")));
    }
}

#[tokio::test]
async fn a_request_that_asks_to_be_an_authority_gets_a_leaf() {
    let (world, csr) = made(&format!("{P256} -subj /CN=a/L=Wien -addext basicConstraints=critical,CA:TRUE -addext keyUsage=keyCertSign -addext extendedKeyUsage=serverAuth")).await;
    let request = Request::from_csr(&csr).unwrap();
    let issuer = world.issuer(IssuerKind::Client).await;
    let issued = issuer.issue(&world.ledger, &request, &Profile::client(), world.now).await.unwrap();
    assert!(!issued.certificate().is_ca());
    assert_eq!(issued.certificate().usages(), Some(&[identity::Usage::ClientAuth][..]));
    let warnings: String = issued.warnings().iter().map(|fault| format!("{fault}\n")).collect();
    assert!(warnings.contains("CA:TRUE") && warnings.contains("Wien"), "{warnings}");
}

#[tokio::test]
async fn a_request_that_someone_else_signed_or_changed_is_refused() {
    let (world, _) = made(&format!("{P256} -subj /CN=a")).await;
    world.openssl("req -in r.csr -outform DER -out r.der");
    let der = std::fs::read(world.path("r.der")).unwrap();
    let mut refused = 0;
    for at in 0..der.len() {
        let mut changed = der.clone();
        changed[at] ^= 1;
        assert!(Request::from_csr(&changed).is_err(), "byte {at}");
        refused += 1;
    }
    assert_eq!(refused, der.len());
    for cut in 0..der.len() {
        assert!(Request::from_csr(&der[..cut]).is_err(), "cut at {cut}");
    }
    assert!(Request::from_csr(&[&der[..], &[0]].concat()).is_err());
}

#[tokio::test]
async fn weak_and_odd_requests_are_refused_with_a_remedy() {
    for (arguments, what) in [
        ("-newkey rsa:2048 -sha1 -subj /CN=a", "not signed with the key"),
        ("-newkey rsa:1024 -subj /CN=a", "not signed with the key"),
        ("-newkey ec -pkeyopt ec_paramgen_curve:P-521 -subj /CN=a", "kind that is not certified"),
        ("-newkey ec -pkeyopt ec_paramgen_curve:P-256 -subj /CN=a/CN=b", "two common names"),
        (
            "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -subj /CN=a -addext subjectAltName=RID:1.2.3",
            "is not issued",
        ),
    ] {
        let (_world, csr) = made(arguments).await;
        let fault = Request::from_csr(&csr).unwrap_err().to_string();
        assert!(fault.contains(what) && fault.contains("try:"), "{arguments}: {fault}");
    }
    for garbage in [
        &b""[..],
        b"hello",
        b"-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----\n",
        &[0x30, 0x84, 0xff],
    ] {
        assert!(Request::from_csr(garbage).is_err());
    }
}

#[tokio::test]
async fn the_one_who_issues_may_give_other_names() {
    let (_world, csr) = made(&format!("{P256} -subj /CN=a")).await;
    let request = Request::from_csr(&csr).unwrap().named(Names::common("b"));
    assert_eq!(request.names(), &Names::common("b"));
    let key = PrivateKey::generate(KeyKind::EcdsaP256).unwrap();
    assert_eq!(Request::for_key(&key, Names::common("c")).unwrap().key_kind(), KeyKind::EcdsaP256);
}
