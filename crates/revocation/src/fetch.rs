//! One bounded request to a server that a certificate names.
//!
//! The address comes from a certificate, so a stranger may have had a hand in it: time, size and redirects are bounded,
//! and addresses of this machine and of private networks are refused. The connection goes to the very address that was
//! checked, so that a name cannot mean another one a moment later.
//!
//! - [`address`]: which addresses are not for the public.
//! - [`target`]: URLs, and the mirrors that stand in for them.
//! - [`connect`]: the connection, plain or TLS.
//! - [`exchange`]: one HTTP request and its answer.
//! - [`unfetched`]: why there was none.

mod address;
mod connect;
mod exchange;
mod target;
#[cfg(test)]
mod tests;
mod unfetched;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use identity::ocsp::MOST_ANSWER_BYTES;
use transport::Clock;

use self::connect::Reach;
use self::exchange::Heard;
pub use self::target::Rewrite;
use self::target::Target;
pub(crate) use self::unfetched::{Unfetched, Why};

/// What every request keeps to.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    /// The largest answer, in bytes.
    pub(crate) max_bytes: usize,
    /// Whether addresses of this machine and of private networks may be asked.
    pub(crate) allow_private_addresses: bool,
    /// Where else to ask.
    pub(crate) rewrites: Vec<Rewrite>,
}

/// Makes requests; built once, used often.
#[derive(Debug)]
pub(crate) struct Fetcher {
    bounds: Bounds,
    reach: Reach,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) enum Request {
    /// A file.
    Get {
        /// What it should be.
        accept: &'static str,
    },
    /// An answer to a message.
    Post {
        /// The message.
        body: Bytes,
        /// What it is.
        content_type: &'static str,
        /// What the answer should be.
        accept: &'static str,
    },
}

impl Fetcher {
    pub(crate) fn new(bounds: Bounds, clock: Arc<dyn Clock>) -> Self {
        let reach = Reach::new(bounds.allow_private_addresses, clock);
        Self { bounds, reach }
    }

    /// Asks `url`, redirects included, within `timeout`.
    ///
    /// # Errors
    /// [`Unfetched`] says what went wrong, with the address it went wrong at.
    pub(crate) async fn fetch(
        &self,
        url: &str,
        request: &Request,
        timeout: Duration,
    ) -> Result<Bytes, Unfetched> {
        match tokio::time::timeout(timeout, self.follow(url, request)).await {
            Ok(outcome) => outcome,
            Err(_) => {
                let why = format!("{url} did not answer within {:.1} s", timeout.as_secs_f32());
                Err(Unfetched::new(Why::Timeout, why))
            }
        }
    }

    async fn follow(&self, url: &str, request: &Request) -> Result<Bytes, Unfetched> {
        let mut target = Target::rewritten(url, &self.bounds.rewrites)?;
        let most = match request {
            Request::Get { .. } => self.bounds.max_bytes,
            Request::Post { .. } => self.bounds.max_bytes.min(MOST_ANSWER_BYTES),
        };
        for _ in 0..=MOST_REDIRECTS {
            let stream = self.reach.open(&target).await?;
            match exchange::ask(stream, &target, request, most).await? {
                Heard::Answer(bytes) => return Ok(bytes),
                Heard::Elsewhere(location) => target = target.redirected(&location)?,
            }
        }
        Err(Unfetched::new(Why::Redirect, format!("{url} redirects more than {MOST_REDIRECTS} times")))
    }
}

/// Mirrors and upgrades to https need one or two.
const MOST_REDIRECTS: usize = 3;
