use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use authority::{
    Authority, Distribution, IssuerKind, Names, Profile, Shard, Standing, Tier, init_root, revoke,
};
use identity::ocsp::{self, Failure, Request, Status};
use identity::{Certificate, KeyKind, PrivateKey, RevocationReason};
use ledger::{Ledger, SqliteLedger};
use tempfile::TempDir;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use super::keep::Followed;
use super::respond::Answered;
use super::{Metrics, Published};
use crate::watched::Watched;
use crate::{EnrolmentRules, Issuing};

const NOW: OffsetDateTime = datetime!(2026-06-01 12:00:00 UTC);

/// A client issuer with its ledger, published.
struct House {
    folder: TempDir,
    ledger: Arc<SqliteLedger>,
    issuer: Arc<Authority>,
    shard_entries: usize,
    published: Published,
    followed: Followed,
}

impl House {
    async fn new(shard_entries: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Arc::new(SqliteLedger::open(&folder.path().join("ledger.db")).unwrap());
        let root = init_root(&Tier::root("test"), &*ledger, NOW).await.unwrap();
        let root = Authority::new(vec![root.certificate], &root.key, Standing::ByHand, None, NOW).unwrap();
        let made = root.init_issuer(IssuerKind::Client, &Tier::issuer("test"), &*ledger, NOW).await.unwrap();
        let issuer = Authority::new(vec![made.certificate], &made.key, Standing::Issuer, None, NOW).unwrap();
        let issuer = issuer.distributing(Some(Distribution::new("http://pki.example").unwrap()));
        let issuer = Arc::new(issuer);
        let published = published(&folder, &ledger, &issuer, shard_entries);
        Self { folder, ledger, issuer, shard_entries, published, followed: Followed::default() }
    }

    /// The node starts again, with what is on disk.
    fn restarted(mut self) -> Self {
        self.published = published(&self.folder, &self.ledger, &self.issuer, self.shard_entries);
        self.followed = Followed::default();
        self
    }

    async fn round(&mut self, now: OffsetDateTime) {
        self.published.round(&*self.ledger, &mut self.followed, now).await.unwrap();
    }

    async fn issue(&self, name: &str) -> Certificate {
        let key = PrivateKey::generate(KeyKind::EcdsaP256).unwrap();
        let request = authority::Request::for_key(&key, Names::common(name)).unwrap();
        let issued = self.issuer.issue(&*self.ledger, &request, &Profile::client(), NOW).await.unwrap();
        issued.certificate().clone()
    }

    async fn revoke(&self, certificate: &Certificate) {
        let record = self.ledger.certificate_by_fingerprint(certificate.fingerprint()).await.unwrap();
        let id = record.unwrap().draft.id();
        revoke(&*self.ledger, id, RevocationReason::Superseded, "a test", NOW).await.unwrap();
    }

    /// Number and entries of a list.
    fn list(&self, shard: Shard) -> Option<(u64, usize)> {
        let list = self.published.desk.load().issuers[0].list(shard)?;
        Some((list.signed.number(), list.signed.entries()))
    }

    async fn ask(&self, certificate: &Certificate, nonce: Option<[u8; 32]>, now: OffsetDateTime) -> Answered {
        let request = Request::new(certificate, self.issuer.certificate(), nonce).unwrap();
        self.published.answer(Ok(request), now).await
    }

    /// What an answer says, to whoever trusts the issuer.
    async fn status(&self, certificate: &Certificate, now: OffsetDateTime) -> Status {
        let answer = self.ask(certificate, None, now).await.bytes();
        ocsp::verify(&answer, certificate, self.issuer.certificate(), None, now).unwrap().status
    }
}

fn published(
    folder: &TempDir,
    ledger: &Arc<SqliteLedger>,
    issuer: &Arc<Authority>,
    shard_entries: usize,
) -> Published {
    let issuing = issuing(folder, issuer, shard_entries);
    let ledger: Arc<dyn Ledger> = Arc::<SqliteLedger>::clone(ledger);
    Published::new(Some(ledger), Arc::new(issuing), Metrics::default())
}

fn issuing(folder: &TempDir, issuer: &Arc<Authority>, shard_entries: usize) -> Issuing {
    Issuing {
        environment: "test".to_owned(),
        root: None,
        issuers: BTreeMap::from([("client".to_owned(), Arc::clone(issuer))]),
        retiring: BTreeMap::new(),
        profiles: BTreeMap::new(),
        services: BTreeSet::new(),
        rotation: authority::RotationRules::default(),
        provision_required: false,
        crl_lifetime: Duration::DAY,
        shard_entries,
        ocsp_lifetime: Duration::HOUR,
        root_list: None,
        root_responder: None,
        enrolment: EnrolmentRules { per_minute: 0, most_invitations: 0, longest_invitation: Duration::DAY },
        presented: BTreeMap::new(),
        state: folder.path().to_owned(),
        acme: None,
    }
}

