use std::sync::Arc;

use authority::{Authority, IssuerKind, Profile, SignedCrl, Standing, Tier, revoke};
use identity::{Certificate, KeyKind, Pin, RevocationReason, Serial};
use ledger::{AuditFilter, AuditKind, CertificateId, DraftRecord, Ledger, SqliteLedger};
use time::Duration;

use crate::world::{World, client, server};

const DAY: Duration = Duration::DAY;

impl World {
    async fn revoke(&self, certificate: &Certificate, reason: RevocationReason) {
        let record = self.ledger.certificate_by_fingerprint(certificate.fingerprint()).await.unwrap();
        revoke(&self.ledger, record.unwrap().draft.id(), reason, "a test", self.now).await.unwrap();
    }

    /// Signs the list and puts it into `crl.pem`.
    async fn list(&self, issuer: &Authority) -> SignedCrl {
        let list = issuer.sign_crl(&self.ledger, DAY, self.now).await.unwrap();
        self.put("crl.pem", list.to_pem().as_bytes());
        list
    }
}

#[tokio::test]
async fn openssl_verifies_our_list_by_every_kind_of_key() {
    for key in [KeyKind::EcdsaP256, KeyKind::EcdsaP384, KeyKind::Ed25519, KeyKind::Rsa(2048)] {
        let world = World::new().await;
        let issuer = world.issuer_as(IssuerKind::Client, &Tier { key, ..Tier::issuer("test") }).await;
        let leaf = world.issue(&issuer, &Profile::client(), client("analyst")).await;
        world.revoke(&leaf, RevocationReason::KeyCompromise).await;
        let list = world.list(&issuer).await;
        let (_, said) = world.openssl("crl -in crl.pem -CAfile client.crt -noout");
        assert!(said.contains("verify OK"), "{key}: {said}");
        world.put("crl.der", list.der());
        let (_, said) = world.openssl("crl -inform DER -in crl.der -CAfile client.crt -noout");
        assert!(said.contains("verify OK"), "{key}: {said}");
        let read = identity::Crl::from_der(list.der()).unwrap();
        assert_eq!(read.verify_issuer(issuer.certificate()), Ok(()), "{key}");
        let entry = read.find(leaf.identity().serial()).unwrap();
        assert_eq!(entry.reason, RevocationReason::KeyCompromise, "{key}");
        let (_, said) = world.openssl("crl -in crl.pem -CAfile root.crt -noout");
        assert!(!said.contains("verify OK"), "{key}: {said}");
    }
}

