//! A last look at the exact bytes before they are put on record: read back by our own parser, compared with what was
//! meant, judged by our own verifier.

use fault::{Code, Fault};
use identity::{Certificate, Purpose, Serial, Usage};
use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;

use crate::authority::Authority;
use crate::draft::reach::Reach;
use crate::names::Names;
use crate::profile::Profile;
use crate::request::Request;

/// What a leaf is meant to say.
pub(crate) struct Expected<'a> {
    pub(crate) request: &'a Request,
    pub(crate) profile: &'a Profile,
    pub(crate) names: &'a Names,
    pub(crate) serial: &'a Serial,
    pub(crate) reach: &'a Reach,
    pub(crate) from: OffsetDateTime,
    pub(crate) until: OffsetDateTime,
}

/// Lints a leaf that the stand-in has signed.
pub(crate) fn leaf(
    authority: &Authority,
    der: CertificateDer<'static>,
    expected: &Expected<'_>,
    now: OffsetDateTime,
) -> Result<Certificate, Fault> {
    let certificate = read(der)?;
    let identity = certificate.identity();
    let says = [
        ("the serial", identity.serial() == expected.serial),
        ("the issuer's name", identity.issuer() == authority.certificate().identity().subject()),
        ("the first second", identity.not_before() == expected.from),
        ("the last second", identity.not_after() == expected.until),
        ("the common name", identity.common_name().one() == expected.names.common_name.as_deref()),
        ("the alternative names", identity.sans() == expected.names.sans),
        ("the public key", identity.spki_sha256() == expected.request.spki_sha256()),
        ("the usages", certificate.usages() == Some(expected.profile.usages())),
        ("that it is no authority", !certificate.is_ca()),
        ("where to ask about it", expected.reach.is_said_by(&certificate)),
    ];
    compare(&says)?;
    for usage in expected.profile.usages() {
        verify(authority, &certificate, usage, now)?;
    }
    Ok(certificate)
}

/// Lints an issuer or a root, which the stand-in has signed: that it says what was meant.
pub(crate) fn tier(
    der: CertificateDer<'static>,
    path_len: Option<u32>,
    usages: Option<&[Usage]>,
) -> Result<Certificate, Fault> {
    let certificate = read(der)?;
    let says = [
        ("that it is an authority", certificate.is_ca()),
        ("the path length", certificate.path_len() == path_len),
        ("the usages", certificate.usages() == usages),
    ];
    compare(&says)?;
    Ok(certificate)
}

/// Lints the certificate of a responder: that whoever trusts the issuer takes its answers.
pub(crate) fn responder(
    authority: &Authority,
    der: CertificateDer<'static>,
    now: OffsetDateTime,
) -> Result<Certificate, Fault> {
    let certificate = read(der)?;
    let stand_in = authority.stand_in.trust().anchors().next();
    let stand_in = stand_in.ok_or_else(|| failed("there is no stand-in for the issuer"))?;
    identity::ocsp::may_answer(&certificate, stand_in, now).map_err(failed)?;
    compare(&[
        (
            "the issuer's name",
            certificate.identity().issuer() == authority.certificate().identity().subject(),
        ),
        ("that it is no authority", !certificate.is_ca()),
    ])?;
    Ok(certificate)
}

fn read(der: CertificateDer<'static>) -> Result<Certificate, Fault> {
    Certificate::from_der(der).map_err(|error| failed("it cannot be read back").because(error))
}

fn compare(says: &[(&str, bool)]) -> Result<(), Fault> {
    match says.iter().find(|(_, same)| !same) {
        None => Ok(()),
        Some((what, _)) => Err(failed(format!("it does not say {what} as it should"))),
    }
}

fn verify(
    authority: &Authority,
    leaf: &Certificate,
    usage: &Usage,
    now: OffsetDateTime,
) -> Result<(), Fault> {
    let purpose = match usage {
        Usage::ServerAuth => Purpose::Server,
        _ => Purpose::Client,
    };
    let chain = [leaf.der().clone()];
    match identity::verify(&chain, authority.stand_in.trust(), purpose, None, now) {
        Ok(_) => Ok(()),
        Err(refusal) if refusal.code() == Code::NameNotAllowed => {
            Err(Fault::yours("the issuer's own certificate does not allow this certificate")
                .because(refusal)
                .remedy("ask for names within the issuer's name constraints, or use another issuer"))
        }
        Err(refusal) => Err(failed("our own verifier refuses it").because(refusal)),
    }
}

fn failed(why: impl std::fmt::Display) -> Fault {
    Fault::ours("the draft failed its lint, and nothing was signed").because(why)
}
