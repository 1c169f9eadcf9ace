//! What every certificate on a path must keep, beyond what webpki asks: webpki takes an authority's name and key
//! as all there is to it, and looks at no key usage.

mod extensions;

use fault::{Code, Refusal};
use time::OffsetDateTime;

use self::extensions::Extensions;
use super::path::Path;
use super::presented::malformed;
use super::{Purpose, cause};
use crate::{Certificate, KeyKind, Trust, Usage};

/// The smallest RSA modulus that we take, in bits.
const SMALLEST_RSA: u32 = 2048;
/// The organizational unit that marks certificates of internal services.
const INTERNAL: &str = "countersign-internal";

/// The rules for the peer's own certificate.
pub(super) fn leaf(
    leaf: &Certificate,
    trust: &Trust,
    wanted: Purpose,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    if leaf.version() == 1 && !trust.strictness().allow_x509_v1 {
        return Err(malformed(format!(
            "{} is X.509 version 1, and allow_x509_v1 is off",
            cause::title(leaf)
        )));
    }
    validity(leaf, now)?;
    strength(leaf)?;
    purpose(leaf, wanted)?;
    let extensions = Extensions::of(leaf)?;
    sound(leaf, &extensions)?;
    if extensions.name_constraints {
        return Err(malformed(format!("{} is no authority, and has name constraints", cause::title(leaf))));
    }
    match extensions.key_usage {
        Some(usage) if usage.signs_certificates && !leaf.is_ca() => Err(malformed(format!(
            "{} is no authority, and its key usage lets it sign certificates",
            cause::title(leaf)
        ))),
        Some(usage) if !usage.serves(wanted) => Err(unfit(leaf, "its key usage allows no TLS handshake")),
        _ => Ok(()),
    }
}

/// The rules for the authorities of a path: its intermediates and what it ends in.
pub(super) fn authorities(path: &Path, wanted: Purpose, now: OffsetDateTime) -> Result<(), Refusal> {
    let mut below = 0;
    for authority in path.intermediates().iter().chain([path.anchor()]) {
        validity(authority, now)?;
        strength(authority)?;
        may_issue(authority)?;
        purpose(authority, wanted)?;
        if authority.path_len().is_some_and(|most| below > most) {
            let cause =
                format!("{} allows fewer intermediates below it than {below}", cause::title(authority));
            return Err(Refusal::new(Code::NameNotAllowed, cause));
        }
        below += u32::from(!authority.is_self_issued());
    }
    Ok(())
}

/// The rules for the certificate of one who answers for an authority, beside what RFC 6960 asks.
pub(crate) fn responder(certificate: &Certificate, now: OffsetDateTime) -> Result<(), Refusal> {
    validity(certificate, now)?;
    strength(certificate)?;
    let extensions = Extensions::of(certificate)?;
    sound(certificate, &extensions)?;
    match extensions.key_usage {
        Some(usage) if !usage.signs() => Err(unfit(certificate, "its key usage lacks digitalSignature")),
        _ => Ok(()),
    }
}

/// Whether `now` is within the certificate's validity; both clocks are named.
pub(super) fn validity(certificate: &Certificate, now: OffsetDateTime) -> Result<(), Refusal> {
    let identity = certificate.identity();
    // A certificate's times have whole seconds, and its last second is part of it.
    let now_second = now.replace_nanosecond(0).unwrap_or(now);
    if now_second > identity.not_after() {
        return Err(cause::expired(certificate, now));
    }
    if now_second < identity.not_before() {
        return Err(cause::not_yet_valid(certificate, now));
    }
    Ok(())
}

/// Whether the key is of a kind and size that we take.
fn strength(certificate: &Certificate) -> Result<(), Refusal> {
    let why = match certificate.key_kind() {
        Some(KeyKind::Rsa(bits)) if bits < SMALLEST_RSA => {
            format!("an RSA key of {bits} bits; at least {SMALLEST_RSA} are needed")
        }
        Some(KeyKind::Rsa(bits)) if bits % 8 != 0 => {
            format!("an RSA key of {bits} bits, which fills no whole bytes")
        }
        Some(_) => return Ok(()),
        None => {
            "a key of a kind or curve that we do not take (ECDSA P-256 or P-384, Ed25519, RSA)".to_owned()
        }
    };
    Err(Refusal::new(Code::WeakCertificate, format!("{} has {why}", cause::title(certificate))))
}

