use identity::ocsp::{self, Answer, CertId, IdHash, OcspError, Reply, Request, Signature, Single, Status};
use identity::{Certificate, Malformed, RevocationReason};
use rcgen::SigningKey as _;
use time::Duration;

use crate::openssl::Authority;

/// What openssl answers to our request, as `signer` and with these arguments.
fn asked(ca: &Authority, subject: &Certificate, nonce: [u8; 32], args: &[&str]) -> Result<Answer, OcspError> {
    let root = ca.certificate("ca");
    let request = Request::new(subject, &root, Some(nonce)).unwrap();
    ca.put("request.der", &request.to_der().unwrap());
    let respond =
        ["ocsp", "-index", "index.txt", "-CA", "ca.pem", "-reqin", "request.der", "-respout", "answer.der"];
    ca.run(&[&respond[..], args].concat());
    ocsp::verify(&ca.read("answer.der"), subject, &root, Some(&nonce), ca.now())
}

const BY_AUTHORITY: &[&str] = &["-rsigner", "ca.pem", "-rkey", "ca.key"];
const BY_DELEGATE: &[&str] = &["-rsigner", "responder.pem", "-rkey", "responder.key"];

#[test]
fn openssl_answers_our_requests() {
    let ca = Authority::ecdsa();
    let (alice, bob) = (ca.issue("alice", "leaf"), ca.issue("bob", "leaf"));
    ca.issue("responder", "responder");
    ca.revoke("alice", "keyCompromise");
    for signer in [BY_AUTHORITY, BY_DELEGATE, &[BY_DELEGATE, &["-resp_key_id"]].concat()] {
        let answer = asked(&ca, &bob, [1; 32], signer).unwrap();
        assert_eq!((answer.status, answer.is_fresh), (Status::Good, true));
        let Status::Revoked { reason, .. } = asked(&ca, &alice, [2; 32], signer).unwrap().status else {
            panic!("alice is revoked");
        };
        assert_eq!(reason, RevocationReason::KeyCompromise);
    }
    let next = &[BY_AUTHORITY, &["-nmin", "90"]].concat();
    let answer = asked(&ca, &bob, [3; 32], next).unwrap();
    assert_eq!(answer.until, answer.this_update + Duration::minutes(90));
}

#[test]
fn openssl_does_not_know_what_it_did_not_issue() {
    let (ca, other) = (Authority::ecdsa(), Authority::ecdsa());
    ca.issue("alice", "leaf");
    ca.put("serial", b"7777\n");
    let stranger = ca.issue("stranger", "leaf");
    ca.put("index.txt", b"");
    assert_eq!(asked(&ca, &stranger, [1; 32], BY_AUTHORITY).unwrap().status, Status::Unknown);
    // One who is certified by another authority of the same name may not answer.
    other.issue("responder", "responder");
    for file in ["responder.pem", "responder.key"] {
        ca.put(file, &other.read(file));
    }
    let refused = asked(&ca, &stranger, [1; 32], BY_DELEGATE);
    assert!(matches!(refused, Err(OcspError::Responder(_))), "{refused:?}");
}

#[test]
fn openssl_understands_our_requests_and_believes_our_answers() {
    let ca = Authority::ecdsa();
    let (root, alice) = (ca.certificate("ca"), ca.issue("alice", "leaf"));
    ca.run(&["pkcs8", "-topk8", "-nocrypt", "-in", "ca.key", "-out", "ca.p8"]);
    let key = rcgen::KeyPair::from_pem(&String::from_utf8(ca.read("ca.p8")).unwrap()).unwrap();
    ca.run(&["ocsp", "-issuer", "ca.pem", "-cert", "alice.pem", "-reqout", "theirs.der"]);
    let request = Request::from_der(&ca.read("theirs.der")).unwrap();
    let [id] = request.ids() else { panic!("one certificate is asked about") };
    assert!(id.names(&alice, &root));
    assert_eq!(*id, CertId::new(alice.identity().serial(), &root, IdHash::Sha1).unwrap());
    let at = root.identity().not_before();
    for (status, words) in [
        (Status::Good, "alice.pem: good"),
        (Status::Revoked { at, reason: RevocationReason::Superseded }, "Reason: superseded"),
        (Status::Unknown, "alice.pem: unknown"),
    ] {
        let single = Single { id: id.clone(), status, this_update: at, next_update: at + Duration::hours(1) };
        let reply = Reply { singles: vec![single], nonce: request.nonce().map(Into::into), produced_at: at };
        let signed = ocsp::sign(&reply, &root, false, |message| {
            let algorithm = vec![0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
            let bytes = key.sign(message).unwrap();
            Ok::<_, Malformed>(Signature { algorithm, bytes })
        });
        ca.put("ours.der", &signed.unwrap());
        // With the request it compares nonces, with the certificate it prints what is said about it.
        let judge = ["ocsp", "-CAfile", "ca.pem", "-issuer", "ca.pem", "-respin", "ours.der"];
        let said = ca.run(&[&judge[..], &["-reqin", "theirs.der"]].concat());
        assert!(said.contains("Response verify OK") && !said.to_lowercase().contains("nonce"), "{said}");
        let said = ca.run(&[&judge[..], &["-cert", "alice.pem", "-no_nonce"]].concat());
        assert!(said.contains("Response verify OK") && said.contains(words), "{said}");
    }
}
