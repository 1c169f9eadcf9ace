use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, SigningKey as _,
};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use super::{
    Answer, CertId, Failure, IdHash, IssuerId, OcspError, Reply, Request, Signature, Single, Status, sign,
    verify,
};
use crate::{BadSignature, Certificate, Malformed, RevocationReason};

const NOW: OffsetDateTime = datetime!(2026-06-01 12:00:00 UTC);
const NONCE: [u8; 32] = [7; 32];
/// ecdsa-with-SHA256, which every key of these tests signs with.
const ECDSA_SHA256: &[u8] = &[0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
const ECDSA_SHA1: &[u8] = &[0x30, 9, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1];

struct Made {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = NOW - Duration::days(1);
    params.not_after = NOW + Duration::days(1);
    params
}

fn root(name: &str) -> Made {
    let mut params = params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let der = params.self_signed(&key).unwrap().der().clone();
    Made { certificate: Certificate::from_der(der).unwrap(), issuer: Issuer::new(params, key) }
}

fn responder() -> CertificateParams {
    let mut params = params("responder");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::OcspSigning];
    params
}

impl Made {
    fn issue(&self, params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let der = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        Self { certificate: Certificate::from_der(der).unwrap(), issuer: Issuer::new(params, key) }
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, Malformed> {
        let bytes = self.issuer.key().sign(message).unwrap();
        Ok(Signature { algorithm: ECDSA_SHA256.to_vec(), bytes })
    }
}

struct World {
    root: Made,
    alice: Certificate,
}

impl World {
    fn new() -> Self {
        let root = root("root");
        let alice = root.issue(params("alice")).certificate;
        Self { root, alice }
    }

    fn single(&self, status: Status) -> Single {
        let id = CertId::new(self.alice.identity().serial(), &self.root.certificate, IdHash::Sha1).unwrap();
        Single { id, status, this_update: NOW, next_update: NOW + Duration::hours(1) }
    }

    fn reply(&self, status: Status) -> Reply {
        Reply { singles: vec![self.single(status)], nonce: Some(NONCE.into()), produced_at: NOW }
    }

    fn by_root(&self, reply: &Reply) -> Vec<u8> {
        sign(reply, &self.root.certificate, false, |message| self.root.sign(message)).unwrap()
    }

    fn by_delegate(&self, delegate: &Made) -> Result<Answer, OcspError> {
        let reply = self.reply(Status::Good);
        let der = sign(&reply, &delegate.certificate, true, |message| delegate.sign(message)).unwrap();
        self.verify(&der)
    }

