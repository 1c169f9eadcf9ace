//! Lists from distribution points.

use std::sync::Arc;
use std::time::Duration;

use fault::Code;
use identity::{CrlCheck, Verification};
use transport::{Clock as _, Online as _};

use crate::services::{Answer, Services};
use crate::world::{Authority, DAY, World, begin, eventually, lists, lists_fail_open, refused};

fn crl(verification: Verification, change: impl FnOnce(&mut CrlCheck)) -> Verification {
    let mut check = verification.crl.unwrap();
    change(&mut check);
    Verification { crl: Some(check), ..verification }
}

#[tokio::test]
async fn a_revoked_certificate_is_refused_when_it_is_first_seen() {
    let (services, root) = (Services::start(), Authority::root());
    services.set("a.crl", Answer::File(root.fresh_list(1, &[7])));
    let world = World::new(&root, lists());
    let (good, bad) = (root.client(6, &[services.url("a.crl")]), root.client(7, &[services.url("a.crl")]));
    let refusal = refused(world.judge(&[&bad]).await, Code::CertificateRevoked);
    for part in ["serial 07", "keyCompromise", &services.url("a.crl")] {
        assert!(refusal.cause().contains(part), "{refusal}");
    }
    assert!(world.judge(&[&good]).await.unwrap().unanswered().is_empty());
    assert_eq!(services.asked("a.crl"), 1, "one list is enough for both");
}

#[tokio::test]
async fn many_who_ask_at_the_same_time_share_one_request() {
    let (services, root) = (Services::start(), Authority::root());
    services.set("a.crl", Answer::Slow(root.fresh_list(1, &[7]), Duration::from_millis(200)));
    let world = Arc::new(World::new(&root, lists()));
    let mut asking = tokio::task::JoinSet::new();
    for serial in 100..150 {
        let (world, client) = (Arc::clone(&world), root.client(serial, &[services.url("a.crl")]));
        asking.spawn(async move { world.judge(&[&client]).await.is_ok() });
    }
    while let Some(let_in) = asking.join_next().await {
        assert!(let_in.unwrap());
    }
    assert_eq!(services.asked("a.crl"), 1);
}

#[tokio::test]
async fn a_request_goes_on_when_whoever_began_it_leaves() {
    let (services, root) = (Services::start(), Authority::root());
    services.set("a.crl", Answer::Slow(root.fresh_list(1, &[]), Duration::from_millis(100)));
    let world = World::new(&root, lists());
    let client = root.client(6, &[services.url("a.crl")]);
    let verified = world.verified(&[&client]);
    let left = tokio::time::timeout(Duration::from_millis(10), world.inquiries.ask(&verified)).await;
    assert!(left.is_err());
    eventually("the answer in memory", || world.recall(&[&client]).is_some()).await;
    assert_eq!(services.asked("a.crl"), 1);
}

#[tokio::test]
async fn the_second_address_is_asked_where_the_first_does_not_answer() {
    let (services, root) = (Services::start(), Authority::root());
    services.set("second.crl", Answer::File(root.fresh_list(1, &[7])));
    let urls = ["ldap://directory/".to_owned(), services.url("first.crl"), services.url("second.crl")];
    let world = World::new(&root, lists());
    world.judge(&[&root.client(6, &urls)]).await.unwrap();
    refused(world.judge(&[&root.client(7, &urls)]).await, Code::CertificateRevoked);
    assert_eq!((services.asked("first.crl"), services.asked("second.crl")), (1, 1));
}

#[tokio::test]
async fn without_an_answer_it_is_refused_and_let_in_after_recovery() {
    let (services, root) = (Services::start(), Authority::root());
    let world = World::new(&root, lists());
    let client = root.client(6, &[services.url("a.crl")]);
    let refusal = refused(world.judge(&[&client]).await, Code::RevocationUnknown);
    assert!(refusal.cause().contains("503"), "{refusal}");
    services.set("a.crl", Answer::File(root.fresh_list(1, &[])));
    world.clock.advance(time::Duration::minutes(5));
    world.judge(&[&client]).await.unwrap();
}

#[tokio::test]
async fn a_failure_is_remembered_no_longer_than_it_may_be() {
    let (services, root) = (Services::start(), Authority::root());
    let world = World::new(&root, lists());
    let client = root.client(6, &[services.url("a.crl")]);
    refused(world.judge(&[&client]).await, Code::RevocationUnknown);
    assert!(world.recall(&[&client]).is_some_and(|verdict| verdict.is_err()), "it is an answer for a while");
    world.clock.advance(time::Duration::minutes(5));
    assert!(world.recall(&[&client]).is_none(), "and then none");
}

