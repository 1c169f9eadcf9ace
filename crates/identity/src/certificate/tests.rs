use proptest::prelude::*;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, DnValue,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, SanType, SerialNumber,
};
use rustls_pki_types::CertificateDer;

use super::{Certificate, Usage};
use crate::{CommonName, San};

fn signed(params: CertificateParams) -> CertificateDer<'static> {
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
}

fn parsed(params: CertificateParams) -> Certificate {
    Certificate::from_der(signed(params)).unwrap()
}

fn refused(der: Vec<u8>) -> String {
    Certificate::from_der(CertificateDer::from(der)).unwrap_err().to_string()
}

fn subject(attributes: &[(DnType, DnValue)]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    for (kind, value) in attributes {
        params.distinguished_name.push(kind.clone(), value.clone());
    }
    params
}

fn text(value: &str) -> DnValue {
    DnValue::Utf8String(value.to_owned())
}

fn common_name(value: &str) -> CommonName {
    parsed(subject(&[(DnType::CommonName, text(value))])).identity().common_name().clone()
}

/// Replaces bytes that come exactly once by others of the same length.
fn altered(der: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at: Vec<usize> = (0..der.len()).filter(|at| der[*at..].starts_with(from)).collect();
    assert_eq!((at.len(), from.len()), (1, to.len()));
    let mut altered = der.to_vec();
    altered[at[0]..at[0] + to.len()].copy_from_slice(to);
    altered
}

#[test]
fn the_subject_is_written_in_certificate_order() {
    let certificate = parsed(subject(&[
        (DnType::CommonName, text("analyst")),
        (DnType::OrganizationName, text("Acme Inc")),
        (DnType::CountryName, text("US")),
    ]));
    let subject = certificate.identity().subject();
    assert_eq!(subject.to_string(), "CN=analyst,O=Acme Inc,C=US");
    assert_eq!(subject.attributes().collect::<Vec<_>>(), [("CN", "analyst"), ("O", "Acme Inc"), ("C", "US")]);
    assert!(certificate.is_self_issued());
}

#[test]
fn what_could_be_mistaken_in_a_name_is_escaped() {
    let written =
        |value: &str| parsed(subject(&[(DnType::CommonName, text(value))])).identity().subject().to_string();
    assert_eq!(written("a,O=Admins"), "CN=a\\,O=Admins");
    assert_eq!(written(" a+b\"c\\<d>;e "), "CN=\\ a\\+b\\\"c\\\\\\<d\\>\\;e\\ ");
    assert_eq!(written("#a#"), "CN=\\#a#");
    assert_eq!(written("a\nb\0"), "CN=a\\0Ab\\00");
    assert_eq!(written("Zoë\u{85}"), "CN=Zoë\\C2\\85");
    let odd = subject(&[(DnType::CustomDnType(vec![1, 2, 3, 4]), text("x"))]);
    assert_eq!(parsed(odd).identity().subject().to_string(), "1.2.3.4=x");
}

#[test]
fn one_common_name_is_taken_exactly_as_written() {
    assert_eq!(common_name("analyst"), CommonName::One("analyst".into()));
    assert_eq!(common_name("alice@example.com"), CommonName::One("alice@example.com".into()));
    assert_eq!(common_name(" Analyst "), CommonName::One(" Analyst ".into()));
}

#[test]
fn a_common_name_that_cannot_be_relied_on_is_none_to_go_by() {
    assert_eq!(common_name(""), CommonName::Unusable("its common name is empty"));
    for value in ["admin\0.example.com", "admin\n", "\u{7f}admin", "admin\u{85}"] {
        assert_eq!(common_name(value), CommonName::Unusable("its common name contains a control character"));
    }
    let organization = parsed(subject(&[(DnType::OrganizationName, text("Acme"))]));
    assert_eq!(organization.identity().common_name(), &CommonName::None);
    assert_eq!(parsed(subject(&[])).identity().common_name(), &CommonName::None);
}

#[test]
fn of_two_common_names_neither_wins() {
    // rcgen writes one of each kind, so the organization is turned into a second common name.
    let der =
        signed(subject(&[(DnType::CommonName, text("analyst")), (DnType::OrganizationName, text("admin"))]));
    let (organization, common_name) = (b"\x55\x04\x0a\x0c\x05admin", b"\x55\x04\x03\x0c\x05admin");
    let der: Vec<u8> = twice(&der, organization, common_name);
    let certificate = Certificate::from_der(CertificateDer::from(der)).unwrap();
    assert_eq!(certificate.identity().subject().to_string(), "CN=analyst,CN=admin");
    assert_eq!(certificate.identity().common_name(), &CommonName::Unusable("it has two common names"));
}

