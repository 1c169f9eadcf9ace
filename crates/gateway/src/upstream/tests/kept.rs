//! Links that are kept for the next client.

use std::sync::Arc;
use std::time::Duration;

use access::Level;
use identity::Credential;
use testkit::patience::wait_for;
use time::OffsetDateTime;
use transport::{Clock as _, SystemClock, TestClock};

use super::{ask, credential, role, server, spec, wanted};
use crate::upstream::{Identifies, SharedIdentity, Upstream, UpstreamSpec, Wanted, Warm};

const PID: &str = "SELECT pg_backend_pid()";

fn keeping(warm: Warm) -> UpstreamSpec {
    UpstreamSpec { warm: Some(warm), ..spec(server(), Identifies::Shared(SharedIdentity::default())) }
}

fn long() -> Warm {
    Warm { most: 2, idle: Duration::from_secs(600) }
}

#[tokio::test]
async fn a_link_is_kept_for_the_same_principal_and_role_and_forgets_what_was_before() {
    let upstream = Upstream::new(keeping(long())).unwrap();
    let (writes, reads) = (role("trusted", Level::ReadWrite), role("trusted", Level::ReadOnly));
    let ann = wanted(Some("ann"), &writes);
    let mut link = upstream.open(&ann).await.unwrap();
    let first = ask(&mut link, PID).await.unwrap();
    ask(
        &mut link,
        "CREATE TEMP TABLE t (x int); SET work_mem = '5MB'; SET TimeZone = 'Asia/Tokyo'; LISTEN news",
    )
    .await
    .unwrap();
    upstream.give_back(&ann, link).await;
    // Neither another principal, nor another level, nor another start has it.
    let parameters = [("application_name".into(), "other".into())];
    let others = [
        wanted(Some("bob"), &writes),
        wanted(None, &writes),
        wanted(Some("ann"), &reads),
        Wanted { parameters: &parameters, ..wanted(Some("ann"), &writes) },
    ];
    for other in &others {
        let mut link = upstream.open(other).await.unwrap();
        assert_ne!(ask(&mut link, PID).await.unwrap(), first);
    }
    let mut link = upstream.open(&ann).await.unwrap();
    assert_eq!(ask(&mut link, PID).await.unwrap(), first);
    assert_eq!(ask(&mut link, "SELECT to_regclass('t') IS NULL").await.unwrap(), "t");
    assert_eq!(ask(&mut link, "SHOW work_mem").await.unwrap(), "4MB");
    assert!(!link.parameters.iter().any(|(_, value)| &**value == "Asia/Tokyo"), "{:?}", link.parameters);
}

#[tokio::test]
async fn a_link_that_is_not_idle_is_closed_and_not_kept() {
    let upstream = Upstream::new(keeping(long())).unwrap();
    let role = role("trusted", Level::ReadWrite);
    let ann = wanted(Some("ann"), &role);
    for left in ["BEGIN", "BEGIN; SELECT nonsense"] {
        let mut link = upstream.open(&ann).await.unwrap();
        let pid = ask(&mut link, PID).await.unwrap();
        let _ = ask(&mut link, left).await;
        upstream.give_back(&ann, link).await;
        let mut next = upstream.open(&ann).await.unwrap();
        assert_ne!(ask(&mut next, PID).await.unwrap(), pid, "{left}");
    }
}

#[tokio::test]
async fn a_link_on_which_somebody_asked_to_cancel_is_given_to_nobody_else() {
    let upstream = Upstream::new(keeping(long())).unwrap();
    let (writes, ann) = (role("trusted", Level::ReadWrite), Some("ann"));
    let mut link = upstream.open(&wanted(ann, &writes)).await.unwrap();
    let first = ask(&mut link, PID).await.unwrap();
    link.canceller().cancel().await;
    upstream.give_back(&wanted(ann, &writes), link).await;
    let mut link = upstream.open(&wanted(ann, &writes)).await.unwrap();
    assert_ne!(ask(&mut link, PID).await.unwrap(), first, "the server might still stop what is asked on it");
}

