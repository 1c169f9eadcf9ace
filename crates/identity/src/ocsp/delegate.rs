//! Responders that an authority lets answer for it.

use time::{Duration, OffsetDateTime};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::signature::verify_issued;
use crate::verify::{cause, rules};
use crate::{Certificate, Usage};

/// id-kp-OCSPSigning.
const OCSP_SIGNING: &str = "1.3.6.1.5.5.7.3.9";
/// id-pkix-ocsp-nocheck.
const NO_CHECK: &str = "1.3.6.1.5.5.7.48.1.5";
/// A responder's certificate with a lifetime up to this need not be asked about: it ends before the answer would matter.
const SHORT_LIVED: Duration = Duration::days(7);

/// Whether `issuer` itself lets the holder of `delegate` answer for it at `now` (RFC 6960 §4.2.2.2).
///
/// # Errors
/// Why not.
pub fn may_answer(delegate: &Certificate, issuer: &Certificate, now: OffsetDateTime) -> Result<(), String> {
    let identity = delegate.identity();
    let title = cause::title(delegate);
    if identity.issuer() != issuer.identity().subject()
        || verify_issued(delegate.der(), issuer.spki_der()).is_err()
    {
        return Err(format!("{title} was not issued by the authority itself"));
    }
    let signs = |usage: &Usage| matches!(usage, Usage::Other(oid) if oid == OCSP_SIGNING);
    if !delegate.usages().is_some_and(|usages| usages.iter().any(signs)) {
        return Err(format!("{title} lacks the extended key usage OCSPSigning"));
    }
    rules::responder(delegate, now).map_err(|refusal| refusal.cause().to_owned())?;
    if !has_no_check(delegate) && identity.not_after() - identity.not_before() > SHORT_LIVED {
        return Err(format!("{title} may itself be revoked: it neither has ocsp-nocheck nor is short-lived"));
    }
    Ok(())
}

fn has_no_check(delegate: &Certificate) -> bool {
    X509Certificate::from_der(delegate.der()).is_ok_and(|(_, x509)| {
        x509.extensions().iter().any(|extension| extension.oid.to_id_string() == NO_CHECK)
    })
}
