//! What certificates say about asking, parts of lists, and responders.

use authority::{Authority, Distribution, IssuerKind, Listed, Listing, Profile, Shard, revoke};
use identity::ocsp::{self, CertId, IdHash, Reply, Request, Single, Status};
use identity::{Certificate, RevocationReason};
use ledger::Ledger;
use time::Duration;

use crate::world::{World, client, server};

const BASE: &str = "http://pki.example:8080";

impl World {
    async fn distributing(&self, kind: IssuerKind) -> Authority {
        self.issuer(kind).await.distributing(Some(Distribution::new(BASE).unwrap()))
    }

    async fn take_back(&self, certificate: &Certificate) {
        let record = self.ledger.certificate_by_fingerprint(certificate.fingerprint()).await.unwrap();
        let id = record.unwrap().draft.id();
        revoke(&self.ledger, id, RevocationReason::Superseded, "a test", self.now).await.unwrap();
    }

    /// The part of the list that a certificate points to, with all that is on record.
    async fn part(&self, issuer: &Authority, shard: Shard, number: u64) -> Vec<u8> {
        let records = self.ledger.revocations(0, 0).await.unwrap();
        let listed = records.iter().map(|record| Listed {
            serial: record.serial.bytes(),
            reason: record.reason,
            at: record.at,
            not_after: record.not_after,
        });
        let listing = Listing { number, shard, lifetime: Duration::DAY, now: self.now };
        issuer.sign_list(&listing, listed).unwrap().der().to_vec()
    }
}

#[tokio::test]
async fn a_certificate_says_where_its_list_its_issuer_and_its_responder_are() {
    let world = World::new().await;
    let issuer = world.distributing(IssuerKind::Client).await;
    let leaf = world.issue(&issuer, &Profile::client(), client("analyst")).await;
    let id = authority::issuer_id(issuer.key_id());
    assert_eq!(leaf.crl_uris(), [format!("{BASE}/pki/crl/{id}.crl")]);
    assert_eq!(leaf.ocsp_uris(), [format!("{BASE}/pki/ocsp")]);
    assert_eq!(leaf.issuer_uris(), [format!("{BASE}/pki/issuers/{id}.crt")]);
    let (_, text) = world.openssl("x509 -in leaf.crt -noout -text");
    for said in ["CRL Distribution Points", "CA Issuers - URI:http", "OCSP - URI:http"] {
        assert!(text.contains(said), "{said}: {text}");
    }
    let (yes, said) = world.openssl("verify -x509_strict -CAfile root.crt -untrusted client.crt leaf.crt");
    assert!(yes, "{said}");
}

#[tokio::test]
async fn without_an_address_a_certificate_says_nothing_of_one() {
    let world = World::new().await;
    let issuer = world.issuer(IssuerKind::Client).await;
    let leaf = world.issue(&issuer, &Profile::client(), client("analyst")).await;
    assert!(leaf.crl_uris().is_empty() && leaf.ocsp_uris().is_empty() && leaf.issuer_uris().is_empty());
    assert!(!leaf.has_no_revocation());
}

#[tokio::test]
async fn an_issuer_says_where_the_list_and_the_responder_of_its_root_are() {
    let world = World::new().await;
    let root = Authority::new(
        vec![world.root.certificate().clone()],
        &world.root_key,
        authority::Standing::ByHand,
        None,
        world.now,
    );
    let root = root.unwrap().distributing(Some(Distribution::new(BASE).unwrap()));
    let tier = authority::Tier::issuer("test");
    let made = root.init_issuer(IssuerKind::Server, &tier, &world.ledger, world.now).await.unwrap();
    let id = authority::issuer_id(root.key_id());
    assert_eq!(made.certificate.crl_uris(), [format!("{BASE}/pki/crl/{id}.crl")]);
    assert_eq!(made.certificate.issuer_uris(), [format!("{BASE}/pki/issuers/{id}.crt")]);
    assert_eq!(made.certificate.ocsp_uris(), [format!("{BASE}/pki/ocsp")]);
}

