//! The commands that need no server, compared with what openssl says.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says where")]
mod authorities;
mod certificates;
mod exporting;
mod folder;
mod using;
mod verifying;
