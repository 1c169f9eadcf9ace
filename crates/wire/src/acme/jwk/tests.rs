use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _,
};

use super::Jwk;
use crate::acme::Trouble;
use crate::acme::base64url::encode;

/// The key and thumbprint of RFC 7638 §3.1.
const RFC_7638: &str = r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#;

#[test]
fn the_thumbprint_is_the_one_of_the_rfc_whatever_the_order_of_the_members() {
    let key = Jwk::parse(RFC_7638.as_bytes()).unwrap();
    assert_eq!(key.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    let again = Jwk::parse(key.canonical().as_bytes()).unwrap();
    assert_eq!(again, key);
}

#[test]
fn a_key_is_the_same_in_a_certificate() {
    let p256 = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let p384 = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
    for (curve, pair) in [("P-256", p256), ("P-384", p384)] {
        let point = pair.public_key().as_ref();
        let (x, y) = point[1..].split_at(point.len() / 2);
        let jwk = format!(r#"{{"kty":"EC","crv":"{curve}","x":"{}","y":"{}"}}"#, encode(x), encode(y));
        let spki: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        assert_eq!(Jwk::parse(jwk.as_bytes()).unwrap().spki().unwrap(), spki.as_ref());
    }
    let pair = Ed25519KeyPair::generate().unwrap();
    let jwk = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"}}"#, encode(pair.public_key().as_ref()));
    let spki: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    assert_eq!(Jwk::parse(jwk.as_bytes()).unwrap().spki().unwrap(), spki.as_ref());
    let rsa = Jwk::parse(RFC_7638.as_bytes()).unwrap().spki().unwrap();
    assert!(rsa.starts_with(&[0x30, 0x82, 0x01, 0x22, 0x30, 0x0d]), "{rsa:x?}");
}

#[test]
fn a_weak_key_and_a_shared_secret_are_no_account_keys() {
    let refused = |jwk: &str| Jwk::parse(jwk.as_bytes()).unwrap_err().trouble();
    let small = encode(&[0xff; 128]);
    let good = encode(&[0xff; 256]);
    let huge = encode(&[0xff; 1025]);
    for (n, e) in [(&small, "AQAB"), (&huge, "AQAB"), (&good, "Aw"), (&good, "AQABAA")] {
        let jwk = format!(r#"{{"kty":"RSA","n":"{n}","e":"{e}"}}"#);
        assert_eq!(refused(&jwk), Trouble::BadPublicKey, "{e}");
    }
    let zero = encode(&[&[0][..], &[0xff; 256]].concat());
    assert_eq!(refused(&format!(r#"{{"kty":"RSA","n":"{zero}","e":"AQAB"}}"#)), Trouble::Malformed);
    assert_eq!(refused(r#"{"kty":"oct","k":"AAAA"}"#), Trouble::BadPublicKey);
    assert_eq!(refused(r#"{"kty":"EC","crv":"P-521","x":"AA","y":"AA"}"#), Trouble::BadPublicKey);
    assert_eq!(refused(r#"{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}"#), Trouble::Malformed);
    assert_eq!(refused(r#"{"kty":"OKP","crv":"X25519","x":"AA"}"#), Trouble::BadPublicKey);
}

#[test]
fn a_key_that_comes_with_its_private_part_is_given_away_and_refused() {
    let with = RFC_7638.replace(r#""e":"AQAB""#, r#""e":"AQAB","d":"AA""#);
    let no = Jwk::parse(with.as_bytes()).unwrap_err();
    assert_eq!(no.trouble(), Trouble::BadPublicKey);
    assert!(no.detail().contains("private part"), "{no}");
}
