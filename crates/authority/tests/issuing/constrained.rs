//! An issuer of services vouches for its services' names and for no others, whoever holds its key.

use authority::{Authority, IssuerKind, Names, Profile, Tier, parse_san};
use ledger::State;

use crate::world::{World, request};

async fn constrained(world: &World) -> Authority {
    let permitted = vec!["backend".to_owned(), "worker".to_owned()];
    world.issuer_as(IssuerKind::Service, &Tier { permitted, ..Tier::issuer("test") }).await
}

/// Signs a leaf with the issuer's key as a thief would, past everything of ours, and asks openssl.
fn stolen(world: &World, sans: &str) -> (bool, String) {
    world.put(
        "stolen.ext",
        format!("subjectAltName = {sans}\nextendedKeyUsage = serverAuth,clientAuth\n").as_bytes(),
    );
    let (made, said) = world.openssl(
        "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout stolen.key -subj /CN=stolen -out stolen.csr",
    );
    assert!(made, "{said}");
    let (signed, said) = world.openssl(
        "x509 -req -in stolen.csr -CA service.crt -CAkey service.key -CAcreateserial -days 30 -extfile stolen.ext -out stolen.crt",
    );
    assert!(signed, "{said}");
    world.openssl("verify -CAfile root.crt -untrusted service.crt stolen.crt")
}

#[tokio::test]
async fn a_service_that_the_issuer_is_for_gets_what_openssl_verifies() {
    let world = World::new().await;
    let issuer = constrained(&world).await;
    world.issue(&issuer, &Profile::service(), Names::common("backend")).await;
    let (good, said) = world.openssl("verify -CAfile root.crt -untrusted service.crt leaf.crt");
    assert!(good, "{said}");
    let (_, text) = world.openssl("x509 -in service.crt -noout -text");
    assert!(text.contains("X509v3 Name Constraints: critical"), "{text}");
    assert!(text.contains("DNS:backend") && text.contains("pathlen:0"), "{text}");
}

#[tokio::test]
async fn a_name_outside_is_refused_before_anything_is_on_record() {
    let world = World::new().await;
    let issuer = constrained(&world).await;
    let before = world.records().await.len();
    let outside = [
        Names::common("payments"),
        Names::common("backend").with_sans([parse_san("DNS:payments").unwrap()]),
        Names::common("backend").with_sans([parse_san("10.0.0.1").unwrap()]),
        Names::common("backend").with_sans([parse_san("::1").unwrap()]),
    ];
    for names in outside {
        let fault = issuer.draft(&request(names.clone()), &Profile::service(), world.now).unwrap_err();
        let said = fault.to_string();
        assert!(
            said.contains("the issuer's own certificate does not allow this certificate"),
            "{names:?}: {said}"
        );
    }
    assert_eq!(world.records().await.len(), before);
    assert!(world.records().await.iter().all(|record| record.state == State::Issued));
}

#[tokio::test]
async fn what_a_thief_signs_with_its_key_for_another_name_openssl_refuses() {
    let world = World::new().await;
    constrained(&world).await;
    let (good, said) = stolen(&world, "DNS:backend");
    assert!(good, "{said}");
    for outside in ["DNS:payments", "DNS:backend,DNS:db.example.com", "DNS:backend,IP:10.0.0.1"] {
        let (good, said) = stolen(&world, outside);
        assert!(!good, "{outside}: {said}");
        assert!(
            said.contains("permitted subtree violation") || said.contains("excluded subtree violation"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn a_name_that_no_certificate_may_carry_constrains_no_issuer() {
    let world = World::new().await;
    for name in ["", "a b", "10.0.0.1"] {
        let tier = Tier { permitted: vec![name.to_owned()], ..Tier::issuer("test") };
        let made = world.root.init_issuer(IssuerKind::Service, &tier, &world.ledger, world.now).await;
        assert!(made.is_err(), "{name:?}");
    }
}
