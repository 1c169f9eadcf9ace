use access::Accepted;
use config::{ClientAuth, TlsVersion};
use fault::Code;
use identity::FailureMode;

use super::{Expected, expected, kept};
use crate::case::{Case, Source};
use crate::moment::Stage;
use crate::names::Whose;
use crate::rules::Rules;
use crate::seen::Seen;

fn rules(auth: &[Accepted], asks: Option<ClientAuth>) -> Rules {
    Rules {
        auth: auth.to_vec(),
        asks,
        min_version: Some(TlsVersion::V1_2),
        allow_x509_v1: true,
        sources: vec![Source::DenyList],
        needs_name: false,
        without_place: None,
    }
}

fn mutual() -> Rules {
    rules(&[Accepted::Mtls], Some(ClientAuth::Require))
}

fn ann() -> Option<Whose> {
    Some(Whose::Ones { principal: "ann".to_owned(), active: true })
}

fn on(rules: &Rules, case: Case, whose: Option<Whose>) -> Expected {
    expected(rules, Some(TlsVersion::V1_3), case, whose)
}

#[test]
fn whoever_is_mapped_is_let_in_and_whoever_is_not_is_401() {
    assert_eq!(on(&mutual(), Case::Valid, ann()), Expected::Answered { principal: Some("ann".to_owned()) });
    assert_eq!(
        on(&mutual(), Case::Unmapped, Some(Whose::Nobodys)),
        Expected::Refused(Code::UnmappedCertificate)
    );
    assert_eq!(
        on(&mutual(), Case::Ambiguous, Some(Whose::Severals)),
        Expected::Refused(Code::AmbiguousIdentity)
    );
}

#[test]
fn where_none_is_accepted_nobody_is_anonymous_and_a_flaw_is_still_an_alert() {
    let rules = rules(&[Accepted::Mtls, Accepted::None], Some(ClientAuth::Request));
    let anonymous = Expected::Answered { principal: None };
    assert_eq!(on(&rules, Case::NoCertificate, None), anonymous);
    assert_eq!(on(&rules, Case::Unmapped, Some(Whose::Nobodys)), anonymous);
    assert_eq!(
        on(&rules, Case::Ambiguous, Some(Whose::Severals)),
        Expected::Refused(Code::AmbiguousIdentity)
    );
    for case in [Case::Expired, Case::OtherAuthority, Case::Revoked(Source::DenyList), Case::WeakKey] {
        assert!(matches!(on(&rules, case, ann()), Expected::Alert { .. }), "{case}");
    }
}

#[test]
fn on_a_postgresql_whoever_has_no_name_is_nobody_there() {
    let rules = rules(&[Accepted::Mtls, Accepted::None], Some(ClientAuth::Request));
    let rules = Rules { needs_name: true, ..rules };
    let nobody = Expected::Refused(Code::RoleNotAllowed);
    assert_eq!(on(&rules, Case::NoCertificate, None), nobody);
    assert_eq!(on(&rules, Case::Unmapped, Some(Whose::Nobodys)), nobody);
    assert_eq!(on(&rules, Case::Valid, ann()), Expected::Answered { principal: Some("ann".to_owned()) });
}

#[test]
fn version_1_is_a_flaw_where_it_is_not_allowed() {
    let strict = Rules { allow_x509_v1: false, ..mutual() };
    let refused = on(&strict, Case::Version1, ann());
    assert!(matches!(refused, Expected::Alert { code: Some(Code::MalformedCertificate), .. }), "{refused}");
    assert_eq!(
        on(&mutual(), Case::Version1, ann()),
        Expected::Answered { principal: Some("ann".to_owned()) }
    );
}

#[test]
fn a_certificate_that_says_of_no_place_to_ask_is_let_in_only_where_that_fails_open() {
    let asking = |mode| Rules { without_place: Some(mode), ..mutual() };
    let closed = on(&asking(FailureMode::FailClosed), Case::Version1, ann());
    assert_eq!(closed, Expected::Late(Code::RevocationUnknown));
    let open = on(&asking(FailureMode::FailOpen), Case::Version1, ann());
    assert_eq!(open, Expected::Answered { principal: Some("ann".to_owned()) });
}

#[test]
fn below_the_lowest_version_nobody_is_let_in() {
    let strict = Rules { min_version: Some(TlsVersion::V1_3), ..mutual() };
    let below = expected(&strict, Some(TlsVersion::V1_2), Case::Valid, ann());
    assert_eq!(below, Expected::Alert { any_of: &["protocol_version"], code: None });
}

#[test]
fn an_answer_to_somebody_else_an_alert_of_another_reason_and_a_wrong_record_do_not_pass() {
    let let_in = Expected::Answered { principal: Some("ann".to_owned()) };
    let as_ann = Seen::Answered { principal: Some("ann".to_owned()) };
    assert!(let_in.is(&as_ann, None) && let_in.is(&as_ann, Some(None)));
    assert!(!let_in.is(&Seen::Answered { principal: Some("bob".to_owned()) }, None));
    assert!(!let_in.is(&Seen::Answered { principal: None }, None));
    let expired = on(&mutual(), Case::Expired, ann());
    let alert = |name: &str| Seen::Alert(name.to_owned());
    assert!(expired.is(&alert("certificate_expired"), Some(Some("certificate-expired"))));
    assert!(!expired.is(&alert("certificate_expired"), Some(Some("unknown-issuer"))));
    assert!(!expired.is(&alert("certificate_expired"), Some(None)));
    assert!(!expired.is(&alert("bad_certificate"), None));
    assert!(!expired.is(&as_ann, None));
    assert!(!expired.is(&Seen::Closed, None));
}

#[test]
fn every_flaw_has_its_alert_in_the_table() {
    for case in Case::all(&[Source::DenyList]) {
        if let Expected::Alert { any_of, .. } = on(&mutual(), case, ann()) {
            assert!(!any_of.is_empty(), "{case}");
        }
    }
}

#[test]
fn what_was_open_before_ends_for_whoever_the_change_concerns_and_for_nobody_else() {
    let revoked = Case::Revoked(Source::DenyList);
    let let_in = || Expected::Answered { principal: Some("ann".to_owned()) };
    assert_eq!(kept(revoked, Stage::Reloaded, let_in()), Expected::Ended(Code::CertificateRevoked));
    assert_eq!(kept(Case::OtherAuthority, Stage::Swapped, let_in()), Expected::Ended(Code::UnknownIssuer));
    assert_eq!(kept(Case::Valid, Stage::Reloaded, let_in()), let_in());
    for impossible in [
        kept(Case::Expired, Stage::Reloaded, let_in()),
        kept(Case::Valid, Stage::Swapped, let_in()),
        kept(revoked, Stage::Reloaded, Expected::Refused(Code::UnmappedCertificate)),
    ] {
        assert!(matches!(impossible, Expected::Impossible(_)), "{impossible}");
    }
}

#[test]
fn a_connection_that_should_have_ended_and_still_answers_does_not_pass_whatever_it_answers() {
    let ended = Expected::Ended(Code::CertificateRevoked);
    let refused = |code: &str| Seen::Refused { status: 401, code: code.to_owned() };
    assert!(ended.is(&Seen::Closed, Some(None)));
    assert!(!ended.is(&refused("session-ended"), None) && !ended.is(&refused("certificate-revoked"), None));
    assert!(!ended.is(&Seen::Answered { principal: Some("ann".to_owned()) }, None));
    assert!(!ended.is(&Seen::Silence, None));
}
