//! Private keys: an operator's file, which may be anything.

use bolero::check;
use identity::{PrivateKey, Secret};

/// A key that loads can be written, and loads again as the same key.
fn survives(key: &PrivateKey) {
    let again = PrivateKey::from_pem(key.to_pem().as_bytes(), None).expect("what we wrote is readable");
    assert_eq!(again.public_spki(), key.public_spki());
    assert_eq!(again.kind(), key.kind());
}

#[test]
fn any_file_is_refused_or_holds_a_key_that_can_be_written_and_read_again() {
    let password = Secret::new("password".to_owned());
    check!().for_each(|bytes: &[u8]| {
        for password in [None, Some(&password)] {
            if let Ok(key) = PrivateKey::from_pem(bytes, password) {
                survives(&key);
            }
        }
    });
}

#[test]
fn any_content_of_any_block_is_refused_or_is_a_key() {
    const LABELS: [&str; 4] = ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY"];
    const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let password = Secret::new("password".to_owned());
    check!().with_type::<(u8, Vec<u8>)>().for_each(|(label, content)| {
        let label = LABELS[usize::from(*label) % LABELS.len()];
        // Every byte is a digit of base64, so that every input gets past the text and reaches the DER.
        let whole = content.len() - content.len() % 4;
        let digits: String =
            content[..whole].iter().map(|byte| char::from(BASE64[usize::from(byte % 64)])).collect();
        let pem = format!("-----BEGIN {label}-----\n{digits}\n-----END {label}-----\n");
        if let Ok(key) = PrivateKey::from_pem(pem.as_bytes(), Some(&password)) {
            survives(&key);
        }
    });
}