#[tokio::test]
async fn failing_open_lets_in_with_a_warning_whom_nobody_answers_for_and_never_whom_somebody_revokes() {
    let (services, root) = (Services::start(), Authority::root());
    let world = World::new(&root, lists_fail_open());
    let down = root.client(6, &[services.url("down.crl")]);
    let warnings = world.judge(&[&down]).await.unwrap().warnings().to_vec();
    assert!(warnings.len() == 1 && warnings[0].contains("503"), "{warnings:?}");
    services.set("up.crl", Answer::File(root.fresh_list(1, &[7])));
    let revoked = root.client(7, &[services.url("down.crl"), services.url("up.crl")]);
    refused(world.judge(&[&revoked]).await, Code::CertificateRevoked);
    services.set("up.crl", Answer::Down);
    world.clock.advance(3 * DAY);
    refused(world.judge(&[&revoked]).await, Code::CertificateRevoked);
}

#[tokio::test]
async fn a_list_with_a_wrong_signature_refuses_everybody_in_both_failure_modes() {
    let (services, root) = (Services::start(), Authority::root());
    let mut list = root.fresh_list(1, &[]);
    *list.last_mut().unwrap() ^= 1;
    services.set("a.crl", Answer::File(list));
    for policy in [lists(), lists_fail_open()] {
        let world = World::new(&root, policy);
        let client = root.client(6, &[services.url("a.crl")]);
        let refusal = refused(world.judge(&[&client]).await, Code::RevocationUnknown);
        assert!(refusal.cause().contains("signature"), "{refusal}");
    }
}

#[tokio::test]
async fn another_authoritys_list_is_no_answer() {
    let (services, root) = (Services::start(), Authority::root());
    services.set("a.crl", Answer::File(Authority::root().fresh_list(1, &[])));
    let world = World::new(&root, lists());
    refused(world.judge(&[&root.client(6, &[services.url("a.crl")])]).await, Code::RevocationUnknown);
}

#[tokio::test]
async fn intermediates_are_asked_about_too() {
    let (services, root) = (Services::start(), Authority::root());
    services.set("root.crl", Answer::File(root.fresh_list(1, &[50])));
    let urls = [services.url("root.crl")];
    let (good, bad) = (root.below(49, &urls), root.below(50, &urls));
    for (intermediate, path) in [(&good, "good.crl"), (&bad, "bad.crl")] {
        services.set(path, Answer::File(intermediate.fresh_list(1, &[])));
    }
    let world = World::new(&root, lists());
    let client = good.client(6, &[services.url("good.crl")]);
    world.judge(&[&client, &good.certificate]).await.unwrap();
    let client = bad.client(6, &[services.url("bad.crl")]);
    let refusal = refused(world.judge(&[&client, &bad.certificate]).await, Code::CertificateRevoked);
    assert!(refusal.cause().contains("Intermediate"), "{refusal}");
    let leaf_only = World::new(&root, Verification { check_intermediates: false, ..lists() });
    leaf_only.judge(&[&client, &bad.certificate]).await.unwrap();
}

#[tokio::test]
async fn a_list_counts_until_its_next_update_where_that_is_sooner_than_the_cache_would_keep_it() {
    let (services, root) = (Services::start(), Authority::root());
    let hour = time::Duration::hours(1);
    services.set("a.crl", Answer::File(root.list(1, &[], begin() - DAY, begin() + hour)));
    let world = World::new(&root, lists());
    let client = root.client(6, &[services.url("a.crl")]);
    world.judge(&[&client]).await.unwrap();
    services.set("a.crl", Answer::File(root.list(2, &[6], begin(), begin() + 2 * hour)));
    world.clock.advance(hour);
    refused(world.judge(&[&client]).await, Code::CertificateRevoked);
}

#[tokio::test]
async fn an_outdated_list_counts_for_its_grace_where_no_newer_one_can_be_had_and_no_longer() {
    let (services, root) = (Services::start(), Authority::root());
    services.set("a.crl", Answer::File(root.fresh_list(1, &[7])));
    let world = World::new(&root, crl(lists(), |check| check.grace = Duration::from_secs(3600)));
    let (good, bad) = (root.client(6, &[services.url("a.crl")]), root.client(7, &[services.url("a.crl")]));
    world.judge(&[&good]).await.unwrap();
    services.set("a.crl", Answer::Down);
    world.clock.advance(DAY + time::Duration::minutes(30));
    world.judge(&[&good]).await.unwrap();
    world.clock.advance(time::Duration::minutes(31));
    refused(world.judge(&[&good]).await, Code::RevocationUnknown);
    refused(world.judge(&[&bad]).await, Code::CertificateRevoked);
}

