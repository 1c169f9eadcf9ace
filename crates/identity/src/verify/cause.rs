//! Why not, in words for the operator: which certificate, which authority, which clock.

use fault::{Code, Refusal};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use webpki::Error;

use super::presented::{Presented, malformed};
use super::{Purpose, rules};
use crate::{Certificate, Trust, Usage};

/// How many authorities a cause lists.
const LISTED: usize = 8;

/// A certificate's name in causes.
pub(crate) fn title(certificate: &Certificate) -> String {
    let identity = certificate.identity();
    if identity.subject().is_empty() {
        return format!("certificate {}", identity.serial());
    }
    format!("\"{}\"", identity.subject())
}

/// An extended key usage's name.
pub(super) fn usage(usage: &Usage) -> String {
    match usage {
        Usage::ServerAuth => "serverAuth".to_owned(),
        Usage::ClientAuth => "clientAuth".to_owned(),
        Usage::Any => "anyExtendedKeyUsage".to_owned(),
        Usage::Other(oid) => oid.clone(),
    }
}

/// A refusal for an expired certificate.
pub(super) fn expired(certificate: &Certificate, now: OffsetDateTime) -> Refusal {
    let end = clock(certificate.identity().not_after());
    let cause = format!("{} expired at {end}; our clock says {}", title(certificate), clock(now));
    Refusal::new(Code::CertificateExpired, cause)
}

/// A refusal for a certificate of the future.
pub(super) fn not_yet_valid(certificate: &Certificate, now: OffsetDateTime) -> Refusal {
    let start = clock(certificate.identity().not_before());
    let cause = format!("{} is valid from {start} on; our clock says {}", title(certificate), clock(now));
    Refusal::new(Code::CertificateNotYetValid, cause)
}

/// A refusal that names the issuer seen and the authorities held.
pub(super) fn unknown_issuer(top: &Certificate, trust: &Trust) -> Refusal {
    let issuer = top.identity().issuer();
    let namesake = trust.held().iter().find(|anchor| anchor.certificate.identity().subject() == issuer);
    let cause = match namesake {
        Some(anchor) => match &anchor.root {
            Ok(_) => format!(
                "{} names \"{issuer}\" as its issuer, and was not signed by the key of the authority of that name that is trusted (public key {})",
                title(top),
                anchor.certificate.identity().spki_sha256()
            ),
            Err(why) => format!("the trusted authority \"{issuer}\" cannot be used: {why}"),
        },
        None => format!("{} was issued by \"{issuer}\"; trusted are {}", title(top), held(trust)),
    };
    Refusal::new(Code::UnknownIssuer, cause)
}

fn held(trust: &Trust) -> String {
    let names: Vec<String> = trust.anchors().take(LISTED).map(title).collect();
    match trust.anchors().len() {
        0 => "no authorities at all".to_owned(),
        count if count > LISTED => format!("{} and {} more", names.join(", "), count - LISTED),
        _ => names.join(", "),
    }
}

/// A moment in causes.
pub(crate) fn clock(moment: OffsetDateTime) -> String {
    let moment = moment.replace_nanosecond(0).unwrap_or(moment);
    moment.format(&Rfc3339).unwrap_or_else(|_| moment.unix_timestamp().to_string())
}

/// webpki's verdict in our words.
pub(super) fn of(
    error: &Error,
    presented: &Presented<'_>,
    trust: &Trust,
    purpose: Purpose,
    now: OffsetDateTime,
) -> Refusal {
    let leaf = presented.leaf();
    match error {
        Error::CertExpired { .. } | Error::CertNotValidYet { .. } => timed(presented, now),
        Error::InvalidCertValidity => {
            malformed(format!("a certificate below {} ends before it begins", title(leaf)))
        }
        Error::UnknownIssuer | Error::InvalidSignatureForPublicKey => unknown_issuer(&top(presented), trust),
        Error::EndEntityUsedAsCa => Refusal::new(
            Code::UnknownIssuer,
            format!("\"{}\" issued a certificate, and is no authority", leaf.identity().issuer()),
        ),
        Error::RequiredEkuNotFoundContext(_) | Error::EmptyEkuExtension => unfit(presented, purpose),
        Error::NameConstraintViolation | Error::MaximumNameConstraintComparisonsExceeded => Refusal::new(
            Code::NameNotAllowed,
            format!("{} has a name that its authorities may not vouch for (name constraints)", title(leaf)),
        ),
        Error::PathLenConstraintViolated => Refusal::new(
            Code::NameNotAllowed,
            format!("more intermediates stand above {} than an authority allows (path length)", title(leaf)),
        ),
        Error::UnsupportedSignatureAlgorithmContext(_)
        | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => weak(presented, trust),
        Error::CaUsedAsEndEntity => malformed(format!(
            "{} is an authority's certificate, and was presented as a peer's own",
            title(leaf)
        )),
        Error::MaximumSignatureChecksExceeded
        | Error::MaximumPathBuildCallsExceeded
        | Error::MaximumPathDepthExceeded => {
            malformed(format!("the chain above {} is too complex", title(leaf)))
        }
        other => malformed(format!("{} breaks a rule of X.509: {other:?}", title(leaf))),
    }
}

