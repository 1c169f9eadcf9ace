//! The TLS of one listener.
//!
//! - [`door`]: a [`Door`] holds all that a handshake is judged by; it is built whole and never patched.
//! - [`online`]: asking the authorities' own services.
//! - [`failure`]: why a handshake failed, told apart as far as the wire allows.
//! - [`hello`]: the id by which both ends of a handshake can speak of it.
//! - `resolve`: which of our certificates answers to which name.
//! - `ask`: asking a client for its certificate; `memory`: chains verified before; `notes`: what a handshake learns on its way.
//! - `first_bytes` and `farewell`: what is no TLS, and last words that arrive.
//! - [`postgres`]: clients that ask for TLS in PostgreSQL's words.
//! - `proof`, `present`, `provider`: handshake signatures, our own credential, and the cryptography, for both sides.

pub mod door;
pub mod failure;
pub mod hello;
pub mod online;
pub mod postgres;

mod alert;
mod ask;
mod farewell;
mod first_bytes;
mod memory;
pub(crate) mod notes;
pub(crate) mod present;
pub(crate) mod proof;
pub(crate) mod provider;
mod resolve;

pub(crate) use alert::error_for;
pub use ask::Vouchers;
pub use door::{Accepted, ClientAuth, Door, DoorSpec};
pub use failure::{FailureKind, HandshakeFailure};
pub use farewell::Farewell;
pub use hello::{Heard, HelloId};
pub use memory::Memories;
pub use online::{Asking, Online};
pub use postgres::Arrived;
pub use provider::TlsVersion;
