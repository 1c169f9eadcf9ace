use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use super::{Credential, CredentialError};
use crate::{Certificate, PrivateKey};

struct Party {
    certificate: Certificate,
    params: CertificateParams,
    key: KeyPair,
}

fn party(name: &str, issuer: Option<&Party>) -> Party {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = match issuer {
        None => params.self_signed(&key).unwrap(),
        Some(issuer) => params.signed_by(&key, &Issuer::from_params(&issuer.params, &issuer.key)).unwrap(),
    };
    Party { certificate: Certificate::from_der(certificate.der().clone()).unwrap(), params, key }
}

fn credential(chain: &[&Party], of: &Party) -> Credential {
    let key = PrivateKey::from_pem(of.key.serialize_pem().as_bytes(), None).unwrap();
    Credential::new(chain.iter().map(|party| party.certificate.clone()).collect(), key).unwrap()
}

fn names(chain: &[Certificate]) -> Vec<String> {
    chain.iter().map(|certificate| certificate.identity().subject().to_string()).collect()
}

#[test]
fn a_chain_in_any_order_comes_out_leaf_first() {
    let root = party("root", None);
    let middle = party("middle", Some(&root));
    let leaf = party("leaf", Some(&middle));
    for chain in [[&leaf, &middle, &root], [&root, &leaf, &middle], [&root, &middle, &leaf]] {
        let credential = credential(&chain, &leaf);
        assert_eq!(names(credential.chain()), ["CN=leaf", "CN=middle", "CN=root"]);
        assert_eq!(credential.leaf(), &leaf.certificate);
        assert!(credential.unlinked().is_empty());
    }
}

#[test]
fn a_certificate_that_comes_twice_is_presented_once() {
    let root = party("root", None);
    let leaf = party("leaf", Some(&root));
    assert_eq!(names(credential(&[&leaf, &root, &leaf, &root], &leaf).chain()), ["CN=leaf", "CN=root"]);
}

#[test]
fn a_missing_intermediate_shows_as_a_certificate_that_links_to_nothing() {
    let root = party("root", None);
    let middle = party("middle", Some(&root));
    let leaf = party("leaf", Some(&middle));
    let credential = credential(&[&leaf, &root], &leaf);
    assert_eq!(names(credential.unlinked()), ["CN=root"]);
    assert_eq!(credential.expected_issuer().to_string(), "CN=middle");
}

#[test]
fn no_certificate_makes_no_credential() {
    let key = PrivateKey::from_pem(KeyPair::generate().unwrap().serialize_pem().as_bytes(), None).unwrap();
    assert_eq!(Credential::new(Vec::new(), key).unwrap_err(), CredentialError::NoCertificate);
}
