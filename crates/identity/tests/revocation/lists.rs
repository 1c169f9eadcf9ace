use std::sync::Arc;

use identity::{
    Crl, CrlError, CrlNumber, List, NotItsList, Purpose, RevocationPolicy, RevocationReason, Revocations,
    Strictness, Trust, Unusable, Verification, verify,
};
use time::Duration;

use crate::openssl::Authority;

fn read(pem: &[u8]) -> Crl {
    Crl::from_pem_or_der(pem).unwrap().remove(0)
}

#[test]
fn every_algorithm_that_certificates_may_use_may_sign_lists() {
    for key in [
        &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"][..],
        &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
        &["-newkey", "rsa:2048"],
        &["-newkey", "ed25519"],
    ] {
        let ca = Authority::new(key);
        let alice = ca.issue("alice", "leaf");
        ca.revoke("alice", "keyCompromise");
        let md: &[&str] = if key.contains(&"ed25519") { &["-md", "null"] } else { &[] };
        let crl = read(&ca.list("list", md));
        assert_eq!(crl.signed_by(), None);
        crl.verify_issuer(&ca.certificate("ca")).unwrap();
        assert_eq!(crl.signed_by(), Some(ca.certificate("ca").identity().spki_sha256()));
        let entry = crl.find(alice.identity().serial()).unwrap();
        assert_eq!((entry.reason, crl.len()), (RevocationReason::KeyCompromise, 1));
        assert_eq!(crl.number(), Some(CrlNumber::from(0x1000)));
        assert_eq!(crl.next_update(), Some(crl.this_update() + Duration::days(1)));
        let other = Authority::new(key).certificate("ca");
        assert_eq!(crl.verify_issuer(&other), Err(NotItsList::OtherAuthority));
    }
}

#[test]
fn a_list_signed_with_sha_1_is_refused() {
    let ca = Authority::new(&["-newkey", "rsa:2048"]);
    let crl = read(&ca.list("list", &["-md", "sha1"]));
    let refused = crl.verify_issuer(&ca.certificate("ca")).unwrap_err();
    assert!(matches!(refused, NotItsList::Signature(identity::BadSignature::UnsupportedAlgorithm)));
}

#[test]
fn a_list_of_version_1_and_one_in_der_are_read() {
    let ca = Authority::ecdsa();
    ca.issue("alice", "leaf");
    ca.list("list", &[]);
    ca.run(&["crl", "-in", "ca.crl", "-outform", "DER", "-out", "ca.der"]);
    read(&ca.read("ca.der")).verify_issuer(&ca.certificate("ca")).unwrap();
    let config = String::from_utf8(ca.read("config")).unwrap();
    let bare = config.replace("crl_extensions = list", "").replace("crlnumber = crlnumber", "");
    ca.put("config", bare.as_bytes());
    ca.run(&["ca", "-config", "config", "-gencrl", "-out", "v1.crl"]);
    let crl = read(&ca.read("v1.crl"));
    assert_eq!(crl.number(), None);
    crl.verify_issuer(&ca.certificate("ca")).unwrap();
}

#[test]
fn every_reason_and_date_is_read_as_openssl_wrote_it() {
    let ca = Authority::ecdsa();
    let reasons = [
        "unspecified",
        "keyCompromise",
        "CACompromise",
        "affiliationChanged",
        "superseded",
        "cessationOfOperation",
        "certificateHold",
    ];
    let certificates = reasons.map(|reason| {
        let certificate = ca.issue(reason, "leaf");
        ca.revoke(reason, reason);
        (certificate, reason.parse::<RevocationReason>().unwrap())
    });
    let crl = read(&ca.list("list", &[]));
    assert_eq!(crl.len(), reasons.len());
    for (certificate, reason) in certificates {
        let entry = crl.find(certificate.identity().serial()).unwrap();
        assert_eq!(entry.reason, reason);
        assert!(entry.at >= ca.certificate("ca").identity().not_before() && entry.at <= crl.this_update());
    }
}

#[test]
fn what_a_list_says_that_we_cannot_follow_makes_it_unusable() {
    let ca = Authority::ecdsa();
    for (section, wanted) in [
        ("delta", Unusable::Delta),
        ("indirect", Unusable::Indirect),
        ("foreign", Unusable::Extension("1.2.3.4".to_owned())),
    ] {
        let refused = Crl::from_pem_or_der(&ca.list(section, &[])).unwrap_err();
        assert_eq!(refused, CrlError::Unusable(wanted));
    }
}

#[test]
fn a_list_clears_only_whom_it_speaks_of() {
    let ca = Authority::ecdsa();
    let (alice, root) = (ca.issue("alice", "leaf"), ca.certificate("ca"));
    for (section, leaf, authority) in [
        ("list", (true, true), (true, true)),
        ("partitioned", (true, true), (false, false)),
        ("elsewhere", (true, false), (true, false)),
        ("reasons", (true, false), (true, false)),
        ("authorities", (false, false), (true, true)),
    ] {
        let crl = read(&ca.list(section, &[]));
        let scope = crl.scope();
        assert_eq!((scope.speaks_of(&alice), scope.clears(&alice)), leaf, "{section}");
        assert_eq!((scope.speaks_of(&root), scope.clears(&root)), authority, "{section}");
    }
}

#[test]
fn a_certificate_says_where_to_ask() {
    let alice = Authority::ecdsa().issue("alice", "leaf");
    assert_eq!(alice.crl_uris(), ["http://crl.example/ca.crl"]);
    assert_eq!(alice.ocsp_uris(), ["http://ocsp.example/"]);
    assert_eq!(alice.issuer_uris(), ["http://crl.example/ca.pem"]);
    assert!(alice.authority_key_id().is_some_and(|id| id.len() == 20));
    assert!(!alice.has_no_revocation());
}

#[test]
fn openssl_and_we_agree_about_who_is_revoked() {
    let ca = Authority::ecdsa();
    let (alice, bob) = (ca.issue("alice", "leaf"), ca.issue("bob", "leaf"));
    ca.revoke("alice", "superseded");
    let pem = ca.list("list", &[]);
    let lists = Crl::from_pem_or_der(&pem).unwrap().into_iter().map(Arc::new);
    let policy =
        RevocationPolicy { verification: Some(Verification::default()), ..RevocationPolicy::default() };
    let revocations = Revocations::new(policy).with_lists(lists.map(|list| List::from_file(list, "ca.crl")));
    let trust =
        Trust::new(vec![ca.certificate("ca")], Strictness::default()).with_revocations(revocations.into());
    for (name, certificate, good) in [("alice.pem", alice, false), ("bob.pem", bob, true)] {
        let theirs = ca.try_run(&["verify", "-crl_check", "-CAfile", "ca.pem", "-CRLfile", "ca.crl", name]);
        let ours = verify(&[certificate.der().clone()], &trust, Purpose::Client, None, ca.now());
        assert_eq!(theirs.0, good, "{}", theirs.1);
        assert_eq!(ours.is_ok(), good, "{ours:?}");
        assert!(ours.is_ok_and(|verified| verified.unanswered().is_empty()) == good);
    }
}
