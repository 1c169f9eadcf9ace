//! A process that dies after any step leaves nothing that the next one does not put right.

use std::collections::BTreeSet;
use std::sync::Arc;

use identity::{RevocationReason, Serial};
use ledger::State;
use time::Duration;

use super::house::{BACKEND, House, serial};
use crate::services::Services;

/// What the process was doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    Provisioning,
    Rotating,
    EndingAnOverlap,
    Revoking,
    RevokingDuringAnOverlap,
}

impl Doing {
    async fn prepare(self, house: &House) -> Option<Serial> {
        let services = match self {
            Self::Provisioning => return None,
            _ => house.provisioned().await,
        };
        let first = serial(&services);
        match self {
            Self::Rotating => house.pass(Duration::days(80)),
            Self::EndingAnOverlap => {
                services.rotate(BACKEND.into(), "admin".into()).await.unwrap();
                house.pass(Duration::days(2));
            }
            Self::RevokingDuringAnOverlap => {
                services.rotate(BACKEND.into(), "admin".into()).await.unwrap();
            }
            Self::Provisioning | Self::Revoking => {}
        }
        Some(first)
    }

    async fn act(self, services: Arc<Services>) {
        match self {
            Self::Revoking | Self::RevokingDuringAnOverlap => {
                services.provision().await.unwrap();
                let reason = RevocationReason::KeyCompromise;
                let _ = services.revoke(BACKEND.into(), reason, "admin".into()).await;
            }
            _ => services.provision().await.unwrap(),
        }
    }
}

async fn dies_at_each_step(doing: Doing) {
    let mut seen = Vec::new();
    for last in 1.. {
        let house = House::new().await;
        let first = doing.prepare(&house).await;
        let services = house.begun(house.rules());
        services.steps.cut.lock().last = Some(last);
        let cut = Arc::clone(&services.steps.cut);
        let ended = tokio::spawn(doing.act(services)).await;
        if ended.is_ok() {
            assert!(seen.len() >= 2, "{doing:?}: {seen:?}");
            return;
        }
        seen = cut.lock().taken.clone();
        let after = house.provisioned().await;
        in_order(&house, &after, first.as_ref(), doing, &seen).await;
        // And once more: what was put right stays.
        let current = serial(&after);
        drop(after);
        let again = house.provisioned().await;
        assert_eq!(serial(&again), current, "{doing:?} {seen:?}");
    }
}

async fn in_order(
    house: &House,
    services: &Arc<Services>,
    first: Option<&Serial>,
    doing: Doing,
    seen: &[&str],
) {
    let told = format!("{doing:?} cut after {seen:?}");
    let current = serial(services);
    let on_disk = house.on_disk("current").unwrap_or_else(|| panic!("{told}: no pair on disk"));
    assert_eq!(*on_disk.leaf().identity().serial(), current, "{told}");
    let kept = house.note().await;
    assert_eq!(kept.pending, None, "{told}");
    assert_eq!(kept.current.as_ref().map(|leaf| &leaf.serial), Some(&current), "{told}");
    let known: BTreeSet<Serial> = kept.serials().cloned().collect();
    for leaf in house.leaves().await {
        let good = known.contains(&leaf.draft.serial);
        match leaf.state {
            State::Issued => assert!(good, "{told}: {} is good and nobody has it", leaf.draft.serial),
            State::Abandoned | State::Revoked => assert!(!good, "{told}"),
            State::Drafted => panic!("{told}: a draft did not end"),
        }
    }
    let names = std::fs::read_dir(house.state()).unwrap().map(|entry| entry.unwrap().file_name());
    for name in names.map(|name| name.into_string().unwrap()) {
        let link = name == "current" || name == "previous";
        assert!(link || known.iter().any(|serial| serial.to_string() == name), "{told}: {name} is left");
    }
    match (doing, first) {
        (Doing::Revoking, Some(first)) if !seen.contains(&"begun") => {
            assert_eq!(*first, current, "{told}");
            assert_eq!(house.state_of(first).await, State::Issued, "{told}: both or neither");
        }
        (Doing::Revoking, Some(first)) => {
            assert_ne!(*first, current, "{told}");
            assert_eq!(house.state_of(first).await, State::Revoked, "{told}: both or neither");
        }
        (Doing::RevokingDuringAnOverlap, Some(former)) => {
            let begun = if seen.contains(&"begun") { State::Revoked } else { State::Issued };
            assert_eq!(house.state_of(former).await, begun, "{told}: all or none");
        }
        (Doing::EndingAnOverlap, Some(first)) => {
            assert_eq!(house.state_of(first).await, State::Revoked, "{told}");
        }
        (Doing::Rotating, Some(first)) => {
            assert_eq!(house.state_of(first).await, State::Issued, "{told}: the overlap");
        }
        _ => {}
    }
}

#[tokio::test]
async fn a_crash_at_any_step_of_provisioning_leaves_one_good_leaf() {
    dies_at_each_step(Doing::Provisioning).await;
}

#[tokio::test]
async fn a_crash_at_any_step_of_a_rotation_leaves_both_leaves_good() {
    dies_at_each_step(Doing::Rotating).await;
}

#[tokio::test]
async fn a_crash_at_any_step_of_ending_an_overlap_ends_it() {
    dies_at_each_step(Doing::EndingAnOverlap).await;
}

#[tokio::test]
async fn a_crash_at_any_step_of_revoking_during_an_overlap_revokes_all_or_none() {
    dies_at_each_step(Doing::RevokingDuringAnOverlap).await;
}

#[tokio::test]
async fn a_crash_at_any_step_of_revoking_revokes_and_replaces() {
    dies_at_each_step(Doing::Revoking).await;
}
