//! Whatever a stranger posts to the ACME server, it is read or refused; nothing is opened without its signature, and
//! what is read has one spelling.

use wire::acme::{CertId, Identifier, Jwk, Jws, Signer, asked};

#[test]
fn any_body_is_a_signed_request_or_a_problem() {
    bolero::check!().for_each(|body: &[u8]| match Jws::parse(body) {
        Ok(jws) => {
            // Only a key that the input carries itself could have made the signature; the fuzzer knows none.
            if let Signer::Key(key) = jws.signer().clone() {
                assert!(jws.verify(&key).is_err());
            }
        }
        Err(problem) => assert!(!problem.detail().is_empty()),
    });
}

#[test]
fn any_protected_header_is_read_or_refused() {
    bolero::check!().with_type::<String>().for_each(|header| {
        let encoded: String = base64url(header.as_bytes());
        let body = format!(r#"{{"protected":"{encoded}","payload":"","signature":""}}"#);
        if let Ok(jws) = Jws::parse(body.as_bytes()) {
            assert!(jws.nonce().len() <= header.len());
        }
    });
}

#[test]
fn any_key_is_read_or_refused_and_has_one_canonical_form() {
    bolero::check!().for_each(|json: &[u8]| {
        if let Ok(key) = Jwk::parse(json) {
            let again = Jwk::parse(key.canonical().as_bytes()).expect("what is written can be read");
            assert_eq!((&again, again.thumbprint()), (&key, key.thumbprint()));
        }
    });
}

#[test]
fn any_payload_is_read_or_refused() {
    bolero::check!().for_each(|payload: &[u8]| {
        let refusals = [
            asked::NewAccount::parse(payload).err(),
            asked::AccountUpdate::parse(payload).err(),
            asked::KeyChange::parse(payload).err(),
            asked::Revocation::parse(payload).err(),
            asked::csr(payload).err(),
            asked::deactivation(payload).err(),
        ];
        for problem in refusals.into_iter().flatten() {
            assert!(!problem.detail().is_empty());
        }
        if let Ok(order) = asked::NewOrder::parse(payload) {
            assert!(!order.identifiers.is_empty());
        }
    });
}

#[test]
fn any_name_is_read_in_one_spelling_or_refused() {
    bolero::check!().with_type::<(bool, String)>().for_each(|(dns, value)| {
        if let Ok(name) = Identifier::parse(if *dns { "dns" } else { "ip" }, value) {
            assert_eq!(Identifier::parse(name.kind(), &name.to_string()), Ok(name));
        }
    });
}

#[test]
fn any_identifier_of_a_certificate_is_written_as_it_was_read() {
    bolero::check!().with_type::<String>().for_each(|text| {
        if let Ok(id) = CertId::parse(text) {
            assert_eq!(id.to_string(), *text);
        }
    });
}

/// Base64url without padding, spelled out so that no crate is needed for it.
fn base64url(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let group = |chunk: &[u8]| {
        let bits =
            chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        (0..=chunk.len())
            .map(move |n| char::from(DIGITS[(bits >> (18 - 6 * n)) as usize & 63]))
            .collect::<String>()
    };
    bytes.chunks(3).map(group).collect()
}
