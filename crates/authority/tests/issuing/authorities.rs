//! What may be an authority, and what may not.

use authority::{Authority, IssuerKind, Names, Profile, Request, Standing, Tier};
use identity::{KeyKind, PrivateKey, Secret};
use time::Duration;

use crate::world::{World, client, request, server};

#[tokio::test]
async fn an_issuer_is_loaded_from_its_files_and_issues() {
    let world = World::new().await;
    world.issuer(IssuerKind::Client).await;
    let (certificate, key) = (world.path("client.crt"), world.path("client.key"));
    let issuer =
        Authority::load(&certificate, &key, None, Standing::Issuer, Some("test"), world.now).unwrap();
    issuer.check_below(world.root.certificate()).unwrap();
    let leaf = world.issue(&issuer, &Profile::client(), client("analyst")).await;
    assert_eq!(leaf.identity().organizations(), ["test"]);
}

#[tokio::test]
async fn an_encrypted_key_needs_its_password() {
    let world = World::new().await;
    let made = world
        .root
        .init_issuer(IssuerKind::Client, &Tier::issuer("test"), &world.ledger, world.now)
        .await
        .unwrap();
    let (certificate, key) = (world.path("client.crt"), world.path("client.key"));
    world.put("client.crt", authority::to_pem(&made.certificate).as_bytes());
    let secret = Secret::new("correct horse".into());
    files::create_secret(&key, made.key.to_encrypted_pem(&secret).unwrap().as_bytes()).unwrap();
    let load = |password: Option<&Secret>| {
        Authority::load(&certificate, &key, password, Standing::Issuer, None, world.now)
    };
    load(Some(&secret)).unwrap();
    assert!(load(None).unwrap_err().to_string().contains("encrypted"));
    assert!(load(Some(&Secret::new("wrong".into()))).unwrap_err().to_string().contains("bad decrypt"));
}

#[tokio::test]
async fn a_root_where_an_issuer_should_be_is_refused_before_its_key_is_read() {
    let world = World::new().await;
    let no_key = world.path("there-is-no-such.key");
    let fault = Authority::load(&world.path("root.crt"), &no_key, None, Standing::Issuer, None, world.now)
        .unwrap_err();
    assert!(fault.to_string().contains("is a root, and an issuer should be here"), "{fault}");
    assert!(fault.to_string().contains("root.crt"), "{fault}");
}

#[tokio::test]
async fn what_cannot_issue_is_refused_with_the_reason() {
    let world = World::new().await;
    let issuer = world.issuer(IssuerKind::Client).await;
    let key = PrivateKey::generate(KeyKind::EcdsaP256).unwrap();
    let new = |certificate: &identity::Certificate, key: &PrivateKey, now| {
        Authority::new(vec![certificate.clone()], key, Standing::ByHand, None, now).unwrap_err().to_string()
    };
    let own = issuer.certificate();
    assert!(new(own, &key, world.now).contains("key values mismatch"));
    let issuer_key = files::load_key(&world.path("client.key"), None).unwrap();
    assert!(new(own, &issuer_key, world.now + Duration::days(731)).contains("expired on"));
    assert!(new(own, &issuer_key, world.now - Duration::days(1)).contains("is not valid before"));
    let leaf = world.issue(&issuer, &Profile::client(), client("analyst")).await;
    let leaf_key = files::load_key(&world.path("leaf.key"), None).unwrap();
    assert!(new(&leaf, &leaf_key, world.now).contains("is not an authority's"));
    assert!(Authority::new(vec![], &key, Standing::ByHand, None, world.now).is_err());

    world.openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout odd.key -subj /CN=odd -out odd.crt -addext keyUsage=critical,digitalSignature");
    let odd = files::load_certificates(&world.path("odd.crt")).unwrap().remove(0);
    let odd_key = files::load_key(&world.path("odd.key"), None).unwrap();
    assert!(new(&odd, &odd_key, world.now + Duration::MINUTE).contains("does not say keyCertSign"));
}

#[tokio::test]
async fn an_issuer_of_another_root_is_told_apart_even_by_the_same_name() {
    let (world, other) = (World::new().await, World::new().await);
    let issuer = world.issuer(IssuerKind::Client).await;
    let fault = issuer.check_below(other.root.certificate()).unwrap_err();
    assert!(fault.to_string().contains("was not signed by the root"), "{fault}");
    // A root that allows nothing below it but leaves.
    let (yes, said) = world.openssl("req -x509 -key root.key -subj /CN=countersign~Root~CA~(test) -out flat.crt -addext basicConstraints=critical,CA:TRUE,pathlen:0");
    assert!(!yes, "the root's key is nowhere on disk: {said}");
    world.put_key("root.key", &world.root_key);
    let (yes, said) = world.openssl("req -x509 -utf8 -key root.key -subj /CN=countersign~Root~CA~(test) -out flat.crt -addext basicConstraints=critical,CA:TRUE,pathlen:0");
    assert!(yes, "{said}");
    let flat = files::load_certificates(&world.path("flat.crt")).unwrap().remove(0);
    let fault = issuer.check_below(&flat).unwrap_err();
    assert!(fault.to_string().contains("allows no issuer below it"), "{fault}");
}