/// A self-signed certificate has its name twice.
fn twice(der: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut der = der.to_vec();
    for at in 0..der.len() - from.len() {
        if der[at..].starts_with(from) {
            der[at..at + to.len()].copy_from_slice(to);
        }
    }
    der
}

#[test]
fn old_string_types_are_read_where_their_meaning_is_certain() {
    let bmp = |value: &str| DnValue::BmpString(value.try_into().unwrap());
    let teletex = |value: &str| DnValue::TeletexString(value.try_into().unwrap());
    let name = |value| parsed(subject(&[(DnType::CommonName, value)])).identity().common_name().clone();
    assert_eq!(name(bmp("Zoë")), CommonName::One("Zoë".into()));
    assert_eq!(name(teletex("analyst")), CommonName::One("analyst".into()));
    let der = signed(subject(&[(DnType::CommonName, teletex("analyst"))]));
    let der = twice(&der, b"\x14\x07analyst", b"\x14\x07an\xe4lyst");
    let certificate = Certificate::from_der(CertificateDer::from(der)).unwrap();
    assert_eq!(certificate.identity().common_name(), &CommonName::Unusable("its common name is not text"));
    assert_eq!(certificate.identity().subject().to_string(), "CN=#1407616ee46c797374");
}

#[test]
fn names_usages_and_constraints_are_read_from_the_extensions() {
    let mut params =
        CertificateParams::new(vec!["db.example.com".to_owned(), "10.0.0.1".to_owned()]).unwrap();
    params.subject_alt_names.push(SanType::URI("spiffe://td/ns/svc".try_into().unwrap()));
    params.subject_alt_names.push(SanType::Rfc822Name("alice@example.com".try_into().unwrap()));
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::CodeSigning];
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(2));
    params.serial_number = Some(SerialNumber::from_slice(&[0, 0x0a, 0x0b]));
    let certificate = parsed(params);
    let identity = certificate.identity();
    assert_eq!(certificate.version(), 3);
    assert_eq!(identity.serial().to_string(), "0A0B");
    assert_eq!((certificate.is_ca(), certificate.path_len()), (true, Some(2)));
    let code_signing = Usage::Other("1.3.6.1.5.5.7.3.3".into());
    assert_eq!(certificate.usages(), Some([Usage::ClientAuth, code_signing].as_slice()));
    let sans = [
        San::Dns("db.example.com".into()),
        San::Ip([10, 0, 0, 1].into()),
        San::Uri("spiffe://td/ns/svc".into()),
        San::Email("alice@example.com".into()),
    ];
    assert_eq!(identity.sans(), sans);
}

#[test]
fn a_certificate_without_extended_key_usage_has_no_list_of_usages() {
    assert_eq!(parsed(CertificateParams::default()).usages(), None);
}

#[test]
fn bytes_after_the_certificate_are_refused() {
    let mut der = signed(CertificateParams::default()).to_vec();
    der.push(0);
    assert_eq!(refused(der), "1 bytes follow the certificate");
    assert!(refused(Vec::new()).starts_with("not an X.509 certificate"));
    assert!(refused(b"hello".to_vec()).starts_with("not an X.509 certificate"));
}

#[test]
fn an_extension_that_comes_twice_is_refused() {
    let mut params = CertificateParams::default();
    for content in [vec![5, 0], vec![4, 0]] {
        params.custom_extensions.push(CustomExtension::from_oid_content(&[1, 2, 3, 4], content));
    }
    assert_eq!(refused(signed(params).to_vec()), "the extension 1.2.3.4 comes twice");
}

#[test]
fn an_extension_that_matters_and_cannot_be_read_is_refused() {
    for id in [15, 17, 19, 30, 37] {
        let mut params = CertificateParams::default();
        params.custom_extensions.push(CustomExtension::from_oid_content(&[2, 5, 29, id], vec![1, 1, 0xff]));
        let told = refused(signed(params).to_vec());
        assert_eq!(told, format!("the extension 2.5.29.{id} cannot be read"));
    }
}

