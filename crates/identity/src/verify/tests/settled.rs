//! What comes of asking, and what came of it elsewhere.

use fault::{Code, Refusal};
use time::Duration;

use super::made::NOW;
use super::revoked::{World, asking};
use crate::{
    Asked, CrlCheck, FailureMode, Method, OcspCheck, RevocationPolicy, RevocationReason, Revocations,
    Revoked, Verification, Verified, settle,
};

const OPEN: FailureMode = FailureMode::FailOpen;
const CLOSED: FailureMode = FailureMode::FailClosed;

fn modes(failure_mode: FailureMode, crl: FailureMode, ocsp: FailureMode) -> Verification {
    Verification {
        failure_mode,
        crl: Some(CrlCheck { failure_mode: crl, ..CrlCheck::default() }),
        ocsp: Some(OcspCheck { failure_mode: ocsp, ..OcspCheck::default() }),
        ..Verification::default()
    }
}

/// A chain whose leaf and intermediate are unanswered.
fn unanswered() -> Verified {
    let verified = World::new().judge(&Revocations::new(asking())).unwrap();
    assert_eq!(verified.unanswered(), [0, 1]);
    verified
}

fn good() -> Asked {
    Asked::Good { until: NOW + Duration::hours(1), source: "test".into() }
}

fn failed() -> Asked {
    Asked::Failed { why: "http://crl.example: connection refused".to_owned() }
}

fn revoked() -> Asked {
    let reason = RevocationReason::KeyCompromise;
    Asked::Revoked(Revoked { at: NOW, reason, source: "OCSP http://ocsp.example".into() })
}

/// Settles where each method answers the same for every certificate.
fn settled(verification: &Verification, crl: &Asked, ocsp: &Asked) -> Result<Verified, Refusal> {
    let ask = |method, _: &_, _: &_| match method {
        Method::Crl => crl.clone(),
        Method::Ocsp => ocsp.clone(),
    };
    let settled = settle(&unanswered(), verification, ask, NOW);
    assert!(settled.as_ref().map_or(true, |verified| verified.unanswered().is_empty()));
    settled
}

fn code(settled: Result<Verified, Refusal>) -> Option<Code> {
    settled.err().map(|refusal| refusal.code())
}

#[test]
fn a_definite_answer_of_the_list_is_the_answer_and_ocsp_is_not_asked() {
    let never = |method, _: &_, _: &_| match method {
        Method::Crl => good(),
        Method::Ocsp => panic!("a list has answered"),
    };
    let settled = settle(&unanswered(), &Verification::default(), never, NOW).unwrap();
    assert!(settled.unanswered().is_empty() && settled.warnings().is_empty());
}

#[test]
fn ocsp_answers_where_the_list_does_not() {
    for (crl, ocsp, wanted) in [
        (failed(), good(), None),
        (Asked::NotAskable, good(), None),
        (failed(), revoked(), Some(Code::CertificateRevoked)),
        (failed(), failed(), Some(Code::RevocationUnknown)),
    ] {
        assert_eq!(code(settled(&Verification::default(), &crl, &ocsp)), wanted, "{crl:?} {ocsp:?}");
    }
}

#[test]
fn an_outage_lets_in_only_where_every_way_that_was_tried_fails_open() {
    for (crl, ocsp, wanted) in [
        (OPEN, OPEN, None),
        (OPEN, CLOSED, Some(Code::RevocationUnknown)),
        (CLOSED, OPEN, Some(Code::RevocationUnknown)),
        (CLOSED, CLOSED, Some(Code::RevocationUnknown)),
    ] {
        // The policy's own mode is for what cannot be asked about at all.
        for global in [OPEN, CLOSED] {
            let verification = modes(global, crl, ocsp);
            assert_eq!(code(settled(&verification, &failed(), &failed())), wanted, "{crl:?} {ocsp:?}");
        }
    }
    let one_tried = settled(&modes(CLOSED, CLOSED, OPEN), &Asked::NotAskable, &failed()).unwrap();
    assert_eq!(one_tried.warnings().len(), 2, "one for the leaf and one for its issuer");
    assert_eq!(
        one_tried.warnings().first().unwrap(),
        "\"CN=alice\" was let in unasked: http://crl.example: connection refused"
    );
}

