use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _, RSA_PKCS1_SHA256,
};
use serde_json::{Value, json};

use super::{Jws, Signer};
use crate::acme::asked::NewAccount;
use crate::acme::base64url::encode;
use crate::acme::{Jwk, Trouble};

/// A client's key.
enum Pen {
    Elliptic(&'static str, EcdsaKeyPair),
    Edwards(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

impl Pen {
    fn p256() -> Self {
        Self::Elliptic("P-256", EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    fn all() -> [Self; 4] {
        [
            Self::p256(),
            Self::Elliptic("P-384", EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap()),
            Self::Edwards(Ed25519KeyPair::generate().unwrap()),
            Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()),
        ]
    }

    fn jwk(&self) -> Value {
        match self {
            Self::Elliptic(curve, pair) => {
                let point = pair.public_key().as_ref();
                let (x, y) = point[1..].split_at(point.len() / 2);
                json!({ "kty": "EC", "crv": curve, "x": encode(x), "y": encode(y) })
            }
            Self::Edwards(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key().as_ref()) })
            }
            Self::Rsa(pair) => {
                // RSAPublicKey in DER: two headers and the zero that keeps the modulus positive come first.
                let (n, e) = (&pair.public_key().as_ref()[9..265], [1, 0, 1]);
                json!({ "kty": "RSA", "n": encode(n), "e": encode(&e) })
            }
        }
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Elliptic("P-256", _) => "ES256",
            Self::Elliptic(..) => "ES384",
            Self::Edwards(_) => "EdDSA",
            Self::Rsa(_) => "RS256",
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Elliptic(_, pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::Edwards(pair) => pair.sign(message).as_ref().to_vec(),
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
        }
    }

    fn header(&self) -> Value {
        json!({ "alg": self.algorithm(), "jwk": self.jwk(), "nonce": "AA", "url": "https://ca/x" })
    }

    fn request(&self, header: &Value, payload: &str) -> Value {
        let (protected, payload) = (encode(header.to_string().as_bytes()), encode(payload.as_bytes()));
        let signature = self.sign(format!("{protected}.{payload}").as_bytes());
        json!({ "protected": protected, "payload": payload, "signature": encode(&signature) })
    }

    fn key(&self) -> Jwk {
        Jwk::parse(self.jwk().to_string().as_bytes()).unwrap()
    }
}

fn parse(request: &Value) -> Result<Jws, Trouble> {
    Jws::parse(request.to_string().as_bytes()).map_err(|problem| problem.trouble())
}

fn without(mut value: Value, name: &str) -> Value {
    value.as_object_mut().unwrap().remove(name);
    value
}

fn with(mut value: Value, name: &str, what: Value) -> Value {
    value[name] = what;
    value
}

#[test]
fn a_request_is_opened_by_the_key_that_signed_it_and_by_no_other() {
    for pen in Pen::all() {
        let jws = parse(&pen.request(&pen.header(), "{}")).unwrap();
        assert_eq!((jws.url(), jws.nonce()), ("https://ca/x", "AA"));
        let Signer::Key(key) = jws.signer().clone() else { panic!("the key came with it") };
        assert_eq!(jws.clone().verify(&key).unwrap().payload(), b"{}");
        for other in Pen::all() {
            assert!(jws.clone().verify(&other.key()).is_err());
        }
    }
}

#[test]
fn a_changed_request_is_not_opened() {
    let pen = Pen::p256();
    let request = pen.request(&pen.header(), r#"{"a":1}"#);
    let other = pen.request(&pen.header(), r#"{"a":2}"#);
    for part in ["payload", "signature"] {
        let changed = with(request.clone(), part, other[part].clone());
        assert!(parse(&changed).unwrap().verify(&pen.key()).is_err(), "{part}");
    }
    let empty = with(request, "signature", "".into());
    assert!(parse(&empty).unwrap().verify(&pen.key()).is_err());
}

#[test]
fn no_algorithm_is_taken_that_needs_no_key_or_a_shared_one_or_another_kind_of_key() {
    let pen = Pen::p256();
    for algorithm in ["none", "None", "HS256", "ES512", "RS1", "PS256", "", "es256"] {
        let header = with(pen.header(), "alg", algorithm.into());
        assert_eq!(
            parse(&pen.request(&header, "{}")).unwrap_err(),
            Trouble::BadSignatureAlgorithm,
            "{algorithm}"
        );
    }
    for algorithm in ["ES384", "EdDSA", "RS256"] {
        let header = with(pen.header(), "alg", algorithm.into());
        let no = parse(&pen.request(&header, "{}")).unwrap().verify(&pen.key()).unwrap_err();
        assert_eq!(no.trouble(), Trouble::BadSignatureAlgorithm, "{algorithm}");
    }
}

#[test]
fn a_header_says_exactly_one_signer_and_has_url_and_nonce() {
    let pen = Pen::p256();
    let refused = |header: Value| parse(&pen.request(&header, "{}")).unwrap_err();
    assert_eq!(refused(without(pen.header(), "jwk")), Trouble::Malformed);
    assert_eq!(refused(with(pen.header(), "kid", "https://ca/acct/1".into())), Trouble::Malformed);
    assert_eq!(refused(without(pen.header(), "url")), Trouble::Malformed);
    assert_eq!(refused(without(pen.header(), "nonce")), Trouble::BadNonce);
    assert_eq!(refused(with(pen.header(), "crit", json!(["exp"]))), Trouble::Malformed);
    assert_eq!(refused(with(pen.header(), "b64", json!(false))), Trouble::Malformed);
    let by_account = with(without(pen.header(), "jwk"), "kid", "https://ca/acct/1".into());
    let jws = parse(&pen.request(&by_account, "")).unwrap();
    assert_eq!(*jws.signer(), Signer::Account("https://ca/acct/1".into()));
}

#[test]
fn what_is_not_under_the_signature_has_no_place() {
    let pen = Pen::p256();
    let request = pen.request(&pen.header(), "{}");
    for (name, value) in [("header", json!({})), ("signatures", json!([]))] {
        assert_eq!(parse(&with(request.clone(), name, value)).unwrap_err(), Trouble::Malformed, "{name}");
    }
    for name in ["protected", "payload", "signature"] {
        assert_eq!(parse(&without(request.clone(), name)).unwrap_err(), Trouble::Malformed, "{name}");
        let padded = format!("{}=", request[name].as_str().unwrap());
        assert_eq!(
            parse(&with(request.clone(), name, padded.into())).unwrap_err(),
            Trouble::Malformed,
            "{name}"
        );
    }
    let twice = request.to_string().replacen('{', r#"{"payload":"e30","#, 1);
    assert!(Jws::parse(twice.as_bytes()).is_err());
}

#[test]
fn the_inner_request_of_a_change_of_keys_carries_the_key_and_no_nonce() {
    let pen = Pen::p256();
    let inner = |header: &Value| Jws::parse_inner(pen.request(header, "{}").to_string().as_bytes());
    assert!(inner(&without(pen.header(), "nonce")).is_ok());
    assert!(inner(&pen.header()).is_err());
    let by_account = with(without(without(pen.header(), "nonce"), "jwk"), "kid", "https://ca/a".into());
    assert!(inner(&by_account).is_err());
}

/// A `newAccount` payload whose binding has this header and this payload, under this secret.
fn bound(secret: &[u8], header: &Value, payload: &str) -> Vec<u8> {
    let (protected, payload) = (encode(header.to_string().as_bytes()), encode(payload.as_bytes()));
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let tag = hmac::sign(&key, format!("{protected}.{payload}").as_bytes());
    let binding = json!({ "protected": protected, "payload": payload, "signature": encode(tag.as_ref()) });
    json!({ "externalAccountBinding": binding }).to_string().into_bytes()
}

#[test]
fn a_binding_holds_for_one_secret_one_address_and_one_account_key() {
    let pen = Pen::p256();
    let header = json!({ "alg": "HS256", "kid": "k1", "url": "https://ca/new" });
    let own = pen.jwk().to_string();
    let read = |payload: &[u8]| NewAccount::parse(payload).map(|asked| asked.binding.unwrap());
    let good = read(&bound(b"secret", &header, &own)).unwrap();
    assert_eq!(good.key_id(), "k1");
    assert!(good.clone().verify(b"secret", "https://ca/new", &pen.key()).is_ok());
    let no = good.clone().verify(b"Secret", "https://ca/new", &pen.key()).unwrap_err();
    assert_eq!(no.trouble(), Trouble::Unauthorized);
    assert!(good.clone().verify(b"secret", "https://ca/other", &pen.key()).is_err());
    assert!(good.verify(b"secret", "https://ca/new", &Pen::p256().key()).is_err());
    for wrong in [
        with(header.clone(), "alg", "HS512".into()),
        with(header.clone(), "alg", "none".into()),
        with(header.clone(), "nonce", "AA".into()),
        without(header.clone(), "kid"),
        without(header, "url"),
    ] {
        assert!(read(&bound(b"secret", &wrong, &own)).is_err(), "{wrong}");
    }
}
