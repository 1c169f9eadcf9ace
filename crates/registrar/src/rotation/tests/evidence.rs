use ledger::{AuditFilter, AuditKind, Ledger};
use time::Duration;

use super::world::{DAY, World};
use crate::rotation::report::{Holdings, Sighting};
use crate::rotation::{Of, Phase, Status};

fn client() -> Of {
    Of::Issuer("client".to_owned())
}

#[tokio::test]
async fn the_leaves_stay_until_every_node_that_reports_holds_the_new_ones() {
    for of in [client(), Of::Root] {
        let mut world = World::new().await;
        let before = world.holdings();
        world.reported("one:/realm", before.clone(), Vec::new()).await;
        world.reported("stuck:/realm", before, Vec::new()).await;
        world.begin(&of).await.unwrap();
        world.reported("one:/realm", world.holdings(), Vec::new()).await;
        let (files, note) = (world.files(), world.note().await);
        let fault = world.hands().await.advance(&[]).await.unwrap_err().to_string();
        assert!(fault.contains("node stuck:/realm does not hold"), "{fault}");
        assert!(!fault.contains("one:/realm"), "{fault}");
        assert_eq!((world.files(), world.note().await), (files, note), "nothing has changed");
        // Said by hand, and on record.
        world.now += Duration::MINUTE;
        let done = world.hands().await.advance(&["stuck:/realm".to_owned()]).await.unwrap();
        assert_eq!(done.rotation.phase, Phase::Moved);
        let filter = AuditFilter { kind: Some(AuditKind::Admin), ..AuditFilter::default() };
        let said = world.ledger.audit_events(filter).await.unwrap().entries;
        let by_hand =
            said.iter().find(|event| event.cause.as_ref().unwrap().contains("stuck:/realm")).unwrap();
        assert_eq!(by_hand.principal.as_deref(), Some("tester"));
    }
}

#[tokio::test]
async fn the_old_one_stays_while_anybody_comes_by_it_and_goes_when_forced_by_name() {
    let mut world = World::new().await;
    world.reported("one:/realm", world.holdings(), Vec::new()).await;
    world.client("analyst").await;
    world.begin(&client()).await.unwrap();
    world.reported("one:/realm", world.holdings(), Vec::new()).await;
    world.now += Duration::HOUR;
    world.hands().await.advance(&[]).await.unwrap();
    world.now += DAY * 8;
    let sighting = Sighting {
        principal: Some("analyst".to_owned()),
        subject: "CN=analyst".to_owned(),
        serial: "01".to_owned(),
        at: (world.now - Duration::HOUR).unix_timestamp(),
    };
    world.reported("one:/realm", world.holdings(), vec![sighting]).await;
    let files = world.files();
    let refused = |fault: fault::Fault| fault.to_string();
    let fault = refused(world.hands().await.finish(DAY * 7, &[], &[]).await.unwrap_err());
    for words in ["principal analyst", "serial 01", "one:/realm", "--force \"analyst\""] {
        assert!(fault.contains(words), "expected {words:?}: {fault}");
    }
    refused(world.hands().await.finish(DAY * 7, &[], &["somebody-else".to_owned()]).await.unwrap_err());
    assert_eq!(world.files(), files, "nothing has changed");
    let both = ["analyst".to_owned(), "anlyst".to_owned()];
    let fault = refused(world.hands().await.finish(DAY * 7, &[], &both).await.unwrap_err());
    assert!(fault.contains("nothing that is called \"anlyst\" is in the way"), "{fault}");
    assert!(fault.contains("what is in the way is called \"analyst\""), "{fault}");
    assert_eq!(world.files(), files, "nothing has changed");
    let done = world.hands().await.finish(DAY * 7, &[], &["analyst".to_owned()]).await.unwrap();
    assert_eq!((done.rotation.phase, done.overruled.len()), (Phase::Removed, 1));
    let filter = AuditFilter { kind: Some(AuditKind::Admin), ..AuditFilter::default() };
    let said = world.ledger.audit_events(filter).await.unwrap().entries;
    let causes: Vec<String> = said.into_iter().filter_map(|event| event.cause).collect();
    assert!(causes[0].contains("removed, against: principal analyst"), "{causes:?}");
}

#[tokio::test]
async fn a_node_that_is_behind_or_silent_keeps_the_old_one() {
    let mut world = World::new().await;
    let before = world.holdings();
    world.begin(&client()).await.unwrap();
    let held = world.holdings();
    world.reported("one:/realm", held.clone(), Vec::new()).await;
    world.hands().await.advance(&[]).await.unwrap();
    world.now += DAY * 8;
    // It still issues by the old one.
    let behind = Holdings { issues_by: before.issues_by, ..held };
    world.reported("one:/realm", behind, Vec::new()).await;
    let fault = world.hands().await.finish(DAY * 7, &[], &[]).await.unwrap_err().to_string();
    assert!(fault.contains("node one:/realm still issues by the old client issuer"), "{fault}");
    world.reported("one:/realm", world.holdings(), Vec::new()).await;
    world.now += Duration::HOUR;
    let fault = world.hands().await.finish(DAY * 7, &[], &[]).await.unwrap_err().to_string();
    assert!(fault.contains("node one:/realm has not been heard of since"), "{fault}");
    world.reported("one:/realm", world.holdings(), Vec::new()).await;
    world.hands().await.finish(DAY * 7, &[], &[]).await.unwrap();
}

#[tokio::test]
async fn before_the_move_the_status_names_of_every_subject_the_newest_certificate_alone() {
    let mut world = World::new().await;
    let (_former, analyst) = (world.client("analyst").await, world.client("analyst").await);
    world.begin(&client()).await.unwrap();
    world.now += Duration::HOUR;
    let renewed = world.client("admin").await;
    let status = Status::read(&world.ledger, DAY * 7, world.now).await.unwrap();
    let named: Vec<&str> = status.below.holders.iter().map(|holder| holder.serial.as_str()).collect();
    let serials = [renewed, analyst].map(|certificate| certificate.identity().serial().to_string());
    assert_eq!(named, serials);
}

#[tokio::test]
async fn the_status_names_whoever_has_not_come_for_another_certificate() {
    for of in [client(), Of::Root] {
        let mut world = World::new().await;
        let (analyst, admin) = (world.client("analyst").await, world.client("admin").await);
        world.begin(&of).await.unwrap();
        world.now += Duration::HOUR;
        world.hands().await.advance(&[]).await.unwrap();
        world.now += Duration::HOUR;
        let renewed = world.client("admin").await;
        let status = Status::read(&world.ledger, DAY * 7, world.now).await.unwrap();
        let named: Vec<&str> = status.below.holders.iter().map(|holder| holder.serial.as_str()).collect();
        assert_eq!(named, [analyst.identity().serial().to_string()], "{of}");
        // The renewal hint says the same, until the old one is gone.
        for (certificate, asked) in [(&admin, true), (&analyst, true), (&renewed, false)] {
            assert_eq!(world.is_asked_to_renew(certificate).await, asked, "{of}");
        }
        world.now += DAY * 8;
        world.hands().await.finish(DAY * 7, &[], &[]).await.unwrap();
        assert!(!world.is_asked_to_renew(&analyst).await);
    }
}
