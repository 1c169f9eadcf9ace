//! What was refused lately, kept for those who ask why.
//!
//! - [`refused`]: one refusal, with all that it was decided by.
//! - [`ring`]: so many of them, shared fairly among the addresses that they came from.
//! - [`explained`]: what administrators hear of one; [`public`](Refused::public) is what anybody may.

mod explained;
mod refused;
mod ring;
mod wanted;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use fault::NoTag;
use parking_lot::Mutex;
use transport::HelloId;

pub(crate) use self::explained::explain;
pub(crate) use self::refused::{Evidence, Refused, Stage, Why, kept};
use self::ring::Ring;
pub(crate) use self::wanted::Wanted;
use crate::RefusalId;

/// What was refused lately. Handshakes and requests are kept apart: whoever fails at the door must not push out what
/// happened behind it.
pub(crate) struct Refusals {
    handshakes: Mutex<Ring>,
    requests: Mutex<Ring>,
}

/// How a refusal is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// By the id that the peer was told, or that the log has.
    Refusal(RefusalId),
    /// By the hello that both ends of the handshake know.
    Hello(HelloId),
}

impl Default for Refusals {
    fn default() -> Self {
        let ring = || Mutex::new(Ring::new(MOST, MOST_BYTES));
        Self { handshakes: ring(), requests: ring() }
    }
}

impl Refusals {
    /// Keeps one, at the price of an older one where there are as many as there may be.
    pub(crate) fn keep(&self, refused: Refused) {
        let ring = match refused.stage {
            Stage::Handshake => &self.handshakes,
            Stage::Request => &self.requests,
        };
        // What is let go is dropped after the lock is.
        let _gone = ring.lock().keep(Arc::new(refused));
    }

    /// The refusal of this name, where it is still kept.
    pub(crate) fn find(&self, named: Named) -> Option<Arc<Refused>> {
        let found = self.handshakes.lock().find(named);
        found.or_else(|| self.requests.lock().find(named))
    }

    /// Those that are wanted, newest first, and whether there would be more.
    pub(crate) fn search(&self, wanted: &Wanted) -> (Vec<Arc<Refused>>, bool) {
        let mut found: Vec<Arc<Refused>> = self.handshakes.lock().filter(|refused| wanted.takes(refused));
        found.extend(self.requests.lock().filter(|refused| wanted.takes(refused)));
        found.sort_by_key(|refused| std::cmp::Reverse(refused.at));
        let more = found.len() > wanted.limit;
        found.truncate(wanted.limit);
        (found, more)
    }
}

impl FromStr for Named {
    type Err = NoTag;

    fn from_str(text: &str) -> Result<Self, NoTag> {
        text.parse().map(Self::Refusal).or_else(|NoTag| text.parse().map(Self::Hello))
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refusal(id) => id.fmt(f),
            Self::Hello(hello) => hello.fmt(f),
        }
    }
}

/// How many refusals of each kind are kept.
const MOST: usize = 4_096;
/// How many bytes they may take.
const MOST_BYTES: usize = 8 << 20;