/// Whether extended key usage allows the purpose; a certificate without the extension allows every one.
pub(super) fn purpose(certificate: &Certificate, wanted: Purpose) -> Result<(), Refusal> {
    let needed = match wanted {
        Purpose::Client => Usage::ClientAuth,
        Purpose::Server => Usage::ServerAuth,
    };
    match certificate.usages() {
        Some(usages) if !usages.contains(&needed) => {
            let needed = cause::usage(&needed);
            let present = usages.iter().map(cause::usage).collect::<Vec<_>>().join(", ");
            let present = if present.is_empty() { "none" } else { &present };
            Err(unfit(certificate, &format!("extended key usage is {present}, {needed} is needed")))
        }
        _ => Ok(()),
    }
}

/// Whether the certificate's issuer limited the names that it may vouch for.
pub(super) fn has_name_constraints(authority: &Certificate) -> Result<bool, Refusal> {
    Ok(Extensions::of(authority)?.name_constraints)
}

/// A service of ours is let in only in the environment that its certificate was issued for.
pub(super) fn environment(leaf: &Certificate, trust: &Trust) -> Result<(), Refusal> {
    let Some(ours) = &trust.strictness().environment else { return Ok(()) };
    let identity = leaf.identity();
    if !identity.organizational_units().iter().any(|unit| unit == INTERNAL) {
        return Ok(());
    }
    let theirs = identity.organizations();
    if theirs.iter().any(|environment| environment == ours) && theirs.len() == 1 {
        return Ok(());
    }
    let cause = match theirs.first() {
        Some(theirs) => format!("certificate is for environment \"{theirs}\", this is \"{ours}\""),
        None => format!("certificate names no environment, this is \"{ours}\""),
    };
    Err(Refusal::new(Code::NameNotAllowed, cause))
}

/// Whether the certificate is one of an authority, by everything it says.
fn may_issue(authority: &Certificate) -> Result<(), Refusal> {
    if authority.version() == 1 {
        // Version 1 has no way to say so; an operator who trusts such a root says so for it.
        return if authority.is_self_issued() {
            Ok(())
        } else {
            Err(no_authority(authority, "X.509 version 1"))
        };
    }
    if !authority.is_ca() {
        return Err(no_authority(authority, "basic constraints do not say CA"));
    }
    if authority.identity().subject().is_empty() {
        return Err(malformed(format!("{} issued a certificate, and has no name", cause::title(authority))));
    }
    let extensions = Extensions::of(authority)?;
    sound(authority, &extensions)?;
    if extensions.key_usage.is_some_and(|usage| !usage.signs_certificates) {
        return Err(no_authority(authority, "key usage lacks keyCertSign"));
    }
    Ok(())
}

/// Whether the extensions hold nothing that we must not pass over.
fn sound(certificate: &Certificate, extensions: &Extensions) -> Result<(), Refusal> {
    let title = cause::title(certificate);
    match (extensions.broken, &extensions.unknown_critical) {
        (Some(what), _) => Err(malformed(format!("{title} has {what}"))),
        (None, Some(oid)) => {
            Err(malformed(format!("{title} has the critical extension {oid}, which we do not know")))
        }
        (None, None) => Ok(()),
    }
}

fn no_authority(certificate: &Certificate, why: &str) -> Refusal {
    let cause = format!("{} issued a certificate, and is no authority: {why}", cause::title(certificate));
    Refusal::new(Code::UnknownIssuer, cause)
}

fn unfit(certificate: &Certificate, why: &str) -> Refusal {
    let title = cause::title(certificate);
    let calendar = "public authorities stopped issuing clientAuth in 2025 and 2026";
    let cause = format!("unsupported certificate purpose: {title}: {why}");
    let public = certificate.usages().is_some_and(|usages| usages == [Usage::ServerAuth]);
    Refusal::new(Code::WrongPurpose, if public { format!("{cause} ({calendar})") } else { cause })
}
