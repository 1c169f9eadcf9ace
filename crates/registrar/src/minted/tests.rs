use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use authority::{Authority, IssuerKind, RotationRules, Standing, Tier, init_root};
use gateway::Minting;
use identity::{Certificate, Credential, RevocationReason, Usage};
use ledger::{CertificateFilter, CertificateRecord, Ledger, SqliteLedger, State};
use tempfile::TempDir;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use transport::{Clock as _, TestClock};

use super::kept::{Kept, Look};
use crate::issuing::{EnrolmentRules, Issuing};
use crate::published::Metrics as PublishedMetrics;
use crate::registrar::Registrar;

const NOW: OffsetDateTime = datetime!(2026-11-26 12:00 UTC);
const LIFE: Duration = Duration::minutes(5);

/// A node with an issuer of clients.
struct House {
    folder: TempDir,
    ledger: Arc<SqliteLedger>,
    clock: TestClock,
    issuer: Arc<Authority>,
    registrar: Arc<Registrar>,
}

impl House {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Arc::new(SqliteLedger::open(&folder.path().join("ledger.db")).unwrap());
        let issuer = issuer(&ledger).await;
        let clock = TestClock::at(NOW);
        let issuing = issuing(&folder, Some(&issuer));
        let registrar = registrar(Some(Arc::clone(&ledger)), &clock, issuing);
        Self { folder, ledger, clock, issuer, registrar }
    }

    fn minting(&self) -> Arc<dyn Minting> {
        self.registrar.minting(LIFE).unwrap()
    }

    /// Every one on record, newest first.
    async fn recorded(&self) -> Vec<CertificateRecord> {
        let filter = CertificateFilter { profile: Some("minted".into()), limit: 1000, ..Default::default() };
        self.ledger.certificates(filter).await.unwrap().entries
    }

    /// Waits until so many are completed on record: that is done after they were given.
    async fn completed(&self, many: usize) -> Vec<CertificateRecord> {
        for _ in 0..500 {
            let recorded = self.recorded().await;
            if recorded.iter().filter(|record| record.state == State::Issued).count() == many {
                return recorded;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("not {many} completed: {:?}", self.recorded().await);
    }

    fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }
}

async fn issuer(ledger: &Arc<SqliteLedger>) -> Arc<Authority> {
    let root = init_root(&Tier::root("test"), ledger.as_ref(), NOW).await.unwrap();
    let above = Authority::new(vec![root.certificate], &root.key, Standing::ByHand, None, NOW).unwrap();
    let made =
        above.init_issuer(IssuerKind::Client, &Tier::issuer("test"), ledger.as_ref(), NOW).await.unwrap();
    Arc::new(Authority::new(vec![made.certificate], &made.key, Standing::Issuer, Some("test"), NOW).unwrap())
}

fn issuing(folder: &TempDir, issuer: Option<&Arc<Authority>>) -> Issuing {
    Issuing {
        environment: "test".to_owned(),
        root: None,
        issuers: issuer.map(|issuer| ("client".to_owned(), Arc::clone(issuer))).into_iter().collect(),
        retiring: BTreeMap::new(),
        profiles: BTreeMap::new(),
        services: BTreeSet::new(),
        rotation: RotationRules::default(),
        provision_required: false,
        crl_lifetime: Duration::DAY,
        shard_entries: 100,
        ocsp_lifetime: Duration::HOUR,
        root_list: None,
        root_responder: None,
        enrolment: EnrolmentRules { per_minute: 0, most_invitations: 0, longest_invitation: Duration::DAY },
        presented: BTreeMap::new(),
        state: folder.path().to_owned(),
        acme: None,
    }
}

fn registrar(ledger: Option<Arc<SqliteLedger>>, clock: &TestClock, issuing: Issuing) -> Arc<Registrar> {
    let ledger = ledger.map(|ledger| ledger as Arc<dyn Ledger>);
    Arc::new(Registrar::new(ledger, Arc::new(clock.clone()), issuing, PublishedMetrics::default()))
}

fn serial(credential: &Credential) -> String {
    credential.leaf().identity().serial().to_string()
}

fn says(leaf: &Certificate) -> (Option<&str>, Option<&[Usage]>, Duration) {
    let identity = leaf.identity();
    (identity.common_name().one(), leaf.usages(), identity.not_after() - NOW)
}

#[tokio::test]
async fn a_principal_gets_a_certificate_of_minutes_in_its_name_that_nobody_need_ask_about() {
    let house = House::new().await;
    let credential = house.minting().mint("analyst").await.unwrap();
    let leaf = credential.leaf();
    assert_eq!(says(leaf), (Some("analyst"), Some([Usage::ClientAuth].as_slice()), LIFE));
    assert!(leaf.has_no_revocation() && !leaf.is_ca());
    assert_eq!(credential.chain().get(1), Some(house.issuer.certificate()));
    let recorded = house.completed(1).await;
    let [record] = recorded.as_slice() else { panic!("{recorded:?}") };
    assert_eq!(record.draft.serial, *leaf.identity().serial());
    assert_eq!(record.der.as_deref(), Some(leaf.der().as_ref()));
}