#[tokio::test]
async fn a_list_that_is_outdated_when_it_is_fetched_counts_for_its_grace_alone() {
    let (services, root) = (Services::start(), Authority::root());
    services.set("a.crl", Answer::File(root.list(1, &[7], begin() - 3 * DAY, begin() - DAY / 2)));
    let urls = [services.url("a.crl")];
    let world = World::new(&root, lists());
    world.judge(&[&root.client(6, &urls)]).await.unwrap();
    let world = World::new(&root, crl(lists(), |check| check.grace = Duration::ZERO));
    refused(world.judge(&[&root.client(6, &urls)]).await, Code::RevocationUnknown);
    refused(world.judge(&[&root.client(7, &urls)]).await, Code::CertificateRevoked);
}

#[tokio::test]
async fn an_older_list_never_takes_the_place_of_a_newer_one() {
    let (services, root) = (Services::start(), Authority::root());
    services.set("a.crl", Answer::File(root.fresh_list(5, &[7])));
    let world = World::new(&root, lists());
    let (good, bad) = (root.client(6, &[services.url("a.crl")]), root.client(7, &[services.url("a.crl")]));
    refused(world.judge(&[&bad]).await, Code::CertificateRevoked);
    services.set("a.crl", Answer::File(root.list(4, &[], begin(), begin() + 9 * DAY)));
    world.clock.advance(DAY + time::Duration::hours(1));
    world.judge(&[&good]).await.unwrap();
    refused(world.judge(&[&bad]).await, Code::CertificateRevoked);
    let failure = world.inquiries.shown()[0].failure.clone();
    assert!(failure.as_deref().is_some_and(|why| why.contains("older")), "{failure:?}");
}

#[tokio::test]
async fn a_list_is_fetched_again_before_it_ends_without_anybody_waiting_for_it() {
    let (services, root) = (Services::start(), Authority::root());
    services.set("a.crl", Answer::File(root.fresh_list(1, &[])));
    let world = World::new(&root, lists());
    let client = root.client(6, &[services.url("a.crl")]);
    world.judge(&[&client]).await.unwrap();
    services.set("a.crl", Answer::File(root.list(2, &[6], begin(), begin() + 9 * DAY)));
    let mut changed = world.changed.subscribe();
    changed.mark_unchanged();
    world.clock.advance(time::Duration::hours(21));
    eventually("the second request", || services.asked("a.crl") == 2).await;
    changed.changed().await.unwrap();
    eventually("the new list's word", || world.recall(&[&client]).is_some_and(|verdict| verdict.is_err()))
        .await;
}

#[tokio::test]
async fn what_nobody_uses_is_not_fetched_again_after_everybody_was_asked_once() {
    let (services, root) = (Services::start(), Authority::root());
    services.set("a.crl", Answer::File(root.list(1, &[], begin(), begin() + 99 * DAY)));
    let world = World::new(&root, lists());
    let client = root.client(6, &[services.url("a.crl")]);
    world.judge(&[&client]).await.unwrap();
    let mut changed = world.changed.subscribe();
    let fetched_now = || world.inquiries.shown()[0].fetched_at == Some(world.clock.now());
    world.clock.advance(time::Duration::hours(21));
    eventually("the second list", fetched_now).await;
    // Now it is asked around whether anybody still needs it.
    changed.mark_unchanged();
    world.clock.advance(time::Duration::hours(21));
    changed.changed().await.unwrap();
    assert!(world.recall(&[&client]).is_some(), "a live session does");
    eventually("the third list", fetched_now).await;
    // It was used at this moment; from the next one on nobody does.
    world.clock.advance(time::Duration::hours(21));
    eventually("the fourth list", fetched_now).await;
    changed.mark_unchanged();
    world.clock.advance(time::Duration::hours(21));
    changed.changed().await.unwrap();
    world.clock.advance(time::Duration::hours(21));
    changed.changed().await.unwrap();
    assert_eq!(services.asked("a.crl"), 4, "nobody needed it any more, and it has ended");
}

#[tokio::test]
async fn a_list_that_is_fetched_at_the_start_keeps_nobody_waiting() {
    let (services, root) = (Services::start(), Authority::root());
    services.set("a.crl", Answer::File(root.fresh_list(1, &[7])));
    let world = World::prefetching(&root, lists(), vec![services.url("a.crl")]);
    eventually("the list", || services.asked("a.crl") == 1).await;
    services.set("a.crl", Answer::Down);
    world.judge(&[&root.client(6, &[services.url("a.crl")])]).await.unwrap();
    refused(world.judge(&[&root.client(7, &[services.url("a.crl")])]).await, Code::CertificateRevoked);
    assert_eq!(services.asked("a.crl"), 1);
    assert_eq!(world.clock.now(), begin());
}

#[tokio::test]
async fn a_certificate_that_names_nobody_to_ask_is_judged_by_the_failure_mode() {
    let root = Authority::root();
    let client = root.client(6, &[]);
    refused(World::new(&root, lists()).judge(&[&client]).await, Code::RevocationUnknown);
    World::new(&root, lists_fail_open()).judge(&[&client]).await.unwrap();
}
