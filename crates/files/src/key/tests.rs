use std::path::PathBuf;

use identity::{KeyKind, PrivateKey, Secret};
use tempfile::TempDir;

use super::load_key;
use crate::{create_secret, replace_secret};

/// A file of mode 0600 with this content.
fn file(content: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("client.key");
    create_secret(&path, content).unwrap();
    (folder, path)
}

/// What is said about a file with this content: the fault's first line without place, and its remedy.
fn told(content: &[u8], password: Option<&str>) -> (String, String) {
    let (_folder, path) = file(content);
    let password = password.map(|password| Secret::new(password.to_owned()));
    let fault = load_key(&path, password.as_ref()).unwrap_err();
    let plain = |text: &str| text.replace(&path.display().to_string(), "client.key");
    assert!(fault.place().is_some(), "{fault}");
    (plain(fault.what()), plain(fault.remedy_text().unwrap_or_else(|| panic!("{fault}"))))
}

#[test]
fn a_private_key_loads_plain_and_encrypted() {
    let key = PrivateKey::generate(KeyKind::EcdsaP256).unwrap();
    let password = Secret::new("correct".into());
    let (_folder, path) = file(key.to_pem().as_bytes());
    assert_eq!(load_key(&path, None).unwrap().public_spki(), key.public_spki());
    assert_eq!(load_key(&path, Some(&password)).unwrap().public_spki(), key.public_spki());
    replace_secret(&path, key.to_encrypted_pem(&password).unwrap().as_bytes()).unwrap();
    assert_eq!(load_key(&path, Some(&password)).unwrap().public_spki(), key.public_spki());
}

#[test]
fn a_wrong_and_a_missing_password_are_told_apart_in_the_words_of_libpq() {
    let key = PrivateKey::generate(KeyKind::EcdsaP256).unwrap();
    let pem = key.to_encrypted_pem(&Secret::new("correct".into())).unwrap();
    let (what, remedy) = told(pem.as_bytes(), Some("wrong"));
    assert_eq!(what, "could not load private key file \"client.key\": bad decrypt");
    assert!(remedy.contains("ssl_key_password or COUNTERSIGN_SSL_KEY_PASSWORD"), "{remedy}");
    let (what, remedy) = told(pem.as_bytes(), None);
    assert_eq!(what, "private key file is encrypted; set ssl_key_password or COUNTERSIGN_SSL_KEY_PASSWORD");
    assert!(remedy.starts_with("set the password"), "{remedy}");
}

#[test]
fn a_password_is_in_no_fault() {
    let key = PrivateKey::generate(KeyKind::EcdsaP256).unwrap();
    let pem = key.to_encrypted_pem(&Secret::new("correct".into())).unwrap();
    let (_folder, path) = file(pem.as_bytes());
    let fault = load_key(&path, Some(&Secret::new("hunter2".into()))).unwrap_err();
    assert!(!format!("{fault} {fault:?}").contains("hunter2"));
}

#[test]
fn what_was_found_instead_of_a_key_is_said_with_what_to_do() {
    let key = PrivateKey::generate(KeyKind::EcdsaP256).unwrap();
    let named = "could not load private key file \"client.key\": failed to find any PEM private key: ";
    let (what, remedy) = told(key.der().secret_der(), None);
    assert_eq!(what, format!("{named}looks like DER"));
    assert!(remedy.starts_with("convert it: openssl pkey -inform der -in client.key"), "{remedy}");
    let (what, _) = told(b"", None);
    assert_eq!(what, format!("{named}it is empty"));
    let certificate = key.to_pem().replace("PRIVATE KEY", "CERTIFICATE");
    let (what, remedy) = told(certificate.as_bytes(), None);
    assert_eq!(what, format!("{named}found a certificate (\"CERTIFICATE\")"));
    assert!(remedy.contains("swapped"), "{remedy}");
}

#[test]
fn a_key_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let fault = load_key(&folder.path().join("absent.key"), None).unwrap_err();
    assert!(fault.what().ends_with("absent.key\": No such file or directory"), "{fault}");
    assert_eq!(fault.remedy_text(), Some("check the path"));
}
