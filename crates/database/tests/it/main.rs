//! A database seen as its clients and its operator see it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failure here is the test failing")]

mod answers;
mod bounds;
mod disguised_writes;
mod opening;
mod sharing;
mod support;
mod views;