#[tokio::test]
async fn a_list_says_number_reasons_and_when_there_will_be_a_newer_one() {
    let world = World::new().await;
    let issuer = world.issuer(IssuerKind::Client).await;
    let unexplained = world.issue(&issuer, &Profile::client(), client("a")).await;
    let stolen = world.issue(&issuer, &Profile::client(), client("b")).await;
    world.revoke(&unexplained, RevocationReason::Unspecified).await;
    world.revoke(&stolen, RevocationReason::KeyCompromise).await;
    let list = world.list(&issuer).await;
    assert_eq!((list.number(), list.entries()), (1, 2));
    assert_eq!(list.issuer(), "CN=countersign Client Issuer (test)");
    let whole = world.now.replace_nanosecond(0).unwrap();
    assert_eq!(list.next_update(), whole + DAY);
    assert!(list.this_update() <= whole);
    let (_, text) = world.openssl("crl -in crl.pem -noout -text");
    for said in [
        "Version 2",
        "X509v3 CRL Number: \n                1",
        "X509v3 Authority Key Identifier",
        "Key Compromise",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    // RFC 5280: who has no reason says none.
    assert_eq!(text.matches("CRL Reason Code").count(), 1, "{text}");
    for certificate in [&unexplained, &stolen] {
        assert!(text.contains(&format!("Serial Number: {}", certificate.identity().serial())), "{text}");
    }
    assert_eq!(world.list(&issuer).await.number(), 2);
}

#[tokio::test]
async fn openssl_refuses_what_is_on_the_list_and_accepts_what_is_not() {
    let world = World::new().await;
    let issuer = world.issuer(IssuerKind::Client).await;
    let leaf = world.issue(&issuer, &Profile::client(), client("analyst")).await;
    let check = "verify -crl_check -partial_chain -trusted client.crt -CRLfile crl.pem leaf.crt";
    let empty = world.list(&issuer).await;
    assert_eq!(empty.entries(), 0);
    let (yes, said) = world.openssl(check);
    assert!(yes, "{said}");
    let (_, text) = world.openssl("crl -in crl.pem -noout -text");
    assert!(text.contains("No Revoked Certificates"), "{text}");
    world.revoke(&leaf, RevocationReason::Superseded).await;
    world.list(&issuer).await;
    let (yes, said) = world.openssl(check);
    assert!(!yes && said.contains("error 23 at 0 depth lookup: certificate revoked"), "{said}");
}

#[tokio::test]
async fn an_issuer_lists_what_it_issued_and_nothing_else() {
    let world = World::new().await;
    let (clients, servers) = (world.issuer(IssuerKind::Client).await, world.issuer(IssuerKind::Server).await);
    let one = world.issue(&clients, &Profile::client(), client("analyst")).await;
    let other = world.issue(&servers, &Profile::server(), server("localhost")).await;
    world.revoke(&one, RevocationReason::Superseded).await;
    world.revoke(&other, RevocationReason::Superseded).await;
    world.revoke(clients.certificate(), RevocationReason::CaCompromise).await;
    for issuer in [&clients, &servers, &world.root] {
        assert_eq!(world.list(issuer).await.entries(), 1, "{issuer:?}");
    }
    let (_, said) = world.openssl("crl -in crl.pem -CAfile root.crt -noout -text");
    assert!(said.contains("verify OK") && said.contains("CA Compromise"), "{said}");
}

#[tokio::test]
async fn a_certificate_leaves_the_list_one_lifetime_after_its_end() {
    let world = World::new().await;
    let issuer = world.issuer(IssuerKind::Client).await;
    let leaf = world.issue(&issuer, &Profile::client(), client("analyst")).await;
    world.revoke(&leaf, RevocationReason::Superseded).await;
    let end = leaf.identity().not_after();
    for (at, entries) in [(end, 1), (end + DAY, 1), (end + DAY + Duration::SECOND, 0)] {
        let list = issuer.sign_crl(&world.ledger, DAY, at).await.unwrap();
        assert_eq!(list.entries(), entries, "{at}");
    }
}

#[tokio::test]
async fn an_issuer_whose_key_usage_does_not_allow_it_signs_no_list() {
    let world = World::new().await;
    let made = world.openssl(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.crt -days 30
         -subj /CN=plain -addext keyUsage=critical,keyCertSign",
    );
    assert!(made.0, "{}", made.1);
    std::fs::set_permissions(world.path("ca.key"), std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .unwrap();
    let chain = files::load_certificates(&world.path("ca.crt")).unwrap();
    let key = files::load_key(&world.path("ca.key"), None).unwrap();
    // The certificate was made after the world was, and may begin in its next second.
    let now = world.now + Duration::MINUTE;
    let plain = Authority::new(chain, &key, Standing::ByHand, None, now).unwrap();
    let fault = plain.sign_crl(&world.ledger, DAY, now).await.unwrap_err().to_string();
    assert!(
        fault.contains("\"CN=plain\" may not sign revocation lists") && fault.contains("cRLSign"),
        "{fault}"
    );
}

#[tokio::test]
async fn a_list_without_a_lifetime_is_refused_before_a_number_is_spent() {
    let world = World::new().await;
    for lifetime in [Duration::ZERO, -DAY, Duration::MAX] {
        let fault = world.root.sign_crl(&world.ledger, lifetime, world.now).await.unwrap_err().to_string();
        assert!(fault.contains("lifetime"), "{fault}");
    }
    assert_eq!(world.list(&world.root).await.number(), 1);
}

#[tokio::test]
async fn revoking_is_audited_once() {
    let world = World::new().await;
    let issuer = world.issuer(IssuerKind::Client).await;
    let leaf = world.issue(&issuer, &Profile::client(), client("analyst")).await;
    for _ in 0..2 {
        world.revoke(&leaf, RevocationReason::Superseded).await;
    }
    let filter = AuditFilter { kind: Some(AuditKind::Revoke), ..AuditFilter::default() };
    let events = world.ledger.audit_events(filter).await.unwrap().entries;
    assert_eq!(events.len(), 1, "{events:?}");
    let event = &events[0];
    assert_eq!(event.serial.as_ref(), Some(leaf.identity().serial()));
    assert_eq!(event.certificate, Some(leaf.fingerprint()));
    assert_eq!(event.cause.as_deref(), Some("superseded, by a test"));
    assert_eq!(event.issuer.as_deref(), Some("CN=countersign Client Issuer (test)"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openssl_verifies_a_list_of_ten_thousand() {
    let world = World::new().await;
    let issuer = world.issuer(IssuerKind::Client).await;
    let good = world.issue(&issuer, &Profile::client(), client("analyst")).await;
    fill(&world, &issuer, 10_000).await;
    let check = "verify -crl_check -partial_chain -trusted client.crt -CRLfile crl.pem leaf.crt";
    assert_eq!(world.list(&issuer).await.entries(), 10_000);
    let (_, said) = world.openssl("crl -in crl.pem -CAfile client.crt -noout");
    assert!(said.contains("verify OK"), "{said}");
    let (yes, said) = world.openssl(check);
    assert!(yes, "{said}");
    world.revoke(&good, RevocationReason::Superseded).await;
    assert_eq!(world.list(&issuer).await.entries(), 10_001);
    let (yes, said) = world.openssl(check);
    assert!(!yes && said.contains("error 23"), "{said}");
}

/// Puts so many revoked certificates on record; those who wait at the same time share one sync.
async fn fill(world: &World, issuer: &Authority, count: u32) {
    let ledger = Arc::new(SqliteLedger::open(&world.path("ledger.db")).unwrap());
    let tasks: Vec<_> = (0..count)
        .map(|n| {
            let (ledger, draft) = (Arc::clone(&ledger), draft(world, issuer, n));
            tokio::spawn(async move {
                let id: CertificateId = draft.id();
                let at = draft.drafted_at;
                ledger.record(draft).await?;
                ledger.complete(id.clone(), n.to_be_bytes().to_vec(), at).await?;
                ledger.revoke(id, RevocationReason::ALL[n as usize % 7], at).await
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    ledger.close().await.unwrap();
}

fn draft(world: &World, issuer: &Authority, n: u32) -> DraftRecord {
    DraftRecord {
        serial: Serial::from_bytes(&[&[0x80][..], &n.to_be_bytes(), &[7; 11]].concat()),
        issuer: ledger::IssuerName {
            name: issuer.certificate().identity().subject().to_string(),
            key: issuer.key_id(),
        },
        profile: "client".into(),
        subject: format!("CN=holder-{n}"),
        common_name: Some(format!("holder-{n}")),
        sans: Vec::new(),
        spki: Pin::of_spki(&n.to_be_bytes()),
        not_before: world.now,
        not_after: world.now + DAY * 90,
        drafted_at: world.now,
    }
}
