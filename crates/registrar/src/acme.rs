//! Certificates for servers that ask by RFC 8555: certbot, lego, Caddy and their kin.
//!
//! Everything is for everyone who passes the door: ACME recognizes accounts by their own signatures, and an account is
//! bound to a key that the operator gave out, unless the configuration does without.
//!
//! - [`keys`]: the operator's keys. [`settings`]: what the configuration says.
//! - [`desk`]: what is remembered between requests, and what of it is bounded: [`metrics`].
//! - [`clerk`]: one request ([`call`]) to one answer, by its [`address`]; [`posted`]: whose request it is; [`reply`]: how answers look.
//! - [`account`] and [`order`]: what is on record. [`registering`], [`ordering`], [`proving`], [`finalizing`],
//!   [`revoking`] and [`renewing`]: what is done with them.
//! - [`validating`]: asking the server of a name whether the account controls it.

mod account;
mod address;
mod call;
mod clerk;
mod desk;
mod finalizing;
pub mod keys;
mod metrics;
mod order;
mod ordering;
mod posted;
mod proving;
mod registering;
mod renewing;
mod reply;
mod revoking;
mod settings;
#[cfg(test)]
mod tests;
mod validating;

use bytes::Bytes;
use fault::Refusal;
use gateway::{Ask, Asker};
use http::Response;

use self::call::Call;
use self::clerk::Clerk;
pub(crate) use self::desk::Desk;
pub use self::metrics::Metrics;
pub(crate) use self::order::is_owned;
pub use self::settings::Settings;
use crate::registrar::Registrar;
use crate::reply as plain;

/// Answers an ACME client.
pub(crate) async fn answer(registrar: &Registrar, ask: &Ask<'_>) -> Result<Response<Bytes>, Refusal> {
    match ask.asker {
        // Whoever passed the door may ask: what an account may do, its signature says.
        Asker::Stranger(_) | Asker::Known(_) | Asker::Administrator(_) => {}
    }
    let act = || ask.act();
    let call = Call::of(ask, &act);
    match Clerk::of(registrar, &call) {
        Some(clerk) => Ok(clerk.answer(&call).await),
        None => Ok(plain::nothing()),
    }
}
