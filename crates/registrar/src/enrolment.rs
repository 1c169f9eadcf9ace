//! Asking for a certificate over the door, below `/api/admin/security/certificates`.
//!
//! - [`sign`](mod@sign): a certificate for whoever may have one: by an invitation ([`redeem`](mod@redeem)), by the certificate that
//!   it follows, in the handshake or by a [`proof`] of its key, or by an administrator's word.
//! - [`invite`](mod@invite): invitations, as the ledger keeps them in [`invitation`]; [`token`] is their secret.
//! - [`renewing`]: when to renew, by [`hint`].
//! - [`upload`]: certificates that others issued, with keys that stay on this node.
//! - [`vouching`]: whose certificates have successors here, and what is given elsewhere alone.
//! - [`office`], [`no`]: who asks, how it is told "no".

pub mod hint;
mod invitation;
mod invite;
mod no;
mod office;
mod proof;
mod redeem;
mod renewing;
mod sign;
mod token;
mod upload;
mod vouching;

use fault::{Code, Fault, Refusal};
use gateway::Ask;
use http::{Method, StatusCode};
use serde_json::Value;
use time::Duration;

use self::no::No;
use self::office::Office;
pub use self::proof::{RENEWAL, renewal_message};
pub use self::token::{NoToken, Token};
use crate::Registrar;
use crate::nonces::Nonces;
use crate::pace::{Pace, Rate};
use crate::reply::{self, Reply};

/// What the office remembers from one request to the next; a restart may forget it.
pub(crate) struct Enrolment {
    /// How often each who asks may ask.
    pace: Pace<String>,
    /// For proofs that a key is held.
    nonces: Nonces,
    uploads: tokio::sync::Mutex<()>,
}

impl Enrolment {
    pub(crate) fn new() -> Self {
        Self {
            pace: Pace::default(),
            nonces: Nonces::new(NONCES_LAST),
            uploads: tokio::sync::Mutex::default(),
        }
    }
}

/// Answers what is asked below the office's root. Nothing where the path is none of enrolment's.
pub(crate) async fn answer(registrar: &Registrar, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let Some(ledger) = &registrar.ledger else {
        return Ok(reply::fault(
            StatusCode::SERVICE_UNAVAILABLE,
            "there is no ledger: nothing is signed that is not on record; add ledger: { url: … }",
        ));
    };
    let office =
        Office { registrar, ledger: ledger.as_ref(), issuing: registrar.issuing(), ask, now: ask.at };
    let said = match office.allowed() {
        Ok(()) => routed(&office).await,
        Err(no) => Err(no),
    };
    match said {
        Ok(value) => Ok(reply::json(StatusCode::OK, &value)),
        Err(No::Refusal(refusal)) => Err(refusal),
        Err(No::Fault(status, fault)) => {
            if status.is_server_error() {
                tracing::error!(path = ask.path, fault = %redeem::said(&fault), "a certificate could not be given");
            }
            Ok(reply::fault(status, &redeem::said(&fault)))
        }
    }
}

impl Office<'_> {
    fn allowed(&self) -> Result<(), No> {
        let Some(rate) = each_minute(self.issuing.enrolment.per_minute) else { return Ok(()) };
        let asker = self.counted_as();
        self.registrar.enrolment.pace.take(rate, &asker, 1, self.now).map_err(|_| {
            Refusal::new(Code::RateLimited, format!("{asker} asks for certificates too often")).into()
        })
    }
}

/// A bucket that holds one minute's worth; none where there is no bound.
fn each_minute(many: u64) -> Option<Rate> {
    // More than this is no bound that anybody could feel, and exact as a floating number.
    let most = u32::try_from(many).ok().filter(|many| *many > 0).map(f64::from)?;
    Some(Rate { most, per_second: most / 60.0 })
}

async fn routed(office: &Office<'_>) -> Result<Value, No> {
    let segments: Vec<&str> = office.ask.path.split('/').filter(|segment| !segment.is_empty()).collect();
    match (office.ask.method, segments.as_slice()) {
        (&Method::POST, ["sign"]) => sign::sign(office).await,
        (&Method::GET, ["nonce"]) => renewing::nonce(office),
        (&Method::GET, ["renewal", fingerprint]) => renewing::window(office, fingerprint).await,
        // What follows is for administrators, at listeners that serve them.
        _ if office.ask.office != gateway::Office::Certificates => Err(nothing()),
        (&Method::POST, ["renewal", fingerprint]) => renewing::ask(office, fingerprint).await,
        (&Method::DELETE, ["renewal", fingerprint]) => renewing::unask(office, fingerprint).await,
        (&Method::POST, ["invitations"]) => invite::invite(office).await,
        (&Method::GET, ["invitations"]) => invite::list(office).await,
        (&Method::DELETE, ["invitations", id]) => invite::withdraw(office, id).await,
        (&Method::POST, ["csr"]) => upload::csr(office).await,
        (&Method::GET, ["uploaded"]) => upload::list(office).await,
        (&Method::GET, [name]) => upload::show(office, name).await,
        (&Method::PUT, [name]) => upload::put(office, name).await,
        (&Method::DELETE, [name]) => upload::remove(office, name).await,
        _ => {
            office.administrator()?;
            Err(nothing())
        }
    }
}

fn nothing() -> No {
    No::missing(
        Fault::yours("there is nothing at this path")
            .remedy("the manual's page on enrolment lists what there is"),
    )
}

/// Whether a request of the office of certificates is enrolment's to answer.
pub(crate) fn answers(method: &Method, path: &str) -> bool {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    match segments.as_slice() {
        ["sign" | "nonce" | "csr" | "uploaded"] | ["invitations" | "renewal", ..] => true,
        [_] => matches!(*method, Method::GET | Method::PUT | Method::DELETE),
        _ => false,
    }
}

const NONCES_LAST: Duration = Duration::minutes(5);

#[cfg(test)]
mod tests {
    use super::each_minute;

    #[test]
    fn nobody_is_bounded_where_the_configuration_has_no_bound() {
        assert!(each_minute(0).is_none());
        let rate = each_minute(30).unwrap();
        assert_eq!((rate.most, rate.per_second), (30.0, 0.5));
    }
}