#[tokio::test]
async fn the_openssl_recipe_of_two_authorities_issues_what_openssl_accepts() {
    let mut world = World::new().await;
    let cases = [
        ("ecparam -name prime256v1 -genkey -noout -out ca.key", ""),
        ("ecparam -name secp384r1 -genkey -noout -out ca.key", ""),
        ("genpkey -algorithm ed25519 -out ca.key", ""),
        ("genrsa -out ca.key 2048", "-subj /C=AT/ST=Wien/O=Example~GmbH/CN=An~old~one"),
    ];
    for (key, subject) in cases {
        let subject = if subject.is_empty() { "-subj /CN=countersign~client~CA" } else { subject };
        for step in [key, &format!("req -x509 -new -key ca.key -sha256 -days 3650 {subject} -out ca.crt")] {
            let (yes, said) = world.openssl(step);
            assert!(yes, "{step}: {said}");
        }
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(world.path("ca.key"), mode).unwrap();
        world.now = crate::world::now() + Duration::SECOND;
        let (certificate, key) = (world.path("ca.crt"), world.path("ca.key"));
        let ca = Authority::load(&certificate, &key, None, Standing::ByHand, None, world.now).unwrap();
        world.issue(&ca, &Profile::client(), client("analyst")).await;
        let (yes, said) = world.openssl("verify -CAfile ca.crt -purpose sslclient leaf.crt");
        assert!(yes, "{said}");
        let (_, subject) = world.openssl("x509 -in leaf.crt -noout -subject");
        assert_eq!(subject.trim(), "subject=CN = analyst");
        world.issue(&ca, &Profile::server(), server("db.example.com")).await;
        let (yes, said) = world
            .openssl("verify -CAfile ca.crt -purpose sslserver -verify_hostname db.example.com leaf.crt");
        assert!(yes, "{said}");
    }
}

#[tokio::test]
async fn names_outside_an_issuers_constraints_are_refused_by_the_lint() {
    let world = World::new().await;
    world.openssl("ecparam -name prime256v1 -genkey -noout -out ca.key");
    let (yes, said) = world.openssl("req -x509 -new -key ca.key -days 9 -subj /CN=narrow -out ca.crt -addext nameConstraints=critical,permitted;DNS:example.com");
    assert!(yes, "{said}");
    let key = files::load_key(&world.path("ca.key"), None).unwrap();
    let chain = files::load_certificates(&world.path("ca.crt")).unwrap();
    let now = crate::world::now() + Duration::SECOND;
    let ca = Authority::new(chain, &key, Standing::ByHand, None, now).unwrap();
    ca.draft(&request(server("db.example.com")), &Profile::server(), now).unwrap();
    let fault = ca.draft(&request(server("db.example.org")), &Profile::server(), now).unwrap_err();
    assert!(fault.to_string().contains("name constraints"), "{fault}");
}

#[tokio::test]
async fn a_new_key_under_the_same_name_is_the_same_name() {
    let world = World::new().await;
    let issuer = world.issuer(IssuerKind::Client).await;
    let one = world.issue(&issuer, &Profile::client(), client("analyst")).await;
    let two = world.issue(&issuer, &Profile::client(), client("analyst")).await;
    assert_eq!(one.identity().common_name(), two.identity().common_name());
    assert_ne!(one.identity().spki_sha256(), two.identity().spki_sha256());
}

#[tokio::test]
async fn no_debug_output_shows_a_key() {
    let world = World::new().await;
    let issuer = world.issuer(IssuerKind::Client).await;
    let pem = std::fs::read_to_string(world.path("client.key")).unwrap();
    let secret: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let made = world
        .root
        .init_issuer(IssuerKind::Client, &Tier::issuer("test"), &world.ledger, world.now)
        .await
        .unwrap();
    let request = Request::for_key(&made.key, Names::common("a")).unwrap();
    let debug = format!("{issuer:?} {:?} {made:?} {request:?}", world.root);
    assert!(!debug.contains(&secret) && !debug.contains("BEGIN"), "{debug}");
    assert!(debug.len() < 2_000, "{debug}");
}