#[tokio::test]
async fn a_list_is_signed_when_something_is_taken_back_and_halfway_to_its_end() {
    let mut house = House::new(100).await;
    assert_eq!(house.list(Shard::WHOLE), None);
    house.round(NOW).await;
    assert_eq!(house.list(Shard::WHOLE), Some((1, 0)));
    house.round(NOW + Duration::hours(11)).await;
    assert_eq!(house.list(Shard::WHOLE), Some((1, 0)), "nothing has changed");
    let leaf = house.issue("analyst").await;
    house.revoke(&leaf).await;
    house.round(NOW + Duration::hours(11)).await;
    assert_eq!(house.list(Shard::WHOLE), Some((2, 1)));
    house.round(NOW + Duration::hours(24)).await;
    assert_eq!(house.list(Shard::WHOLE), Some((3, 1)));
}

#[tokio::test]
async fn a_node_that_starts_again_publishes_the_list_from_before_at_once() {
    let mut house = House::new(100).await;
    house.round(NOW).await;
    let leaf = house.issue("analyst").await;
    house.revoke(&leaf).await;
    house.round(NOW).await;
    let mut house = house.restarted();
    assert_eq!(house.list(Shard::WHOLE), Some((2, 1)), "before anything was read or signed");
    house.round(NOW).await;
    assert_eq!(house.list(Shard::WHOLE), Some((3, 1)));
}

#[tokio::test]
async fn numbers_go_on_where_the_ledger_comes_from_an_old_copy() {
    let mut house = House::new(100).await;
    std::fs::copy(house.folder.path().join("ledger.db"), house.folder.path().join("copy.db")).unwrap();
    for half_day in 0..5 {
        house.round(NOW + Duration::hours(13) * half_day).await;
    }
    assert_eq!(house.list(Shard::WHOLE), Some((5, 0)));
    house.ledger.close().await.unwrap();
    house.ledger = Arc::new(SqliteLedger::open(&house.folder.path().join("copy.db")).unwrap());
    let mut house = house.restarted();
    house.round(NOW + Duration::days(3)).await;
    assert_eq!(house.list(Shard::WHOLE), Some((6, 0)));
}

#[tokio::test]
async fn above_the_configured_size_certificates_are_spread_over_parts_that_are_all_published() {
    let mut house = House::new(2).await;
    house.round(NOW).await;
    let early = house.issue("early").await;
    for name in ["a", "b", "c", "d", "e"] {
        let leaf = house.issue(name).await;
        house.revoke(&leaf).await;
    }
    house.round(NOW).await;
    let late = house.issue("late").await;
    let part = |certificate: &Certificate| {
        let uri = certificate.crl_uris()[0].rsplit_once('/').unwrap().1.to_owned();
        Shard::parse(uri.strip_suffix(".crl").unwrap()).unwrap().1
    };
    assert_eq!((part(&early), part(&late).of()), (Shard::WHOLE, 4));
    for leaf in [&early, &late] {
        house.revoke(leaf).await;
        house.round(NOW).await;
        let list = house.published.desk.load().issuers[0].list(part(leaf)).unwrap();
        let read = identity::Crl::from_der(list.signed.der()).unwrap();
        read.verify_issuer(house.issuer.certificate()).unwrap();
        assert!(read.scope().clears(leaf) && read.find(leaf.identity().serial()).is_some());
    }
    let entries = |of| {
        let parts = (0..of).filter_map(|at| house.list(Shard::new(of, at).unwrap()));
        parts.map(|(_, entries)| entries).sum::<usize>()
    };
    assert_eq!((entries(1), entries(2), entries(4)), (7, 7, 7));
    let restarted = house.restarted();
    assert!(restarted.list(part(&late)).is_some(), "the part is published from disk");
}

#[tokio::test]
async fn a_revocation_takes_the_place_of_a_good_answer_at_once() {
    let mut house = House::new(100).await;
    house.round(NOW).await;
    let leaf = house.issue("analyst").await;
    assert_eq!(house.status(&leaf, NOW).await, Status::Good);
    house.revoke(&leaf).await;
    house.round(NOW).await;
    let reason = RevocationReason::Superseded;
    assert_eq!(house.status(&leaf, NOW).await, Status::Revoked { at: NOW, reason });
}