/// The refusal of the first certificate that is outside its time.
fn timed(presented: &Presented<'_>, now: OffsetDateTime) -> Refusal {
    let refusal = |certificate: &Certificate| rules::validity(certificate, now).err();
    refusal(presented.leaf())
        .or_else(|| presented.readable_others().find_map(|certificate| refusal(&certificate)))
        .unwrap_or_else(|| malformed("a certificate is outside its validity".to_owned()))
}

/// The refusal of the first certificate that is not for the purpose.
fn unfit(presented: &Presented<'_>, purpose: Purpose) -> Refusal {
    let refusal = |certificate: &Certificate| rules::purpose(certificate, purpose).err();
    refusal(presented.leaf())
        .or_else(|| presented.readable_others().find_map(|certificate| refusal(&certificate)))
        .unwrap_or_else(|| Refusal::new(Code::WrongPurpose, "unsupported certificate purpose"))
}

/// The refusal of a chain with a signature that we do not take. One that merely does not fit the key of our authority
/// was made by another authority of its name.
fn weak(presented: &Presented<'_>, trust: &Trust) -> Refusal {
    let mut all = std::iter::once(presented.leaf().clone()).chain(presented.readable_others());
    all.find_map(|certificate| weak_signature(&certificate).err())
        .unwrap_or_else(|| unknown_issuer(&top(presented), trust))
}

/// Refuses a certificate that is signed with what we do not take.
pub(super) fn weak_signature(certificate: &Certificate) -> Result<(), Refusal> {
    algorithm(certificate).map_err(|name| {
        Refusal::new(Code::WeakCertificate, format!("{} is signed with {name}", title(certificate)))
    })
}

/// Whether a certificate's signature algorithm is one that we take, or the name of the one that we do not.
fn algorithm(certificate: &Certificate) -> Result<(), String> {
    use x509_parser::prelude::{FromDer as _, X509Certificate};
    let Ok((_, x509)) = X509Certificate::from_der(certificate.der()) else { return Ok(()) };
    let oid = x509.signature_algorithm.algorithm.to_id_string();
    let name = match oid.as_str() {
        "1.2.840.113549.1.1.5" => "SHA-1 (sha1WithRSAEncryption)",
        "1.2.840.10045.4.1" => "SHA-1 (ecdsa-with-SHA1)",
        "1.2.840.113549.1.1.4" => "MD5 (md5WithRSAEncryption)",
        "1.2.840.113549.1.1.2" => "MD2 (md2WithRSAEncryption)",
        // SHA-2 with RSA (PKCS #1 v1.5 and PSS) and ECDSA, and Ed25519.
        "1.2.840.113549.1.1.10"
        | "1.2.840.113549.1.1.11"
        | "1.2.840.113549.1.1.12"
        | "1.2.840.113549.1.1.13"
        | "1.2.840.10045.4.3.2"
        | "1.2.840.10045.4.3.3"
        | "1.2.840.10045.4.3.4"
        | "1.3.101.112" => return Ok(()),
        other => return Err(format!("an algorithm that we do not take ({other})")),
    };
    Err(name.to_owned())
}

/// The highest certificate that can be reached from the leaf by names.
fn top(presented: &Presented<'_>) -> Certificate {
    let others: Vec<Certificate> = presented.readable_others().collect();
    let mut top = presented.leaf().clone();
    for _ in 0..others.len() {
        let above = others
            .iter()
            .find(|other| other.identity().subject() == top.identity().issuer() && **other != top);
        match above {
            Some(above) if !top.is_self_issued() => top = above.clone(),
            _ => break,
        }
    }
    top
}
