use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use authority::RotationRules;
use identity::RevocationReason;
use ledger::State;
use time::Duration;
use tokio_util::sync::CancellationToken;

use super::house::{BACKEND, House, serial};
use crate::services::act::Undone;
use crate::services::due::Standing;
use crate::services::{Rules, Services};

#[tokio::test]
async fn a_service_has_a_leaf_from_the_start_on_and_a_restart_does_not_reissue() {
    let house = House::new().await;
    let services = house.provisioned().await;
    let first = services.identity(BACKEND).unwrap();
    let identity = first.leaf().identity();
    assert_eq!(identity.subject().to_string(), "CN=backend,O=test,OU=countersign-internal");
    assert_eq!(first.chain().len(), 2, "the issuer goes out with the leaf");
    for name in ["tls.crt", "tls.key"] {
        let mode = house.state().join("current").join(name).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    house.pass(Duration::days(1));
    drop(services);
    let again = house.provisioned().await;
    assert_eq!(serial(&again), *identity.serial());
    assert_eq!(house.leaves().await.len(), 1);
    let (listed, _) = again.listed().await.unwrap();
    assert_eq!(listed.first().map(|shown| shown.standing), Some(Standing::Ok));
}

#[tokio::test]
async fn with_thirteen_days_left_it_is_rotated_and_with_fifteen_it_is_not() {
    let house = House::new().await;
    let services = house.provisioned().await;
    let first = serial(&services);
    house.pass(Duration::days(75));
    services.look().await;
    assert_eq!(serial(&services), first);
    house.pass(Duration::days(2));
    services.look().await;
    let second = serial(&services);
    assert_ne!(second, first);
    assert_eq!((house.state_of(&first).await, house.state_of(&second).await), (State::Issued, State::Issued));
    let previous = house.on_disk("previous").unwrap();
    assert_eq!(*previous.leaf().identity().serial(), first);
    assert_eq!(*house.on_disk("current").unwrap().leaf().identity().serial(), second);
}

#[tokio::test]
async fn the_one_before_ends_with_the_overlap_and_its_files_go() {
    let house = House::new().await;
    let services = house.provisioned().await;
    let first = serial(&services);
    let second = Arc::clone(&services).rotate(BACKEND.into(), "admin".into()).await.unwrap().serial;
    house.pass(Duration::hours(23));
    services.look().await;
    assert_eq!(house.state_of(&first).await, State::Issued);
    house.pass(Duration::hours(1));
    services.look().await;
    let revoked = house.leaves().await.into_iter().find(|leaf| leaf.draft.serial == first).unwrap();
    assert_eq!(revoked.revoked.map(|revoked| revoked.reason), Some(RevocationReason::Superseded));
    let left: BTreeSet<String> = std::fs::read_dir(house.state())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(left, BTreeSet::from(["current".to_owned(), second.to_string()]));
    assert_eq!(house.note().await.former, []);
}

#[tokio::test]
async fn a_leaf_of_minutes_is_rotated_within_them_and_not_at_every_look() {
    let house = House::new().await;
    let rules = house.rules();
    let profile = rules.profile.clone().with_lifetime(Duration::minutes(1)).unwrap();
    let services = house.begun(Rules { profile, ..rules });
    services.provision().await.unwrap();
    for _ in 0..5 {
        services.look().await;
    }
    assert_eq!(house.leaves().await.len(), 1);
    house.pass(Duration::seconds(41));
    services.look().await;
    services.look().await;
    assert_eq!(house.leaves().await.len(), 2);
    house.pass(Duration::seconds(60));
    services.look().await;
    let states: Vec<State> = house.leaves().await.into_iter().map(|leaf| leaf.state).collect();
    assert_eq!(states, [State::Issued, State::Issued, State::Issued], "what expired needs no revocation");
    assert_eq!(house.note().await.former, []);
}

#[tokio::test]
async fn a_revoked_leaf_is_replaced_first_and_stays_revoked_after_a_restart() {
    let house = House::new().await;
    let services = house.provisioned().await;
    let first = serial(&services);
    let asked = Arc::clone(&services).revoke(BACKEND.into(), RevocationReason::KeyCompromise, "admin".into());
    let replaced = asked.await.unwrap();
    assert_eq!((replaced.revoked, replaced.also), (first.clone(), vec![]));
    assert_eq!(house.state_of(&first).await, State::Revoked);
    assert!(house.on_disk("previous").is_none(), "what was taken back is not kept");
    drop(services);
    let again = house.provisioned().await;
    assert_eq!(serial(&again), replaced.leaf.serial);
}

#[tokio::test]
async fn a_revocation_after_a_rotation_takes_the_ones_before_it_back_as_well() {
    let house = House::new().await;
    let services = house.provisioned().await;
    let first = serial(&services);
    let second = Arc::clone(&services).rotate(BACKEND.into(), "admin".into()).await.unwrap().serial;
    let asked = Arc::clone(&services).revoke(BACKEND.into(), RevocationReason::KeyCompromise, "admin".into());
    let replaced = asked.await.unwrap();
    assert_eq!((&replaced.revoked, &replaced.also), (&second, &vec![first.clone()]));
    for leaf in house.leaves().await {
        let reason = leaf.revoked.map(|revoked| revoked.reason);
        let stolen = [&first, &second].contains(&&leaf.draft.serial);
        assert_eq!(reason, stolen.then_some(RevocationReason::KeyCompromise));
    }
    assert_eq!(house.note().await.former, []);
    assert!(!house.state().join(first.to_string()).exists());
}

#[tokio::test]
async fn where_no_replacement_can_be_issued_nothing_is_revoked() {
    let house = House::new().await;
    let services = house.provisioned().await;
    let first = serial(&services);
    let permitted = house.rules();
    // A profile whose registry has lost the service: the draft is refused.
    let profile = authority::Profile::service().with_registry(["worker".to_owned()]);
    services.adopt(Rules { profile, ..permitted });
    let asked = Arc::clone(&services).revoke(BACKEND.into(), RevocationReason::KeyCompromise, "admin".into());
    assert!(matches!(asked.await, Err(Undone::Failed(_))));
    assert_eq!((house.state_of(&first).await, serial(&services)), (State::Issued, first));
    assert_eq!(house.note().await.pending, None);
}

#[tokio::test]
async fn a_leaf_that_somebody_else_revoked_is_replaced_however_often_that_fails_before() {
    let house = House::new().await;
    let services = house.provisioned().await;
    let first = house.note().await.current.unwrap();
    let now = first.issued_at;
    house.ledger.revoke(first.id(), RevocationReason::KeyCompromise, now).await.unwrap();
    services.adopt(Rules { authority: None, ..house.rules() });
    services.look().await;
    assert!(services.identity(BACKEND).is_none(), "what was revoked is no identity");
    services.adopt(house.rules());
    services.service(BACKEND).held.lock().retry = None;
    services.look().await;
    assert_ne!(serial(&services), first.serial);
}

#[tokio::test]
async fn a_leaf_whose_key_is_lost_is_taken_back_and_replaced() {
    let house = House::new().await;
    let first = serial(&house.provisioned().await);
    std::fs::remove_file(house.state().join("current/tls.key")).unwrap();
    let services = house.provisioned().await;
    assert_ne!(serial(&services), first);
    assert_eq!(house.state_of(&first).await, State::Revoked);
}

#[tokio::test]
async fn files_that_no_note_speaks_of_are_taken_back_and_removed() {
    let house = House::new().await;
    let first = serial(&house.provisioned().await);
    let note = house.ledger.note(ledger::Shelf::Services, house.key()).await.unwrap().unwrap();
    house.ledger.remove_note(ledger::Shelf::Services, note.key, note.version).await.unwrap();
    let services = house.provisioned().await;
    assert_ne!(serial(&services), first);
    assert_eq!(house.state_of(&first).await, State::Revoked);
    assert!(!house.state().join(first.to_string()).exists());
}

#[tokio::test]
async fn without_an_issuer_what_there_is_goes_on_and_nothing_is_issued() {
    let house = House::new().await;
    let first = serial(&house.provisioned().await);
    let services = house.begun(Rules { authority: None, ..house.rules() });
    services.provision().await.unwrap();
    assert_eq!(serial(&services), first);
    let (listed, _) = services.listed().await.unwrap();
    assert_eq!(listed.len(), 1);
    let Err(Undone::Unconfigured(fault)) = Arc::clone(&services).rotate(BACKEND.into(), "admin".into()).await
    else {
        panic!("issued without an issuer")
    };
    assert!(
        fault.what().starts_with("Intermediate CA not configured — set COUNTERSIGN_INTERMEDIATE_CA_CERT_PEM")
    );
    let Err(Undone::Unknown(fault)) = services.rotate("payments".into(), "admin".into()).await else {
        panic!("an unregistered service was served")
    };
    assert_eq!(fault.what(), "service 'payments' is not in the registered service registry");
}

#[tokio::test]
async fn a_node_that_requires_certificates_does_not_start_without() {
    let house = House::new().await;
    let rules = Rules { authority: None, required: true, ..house.rules() };
    let faults = house.begun(rules).provision().await.unwrap_err();
    assert!(faults.iter().any(|fault| fault.what().starts_with("Intermediate CA not configured")));
}

#[tokio::test]
async fn a_service_outside_the_issuers_name_constraints_gets_nothing() {
    let house = House::new().await;
    let registered = ["payments".to_owned()];
    let profile = authority::Profile::service().with_registry(registered.clone());
    let rules = Rules { profile, registered: registered.into(), required: true, ..house.rules() };
    let faults = house.begun(rules).provision().await.unwrap_err();
    let said = faults.iter().map(ToString::to_string).collect::<String>();
    assert!(said.contains("the issuer's own certificate does not allow this certificate"), "{said}");
    assert_eq!(house.leaves().await, []);
    assert_eq!(house.note().await.pending, None);
}

#[tokio::test]
async fn a_second_rotation_at_the_same_moment_is_a_conflict() {
    let house = House::new().await;
    let services = house.provisioned().await;
    let service = services.service(BACKEND);
    let alone = service.walk.lock().await;
    let asked = Arc::clone(&services).rotate(BACKEND.into(), "admin".into()).await;
    assert!(matches!(asked, Err(Undone::Conflict(_))));
    drop(alone);
    assert!(services.rotate(BACKEND.into(), "admin".into()).await.is_ok());
}

#[tokio::test]
async fn an_issuer_that_ends_is_not_asked_for_leaves_that_would_end_no_later() {
    let house = House::new().await;
    let services = house.provisioned().await;
    // 700 days on, every leaf is cut short by the issuer's end.
    house.pass(Duration::days(700));
    services.look().await;
    let cut = serial(&services);
    house.pass(Duration::days(20));
    services.look().await;
    services.look().await;
    assert_eq!(serial(&services), cut);
}

/// Steps of a wall clock, forwards and backwards, while the keeper's own time goes on.
#[tokio::test(start_paused = true)]
async fn the_keeper_rotates_what_is_due_though_the_clock_jumps() {
    let house = House::new().await;
    let services = house.provisioned().await;
    let (stop, mut replaced) = (CancellationToken::new(), services.replaced());
    let keeping = tokio::spawn(Arc::clone(&services).keep(stop.clone()));
    let first = serial(&services);
    house.pass(Duration::days(-3));
    tokio::time::sleep(std::time::Duration::from_secs(300)).await;
    assert_eq!(serial(&services), first);
    replaced.mark_unchanged();
    house.pass(Duration::days(3) + Duration::days(77));
    replaced.changed().await.unwrap();
    assert_ne!(serial(&services), first);
    stop.cancel();
    keeping.await.unwrap();
}

#[tokio::test]
async fn each_of_two_nodes_that_share_a_ledger_has_a_leaf_of_its_own() {
    let house = House::new().await;
    let here = house.provisioned().await;
    let elsewhere = tempfile::tempdir().unwrap();
    let (ledger, clock) = (Arc::clone(&house.ledger), Arc::new(house.clock.clone()));
    let mut registry = prometheus_client::registry::Registry::default();
    let there =
        Arc::new(Services::new(ledger, clock, elsewhere.path(), house.rules(), &mut registry).unwrap());
    there.provision().await.unwrap();
    assert_ne!(serial(&here), serial(&there));
    for services in [&here, &there] {
        let before = serial(services);
        services.look().await;
        assert_eq!(serial(services), before);
    }
}

#[tokio::test]
async fn whoever_is_rotated_without_end_keeps_only_so_many() {
    let house = House::new().await;
    let rotation =
        RotationRules { overlap: std::time::Duration::from_secs(86_400 * 30), ..RotationRules::default() };
    let services = house.begun(Rules { rotation, ..house.rules() });
    services.provision().await.unwrap();
    for _ in 0..20 {
        Arc::clone(&services).rotate(BACKEND.into(), "admin".into()).await.unwrap();
        assert!(house.note().await.former.len() <= 17, "the one that ends at once included");
    }
    services.look().await;
    assert_eq!(house.note().await.former.len(), 16);
}