#[tokio::test]
async fn what_was_signed_is_handed_out_again_until_half_of_its_time_has_passed() {
    let mut house = House::new(100).await;
    house.round(NOW).await;
    let leaf = house.issue("analyst").await;
    let first = house.ask(&leaf, None, NOW).await.bytes();
    let early = house.ask(&leaf, None, NOW + Duration::minutes(29)).await.bytes();
    let late = house.ask(&leaf, None, NOW + Duration::minutes(31)).await.bytes();
    assert!(first == early && first != late);
    // Without a ledger what was signed is still there, and what was not is not made up.
    let other = house.issue("other").await;
    house.ledger.close().await.unwrap();
    assert_eq!(house.ask(&leaf, None, NOW + Duration::minutes(32)).await.bytes(), late);
    let answered = house.ask(&other, None, NOW).await;
    assert!(matches!(answered, Answered::Failure(Failure::TryLater)), "{answered:?}");
}

#[tokio::test]
async fn what_was_never_issued_is_unknown_and_what_is_of_others_is_not_answered() {
    let mut house = House::new(100).await;
    house.round(NOW).await;
    let other = House::new(100).await;
    let foreign = other.issue("analyst").await;
    assert_eq!(house.status(&foreign, NOW).await, Status::Unknown, "its serial is none of ours");
    let request = Request::new(&foreign, other.issuer.certificate(), None).unwrap();
    let answered = house.published.answer(Ok(request), NOW).await;
    assert!(matches!(answered, Answered::Failure(Failure::Unauthorized)), "{answered:?}");
    let answered = house.published.answer(Request::from_der(b"?"), NOW).await;
    assert!(matches!(answered, Answered::Failure(Failure::MalformedRequest)), "{answered:?}");
}

#[tokio::test]
async fn a_nonce_is_repeated_until_too_many_ask_for_that() {
    let mut house = House::new(100).await;
    house.round(NOW).await;
    let leaf = house.issue("analyst").await;
    house.status(&leaf, NOW).await;
    let nonce = [7; 32];
    let fresh = |answer: &[u8]| {
        let issuer = house.issuer.certificate();
        ocsp::verify(answer, &leaf, issuer, Some(&nonce), NOW).unwrap().is_fresh
    };
    assert!(fresh(&house.ask(&leaf, Some(nonce), NOW).await.bytes()));
    for _ in 0..2_500 {
        house.ask(&leaf, Some(nonce), NOW).await;
    }
    assert!(!fresh(&house.ask(&leaf, Some(nonce), NOW).await.bytes()), "what everybody gets");
    let other = house.issue("other").await;
    let answered = house.ask(&other, Some(nonce), NOW).await;
    assert!(matches!(answered, Answered::Failure(Failure::TryLater)), "{answered:?}");
}

/// A question about one certificate so many times. A SEQUENCE of SEQUENCE of SEQUENCE OF questions (RFC 6960 §4.1.1); about one,
/// each is so short that its head has two bytes.
fn repeated(about: &Certificate, issuer: &Certificate, times: usize) -> Vec<u8> {
    let one = Request::new(about, issuer, None).unwrap().to_der().unwrap();
    let sequence = |content: Vec<u8>| {
        let [.., high, low] = content.len().to_be_bytes();
        [&[0x30, 0x82, high, low], content.as_slice()].concat()
    };
    sequence(sequence(sequence(one[6..].repeat(times))))
}

#[tokio::test]
async fn looks_into_the_ledger_are_paid_for_before_they_are_made_each_of_them() {
    let house = House::new(100).await;
    let ledger: Arc<dyn Ledger> = Arc::<SqliteLedger>::clone(&house.ledger);
    let watched = Arc::new(Watched::new(ledger));
    let counted: Arc<dyn Ledger> = Arc::<Watched>::clone(&watched);
    let issuing = issuing(&house.folder, &house.issuer, house.shard_entries);
    let published = Published::new(Some(counted), Arc::new(issuing), Metrics::default());
    published.round(&*watched, &mut Followed::default(), NOW).await.unwrap();
    let before = watched.asked("certificate");
    let leaf = house.issue("never asked about alone").await;
    let question = repeated(&leaf, house.issuer.certificate(), 16);
    let mut put_off = 0;
    for _ in 0..200 {
        let answered = published.answer(Request::from_der(&question), NOW).await;
        put_off += usize::from(matches!(answered, Answered::Failure(Failure::TryLater)));
    }
    // Sixteen looks and a signature at a time, of two thousand in the second.
    assert_eq!((put_off, watched.asked("certificate") - before), (200 - 117, 117 * 16));
    // Of serials that nobody has, which no memory helps with, each costs as much.
    let later = NOW + Duration::SECOND;
    let foreign = House::new(100).await.issue("foreign").await;
    let before = watched.asked("certificate");
    for _ in 0..1_100 {
        let request = Request::new(&foreign, house.issuer.certificate(), None).unwrap();
        published.answer(Ok(request), later).await;
    }
    assert_eq!(watched.asked("certificate") - before, 1_000);
}

