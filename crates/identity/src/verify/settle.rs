//! What the authorities' own services answered about certificates that no list at hand speaks of.

use std::sync::Arc;

use fault::Refusal;
use time::OffsetDateTime;

use super::Verified;
use crate::revocation::known::{Standing, revoked, unknown};
use crate::{Certificate, FailureMode, Revoked, Verification};

/// A way to ask an authority about one of its certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Its list, fetched from a distribution point.
    Crl,
    /// OCSP.
    Ocsp,
}

/// What came of asking an authority about one of its certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It says that the certificate is not revoked, and that this counts until a moment.
    Good {
        /// The last moment at which the answer counts.
        until: OffsetDateTime,
        /// Who said so.
        source: Arc<str>,
    },
    /// It says that the certificate is revoked.
    Revoked(Revoked),
    /// It gave no answer that counts.
    Failed {
        /// Why, with the address that was asked.
        why: String,
    },
    /// Somebody answered in its name with a list that it did not sign. That is an attack, and no failure that a policy
    /// may let pass.
    Forged {
        /// What was wrong, with the address that was asked.
        why: String,
    },
    /// The certificate says of no place to ask in this way.
    NotAskable,
}

/// What one certificate's authority said in the end.
enum Outcome {
    Good,
    /// Nobody answered, and everything that was tried fails open.
    LetPass(String),
}

/// Makes a [`Verified`] whole by what `ask` says about each certificate that is still unanswered.
///
/// Lists are asked first; a definite answer is the answer, and OCSP is asked only where there is none. Where nobody gives
/// one, the certificate is refused unless every way that was tried fails open; where there is none to try, the policy's
/// own failure mode decides. A certificate whose issuer is not at hand cannot be asked about, and is refused. What was
/// let pass without an answer is told by [`Verified::warnings`].
///
/// # Errors
/// `certificate-revoked` or `revocation-unknown`; the cause names the certificate and what came of asking.
pub fn settle(
    verified: &Verified,
    verification: &Verification,
    mut ask: impl FnMut(Method, &Certificate, &Certificate) -> Asked,
    now: OffsetDateTime,
) -> Result<Verified, Refusal> {
    if verified.unanswered().is_empty() {
        return Ok(verified.clone());
    }
    let mut warnings = verified.warnings().to_vec();
    for (subject, issuer) in asked_about(verified) {
        let Some(issuer) = issuer else {
            return Err(unknown(subject, "the certificate of its issuer is not at hand"));
        };
        match outcome(subject, verification, &mut |method| ask(method, subject, issuer), now)? {
            Outcome::Good => {}
            Outcome::LetPass(warning) => warnings.push(warning),
        }
    }
    Ok(verified.standing(Standing { unanswered: Vec::new(), warnings }))
}

/// The certificates without an answer, each with its issuer.
fn asked_about(verified: &Verified) -> impl Iterator<Item = (&Certificate, Option<&Certificate>)> {
    let chain = verified.chain();
    verified.unanswered().iter().filter_map(move |n| {
        let subject = chain.get(*n)?;
        let alone = || Some(subject).filter(|subject| subject.is_self_issued());
        Some((subject, chain.get(n + 1).or_else(alone)))
    })
}

fn outcome(
    subject: &Certificate,
    verification: &Verification,
    ask: &mut dyn FnMut(Method) -> Asked,
    now: OffsetDateTime,
) -> Result<Outcome, Refusal> {
    let methods = [
        (Method::Crl, verification.crl.map(|check| check.failure_mode)),
        (Method::Ocsp, verification.ocsp.map(|check| check.failure_mode)),
    ];
    let mut failures = Vec::new();
    let mut strictest: Option<FailureMode> = None;
    for (method, failure_mode) in methods {
        let Some(failure_mode) = failure_mode else { continue };
        let why = match ask(method) {
            Asked::Good { until, .. } if now <= until => return Ok(Outcome::Good),
            Asked::Revoked(found) => return Err(revoked(subject, &found)),
            Asked::Forged { why } => return Err(unknown(subject, &why)),
            Asked::NotAskable => continue,
            Asked::Good { source, .. } => format!("the answer of {source} has ended"),
            Asked::Failed { why } => why,
        };
        failures.push(why);
        strictest = Some(strictest.map_or(failure_mode, |mode| mode.min(failure_mode)));
    }
    let why = if failures.is_empty() {
        "it says of no place where its authority could be asked".to_owned()
    } else {
        failures.join("; ")
    };
    match strictest.unwrap_or(verification.failure_mode) {
        FailureMode::FailClosed => Err(unknown(subject, &why)),
        FailureMode::FailOpen => {
            let warning = format!("{} was let in unasked: {why}", super::cause::title(subject));
            Ok(Outcome::LetPass(warning))
        }
    }
}
