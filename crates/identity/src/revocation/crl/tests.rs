//! What a list may not say. What it may is shown with openssl's lists, in `tests/revocation`.

use super::{Crl, CrlError, Unusable};
use crate::{Serial, der};

const VERSION: &[u8] = b"\x02\x01\x01";
const ALGORITHM: &[u8] = b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02";
const ISSUER: &[u8] = b"\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01a";
const MOMENT: &[u8] = b"\x17\x0d260101000000Z";

const REASON: &[u8] = &[0x55, 0x1d, 21];
const INVALIDITY_DATE: &[u8] = &[0x55, 0x1d, 24];
const CERTIFICATE_ISSUER: &[u8] = &[0x55, 0x1d, 29];
const NUMBER: &[u8] = &[0x55, 0x1d, 20];
const ISSUING_POINT: &[u8] = &[0x55, 0x1d, 28];

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    der::wrap(der::SEQUENCE, parts)
}

fn whole(fields: &[&[u8]]) -> Vec<u8> {
    let signature = der::wrap(der::BIT_STRING, &[&[0, 1, 2, 3]]);
    sequence(&[&sequence(fields), ALGORITHM, &signature])
}

fn extension(oid: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { &[der::BOOLEAN, 1, 0xff] } else { &[] };
    let (oid, value) = (der::wrap(der::OBJECT_IDENTIFIER, &[oid]), der::wrap(der::OCTET_STRING, &[value]));
    sequence(&[&oid, critical, &value])
}

/// A list with one entry of this serial number and these extensions of it.
fn with_entry(serial: &[u8], extensions: &[&[u8]]) -> Result<Crl, CrlError> {
    let extensions = if extensions.is_empty() { Vec::new() } else { sequence(extensions) };
    let entry = sequence(&[&der::wrap(der::INTEGER, &[serial]), MOMENT, &extensions]);
    Crl::from_der(&whole(&[VERSION, ALGORITHM, ISSUER, MOMENT, &sequence(&[&entry])]))
}

/// A list without entries and with these extensions.
fn with_extensions(extensions: &[&[u8]]) -> Result<Crl, CrlError> {
    let extensions = der::wrap(0xa0, &[&sequence(extensions)]);
    Crl::from_der(&whole(&[VERSION, ALGORITHM, ISSUER, MOMENT, &extensions]))
}

fn malformed(read: Result<Crl, CrlError>) -> String {
    match read {
        Err(CrlError::Malformed(why)) => why,
        other => panic!("{other:?}"),
    }
}

