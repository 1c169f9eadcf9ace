use std::fs;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair};

use super::load_client_ca;
use crate::write_public;

fn authority(name: &str) -> String {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
}

fn names(path: &Path) -> Vec<String> {
    let bundle = load_client_ca(path).unwrap();
    bundle.iter().map(|authority| authority.identity().subject().to_string()).collect()
}

fn what(path: &Path) -> String {
    let fault = load_client_ca(path).unwrap_err();
    assert!(fault.place().is_some() && fault.remedy_text().is_some(), "{fault}");
    fault.what().replace(&path.display().to_string(), "clients-ca")
}

#[test]
fn a_bundle_is_one_file_with_several_authorities_each_taken_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clients-ca.crt");
    let (acme, bizdev, eng) = (authority("acme"), authority("bizdev"), authority("eng"));
    write_public(&path, format!("{acme}{bizdev}{eng}{acme}").as_bytes()).unwrap();
    assert_eq!(names(&path), ["CN=acme", "CN=bizdev", "CN=eng"]);
}

#[test]
fn a_folder_is_a_bundle_of_the_certificate_files_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let file =
        |name: &str, content: &str| write_public(&folder.path().join(name), content.as_bytes()).unwrap();
    let acme = authority("acme");
    file("b.pem", &authority("bizdev"));
    file("a.crt", &acme);
    file("5f1b2c3d.0", &acme);
    file("README", "the authorities");
    file("readme.pem", "no certificate here");
    file(".hidden.pem", &authority("hidden"));
    fs::create_dir(folder.path().join("folder.pem")).unwrap();
    assert_eq!(names(folder.path()), ["CN=acme", "CN=bizdev"]);
}

#[test]
fn a_bundle_without_certificates_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let wanted = "client CA bundle \"clients-ca\" contains no valid PEM certificates";
    assert_eq!(what(folder.path()), wanted);
    let path = folder.path().join("clients-ca.crt");
    for content in ["", "hello", &KeyPair::generate().unwrap().serialize_pem()] {
        write_public(&path, content.as_bytes()).unwrap();
        assert_eq!(what(&path), wanted, "{content}");
    }
}

#[test]
fn a_bundle_that_cannot_be_read_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("absent.crt");
    assert_eq!(what(&path), "read client CA bundle \"clients-ca\": No such file or directory");
}

#[test]
fn an_authority_that_cannot_be_parsed_is_a_fault_and_not_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clients-ca.crt");
    let broken = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    write_public(&path, format!("{}{broken}", authority("acme")).as_bytes()).unwrap();
    assert!(what(&path).starts_with("certificate 2 cannot be read"));
}
