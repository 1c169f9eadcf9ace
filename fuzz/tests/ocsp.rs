//! OCSP: questions that strangers ask, and answers that come over a network that nobody vouches for.

use std::sync::LazyLock;

use bolero::check;
use identity::ocsp::{self, CertId, IdHash, Reply, Request, Signature, Single, Status};
use identity::{Certificate, Malformed, RevocationReason};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SigningKey as _};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

const NOW: OffsetDateTime = datetime!(2026-06-01 12:00:00 UTC);
const NONCE: [u8; 32] = [7; 32];
const REVOKED: Status = Status::Revoked { at: NOW, reason: RevocationReason::KeyCompromise };

/// A certificate, its issuer, and the issuer's answer that it is revoked.
struct World {
    subject: Certificate,
    issuer: Certificate,
    answer: Vec<u8>,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let issuer = Certificate::from_der(params.self_signed(&key).unwrap().der().clone()).unwrap();
    let signer = Issuer::new(params, key);
    let leaf = CertificateParams::default().signed_by(&KeyPair::generate().unwrap(), &signer).unwrap();
    let subject = Certificate::from_der(leaf.der().clone()).unwrap();
    let id = CertId::new(subject.identity().serial(), &issuer, IdHash::Sha1).unwrap();
    let single = Single { id, status: REVOKED, this_update: NOW, next_update: NOW + Duration::hours(1) };
    let reply = Reply { singles: vec![single], nonce: Some(NONCE.into()), produced_at: NOW };
    let answer = ocsp::sign(&reply, &issuer, false, |message| {
        let algorithm = vec![0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
        Ok::<_, Malformed>(Signature { algorithm, bytes: signer.key().sign(message).unwrap() })
    });
    World { subject, issuer, answer: answer.unwrap() }
});

fn judged(answer: &[u8]) -> Option<Status> {
    let World { subject, issuer, .. } = &*WORLD;
    ocsp::verify(answer, subject, issuer, Some(&NONCE), NOW).ok().map(|answer| answer.status)
}

#[test]
fn any_bytes_are_no_request_or_one_that_reads_the_same_when_written() {
    check!().for_each(|bytes: &[u8]| {
        if let Ok(request) = Request::from_der(bytes) {
            assert!(!request.ids().is_empty());
            let written = request.to_der().unwrap();
            assert_eq!(Request::from_der(&written), Ok(request));
        }
    });
}

#[test]
fn any_end_of_an_address_is_no_request_or_one_that_can_be_written() {
    check!().with_type::<String>().for_each(|path| {
        if let Ok(request) = Request::from_path(path) {
            assert!(request.to_der().is_ok());
        }
    });
}

#[test]
fn a_request_in_base64_is_the_request() {
    use base64::Engine as _;

    check!().for_each(|bytes: &[u8]| {
        let path = base64::prelude::BASE64_STANDARD.encode(bytes);
        assert_eq!(Request::from_path(&path).ok(), Request::from_der(bytes).ok());
    });
}

#[test]
fn any_bytes_are_no_answer() {
    check!().for_each(|bytes: &[u8]| assert_eq!(judged(bytes), None));
}

#[test]
fn an_answer_with_any_bytes_changed_says_the_same_or_nothing() {
    assert_eq!(judged(&WORLD.answer), Some(REVOKED));
    check!().with_type::<(usize, Vec<u8>)>().for_each(|(at, bytes)| {
        let mut changed = WORLD.answer.clone();
        let at = at % changed.len();
        changed.iter_mut().skip(at).zip(bytes).for_each(|(to, from)| *to = *from);
        assert!(judged(&changed).is_none_or(|status| status == REVOKED));
    });
}