#[tokio::test]
async fn a_responder_is_appointed_again_when_half_of_its_life_has_passed() {
    let mut house = House::new(100).await;
    let serial = |house: &House| {
        let responder = house.published.desk.load().issuers[0].voice.responder.load_full().unwrap();
        responder.certificate().identity().serial().clone()
    };
    house.round(NOW).await;
    let first = serial(&house);
    house.round(NOW + Duration::hours(30)).await;
    assert_eq!(serial(&house), first);
    house.round(NOW + Duration::hours(40)).await;
    assert_ne!(serial(&house), first);
}

#[tokio::test]
async fn the_roots_responder_answers_about_issuers_until_its_own_end() {
    let house = House::new(100).await;
    let made = init_root(&Tier::root("root"), &*house.ledger, NOW).await.unwrap();
    let root = Authority::new(vec![made.certificate], &made.key, Standing::ByHand, None, NOW).unwrap();
    let tier = Tier::issuer("test");
    let issuer = root.init_issuer(IssuerKind::Server, &tier, &*house.ledger, NOW).await.unwrap().certificate;
    let other = root.init_issuer(IssuerKind::Server, &tier, &*house.ledger, NOW).await.unwrap().certificate;
    let responder = root.appoint_responder(&*house.ledger, Duration::DAY, NOW).await.unwrap();
    let issuing = Issuing {
        root_responder: Some(Arc::new(responder)),
        ..issuing(&house.folder, &house.issuer, house.shard_entries)
    };
    let mut house = house;
    house.published.adopt(Arc::new(issuing), NOW);
    house.revoke(&other).await;
    house.round(NOW).await;
    let ask = async |certificate: &Certificate, now| {
        let request = Request::new(certificate, root.certificate(), None).unwrap();
        let answer = house.published.answer(Ok(request), now).await.bytes();
        ocsp::verify(&answer, certificate, root.certificate(), None, now).map(|answer| answer.status)
    };
    assert_eq!(ask(&issuer, NOW).await.unwrap(), Status::Good);
    let reason = RevocationReason::Superseded;
    assert_eq!(ask(&other, NOW).await.unwrap(), Status::Revoked { at: NOW, reason });
    // The last answer ends with the responder, and after that there is none.
    let late = NOW + Duration::hours(23) + Duration::minutes(50);
    assert_eq!(ask(&issuer, late).await.unwrap(), Status::Good);
    let ended = NOW + Duration::DAY + Duration::SECOND;
    let request = Request::new(&issuer, root.certificate(), None).unwrap();
    let answered = house.published.answer(Ok(request), ended).await;
    assert!(matches!(answered, Answered::Failure(Failure::Unauthorized)), "{answered:?}");
}

#[tokio::test]
async fn the_last_list_of_an_issuer_that_is_no_more_is_published_until_it_ends() {
    let mut house = House::new(100).await;
    house.round(NOW).await;
    let leaf = house.issue("analyst").await;
    house.revoke(&leaf).await;
    house.round(NOW).await;
    let list = |house: &House| {
        let uri = leaf.crl_uris()[0].rsplit_once('/').unwrap().1.to_owned();
        house.published.desk.load().list(uri.strip_suffix(".crl").unwrap()).map(|list| list.signed.entries())
    };
    let without = || {
        let all = issuing(&house.folder, &house.issuer, house.shard_entries);
        Arc::new(Issuing { issuers: BTreeMap::new(), ..all })
    };
    for after in [Duration::HOUR, Duration::hours(23)] {
        house.published.adopt(without(), NOW + after);
        assert_eq!(list(&house), Some(1), "{after}");
    }
    // Nobody answers for it, and it is not brought back by a reload that comes too late.
    let request = Request::new(&leaf, house.issuer.certificate(), None).unwrap();
    let answered = house.published.answer(Ok(request), NOW).await;
    assert!(matches!(answered, Answered::Failure(Failure::Unauthorized)), "{answered:?}");
    house.published.adopt(without(), NOW + Duration::hours(25));
    assert_eq!(list(&house), None);
}
