//! What must come of it: the manual's table of refusals, applied to a listener's rules.
//!
//! Nothing in here looks at how the door decides. A change of the door that the manual does not tell shows as a cell
//! that is not as expected.

use std::fmt;

use access::Accepted;
use config::{ClientAuth, TlsVersion};
use fault::Code;
use identity::FailureMode;

use crate::case::{Case, Source};
use crate::moment::Stage;
use crate::names::Whose;
use crate::rules::Rules;
use crate::seen::Seen;

/// What must come of a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// The handshake ends with one of these alerts, and the record holds the code.
    Alert {
        /// The names of RFC 8446 section 6; more than one where versions of TLS differ.
        any_of: &'static [&'static str],
        /// The code on record; none where the handshake fails before anybody is judged.
        code: Option<Code>,
    },
    /// The certificate is refused with this code: by its alert where the answer was at hand, and else, because somebody had
    /// to be asked first, by the code's status.
    Late(Code),
    /// The question is answered to this principal; none: to an anonymous peer.
    Answered {
        /// Its name.
        principal: Option<String>,
    },
    /// The question is refused with the code's status.
    Refused(Code),
    /// The connection has ended, because of this.
    Ended(Code),
    /// There is no such cell, and why.
    Impossible(&'static str),
}

/// What must come of a client that presents `case`, whose certificate the configuration takes for `whose`'s.
pub(crate) fn expected(rules: &Rules, tls: Option<TlsVersion>, case: Case, whose: Option<Whose>) -> Expected {
    match (tls, rules.min_version) {
        (Some(TlsVersion::V1_2), Some(TlsVersion::V1_3)) => {
            return Expected::Alert { any_of: &["protocol_version"], code: None };
        }
        (Some(_), Some(_)) => {}
        _ if case == Case::NoCertificate => return recognized(rules, None),
        _ => return Expected::Impossible("clear text carries no certificate"),
    }
    match (rules.asks, case, whose) {
        (None, Case::NoCertificate, _) => recognized(rules, None),
        (None, ..) => Expected::Impossible("the listener asks for no certificate"),
        (Some(ClientAuth::Require), Case::NoCertificate, _) => {
            Expected::Alert { any_of: missing(tls), code: Some(Code::CertificateRequired) }
        }
        (Some(ClientAuth::Request), Case::NoCertificate, _) => recognized(rules, None),
        (Some(_), Case::Revoked(source), _) if !rules.sources.contains(&source) => {
            Expected::Impossible("nobody who could say so is configured")
        }
        (Some(_), _, None) => Expected::Impossible("no principal can be told from another"),
        (Some(_), _, Some(whose)) => match flaw(rules, case) {
            Some(code) if case == Case::Revoked(Source::Fetched) => Expected::Late(code),
            // Version 1 has no extension that could say where to ask.
            None if case == Case::Version1 && rules.without_place == Some(FailureMode::FailClosed) => {
                Expected::Late(Code::RevocationUnknown)
            }
            Some(code) => Expected::Alert { any_of: alerts(code), code: Some(code) },
            None => recognized(rules, Some(whose)),
        },
    }
}

/// What must come of a question on a connection that was open before the stage: whoever the change concerns is out, and
/// nobody else notices.
///
/// `before` is what came of the first question on it.
pub(crate) fn kept(case: Case, stage: Stage, before: Expected) -> Expected {
    match (before, case, stage) {
        // A list that was fetched counts until it is fetched again, whatever is reloaded meanwhile.
        (Expected::Answered { .. }, Case::Revoked(Source::Fetched), _) => {
            Expected::Impossible("the list is fetched again when its time has come")
        }
        (Expected::Answered { .. }, Case::Revoked(_), Stage::Reloaded) => {
            Expected::Ended(Code::CertificateRevoked)
        }
        (Expected::Answered { .. }, Case::OtherAuthority, Stage::Swapped) => {
            Expected::Ended(Code::UnknownIssuer)
        }
        (undisturbed @ Expected::Answered { .. }, Case::Valid, Stage::Reloaded)
        | (undisturbed @ Expected::Answered { .. }, Case::NoCertificate, _) => undisturbed,
        (why @ Expected::Impossible(_), ..) => why,
        _ => Expected::Impossible("nobody of this kind is let in before"),
    }
}

