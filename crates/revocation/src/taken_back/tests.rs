use std::sync::Arc;

use identity::{Asked, Certificate, RevocationReason, Revoked};
use time::{Duration, OffsetDateTime};

use super::{Remembered, TakenBack};
use crate::look::Said;
use crate::subject::Found;

const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;
const LATER: OffsetDateTime = NOW.saturating_add(Duration::SECOND);

fn certificate(serial: u64) -> Certificate {
    let mut params = rcgen::CertificateParams::default();
    params.serial_number = Some(rcgen::SerialNumber::from(serial));
    let key = rcgen::KeyPair::generate().unwrap();
    Certificate::from_der(params.self_signed(&key).unwrap().der().clone()).unwrap()
}

fn revoked() -> Asked {
    let (at, source) = (NOW, Arc::from("somebody"));
    Asked::Revoked(Revoked { at, reason: RevocationReason::Superseded, source })
}

fn good(as_of: OffsetDateTime) -> Said {
    Said::at(as_of, Asked::Good { until: LATER, source: Arc::from("somebody") })
}

fn failed() -> Asked {
    Asked::Failed { why: "down".to_owned() }
}

fn by_list(said: impl Into<Said>) -> Found {
    Found { crl: said.into(), ocsp: Asked::NotAskable.into() }
}

fn by_ocsp(said: impl Into<Said>) -> Found {
    Found { crl: failed().into(), ocsp: said.into() }
}

fn both(asked: &Asked) -> Found {
    Found { crl: asked.clone().into(), ocsp: asked.clone().into() }
}

#[test]
fn what_was_revoked_is_so_until_its_authority_says_otherwise_later() {
    let memory = TakenBack::default();
    let (issuer, bad, other) = (certificate(1), certificate(2), certificate(3));
    assert_eq!(memory.consider(by_ocsp(failed()), &bad, &issuer, NOW), by_ocsp(failed()));
    memory.consider(by_ocsp(Said::at(NOW, revoked())), &bad, &issuer, NOW);
    for inconclusive in [failed(), Asked::NotAskable, Asked::Forged { why: String::new() }] {
        assert_eq!(memory.consider(by_list(inconclusive), &bad, &issuer, NOW), both(&revoked()));
    }
    assert_eq!(memory.consider(by_ocsp(failed()), &other, &issuer, NOW), by_ocsp(failed()));
    assert_eq!(memory.consider(by_ocsp(failed()), &bad, &other, NOW), by_ocsp(failed()), "another issuer's");
    memory.consider(by_list(good(LATER)), &bad, &issuer, NOW);
    assert_eq!(memory.consider(by_ocsp(failed()), &bad, &issuer, NOW), by_ocsp(failed()));
}

#[test]
fn what_was_made_before_a_revocation_does_not_undo_it() {
    let memory = TakenBack::default();
    let (issuer, bad) = (certificate(1), certificate(2));
    memory.consider(by_ocsp(Said::at(NOW, revoked())), &bad, &issuer, LATER);
    for before in [NOW - Duration::HOUR, NOW] {
        assert!(memory.outdoes(&good(before), &bad, &issuer));
        for found in [by_list(good(before)), by_ocsp(good(before))] {
            assert_eq!(memory.consider(found, &bad, &issuer, LATER), both(&revoked()));
        }
    }
    assert!(!memory.outdoes(&good(LATER), &bad, &issuer));
    assert_eq!(memory.consider(by_list(good(LATER)), &bad, &issuer, LATER), by_list(good(LATER)));
}

#[test]
fn an_answer_dated_before_the_revocation_it_tells_of_is_of_the_day_of_that_revocation() {
    let memory = TakenBack::default();
    let (issuer, bad) = (certificate(1), certificate(2));
    memory.consider(by_ocsp(Said::at(NOW - Duration::HOUR, revoked())), &bad, &issuer, LATER);
    let found = by_list(good(NOW - Duration::MINUTE));
    assert_eq!(memory.consider(found, &bad, &issuer, LATER), both(&revoked()));
}

#[test]
fn when_no_more_can_be_remembered_nobody_is_let_in_for_whom_nobody_vouched_since() {
    let memory = TakenBack::default();
    let (issuer, bad, other) = (certificate(1), certificate(2), certificate(3));
    let Asked::Revoked(known) = revoked() else { panic!("it is revoked") };
    for n in 0..super::MOST {
        let key = (issuer.identity().spki_sha256(), identity::Serial::from_bytes(&(n + 10).to_be_bytes()));
        let remembered = Remembered { revoked: known.clone(), as_of: NOW, ends: NOW };
        memory.0.lock().revoked.insert(key, remembered);
    }
    let revoking = by_ocsp(Said::at(NOW, revoked()));
    assert_eq!(memory.consider(revoking.clone(), &bad, &issuer, NOW), both(&revoked()));
    for found in [by_ocsp(failed()), by_list(good(NOW))] {
        let found = memory.consider(found, &other, &issuer, NOW);
        assert!(matches!(found.crl.asked, Asked::Forged { .. }));
    }
    assert_eq!(memory.consider(by_list(good(LATER)), &other, &issuer, NOW), by_list(good(LATER)));
    assert_eq!(memory.0.lock().revoked.len(), super::MOST);
    memory.consider(revoking, &bad, &issuer, LATER);
    assert_eq!(memory.0.lock().revoked.len(), 1, "those that have ended make room");
}
