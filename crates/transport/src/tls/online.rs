//! Asking the authorities' own services.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use fault::Refusal;
use identity::Verified;
use time::OffsetDateTime;

/// Asks the authorities' own services about certificates that no list at hand speaks of.
///
/// A handshake is judged by what is known from memory; what must be asked is asked right after it, and before the first
/// byte is served.
pub trait Online: Send + Sync + fmt::Debug {
    /// Settles from memory; `None` where somebody has to be asked first.
    fn recall(&self, verified: &Verified, now: OffsetDateTime) -> Option<Result<Verified, Refusal>>;

    /// Settles by asking; several callers about one certificate share one request. Bounded in time by itself.
    fn ask<'a>(&'a self, verified: &'a Verified) -> Asking<'a>;
}

/// An answer on its way.
pub type Asking<'a> = Pin<Box<dyn Future<Output = Result<Verified, Refusal>> + Send + 'a>>;
