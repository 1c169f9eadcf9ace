//! The other end of a request: made for a key that is held here.

use fault::Fault;
use identity::PrivateKey;
use rcgen::{CertificateParams, DistinguishedName, DnType};

use crate::draft::san_type;
use crate::key::SigningKey;
use crate::names::Names;

/// A certificate request (PKCS #10, PEM) for a key and these names, signed with that key.
///
/// # Errors
/// Where a name cannot stand in a certificate, or the key cannot sign.
pub fn csr(key: &PrivateKey, names: &Names) -> Result<String, Fault> {
    names.check()?;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    let subject = [
        (DnType::CommonName, &names.common_name),
        (DnType::OrganizationName, &names.organization),
        (DnType::OrganizationalUnitName, &names.organizational_unit),
    ];
    for (kind, text) in subject {
        if let Some(text) = text {
            params.distinguished_name.push(kind, text.as_str());
        }
    }
    params.subject_alt_names = names.sans.iter().map(san_type).collect::<Result<_, _>>()?;
    let unmade =
        |error: rcgen::Error| Fault::ours("the certificate request could not be made").because(error);
    params.serialize_request(&SigningKey::of(key)?).and_then(|request| request.pem()).map_err(unmade)
}

#[cfg(test)]
mod tests {
    use identity::{KeyKind, PrivateKey};

    use super::csr;
    use crate::{Names, Request, parse_san};

    #[test]
    fn a_request_of_ours_reads_back_as_what_was_asked_for() {
        let names = Names::common("a")
            .with_sans([parse_san("a.example.com").unwrap(), parse_san("10.0.0.1").unwrap()]);
        for kind in [KeyKind::EcdsaP256, KeyKind::EcdsaP384, KeyKind::Ed25519, KeyKind::Rsa(2048)] {
            let key = PrivateKey::generate(kind).unwrap();
            for names in [Names::default(), names.clone()] {
                let read = Request::from_csr(csr(&key, &names).unwrap().as_bytes()).unwrap();
                assert_eq!((read.names(), read.key_kind()), (&names, kind));
                assert!(read.passed_over().is_empty(), "{:?}", read.passed_over());
            }
        }
    }

    #[test]
    fn a_name_that_no_certificate_may_carry_is_not_asked_for() {
        let key = PrivateKey::generate(KeyKind::EcdsaP256).unwrap();
        assert!(csr(&key, &Names::common(" a")).is_err());
    }
}
