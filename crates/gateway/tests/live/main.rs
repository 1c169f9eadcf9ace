//! Sessions that live while what they are judged by changes.
#![expect(clippy::unwrap_used, reason = "test helpers fail by panicking")]

mod administering;
mod causes;
mod farewell;
mod house;
mod races;
mod trial;

use std::time::Duration;

/// The promise is one second, and `bench/` measures it; this only tells an end from a connection that was left alone
/// until its deadline, also on a machine that does much else.
const SOON: Duration = Duration::from_secs(4);