#[tokio::test]
async fn a_link_that_the_server_has_closed_is_given_to_nobody() {
    let upstream = Upstream::new(keeping(long())).unwrap();
    let role = role("trusted", Level::ReadWrite);
    let ann = wanted(Some("ann"), &role);
    let mut link = upstream.open(&ann).await.unwrap();
    let pid = ask(&mut link, PID).await.unwrap();
    upstream.give_back(&ann, link).await;
    server().sql("postgres", &format!("SELECT pg_terminate_backend({pid}, 60000)"));
    let mut next = upstream.open(&ann).await.unwrap();
    assert_ne!(ask(&mut next, PID).await.unwrap(), pid);
}

#[tokio::test]
async fn what_is_kept_makes_room_and_goes_when_nobody_may_have_it() {
    let most = UpstreamSpec { most: 1, ..keeping(long()) };
    let upstream = Upstream::new(most).unwrap();
    let role = role("trusted", Level::ReadWrite);
    let (ann, bob) = (wanted(Some("ann"), &role), wanted(Some("bob"), &role));
    let link = upstream.open(&ann).await.unwrap();
    upstream.give_back(&ann, link).await;
    let mut link = upstream.open(&bob).await.unwrap();
    let pid = ask(&mut link, PID).await.unwrap();
    upstream.give_back(&bob, link).await;
    upstream.keep_only(|principal, role, level| {
        (principal, role, level) != (Some("bob"), "trusted", Level::ReadWrite)
    });
    let mut link = upstream.open(&bob).await.unwrap();
    assert_ne!(ask(&mut link, PID).await.unwrap(), pid);
}

#[tokio::test]
async fn a_link_is_kept_no_longer_than_it_may_be_idle_and_nobody_has_to_ask() {
    let upstream = Upstream::new(keeping(Warm { most: 2, idle: Duration::from_millis(50) })).unwrap();
    let role = role("trusted", Level::ReadWrite);
    let ann = wanted(Some("ann"), &role);
    let mut link = upstream.open(&ann).await.unwrap();
    let pid = ask(&mut link, PID).await.unwrap();
    upstream.give_back(&ann, link).await;
    let there = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {pid}");
    let gone = move || (server().sql("postgres", &there) == "0").then_some(());
    tokio::task::spawn_blocking(move || wait_for("the end of an idle link", server_log, gone)).await.unwrap();
}

fn server_log() -> String {
    server().log()
}

#[tokio::test]
async fn a_link_is_never_kept_past_the_end_of_its_certificate() {
    let shared = ends(credential(&server().file("client.crt"), &server().file("client.key")));
    let (credential, end) = shared;
    let clock = TestClock::at(SystemClock.now());
    let identity = Identifies::Shared(SharedIdentity { credential: Some(credential), password: None });
    let spec = UpstreamSpec { identity, clock: Arc::new(clock.clone()), ..keeping(long()) };
    let upstream = Upstream::new(spec).unwrap();
    let role = role("trusted", Level::ReadWrite);
    let ann = wanted(Some("ann"), &role);
    let mut link = upstream.open(&ann).await.unwrap();
    let pid = ask(&mut link, PID).await.unwrap();
    upstream.give_back(&ann, link).await;
    let mut link = upstream.open(&ann).await.unwrap();
    assert_eq!(ask(&mut link, PID).await.unwrap(), pid);
    upstream.give_back(&ann, link).await;
    clock.set(end);
    let likeness = ann.likeness("postgres");
    assert!(upstream.pool.take(&likeness).is_none());
}

#[tokio::test]
async fn a_link_of_a_server_that_is_no_databases_any_more_is_closed_when_it_comes_back() {
    let upstream = Upstream::new(keeping(long())).unwrap();
    let role = role("trusted", Level::ReadWrite);
    let ann = wanted(Some("ann"), &role);
    let likeness = ann.likeness("postgres");
    let link = upstream.open(&ann).await.unwrap();
    upstream.give_back(&ann, link).await;
    let used = upstream.open(&ann).await.unwrap();
    upstream.serve(false);
    upstream.give_back(&ann, used).await;
    assert!(upstream.pool.take(&likeness).is_none());
    upstream.serve(true);
    let link = upstream.open(&ann).await.unwrap();
    upstream.give_back(&ann, link).await;
    assert!(upstream.pool.take(&likeness).is_some());
}

fn ends(credential: Arc<Credential>) -> (Arc<Credential>, OffsetDateTime) {
    let end = credential.leaf().identity().not_after();
    (credential, end)
}