#[test]
fn an_alternative_name_with_a_control_character_is_refused() {
    let mut params = CertificateParams::default();
    params.subject_alt_names.push(SanType::DnsName("good.example.com".try_into().unwrap()));
    let der = signed(params);
    let told = refused(altered(&der, b"good.example.com", b"good\0example.com"));
    assert_eq!(told, "a subject alternative name contains a control character");
}

#[test]
fn a_negative_serial_number_is_refused() {
    let mut params = CertificateParams::default();
    params.serial_number = Some(SerialNumber::from_slice(&[0x70, 0x71, 0x72, 0x73]));
    let der = signed(params);
    let told = refused(altered(&der, &[2, 4, 0x70, 0x71, 0x72, 0x73], &[2, 4, 0xf0, 0x71, 0x72, 0x73]));
    assert_eq!(told, "the serial number is negative");
    let told = refused(altered(&der, &[2, 4, 0x70, 0x71, 0x72, 0x73], &[2, 4, 0, 0x71, 0x72, 0x73]));
    assert_eq!(told, "the serial number is not in DER");
}

#[test]
fn a_version_other_than_1_and_3_is_refused() {
    let der = signed(CertificateParams::default());
    assert_eq!(
        refused(altered(&der, &[0xa0, 3, 2, 1, 2], &[0xa0, 3, 2, 1, 1])),
        "version 2 is neither 1 nor 3"
    );
    assert_eq!(
        refused(altered(&der, &[0xa0, 3, 2, 1, 2], &[0xa0, 3, 2, 1, 9])),
        "version 10 is neither 1 nor 3"
    );
}

#[test]
fn debug_shows_subject_and_serial_alone() {
    let mut params = subject(&[(DnType::CommonName, text("analyst"))]);
    params.serial_number = Some(SerialNumber::from_slice(&[0x1f]));
    assert_eq!(format!("{:?}", parsed(params)), "Certificate(CN=analyst, serial 1F)");
}

proptest! {
    #[test]
    fn a_damaged_certificate_is_refused_or_read_without_a_panic(at in any::<prop::sample::Index>(), byte: u8) {
        static WHOLE: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
            let names = vec!["db.example.com".to_owned(), "10.0.0.1".to_owned()];
            let mut params = CertificateParams::new(names).unwrap();
            params.is_ca = IsCa::Ca(BasicConstraints::Constrained(2));
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            signed(params).to_vec()
        });
        let mut der = WHOLE.clone();
        let at = at.index(der.len());
        der[at] = byte;
        if let Ok(certificate) = Certificate::from_der(CertificateDer::from(der.clone())) {
            prop_assert_eq!(certificate.der().as_ref(), der.as_slice());
            prop_assert!(!certificate.identity().subject().to_string().contains(char::is_control));
        }
    }
}

#[test]
fn distribution_points_are_kept_up_to_a_bound_and_refused_where_they_cannot_be_read() {
    let read = |value: Vec<u8>| {
        let mut params = CertificateParams::default();
        params.custom_extensions = vec![CustomExtension::from_oid_content(&[2, 5, 29, 31], value)];
        let made = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        Certificate::from_der(made.der().clone())
    };
    let point = |uri: &[u8], more: &[u8]| {
        let name = crate::der::wrap(0xa0, &[&crate::der::wrap(0xa0, &[&crate::der::wrap(0x86, &[uri])])]);
        crate::der::wrap(crate::der::SEQUENCE, &[&name, more])
    };
    let points = |points: &[Vec<u8>]| crate::der::wrap(crate::der::SEQUENCE, &[&points.concat()]);
    let many: Vec<_> = (0..20).map(|n| point(format!("http://crl.example/{n}").as_bytes(), &[])).collect();
    assert_eq!(read(points(&many)).unwrap().crl_uris().len(), 16);
    // Signed by another: an indirect list. Neither it nor what is no plain text is an address.
    let indirect = point(b"http://crl.example/", &[0xa2, 2, 0x82, 0]);
    let control = point(b"http://crl.example/\n", &[]);
    assert!(read(points(&[indirect, control])).unwrap().crl_uris().is_empty());
    let left_over = point(b"http://crl.example/", &[5, 0]);
    assert!(read(points(&[left_over])).is_err());
}
