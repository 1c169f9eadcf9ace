//! What takes the place of a root or an issuer, judged by OpenSSL at every stage.

use authority::{Authority, Certified, IssuerKind, Profile, Standing, succeed_root, to_pem};
use identity::{Certificate, KeyKind, PrivateKey, Purpose, Strictness, Trust, Usage};
use time::Duration;

use crate::world::{World, client, server};

const YEAR: Duration = Duration::days(365);

fn new_key() -> PrivateKey {
    PrivateKey::generate(KeyKind::EcdsaP256).unwrap()
}

/// A root that takes the place of the world's: `root2.crt`, with the cross-certificate in `cross.crt`.
async fn next_root(world: &World) -> (Authority, Certified) {
    let key = new_key();
    let made = succeed_root(world.root.certificate(), &key, YEAR, &world.ledger, world.now).await.unwrap();
    let cross = world.root.cross(&made.certificate, &world.ledger, world.now).await.unwrap();
    world.put("root2.crt", to_pem(&made.certificate).as_bytes());
    world.put("cross.crt", to_pem(&cross.certificate).as_bytes());
    let root = Authority::new(vec![made.certificate], &key, Standing::ByHand, None, world.now).unwrap();
    (root, cross)
}

fn put_all(world: &World, name: &str, certificates: &[&Certificate]) {
    let text: String = certificates.iter().map(|certificate| to_pem(certificate)).collect();
    world.put(name, text.as_bytes());
}

#[tokio::test]
async fn whoever_believes_the_old_root_or_the_new_one_follows_the_same_chain() {
    let world = World::new().await;
    let issuer = world.issuer(IssuerKind::Server).await;
    world.issue(&issuer, &Profile::server(), server("db.example.com")).await;
    let (root2, cross) = next_root(&world).await;
    let adopted = root2.adopt(issuer.certificate(), &world.ledger, world.now).await.unwrap().certificate;
    put_all(&world, "sent.crt", &[&adopted, &cross.certificate]);
    put_all(&world, "before.crt", &[issuer.certificate()]);
    put_all(&world, "after.crt", &[&adopted]);
    put_all(&world, "old-bundle.crt", &[world.root.certificate(), issuer.certificate()]);
    let judged = |trusted: &str, sent: &str| {
        let purpose = "-purpose sslserver -verify_hostname db.example.com -x509_strict -no-CApath";
        world.openssl(&format!("verify {purpose} -CAfile {trusted} -untrusted {sent} leaf.crt"))
    };
    // Before, during and after, by verifiers that accept no partial chain.
    for (trusted, sent, good) in [
        ("root.crt", "before.crt", true),
        ("root.crt", "sent.crt", true),
        ("root2.crt", "sent.crt", true),
        ("root2.crt", "after.crt", true),
        // A copy of the old bundle holds the issuer as the old root certified it, and that is the same key.
        ("old-bundle.crt", "after.crt", true),
        // Whoever shows the old chain is not understood by whoever has dropped the old root.
        ("root2.crt", "before.crt", false),
        ("root.crt", "after.crt", false),
    ] {
        let (yes, said) = judged(trusted, sent);
        assert_eq!(yes, good, "{trusted} {sent}: {said}");
    }
}

#[tokio::test]
async fn an_adopted_issuer_has_the_name_the_key_and_the_limits_that_it_had() {
    let world = World::new().await;
    let issuer = world.issuer(IssuerKind::Client).await;
    let leaf = world.issue(&issuer, &Profile::client(), client("analyst")).await;
    let (root2, _) = next_root(&world).await;
    let adopted = root2.adopt(issuer.certificate(), &world.ledger, world.now).await.unwrap().certificate;
    let own = issuer.certificate();
    assert_eq!(adopted.identity().subject(), own.identity().subject());
    assert_eq!(adopted.spki_der(), own.spki_der());
    assert_eq!((adopted.path_len(), adopted.usages()), (Some(0), own.usages()));
    assert_eq!(
        adopted.identity().not_after(),
        root2.certificate().identity().not_after(),
        "not past its root"
    );
    assert_ne!(adopted.fingerprint(), own.fingerprint());
    // A server that trusts the issuer as either root certified it takes the leaf of before.
    for anchor in [own, &adopted] {
        let trust = Trust::new(vec![anchor.clone()], Strictness::default());
        identity::verify(&[leaf.der().clone()], &trust, Purpose::Client, None, world.now).unwrap();
    }
    let records = world.records().await;
    let record = |certificate: &Certificate| {
        records.iter().any(|record| record.der.as_deref() == Some(certificate.der().as_ref()))
    };
    assert!(record(&adopted) && record(root2.certificate()), "all of it is on record");
}

