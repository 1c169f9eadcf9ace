//! Waiting for a condition.

use std::fmt::Display;
use std::time::{Duration, Instant};

/// How long a condition may take before the test gives up. Generous, because it costs only where something is wrong.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Asks again and again until there is an answer.
///
/// # Panics
/// When there is none within [`PATIENCE`]; the message holds the time, the tries and what `story` has to say.
pub fn wait_for<T, S: Display>(what: &str, story: impl Fn() -> S, condition: impl FnMut() -> Option<T>) -> T {
    wait_at_most(PATIENCE, what, story, condition)
}

/// [`wait_for`] with a limit of the caller's own.
///
/// # Panics
/// As [`wait_for`] does.
pub fn wait_at_most<T, S: Display>(
    limit: Duration,
    what: &str,
    story: impl Fn() -> S,
    mut condition: impl FnMut() -> Option<T>,
) -> T {
    let began = Instant::now();
    let mut tries = 0_u32;
    loop {
        tries += 1;
        if let Some(answer) = condition() {
            return answer;
        }
        assert!(
            began.elapsed() < limit,
            "waited {:?} and asked {tries} times, yet never saw: {what}\n{}",
            began.elapsed(),
            story()
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}
