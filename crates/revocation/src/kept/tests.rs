use std::time::Duration;

use time::OffsetDateTime;

use super::{Due, Held, Kept};

const TTL: Duration = Duration::from_secs(300);

fn begin() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap()
}

fn after(seconds: i64) -> OffsetDateTime {
    begin() + time::Duration::seconds(seconds)
}

/// Fetched at the beginning, fresh for a hundred seconds, usable for two hundred.
fn kept() -> Kept<u8> {
    let kept = Kept::default();
    kept.succeed(Held::new(1, begin(), after(100), after(200)));
    kept
}

fn fails(kept: &Kept<u8>, forged: bool, now: OffsetDateTime) {
    let failed = kept.failure("down", forged, now, TTL);
    kept.fail(failed, now);
}

fn counts(kept: &Kept<u8>, now: OffsetDateTime) -> bool {
    kept.state().counting(now).is_some()
}

#[test]
fn an_answer_counts_while_it_is_fresh_and_longer_only_where_no_newer_one_can_be_had() {
    let kept = kept();
    assert!(counts(&kept, after(99)) && !counts(&kept, after(100)));
    fails(&kept, false, after(100));
    assert!(counts(&kept, after(199)) && !counts(&kept, after(200)));
}

#[test]
fn somebody_who_answers_in_the_authoritys_name_does_not_make_an_old_answer_count() {
    let kept = kept();
    fails(&kept, true, after(50));
    assert!(counts(&kept, after(99)) && !counts(&kept, after(100)));
}

#[test]
fn a_failure_is_an_answer_for_no_longer_than_its_time_and_is_tried_again_at_growing_distances() {
    let kept = Kept::<u8>::default();
    let mut now = begin();
    let mut last = Duration::ZERO;
    for _ in 0..40 {
        fails(&kept, false, now);
        assert!(kept.state().failing(now + TTL - Duration::from_secs(1)).is_some());
        assert!(kept.state().failing(now + TTL).is_none());
        let Due::Fetch(at) = kept.due(true) else { panic!("nothing is due") };
        let pause = Duration::try_from(at - now).unwrap();
        assert!(pause >= last && pause < TTL, "{pause:?} after {last:?}");
        (now, last) = (at, pause);
    }
    assert!(last > Duration::from_secs(200), "{last:?}");
}

#[test]
fn an_answer_is_fetched_again_when_about_a_fifth_of_its_time_is_left() {
    for _ in 0..100 {
        let kept = kept();
        kept.used(after(1));
        let Due::Fetch(at) = kept.due(false) else { panic!("nothing is due") };
        assert!((after(75)..=after(85)).contains(&at), "{at}");
    }
}

#[test]
fn what_nobody_has_used_is_called_for_once_and_fetched_only_where_somebody_answers() {
    let kept = kept();
    assert!(matches!(kept.due(false), Due::Call(_)));
    assert!(matches!(kept.due(true), Due::Fetch(_)), "unless it is always wanted");
    kept.call(after(80));
    assert_eq!(kept.due(false), Due::Never);
    kept.used(after(81));
    assert!(matches!(kept.due(false), Due::Fetch(_)));
}

#[test]
fn an_answer_tells_when_it_ceases_to_count() {
    let kept = kept();
    assert_eq!(kept.lapses(after(50)), Some(after(100)));
    assert_eq!(kept.lapses(after(150)), Some(after(200)));
    assert_eq!(kept.lapses(after(250)), None);
    assert!(kept.lapsed(after(90), after(100)) && !kept.lapsed(after(100), after(150)));
}

#[tokio::test]
async fn whoever_comes_while_an_attempt_is_under_way_waits_for_it_and_begins_none() {
    let kept = std::sync::Arc::new(Kept::<u8>::default());
    let (begin, mut begun) = tokio::sync::mpsc::unbounded_channel();
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let (kept, begin) = (std::sync::Arc::clone(&kept), begin.clone());
        waiting.spawn(async move { kept.attempt(|end| begin.send(end).unwrap()).await });
    }
    let end = begun.recv().await.unwrap();
    assert!(kept.is_under_way());
    drop(end);
    while let Some(done) = waiting.join_next().await {
        done.unwrap();
    }
    assert!(begun.try_recv().is_err() && !kept.is_under_way());
    kept.attempt(drop).await;
}