#[tokio::test]
async fn an_issuers_successor_has_another_name_and_key_and_the_same_limits() {
    let world = World::new().await;
    let old = world.issuer(IssuerKind::Server).await;
    let key = new_key();
    let made = world.root.succeed(old.certificate(), &key, YEAR, &world.ledger, world.now).await.unwrap();
    let new = made.certificate;
    assert_eq!(new.identity().subject().to_string(), "CN=countersign Server Issuer 2 (test)");
    assert_ne!(new.spki_der(), old.certificate().spki_der());
    assert_eq!((new.path_len(), new.usages()), (Some(0), Some(&[Usage::ServerAuth][..])));
    world.put("server2.crt", to_pem(&new).as_bytes());
    let new = Authority::new(vec![new], &key, Standing::Issuer, Some("test"), world.now).unwrap();
    new.check_below(world.root.certificate()).unwrap();
    world.issue(&new, &Profile::server(), server("db.example.com")).await;
    let strict = "verify -x509_strict -no-CApath -CAfile root.crt -untrusted server2.crt";
    let (yes, said) = world.openssl(&format!("{strict} -purpose sslserver leaf.crt"));
    assert!(yes, "{said}");
    let (yes, said) = world.openssl(&format!("{strict} -purpose sslclient leaf.crt"));
    assert!(!yes, "{said}");
}

#[tokio::test]
async fn name_constraints_go_over_to_whatever_takes_an_issuers_place() {
    let world = World::new().await;
    world.put_key("root.key", &world.root_key);
    world.put("ext", b"basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\nextendedKeyUsage=serverAuth\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\nnameConstraints=critical,permitted;DNS:example.com\n");
    for step in [
        "ecparam -name prime256v1 -genkey -noout -out narrow.key",
        "req -new -key narrow.key -subj /CN=narrow -out narrow.csr",
        "x509 -req -in narrow.csr -CA root.crt -CAkey root.key -days 9 -extfile ext -out narrow.crt",
    ] {
        let (yes, said) = world.openssl(step);
        assert!(yes, "{step}: {said}");
    }
    let narrow = files::load_certificates(&world.path("narrow.crt")).unwrap().remove(0);
    let now = crate::world::now() + Duration::SECOND;
    let made = world.root.succeed(&narrow, &new_key(), Duration::days(9), &world.ledger, now).await.unwrap();
    world.put("new.crt", to_pem(&made.certificate).as_bytes());
    let said = |file: &str| {
        let (_, said) = world.openssl(&format!("x509 -in {file} -noout -ext nameConstraints"));
        said
    };
    assert!(said("narrow.crt").contains("DNS:example.com"), "{}", said("narrow.crt"));
    assert_eq!(said("new.crt"), said("narrow.crt"));
}

#[tokio::test]
async fn what_cannot_take_anothers_place_is_its_own_fault_and_leaves_no_record() {
    let (world, other) = (World::new().await, World::new().await);
    let issuer = world.issuer(IssuerKind::Client).await;
    let leaf = world.issue(&issuer, &Profile::client(), client("analyst")).await;
    let issuer_key = files::load_key(&world.path("client.key"), None).unwrap();
    let (ledger, now, key) = (&world.ledger, world.now, new_key());
    let (root, own) = (&world.root, issuer.certificate());
    let before = world.records().await.len();
    let mut faults = Vec::new();
    let mut said = |made: Result<Certified, fault::Fault>| faults.push(made.unwrap_err().to_string());
    said(root.succeed(root.certificate(), &key, YEAR, ledger, now).await);
    said(root.adopt(&leaf, ledger, now).await);
    said(other.root.succeed(own, &key, YEAR, ledger, now).await);
    said(root.succeed(own, &issuer_key, YEAR, ledger, now).await);
    said(issuer.adopt(own, ledger, now).await);
    said(root.cross(own, ledger, now).await);
    said(root.cross(root.certificate(), ledger, now).await);
    said(other.root.adopt(own, ledger, now + Duration::days(731)).await);
    said(other.root.adopt(own, ledger, now - YEAR).await);
    said(succeed_root(own, &key, YEAR, ledger, now).await);
    let words = [
        "is a root, and an issuer should be here",
        "is not an authority's",
        "was not signed by the root",
        "has this key already",
        "may have no issuer below it",
        "is no root",
        "cannot vouch for itself",
        "expired on",
        "is valid from",
        "is no root",
    ];
    for (fault, words) in faults.iter().zip(words) {
        assert!(fault.contains(words), "expected {words:?}: {fault}");
    }
    assert_eq!(faults.len(), words.len());
    assert_eq!(world.records().await.len(), before, "nothing was drafted");
}

#[tokio::test]
async fn a_root_with_room_for_one_authority_cannot_vouch_for_another_root() {
    let world = World::new().await;
    for step in [
        "ecparam -name prime256v1 -genkey -noout -out short.key",
        "req -x509 -new -key short.key -days 9 -subj /CN=short -out short.crt -addext basicConstraints=critical,CA:TRUE,pathlen:1",
    ] {
        let (yes, said) = world.openssl(step);
        assert!(yes, "{step}: {said}");
    }
    let key = files::load_key(&world.path("short.key"), None).unwrap();
    let chain = files::load_certificates(&world.path("short.crt")).unwrap();
    let now = crate::world::now() + Duration::SECOND;
    let short = Authority::new(chain, &key, Standing::ByHand, None, now).unwrap();
    let fault = short.cross(world.root.certificate(), &world.ledger, now).await.unwrap_err().to_string();
    assert!(fault.contains("has no room for another root and its issuers"), "{fault}");
}