fn unusable(read: Result<Crl, CrlError>) -> Unusable {
    match read {
        Err(CrlError::Unusable(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_list_without_a_next_update_and_without_entries_is_read() {
    let crl = Crl::from_der(&whole(&[VERSION, ALGORITHM, ISSUER, MOMENT])).unwrap();
    assert_eq!((crl.next_update(), crl.number(), crl.is_empty()), (None, None, true));
    assert_eq!(crl.issuer().to_string(), "CN=a");
}

#[test]
fn an_entry_that_speaks_for_another_authority_makes_the_list_unusable() {
    for critical in [true, false] {
        let issuer = extension(CERTIFICATE_ISSUER, critical, &[0x30, 0]);
        assert_eq!(unusable(with_entry(&[7], &[&issuer])), Unusable::Indirect);
    }
}

#[test]
fn an_unknown_critical_extension_makes_the_list_unusable_and_is_named() {
    let strange = extension(&[0x2a, 3, 4], true, &[5, 0]);
    let wanted = Unusable::EntryExtension(Serial::from_bytes(&[7]), "1.2.3.4".to_owned());
    assert_eq!(unusable(with_entry(&[7], &[&strange])), wanted);
    assert_eq!(unusable(with_extensions(&[&strange])), Unusable::Extension("1.2.3.4".to_owned()));
    let harmless = extension(&[0x2a, 3, 4], false, &[5, 0]);
    let date = extension(INVALIDITY_DATE, false, b"\x18\x0f20260101000000Z");
    assert!(with_entry(&[7], &[&harmless, &date]).is_ok() && with_extensions(&[&harmless]).is_ok());
}

#[test]
fn a_serial_number_that_no_certificate_may_have_is_refused() {
    for (serial, why) in [
        (&[1; 21][..], "longer than 20 bytes"),
        (&[0x80], "negative"),
        (&[], "empty"),
        (&[0, 1], "not in DER"),
    ] {
        let said = malformed(with_entry(serial, &[]));
        assert!(said.starts_with("entry 1 cannot be used: ") && said.contains(why), "{said}");
    }
    let longest = [&[0][..], &[0xff; 20]].concat();
    assert!(with_entry(&longest, &[]).unwrap().find(&Serial::from_bytes(&[0xff; 20])).is_some());
}

#[test]
fn an_unknown_reason_revokes_all_the_same_and_a_broken_one_is_refused() {
    let reason = |value: &[u8]| with_entry(&[7], &[&extension(REASON, false, value)]);
    assert!(reason(&[der::ENUMERATED, 1, 7]).unwrap().find(&Serial::from_bytes(&[7])).is_some());
    assert_eq!(malformed(reason(&[der::ENUMERATED, 2, 0, 1])), "entry 1 cannot be read");
    let twice = extension(REASON, false, &[der::ENUMERATED, 1, 1]);
    assert_eq!(malformed(with_entry(&[7], &[&twice, &twice])), "entry 1 cannot be read");
}

#[test]
fn what_is_said_twice_or_left_over_is_refused() {
    let number = extension(NUMBER, false, &[2, 1, 7]);
    assert_eq!(malformed(with_extensions(&[&number, &number])), "the extension 2.5.29.20 comes twice");
    let critical = extension(NUMBER, true, &[2, 1, 7]);
    assert!(malformed(with_extensions(&[&critical])).contains("critical"));
    let good = whole(&[VERSION, ALGORITHM, ISSUER, MOMENT]);
    assert_eq!(malformed(Crl::from_der(&[&good[..], &[0]].concat())), "bytes follow the list");
    let other = b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03";
    let two = whole(&[VERSION, other, ISSUER, MOMENT]);
    assert_eq!(malformed(Crl::from_der(&two)), "it names two signature algorithms");
    let version_3 = whole(&[b"\x02\x01\x02", ALGORITHM, ISSUER, MOMENT]);
    assert_eq!(malformed(Crl::from_der(&version_3)), "its version is neither 1 nor 2");
    let extensions = der::wrap(0xa0, &[&sequence(&[&number])]);
    let version_1 = whole(&[ALGORITHM, ISSUER, MOMENT, &extensions]);
    assert_eq!(malformed(Crl::from_der(&version_1)), "version 1 has no extensions");
}

#[test]
fn a_scope_that_is_not_understood_is_refused_and_never_wider_than_meant() {
    let point = |value: &[u8]| with_extensions(&[&extension(ISSUING_POINT, true, value)]);
    assert!(point(&[0x30, 3, 0x81, 1, 0xff]).is_ok());
    for broken in [
        // A boolean that is neither, one kind and another, fields in the wrong order, an unknown field.
        &[0x30, 3, 0x81, 1, 7][..],
        &[0x30, 6, 0x81, 1, 0xff, 0x82, 1, 0xff],
        &[0x30, 6, 0x84, 1, 0xff, 0x81, 1, 0xff],
        &[0x30, 2, 0x86, 0],
    ] {
        assert_eq!(malformed(point(broken)), "the issuing distribution point cannot be read");
    }
    assert_eq!(unusable(point(&[0x30, 3, 0x84, 1, 0xff])), Unusable::Indirect);
}

#[test]
fn the_list_of_an_authority_that_may_not_sign_lists_is_not_its_list() {
    use crate::NotItsList;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose};
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate().unwrap();
    let certificate = |params: &CertificateParams| {
        crate::Certificate::from_der(params.self_signed(&key).unwrap().der().clone()).unwrap()
    };
    let may = certificate(&params);
    params.key_usages.truncate(1);
    let may_not = certificate(&params);
    params.key_usages.push(KeyUsagePurpose::CrlSign);
    let list = rcgen::CertificateRevocationListParams {
        this_update: time::macros::datetime!(2026-06-01 12:00 UTC),
        next_update: time::macros::datetime!(2026-06-02 12:00 UTC),
        crl_number: rcgen::SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: Vec::new(),
        key_identifier_method: rcgen::KeyIdMethod::Sha256,
    };
    let der = list.signed_by(&Issuer::new(params, &key)).unwrap();
    let crl = Crl::from_der(der.der()).unwrap();
    assert_eq!(crl.verify_issuer(&may_not), Err(NotItsList::MayNotSign));
    assert_eq!(crl.verify_issuer(&may), Ok(()));
    assert_eq!(crl.verify_issuer(&may_not), Err(NotItsList::MayNotSign), "also once its key is known");
}
