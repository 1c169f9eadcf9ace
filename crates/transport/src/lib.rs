//! Listening, TLS, and dialling.
//!
//! - [`clock`]: the one injected clock; everything above the pure crates reads the time here.
//! - [`listen`](mod@listen): a TCP listener whose faults name the port.
//! - [`tls`]: the TLS of one listener, built whole as a [`Door`]; after every handshake the chain is verified again.
//! - [`dial`]: connecting to a server, and what went wrong when that fails.

pub mod clock;
pub mod dial;
pub mod listen;
pub mod tls;

pub use clock::{Clock, SystemClock, TestClock};
pub use dial::{Dial, DialSpec, Dialled, ServerTrust};
pub use listen::listen;
pub use tls::{
    Accepted, Arrived, Asking, ClientAuth, Door, DoorSpec, FailureKind, Farewell, HandshakeFailure, Heard,
    HelloId, Memories, Online, TlsVersion, Vouchers,
};