#[tokio::test]
async fn a_certificate_that_ends_within_a_day_says_that_there_is_nothing_to_ask() {
    let world = World::new().await;
    let issuer = world.distributing(IssuerKind::Server).await;
    let brief = |hours| Profile::server().with_lifetime(Duration::hours(hours)).unwrap();
    let leaf = world.issue(&issuer, &brief(23), server("localhost")).await;
    assert!(leaf.has_no_revocation() && leaf.crl_uris().is_empty() && leaf.ocsp_uris().is_empty());
    assert_eq!(leaf.issuer_uris().len(), 1, "the issuer's certificate is no revocation");
    let (yes, said) = world.openssl("verify -CAfile root.crt -untrusted server.crt leaf.crt");
    assert!(yes, "{said}");
    for profile in [brief(24), brief(23).with_no_rev_avail(false)] {
        let leaf = world.issue(&issuer, &profile, server("localhost")).await;
        assert!(!leaf.has_no_revocation() && leaf.crl_uris().len() == 1 && leaf.ocsp_uris().len() == 1);
    }
}

#[tokio::test]
async fn a_certificate_names_the_part_of_the_list_that_clears_and_condemns_it() {
    let world = World::new().await;
    let issuer = world.distributing(IssuerKind::Client).await;
    issuer.spread_over(8);
    let leaf = world.issue(&issuer, &Profile::client(), client("analyst")).await;
    let name = leaf.crl_uris()[0].strip_prefix(&format!("{BASE}/pki/crl/")).unwrap().to_owned();
    let (id, shard) = Shard::parse(name.strip_suffix(".crl").unwrap()).unwrap();
    assert_eq!((id, shard.of()), (&*authority::issuer_id(issuer.key_id()), 8));
    assert_eq!(shard, Shard::holding(leaf.identity().serial(), 8));
    // Later certificates are spread wider; this one stays where it is.
    issuer.spread_over(64);
    let check = |list: &[u8]| {
        world.put("part.der", list);
        world.openssl("crl -inform DER -in part.der -out part.pem");
        world.openssl("verify -crl_check -partial_chain -trusted client.crt -CRLfile part.pem leaf.crt")
    };
    let (yes, said) = check(&world.part(&issuer, shard, 1).await);
    assert!(yes, "{said}");
    let other = (0..8).filter_map(|at| Shard::new(8, at)).find(|other| *other != shard).unwrap();
    let (yes, said) = check(&world.part(&issuer, other, 2).await);
    assert!(!yes, "another part says nothing of it: {said}");
    world.take_back(&leaf).await;
    let list = world.part(&issuer, shard, 3).await;
    let (yes, said) = check(&list);
    assert!(!yes && said.contains("certificate revoked"), "{said}");
    let (_, text) = world.openssl("crl -in part.pem -noout -text -CAfile client.crt");
    for said in ["Issuing Distribution Point: critical", &*leaf.crl_uris()[0], "verify OK"] {
        assert!(text.contains(said), "{said}: {text}");
    }
    let read = identity::Crl::from_der(&list).unwrap();
    assert!(read.scope().clears(&leaf) && read.find(leaf.identity().serial()).is_some());
    assert_eq!(identity::Crl::from_der(&world.part(&issuer, other, 4).await).unwrap().len(), 0);
}

#[tokio::test]
async fn openssl_and_we_take_the_answer_of_a_responder_that_the_issuer_appointed() {
    let world = World::new().await;
    let issuer = world.distributing(IssuerKind::Client).await;
    let leaf = world.issue(&issuer, &Profile::client(), client("analyst")).await;
    let responder = issuer.appoint_responder(&world.ledger, Duration::days(3), world.now).await.unwrap();
    let known = world.ledger.certificate_by_fingerprint(responder.certificate().fingerprint()).await.unwrap();
    assert_eq!(known.unwrap().draft.profile, "ocsp");
    let (made, said) =
        world.openssl("ocsp -issuer client.crt -cert leaf.crt -reqout question.der -CAfile root.crt");
    assert!(made, "{said}");
    let request = Request::from_der(&std::fs::read(world.path("question.der")).unwrap()).unwrap();
    let single = Single {
        id: CertId::new(leaf.identity().serial(), issuer.certificate(), IdHash::Sha1).unwrap(),
        status: Status::Good,
        this_update: world.now,
        next_update: world.now + Duration::HOUR,
    };
    let nonce = request.nonce().map(Into::into);
    let reply = Reply { singles: vec![single], nonce, produced_at: world.now };
    let answer = responder.sign(&reply).unwrap();
    world.put("answer.der", &answer);
    let (_, said) = world.openssl(
        "ocsp -no_nonce -issuer client.crt -cert leaf.crt -respin answer.der -CAfile root.crt -verify_other client.crt",
    );
    assert!(said.contains("Response verify OK") && said.contains("leaf.crt: good"), "{said}");
    let judged = ocsp::verify(&answer, &leaf, issuer.certificate(), request.nonce(), world.now).unwrap();
    assert_eq!((judged.status, judged.is_fresh), (Status::Good, true));
}