/// What is wrong with the certificate itself, whoever it belongs to.
fn flaw(rules: &Rules, case: Case) -> Option<Code> {
    let refused = case == Case::Version1 && !rules.allow_x509_v1;
    case.flaw().or(refused.then_some(Code::MalformedCertificate))
}

/// The alert of each code that a handshake can end with.
fn alerts(code: Code) -> &'static [&'static str] {
    match code {
        Code::CertificateRequired => &["certificate_required"],
        Code::UnknownIssuer => &["unknown_ca"],
        Code::CertificateExpired => &["certificate_expired"],
        Code::CertificateRevoked => &["certificate_revoked"],
        Code::RevocationUnknown => &["certificate_unknown"],
        Code::WrongPurpose => &["unsupported_certificate"],
        Code::CertificateNotYetValid | Code::NameNotAllowed | Code::WeakCertificate => &["bad_certificate"],
        // RFC 8446 has two alerts for what cannot be read.
        Code::MalformedCertificate => &["bad_certificate", "decode_error"],
        _ => &[],
    }
}

/// TLS 1.2 has no alert of its own for a certificate that is missing.
fn missing(tls: Option<TlsVersion>) -> &'static [&'static str] {
    match tls {
        Some(TlsVersion::V1_2) => &["certificate_required", "handshake_failure"],
        _ => &["certificate_required"],
    }
}

/// Who the peer is, once its certificate is good or there is none.
fn recognized(rules: &Rules, whose: Option<Whose>) -> Expected {
    let mtls = rules.auth.contains(&Accepted::Mtls);
    let anonymous = rules.auth.contains(&Accepted::None);
    match (mtls, whose) {
        (true, Some(Whose::Ones { principal, active: true })) => {
            Expected::Answered { principal: Some(principal) }
        }
        (true, Some(Whose::Ones { active: false, .. })) => Expected::Refused(Code::PrincipalInactive),
        (true, Some(Whose::Severals)) => Expected::Refused(Code::AmbiguousIdentity),
        _ if anonymous && rules.needs_name => Expected::Refused(Code::RoleNotAllowed),
        _ if anonymous => Expected::Answered { principal: None },
        (true, Some(Whose::Nobodys)) => Expected::Refused(Code::UnmappedCertificate),
        (true, None) => Expected::Refused(Code::CertificateRequired),
        (false, _) => Expected::Refused(Code::CredentialsRequired),
    }
}

impl Expected {
    /// Whether this is what was seen, and, where the node keeps a record, what stands there.
    #[must_use]
    pub fn is(&self, seen: &Seen, recorded: Option<Option<&str>>) -> bool {
        let on_record = |code: Option<Code>| recorded.is_none_or(|found| found == code.map(Code::as_str));
        match (self, seen) {
            (Self::Alert { any_of, code }, Seen::Alert(alert)) => {
                any_of.contains(&alert.as_str()) && on_record(*code)
            }
            (Self::Answered { principal }, Seen::Answered { principal: seen }) => {
                principal == seen && on_record(None)
            }
            (Self::Refused(code), Seen::Refused { status, code: seen }) => {
                code.status() == *status && code.as_str() == seen && on_record(Some(*code))
            }
            (Self::Late(code), Seen::Alert(alert)) => {
                alerts(*code).contains(&alert.as_str()) && on_record(Some(*code))
            }
            (Self::Late(code), Seen::Refused { .. }) => Self::Refused(*code).is(seen, recorded),
            (Self::Ended(_), Seen::Closed) => true,
            _ => false,
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alert { any_of, code } => {
                write!(f, "alert {}", any_of.join(" or "))?;
                code.map_or(Ok(()), |code| write!(f, " ({code})"))
            }
            Self::Answered { principal: Some(name) } => write!(f, "let in as {name}"),
            Self::Answered { principal: None } => f.write_str("let in, anonymous"),
            Self::Refused(code) => write!(f, "{} {code}", code.status()),
            Self::Late(code) => {
                write!(f, "alert {} or {} ({code})", alerts(*code).join(" or "), code.status())
            }
            Self::Ended(code) => write!(f, "ended ({code})"),
            Self::Impossible(why) => f.write_str(why),
        }
    }
}

#[cfg(test)]
mod tests;