#[tokio::test]
async fn whoever_asks_again_gets_the_same_one_until_a_quarter_of_its_life_is_left() {
    let house = House::new().await;
    let minting = house.minting();
    let first = serial(&minting.mint("analyst").await.unwrap());
    house.pass(LIFE * 3 / 4 - Duration::SECOND);
    assert_eq!(serial(&minting.mint("analyst").await.unwrap()), first);
    // A reload that leaves the lifetime as it was finds what was made before it.
    assert_eq!(serial(&house.minting().mint("analyst").await.unwrap()), first);
    house.pass(Duration::seconds(2));
    // Nobody waits for the next one while this one is good for a while.
    assert_eq!(serial(&minting.mint("analyst").await.unwrap()), first);
    house.completed(2).await;
    assert_ne!(serial(&minting.mint("analyst").await.unwrap()), first);
    assert_eq!(house.recorded().await.len(), 2);
}

#[tokio::test]
async fn near_the_end_of_one_everybody_waits_for_the_next() {
    let house = House::new().await;
    let minting = house.minting();
    let first = serial(&minting.mint("analyst").await.unwrap());
    house.pass(LIFE - LIFE / 10);
    assert_ne!(serial(&minting.mint("analyst").await.unwrap()), first);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_who_ask_at_once_for_one_principal_share_one_certificate() {
    let house = House::new().await;
    let minting = house.minting();
    let asking: Vec<_> = (0..100)
        .map(|_| {
            let minting = Arc::clone(&minting);
            tokio::spawn(async move { serial(&minting.mint("analyst").await.unwrap()) })
        })
        .collect();
    let mut serials = BTreeSet::new();
    for asking in asking {
        serials.insert(asking.await.unwrap());
    }
    assert_eq!(serials.len(), 1);
    assert_eq!(house.completed(1).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_of_many_principals_gets_its_own() {
    let house = House::new().await;
    let minting = house.minting();
    let asking: Vec<_> = (0..64)
        .map(|number| {
            let minting = Arc::clone(&minting);
            tokio::spawn(async move {
                let name = format!("principal-{number}");
                let credential = minting.mint(&name).await.unwrap();
                (credential.leaf().identity().common_name().one().map(str::to_owned), name)
            })
        })
        .collect();
    for asking in asking {
        let (shown, name) = asking.await.unwrap();
        assert_eq!(shown, Some(name));
    }
    assert_eq!(house.completed(64).await.len(), 64);
}

#[tokio::test]
async fn one_who_no_longer_waits_leaves_nothing_half_done() {
    let house = House::new().await;
    let minting = house.minting();
    let mut asking = minting.mint("analyst");
    // Begun, and dropped before it is answered.
    let begun =
        std::future::poll_fn(|cx| std::task::Poll::Ready(asking.as_mut().poll(cx).is_pending())).await;
    assert!(begun);
    drop(asking);
    let made = house.completed(1).await;
    assert_eq!(serial(&minting.mint("analyst").await.unwrap()), made[0].draft.serial.to_string());
}

#[tokio::test]
async fn a_name_that_cannot_stand_in_a_certificate_is_a_fault_that_names_it() {
    let house = House::new().await;
    let minting = house.minting();
    for name in ["", " analyst", "a\0b", "two\nlines", &"x".repeat(65)] {
        let fault = minting.mint(name).await.unwrap_err();
        assert!(fault.what().contains("cannot be shown to a server by a certificate"), "{fault}");
        assert!(fault.remedy_text().unwrap().contains("identity: shared"), "{fault}");
        assert!(!fault.what().contains(['\0', '\n']), "{fault}");
    }
    assert_eq!(house.registrar.minted.kept(LIFE).len(), 0);
    assert!(house.recorded().await.is_empty());
    assert!(minting.mint(&"ü".repeat(64)).await.is_ok());
}

#[tokio::test]
async fn nothing_is_made_where_it_cannot_be_put_on_record() {
    let house = House::new().await;
    let unrecorded = registrar(None, &house.clock, issuing(&house.folder, Some(&house.issuer)));
    let fault = unrecorded.minting(LIFE).unwrap().mint("analyst").await.unwrap_err();
    assert!(fault.what().contains("nothing is signed that is not on record"), "{fault}");
    house.ledger.close().await.unwrap();
    assert!(house.minting().mint("analyst").await.is_err());
    assert_eq!(house.registrar.minted.kept(LIFE).len(), 0, "the next one tries again");
}

#[tokio::test]
async fn what_was_made_before_the_ledger_was_away_is_given_until_its_end() {
    let house = House::new().await;
    let minting = house.minting();
    let first = serial(&minting.mint("analyst").await.unwrap());
    house.completed(1).await;
    house.ledger.close().await.unwrap();
    for part in [1, 7, 9] {
        house.clock.set(NOW + LIFE * part / 10);
        assert_eq!(serial(&minting.mint("analyst").await.unwrap()), first, "after {part} tenths");
    }
    house.clock.set(NOW + LIFE);
    assert!(minting.mint("analyst").await.is_err(), "nothing is given past its end");
}

#[tokio::test]
async fn a_revoked_or_replaced_issuer_vouches_for_nobody() {
    let house = House::new().await;
    let minting = house.minting();
    let first = serial(&minting.mint("analyst").await.unwrap());
    house.completed(1).await;
    // Another issuer took its place: what the one before signed is not given any more.
    let other = issuer(&house.ledger).await;
    house.registrar.replace(issuing(&house.folder, Some(&other)));
    let second = minting.mint("analyst").await.unwrap();
    assert_ne!(serial(&second), first);
    assert_eq!(second.chain().get(1), Some(other.certificate()));
    let record = house.ledger.certificate_by_fingerprint(other.certificate().fingerprint()).await.unwrap();
    let (id, reason) = (record.unwrap().draft.id(), RevocationReason::CaCompromise);
    authority::revoke(house.ledger.as_ref(), id, reason, "a test", NOW).await.unwrap();
    house.pass(Duration::seconds(2));
    let fault = minting.mint("another").await.unwrap_err();
    assert!(fault.what().contains("is revoked in the ledger"), "{fault}");
    house.registrar.replace(issuing(&house.folder, None));
    let fault = minting.mint("analyst").await.unwrap_err();
    assert!(fault.remedy_text().unwrap().contains("authority.issuers.client"), "{fault}");
}

#[tokio::test]
async fn what_was_made_for_a_principal_that_is_none_any_more_is_let_go_of() {
    let house = House::new().await;
    let minting = house.minting();
    let removed = serial(&minting.mint("removed").await.unwrap());
    let kept = serial(&minting.mint("kept").await.unwrap());
    minting.keep_only(&|name| name == "kept");
    assert_eq!(house.registrar.minted.kept(LIFE).len(), 1);
    assert_eq!(serial(&minting.mint("kept").await.unwrap()), kept);
    assert_ne!(serial(&minting.mint("removed").await.unwrap()), removed);
}

#[tokio::test]
async fn the_status_says_who_goes_on_without_the_authority() {
    let house = House::new().await;
    assert_eq!(house.registrar.minting_status(), None, "nothing is minted");
    let minting = house.minting();
    minting.mint("analyst").await.unwrap();
    let status = house.registrar.minting_status().unwrap();
    assert_eq!(
        (&status["kept"], &status["first_ends"]),
        (&1.into(), &"2026-11-26T12:05:00Z".into()),
        "{status}"
    );
    house.completed(1).await;
    drop(minting);
    assert_eq!(house.registrar.minting_status(), None);
}

#[test]
fn a_life_is_minutes_to_half_a_day() {
    for (life, fits) in [(59, false), (60, true), (300, true), (43_200, true), (43_201, false)] {
        assert_eq!(super::profile(Duration::seconds(life)).is_ok(), fits, "{life}");
    }
}

#[tokio::test]
async fn what_has_ended_is_let_go_of_and_there_are_never_too_many() {
    let house = House::new().await;
    let (kept, key) = (Arc::new(Kept::new(LIFE, 8)), house.issuer.key_id());
    let credential = house.minting().mint("analyst").await.unwrap();
    let mut flights = Vec::new();
    for number in 0..100 {
        let now = house.clock.now();
        match kept.look(&format!("principal-{number}"), key, now).unwrap() {
            Look::Missing(flight) if number < 92 => flight.land(Ok(Arc::clone(&credential)), Some(key), now),
            Look::Missing(flight) => flights.push(flight),
            Look::Good(_) | Look::Due(..) | Look::Awaited(_) => panic!("nothing was there"),
        }
        assert!(kept.len() <= 8, "{}", kept.len());
    }
    assert!(kept.look("one more", key, NOW).is_err(), "eight are being made");
    flights.clear();
    assert_eq!(kept.len(), 0, "a flight that came to nothing leaves nothing");
    house.pass(LIFE + Duration::SECOND);
    house.registrar.minted.sweep(house.clock.now());
    assert_eq!(house.registrar.minted.kept(LIFE).len(), 0);
}
