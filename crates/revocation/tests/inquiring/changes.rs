//! What a change of settings forgets, and what it does not.

use std::time::Duration;

use fault::Code;
use identity::{CrlCheck, Verification};

use crate::services::{Answer, Services};
use crate::world::{Authority, DAY, World, begin, lists, refused};

fn with(change: impl FnOnce(&mut CrlCheck)) -> Verification {
    let mut check = CrlCheck::default();
    change(&mut check);
    Verification { crl: Some(check), ..lists() }
}

#[tokio::test]
async fn a_change_of_settings_forgets_no_answer() {
    let (services, root) = (Services::start(), Authority::root());
    services.set("a.crl", Answer::File(root.fresh_list(1, &[7])));
    let world = World::new(&root, lists());
    let (good, bad) = (root.client(6, &[services.url("a.crl")]), root.client(7, &[services.url("a.crl")]));
    world.judge(&[&good]).await.unwrap();
    services.set("a.crl", Answer::Down);
    let world = world.changed_to(&root, with(|check| check.timeout = Duration::from_secs(15)));
    world.recall(&[&good]).unwrap().unwrap();
    refused(world.judge(&[&bad]).await, Code::CertificateRevoked);
    assert_eq!(services.asked("a.crl"), 1);
}

#[tokio::test]
async fn an_answer_counts_for_no_longer_than_the_new_settings_say() {
    let (services, root) = (Services::start(), Authority::root());
    services.set("a.crl", Answer::File(root.fresh_list(1, &[])));
    let world = World::new(&root, lists());
    let client = root.client(6, &[services.url("a.crl")]);
    world.judge(&[&client]).await.unwrap();
    services.set("a.crl", Answer::File(root.list(2, &[6], begin(), begin() + DAY)));
    world.clock.advance(time::Duration::minutes(30));
    let world = world.changed_to(&root, with(|check| check.cache_ttl = Duration::from_secs(60)));
    refused(world.judge(&[&client]).await, Code::CertificateRevoked);
}

#[tokio::test]
async fn an_older_list_is_refused_after_the_newer_one_was_forgotten() {
    let (services, root) = (Services::start(), Authority::root());
    services.set("a.crl", Answer::File(root.fresh_list(5, &[7])));
    let client = root.client(6, &[services.url("a.crl")]);
    let world = World::new(&root, lists());
    world.judge(&[&client]).await.unwrap();
    services.set("a.crl", Answer::File(root.fresh_list(4, &[])));
    let world = world.having_forgotten(&root, lists());
    let refusal = refused(world.judge(&[&client]).await, Code::RevocationUnknown);
    assert!(refusal.cause().contains("older"), "{refusal}");
    services.set("a.crl", Answer::File(root.fresh_list(5, &[7])));
    world.clock.advance(time::Duration::minutes(5));
    world.judge(&[&client]).await.unwrap();
}

#[tokio::test]
async fn who_was_revoked_stays_so_when_everything_else_was_forgotten() {
    let (services, root) = (Services::start(), Authority::root());
    services.set("a.crl", Answer::File(root.fresh_list(5, &[7])));
    services.set("b.crl", Answer::File(root.fresh_list(4, &[])));
    let urls = [services.url("a.crl"), services.url("b.crl")];
    let (world, client) = (World::new(&root, lists()), root.client(7, &urls));
    refused(world.judge(&[&client]).await, Code::CertificateRevoked);
    services.set("a.crl", Answer::Down);
    let world = world.having_forgotten(&root, lists());
    refused(world.judge(&[&client]).await, Code::CertificateRevoked);
    assert_eq!(services.asked("b.crl"), 1);
}
