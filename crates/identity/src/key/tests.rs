use std::sync::LazyLock;

use proptest::prelude::*;
use zeroize::{Zeroize as _, Zeroizing};

use super::{KeyError, KeyKind, PrivateKey, decode};
use crate::{Credential, Found, Secret, certificates_from_pem};

fn pem_of(label: &str) -> String {
    let key = PrivateKey::generate(KeyKind::EcdsaP256).unwrap();
    key.to_pem().replace("PRIVATE KEY", label)
}

fn told(pem: &[u8]) -> String {
    PrivateKey::from_pem(pem, None).unwrap_err().to_string()
}

/// Every run of eight bytes of the key, in the forms in which something printed could hold it.
fn assert_hidden(printed: &str, key: &PrivateKey) {
    let hex: String = key.der().secret_der().iter().map(|byte| format!("{byte:02x}")).collect();
    let decimal: Vec<String> = key.der().secret_der().iter().map(u8::to_string).collect();
    let pem = key.to_pem();
    let base64 = pem.lines().nth(1).unwrap();
    for secret in [&hex[16..32], &decimal[8..16].join(", "), &base64[8..24]] {
        assert!(!printed.to_lowercase().contains(&secret.to_lowercase()), "{printed}");
    }
}

#[test]
fn nothing_that_is_printed_shows_a_key() {
    let pair = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::default().self_signed(&pair).unwrap();
    let key = PrivateKey::from_pem(pair.serialize_pem().as_bytes(), None).unwrap();
    assert_eq!(format!("{key:?}"), "PrivateKey(ecdsa-p256)");
    assert_hidden(&format!("{key:#?}"), &key);
    let again = PrivateKey::from_pem(pair.serialize_pem().as_bytes(), None).unwrap();
    let chain = certificates_from_pem(certificate.pem().as_bytes()).unwrap();
    let credential = Credential::new(chain, again).unwrap();
    assert_hidden(&format!("{credential:?}"), &key);
}

#[test]
fn no_error_shows_a_key() {
    let key = PrivateKey::generate(KeyKind::EcdsaP256).unwrap();
    let pem = key.to_pem();
    let misnamed =
        ["RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "DSA PRIVATE KEY", "CERTIFICATE"];
    for label in misnamed {
        let pem = pem.replace("PRIVATE KEY", label);
        let password = Secret::new("x".into());
        let error = PrivateKey::from_pem(pem.as_bytes(), Some(&password)).unwrap_err();
        assert_hidden(&format!("{error} {error:?}"), &key);
    }
}

#[test]
fn a_key_is_wiped_when_it_is_dropped() {
    // What `Drop` calls; the memory itself cannot be looked at after it.
    let mut key = PrivateKey::generate(KeyKind::Ed25519).unwrap();
    key.pkcs8.zeroize();
    assert!(key.pkcs8.secret_der().iter().all(|byte| *byte == 0));
}

#[test]
fn what_was_found_instead_of_a_key_is_said() {
    let key = PrivateKey::generate(KeyKind::EcdsaP256).unwrap();
    let what = "failed to find any PEM private key: ";
    assert_eq!(told(b""), format!("{what}it is empty"));
    assert_eq!(told(key.der().secret_der()), format!("{what}looks like DER"));
    assert_eq!(
        told(pem_of("CERTIFICATE").as_bytes()),
        format!("{what}found a certificate (\"CERTIFICATE\")")
    );
    let cut = pem_of("PRIVATE KEY");
    let cut = cut.split("-----END").next().unwrap();
    assert_eq!(told(cut.as_bytes()), format!("{what}the PEM block \"PRIVATE KEY\" has no END line"));
}

#[test]
fn an_openssh_key_is_refused_with_the_command_that_converts_it() {
    assert!(told(pem_of("OPENSSH PRIVATE KEY").as_bytes()).contains("ssh-keygen -p -m PKCS8"));
    assert!(told(pem_of("DSA PRIVATE KEY").as_bytes()).contains("\"DSA PRIVATE KEY\""));
}

#[test]
fn a_key_that_is_not_what_its_label_says_is_malformed() {
    for label in ["RSA PRIVATE KEY", "EC PRIVATE KEY"] {
        let error = PrivateKey::from_pem(pem_of(label).as_bytes(), None).unwrap_err();
        assert!(matches!(error, KeyError::Malformed(_)), "{label}: {error:?}");
    }
}

#[test]
fn a_missing_password_names_the_settings_that_give_it() {
    let wanted = "private key file is encrypted; set ssl_key_password or COUNTERSIGN_SSL_KEY_PASSWORD";
    assert_eq!(told(pem_of("ENCRYPTED PRIVATE KEY").as_bytes()), wanted);
    assert_eq!(KeyError::NoPem { looks_like: Found::Nothing }.to_string().find(wanted), None);
}

#[test]
fn a_kind_survives_being_written_and_read() {
    for kind in [KeyKind::EcdsaP256, KeyKind::EcdsaP384, KeyKind::Ed25519, KeyKind::Rsa(3072)] {
        assert_eq!(kind.to_string().parse(), Ok(kind));
    }
    assert!("rsa".parse::<KeyKind>().unwrap_err().to_string().contains("unknown key type \"rsa\""));
}

#[test]
fn rsa_sizes_that_are_not_made_are_refused_by_name() {
    let error = PrivateKey::generate(KeyKind::Rsa(1024)).unwrap_err();
    assert_eq!(error.to_string(), "RSA keys of 1024 bits are not made; use 2048, 3072, 4096 or 8192");
}

proptest! {
    #[test]
    fn a_damaged_key_is_refused_or_read_without_a_panic(kind in 0..4_usize, at in any::<prop::sample::Index>(), byte: u8) {
        static WHOLE: LazyLock<[PrivateKey; 4]> = LazyLock::new(|| {
            let kinds = [KeyKind::EcdsaP256, KeyKind::EcdsaP384, KeyKind::Ed25519, KeyKind::Rsa(2048)];
            kinds.map(|kind| PrivateKey::generate(kind).unwrap())
        });
        let mut der = Zeroizing::new(WHOLE[kind].der().secret_der().to_vec());
        let at = at.index(der.len());
        der[at] = byte;
        if let Ok(key) = decode::from_pkcs8(der) {
            prop_assert_eq!(KeyKind::of_spki(&key.public_spki()), Some(key.kind()));
        }
    }
}
