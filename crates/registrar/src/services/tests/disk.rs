//! What becomes of a certificate whose files are not as they should be: only what is lost is taken back.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use identity::{RevocationReason, Serial};
use ledger::State;
use time::Duration;

use super::house::{BACKEND, House, serial};
use crate::services::{Rules, Services};

fn file(house: &House, serial: &Serial, name: &str) -> PathBuf {
    house.state().join(serial.to_string()).join(name)
}

/// A file that is there and that nobody can open, root included, until the second is called.
fn unreadable(path: PathBuf) -> impl FnOnce() {
    let aside = path.with_extension("aside");
    std::fs::rename(&path, &aside).unwrap();
    std::os::unix::fs::symlink(&path, &path).unwrap();
    move || std::fs::rename(aside, path).unwrap()
}

async fn look_again(services: &Arc<Services>) {
    services.service(BACKEND).held.lock().retry = None;
    services.look().await;
}

/// What has a certificate and cannot use it: nothing is taken back, issued or removed.
async fn waits(house: &House, services: &Arc<Services>, leaf: &Serial) {
    assert!(services.identity(BACKEND).is_none());
    assert!(services.service(BACKEND).held.lock().retry.is_some(), "it is looked at again soon");
    assert_eq!(house.leaves().await.len(), 1);
    assert_eq!(house.state_of(leaf).await, State::Issued);
    assert_eq!(house.note().await.current.map(|leaf| leaf.serial).as_ref(), Some(leaf));
    assert!(file(house, leaf, "tls.crt").symlink_metadata().is_ok());
    assert!(file(house, leaf, "tls.key").symlink_metadata().is_ok());
}

#[tokio::test]
async fn a_file_that_cannot_be_read_for_the_moment_costs_no_certificate() {
    for name in ["tls.key", "tls.crt"] {
        let house = House::new().await;
        let first = serial(&house.provisioned().await);
        let readable = unreadable(file(&house, &first, name));
        let services = house.provisioned().await;
        waits(&house, &services, &first).await;
        look_again(&services).await;
        waits(&house, &services, &first).await;
        readable();
        look_again(&services).await;
        assert_eq!(serial(&services), first, "{name}");
        assert_eq!(house.leaves().await.len(), 1);
    }
}

#[tokio::test]
async fn a_node_that_requires_certificates_does_not_start_while_one_cannot_be_read() {
    let house = House::new().await;
    let first = serial(&house.provisioned().await);
    let _readable = unreadable(file(&house, &first, "tls.key"));
    let services = house.begun(Rules { required: true, ..house.rules() });
    assert!(services.provision().await.is_err());
    waits(&house, &services, &first).await;
}

#[tokio::test]
async fn a_key_that_others_can_read_is_not_used_until_its_mode_is_put_right() {
    let house = House::new().await;
    let first = serial(&house.provisioned().await);
    let key = file(&house, &first, "tls.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let services = house.provisioned().await;
    waits(&house, &services, &first).await;
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    look_again(&services).await;
    assert_eq!(serial(&services), first);
}

#[tokio::test]
async fn a_certificate_from_a_clock_that_was_ahead_waits_for_its_days() {
    let house = House::new().await;
    let first = serial(&house.provisioned().await);
    house.pass(Duration::days(-30));
    let services = house.provisioned().await;
    waits(&house, &services, &first).await;
    house.pass(Duration::days(30));
    look_again(&services).await;
    assert_eq!(serial(&services), first);
}

#[tokio::test]
async fn a_service_that_waits_for_its_files_has_another_certificate_as_soon_as_an_administrator_rotates_it() {
    let house = House::new().await;
    let first = serial(&house.provisioned().await);
    let _readable = unreadable(file(&house, &first, "tls.key"));
    let services = house.provisioned().await;
    let second = Arc::clone(&services).rotate(BACKEND.into(), "admin".into()).await.unwrap().serial;
    assert_eq!(serial(&services), second);
    assert_eq!(house.state_of(&first).await, State::Issued, "others may still hold it");
}

#[tokio::test]
async fn a_certificate_that_cannot_be_read_is_rotated_when_it_is_due() {
    let house = House::new().await;
    let first = serial(&house.provisioned().await);
    let _readable = unreadable(file(&house, &first, "tls.key"));
    house.pass(Duration::days(80));
    let services = house.provisioned().await;
    assert_ne!(serial(&services), first);
    assert_eq!(house.state_of(&first).await, State::Issued);
}

#[tokio::test]
async fn a_certificate_whose_files_are_lost_or_swapped_is_taken_back_and_replaced() {
    for lost in ["tls.key", "tls.crt", "another key", "another pair"] {
        let house = House::new().await;
        let services = house.provisioned().await;
        let former = serial(&services);
        let first = services.rotate(BACKEND.into(), "admin".into()).await.unwrap().serial;
        let copy = |name| std::fs::copy(file(&house, &former, name), file(&house, &first, name)).unwrap();
        match lost {
            "another key" => drop(copy("tls.key")),
            "another pair" => drop((copy("tls.key"), copy("tls.crt"))),
            name => std::fs::remove_file(file(&house, &first, name)).unwrap(),
        }
        let services = house.provisioned().await;
        assert_ne!(serial(&services), first, "{lost}");
        let leaves = house.leaves().await;
        let record = leaves.into_iter().find(|leaf| leaf.draft.serial == first).unwrap();
        let reason = record.revoked.map(|revoked| revoked.reason);
        assert_eq!(reason, Some(RevocationReason::CessationOfOperation), "{lost}");
        assert_eq!(house.state_of(&former).await, State::Issued, "{lost}: the overlap goes on");
    }
}

#[tokio::test]
async fn a_replacement_that_was_begun_waits_for_a_key_that_cannot_be_read() {
    let house = House::new().await;
    let services = house.begun(house.rules());
    // Begun, key kept, recorded, completed.
    services.steps.cut.lock().last = Some(4);
    let cut = Arc::clone(&services.steps.cut);
    assert!(tokio::spawn(async move { services.provision().await }).await.is_err());
    assert_eq!(cut.lock().taken.last(), Some(&"completed"));
    let begun = house.leaves().await.remove(0).draft.serial;
    let readable = unreadable(file(&house, &begun, "tls.key"));
    let services = house.provisioned().await;
    assert!(services.identity(BACKEND).is_none());
    assert_eq!(house.state_of(&begun).await, State::Issued);
    readable();
    look_again(&services).await;
    assert_eq!(serial(&services), begun);
}