    fn verify(&self, der: &[u8]) -> Result<Answer, OcspError> {
        verify(der, &self.alice, &self.root.certificate, Some(&NONCE), NOW)
    }
}

#[test]
fn a_request_is_read_as_it_was_written() {
    let world = World::new();
    for nonce in [None, Some(NONCE)] {
        let request = Request::new(&world.alice, &world.root.certificate, nonce).unwrap();
        let read = Request::from_der(&request.to_der().unwrap()).unwrap();
        assert_eq!(read, request);
        assert_eq!(read.nonce(), nonce.as_ref().map(|nonce| &nonce[..]));
        let [id] = read.ids() else { panic!("one certificate is asked about") };
        assert!(id.names(&world.alice, &world.root.certificate));
        assert!(!id.names(&world.root.certificate, &world.root.certificate));
        assert!(!id.is_of(&root("root").certificate), "another key of the same name");
    }
}

#[test]
fn each_status_is_read_as_it_was_signed() {
    let world = World::new();
    let (at, reason) = (NOW - Duration::hours(3), RevocationReason::KeyCompromise);
    let unspecified = RevocationReason::Unspecified;
    for status in [
        Status::Good,
        Status::Unknown,
        Status::Revoked { at, reason },
        Status::Revoked { at, reason: unspecified },
    ] {
        let answer = world.verify(&world.by_root(&world.reply(status))).unwrap();
        let until = NOW + Duration::hours(1);
        assert_eq!(answer, Answer { status, this_update: NOW, until, is_fresh: true });
    }
}

#[test]
fn a_certificate_is_named_by_sha_256_as_well() {
    let world = World::new();
    let mut reply = world.reply(Status::Good);
    let serial = world.alice.identity().serial();
    reply.singles[0].id = CertId::new(serial, &world.root.certificate, IdHash::Sha256).unwrap();
    assert_eq!(world.verify(&world.by_root(&reply)).unwrap().status, Status::Good);
}

#[test]
fn of_two_answers_about_one_certificate_the_worse_counts() {
    let world = World::new();
    let revoked = Status::Revoked { at: NOW, reason: RevocationReason::Superseded };
    for pair in [[Status::Good, revoked], [revoked, Status::Good], [Status::Unknown, revoked]] {
        let mut reply = world.reply(Status::Good);
        reply.singles = pair.map(|status| world.single(status)).to_vec();
        assert_eq!(world.verify(&world.by_root(&reply)).unwrap().status, revoked);
    }
}

#[test]
fn a_nonce_of_another_question_is_refused_and_a_missing_one_is_told() {
    let world = World::new();
    let mut reply = world.reply(Status::Good);
    reply.nonce = Some([8; 32].into());
    assert!(matches!(world.verify(&world.by_root(&reply)), Err(OcspError::Nonce(_))));
    reply.nonce = None;
    assert!(!world.verify(&world.by_root(&reply)).unwrap().is_fresh);
}

#[test]
fn an_answer_has_its_time() {
    let world = World::new();
    let shifted = |by: Duration| {
        let mut reply = world.reply(Status::Good);
        reply.singles[0].this_update += by;
        reply.singles[0].next_update += by;
        world.verify(&world.by_root(&reply))
    };
    assert!(shifted(Duration::minutes(5)).is_ok() && shifted(-Duration::minutes(60)).is_ok());
    assert!(matches!(shifted(Duration::minutes(6)), Err(OcspError::NotYet(_))));
    assert!(matches!(shifted(-Duration::minutes(61)), Err(OcspError::Outdated(_))));
}

#[test]
fn an_answer_about_another_certificate_is_none() {
    let world = World::new();
    let der = world.by_root(&world.reply(Status::Good));
    let bob = world.root.issue(params("bob")).certificate;
    assert_eq!(
        verify(&der, &bob, &world.root.certificate, Some(&NONCE), NOW),
        Err(OcspError::OtherCertificate)
    );
}

#[test]
fn an_answer_that_another_key_signed_is_none() {
    let world = World::new();
    let other = root("root");
    let reply = world.reply(Status::Good);
    let der = sign(&reply, &world.root.certificate, false, |message| other.sign(message)).unwrap();
    assert_eq!(world.verify(&der), Err(OcspError::Signature(BadSignature::Wrong)));
    let der = sign(&reply, &other.certificate, true, |message| other.sign(message)).unwrap();
    assert!(matches!(world.verify(&der), Err(OcspError::Responder(_))));
    let weak = |message: &[u8]| {
        let signature = world.root.sign(message)?;
        Ok::<_, Malformed>(Signature { algorithm: ECDSA_SHA1.to_vec(), ..signature })
    };
    let der = sign(&reply, &world.root.certificate, false, weak).unwrap();
    assert_eq!(world.verify(&der), Err(OcspError::Signature(BadSignature::UnsupportedAlgorithm)));
}

#[test]
fn a_delegate_answers_only_where_the_issuer_itself_says_so() {
    let world = World::new();
    let refused = |delegate: &Made| match world.by_delegate(delegate) {
        Err(OcspError::Responder(why)) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(world.by_delegate(&world.root.issue(responder())).unwrap().status, Status::Good);
    let without_usage = world.root.issue(params("responder"));
    assert!(refused(&without_usage).ends_with("lacks the extended key usage OCSPSigning"));
    let other = root("root").issue(responder());
    assert!(refused(&other).ends_with("was not issued by the authority itself"));
    let mut intermediate = params("issuer");
    intermediate.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let below = world.root.issue(intermediate).issue(responder());
    assert!(refused(&below).ends_with("was not issued by the authority itself"));
    let mut expired = responder();
    expired.not_after = NOW - Duration::hours(1);
    assert!(refused(&world.root.issue(expired)).contains("expired"));
    let mut long = responder();
    long.not_after = NOW + Duration::days(30);
    assert!(refused(&world.root.issue(long.clone())).contains("may itself be revoked"));
    let no_check = CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 48, 1, 5], vec![5, 0]);
    long.custom_extensions.push(no_check);
    assert!(world.by_delegate(&world.root.issue(long)).is_ok());
}

#[test]
fn a_responder_that_gives_no_answer_is_quoted() {
    let world = World::new();
    for (failure, word) in [
        (Failure::TryLater, "tryLater"),
        (Failure::Unauthorized, "unauthorized"),
        (Failure::InternalError, "internalError"),
        (Failure::MalformedRequest, "malformedRequest"),
    ] {
        assert_eq!(world.verify(&failure.to_der()), Err(OcspError::NoAnswer(word)));
    }
}

#[test]
fn no_changed_bit_turns_an_answer_into_another() {
    let world = World::new();
    let revoked = Status::Revoked { at: NOW, reason: RevocationReason::KeyCompromise };
    let der = world.by_root(&world.reply(revoked));
    for at in 0..der.len() {
        let mut changed = der.clone();
        changed[at] ^= 1 << (at % 8);
        if let Ok(answer) = world.verify(&changed) {
            assert_eq!(answer.status, revoked, "byte {at}");
        }
    }
}

#[test]
fn an_issuer_hashed_once_names_and_knows_the_same_certificates() {
    let World { root: issuer, alice } = World::new();
    let other = root("another root");
    let serial = alice.identity().serial();
    let (own, stranger) =
        (IssuerId::of(&issuer.certificate).unwrap(), IssuerId::of(&other.certificate).unwrap());
    for hash in [IdHash::Sha1, IdHash::Sha256] {
        let id = CertId::new(serial, &issuer.certificate, hash).unwrap();
        assert_eq!(own.id(serial, hash), Some(id.clone()));
        assert_eq!((own.issued(&id), stranger.issued(&id)), (Some(hash), None));
    }
}

#[test]
fn a_question_in_an_address_may_escape_any_character_and_leave_the_padding_out() {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;

    let World { root, alice } = World::new();
    let request = Request::new(&alice, &root.certificate, None).unwrap();
    let text = BASE64_STANDARD.encode(request.to_der().unwrap());
    let escaped: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let usual = text.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    for path in [&*text, &escaped, &usual, text.trim_end_matches('=')] {
        assert_eq!(Request::from_path(path).as_ref(), Ok(&request), "{path}");
    }
    for path in ["", "%", "%4", "%zz", "MA==%", "AAAA", &"A".repeat(100_000)] {
        assert!(Request::from_path(path).is_err(), "{path}");
    }
}