#[test]
fn a_certificate_that_says_of_no_place_to_ask_is_judged_by_the_policys_own_failure_mode() {
    let (none, any) = (Asked::NotAskable, Asked::NotAskable);
    assert!(settled(&modes(OPEN, CLOSED, CLOSED), &none, &any).is_ok());
    let refusal = settled(&modes(CLOSED, OPEN, OPEN), &none, &any).unwrap_err();
    assert_eq!(refusal.code(), Code::RevocationUnknown);
    assert!(refusal.cause().ends_with("it says of no place where its authority could be asked"));
    let nothing_on = Verification { crl: None, ocsp: None, ..Verification::default() };
    assert_eq!(code(settled(&nothing_on, &good(), &good())), Some(Code::RevocationUnknown));
}

#[test]
fn what_is_revoked_is_refused_however_open_the_policy_fails() {
    let open = modes(OPEN, OPEN, OPEN);
    assert_eq!(code(settled(&open, &revoked(), &good())), Some(Code::CertificateRevoked));
    assert_eq!(code(settled(&open, &failed(), &revoked())), Some(Code::CertificateRevoked));
}

// What follows are the defects that a server with the same options is known to have had, one test for each.

#[test]
fn a_forged_list_is_refused_in_both_modes_and_no_other_answer_helps() {
    let forged = Asked::Forged { why: "http://crl.example: wrong signature".to_owned() };
    for mode in [OPEN, CLOSED] {
        let refused = settled(&modes(mode, mode, mode), &forged, &good());
        assert_eq!(code(refused), Some(Code::RevocationUnknown));
    }
}

#[test]
fn fail_open_holds_for_ocsp_too() {
    let ocsp_alone = Verification { crl: None, ..modes(CLOSED, CLOSED, OPEN) };
    assert!(settled(&ocsp_alone, &failed(), &failed()).is_ok());
}

#[test]
fn the_first_question_about_a_certificate_is_answered_before_it_is_let_in() {
    let verified = unanswered();
    let mut asked = Vec::new();
    let ask = |method, subject: &crate::Certificate, _: &_| {
        asked.push((method, subject.identity().subject().to_string()));
        revoked()
    };
    let refusal = settle(&verified, &Verification::default(), ask, NOW).unwrap_err();
    assert_eq!(refusal.code(), Code::CertificateRevoked);
    assert_eq!(asked, [(Method::Crl, "CN=alice".to_owned())]);
}

#[test]
fn every_certificate_below_the_authority_is_asked_about_with_its_own_issuer() {
    let mut asked = Vec::new();
    let ask = |_, subject: &crate::Certificate, issuer: &crate::Certificate| {
        asked.push([subject, issuer].map(|certificate| certificate.identity().subject().to_string()));
        good()
    };
    settle(&unanswered(), &Verification::default(), ask, NOW).unwrap();
    assert_eq!(asked, [["CN=alice", "CN=issuer"], ["CN=issuer", "CN=root"]]);
}

#[test]
fn a_certificate_without_its_issuer_is_refused_in_both_modes() {
    let world = World::new();
    for mode in [OPEN, CLOSED] {
        let verification = modes(mode, mode, mode);
        let policy = RevocationPolicy { verification: Some(verification), ..RevocationPolicy::default() };
        let trust = super::made::trust(&[&world.alice])
            .with_revocations(std::sync::Arc::new(Revocations::new(policy)));
        let verified = super::made::judge(&[&world.alice], &trust).unwrap();
        let refusal = settle(&verified, &verification, |_, _, _| good(), NOW).unwrap_err();
        assert_eq!(refusal.code(), Code::RevocationUnknown);
        assert!(refusal.cause().ends_with("the certificate of its issuer is not at hand"));
    }
}

#[test]
fn an_answer_that_has_ended_is_none() {
    let ended = Asked::Good { until: NOW - Duration::SECOND, source: "http://crl.example".into() };
    let refusal = settled(&Verification::default(), &ended, &Asked::NotAskable).unwrap_err();
    assert_eq!(refusal.code(), Code::RevocationUnknown);
    assert!(refusal.cause().ends_with("the answer of http://crl.example has ended"));
}
