//! Certificate revocation lists: fetched from addresses that a certificate names.

use std::collections::BTreeMap;

use bolero::check;
use identity::{Crl, RevocationReason, Serial, der};

/// The fields of a list that stand before its entries: version 2, ecdsa-with-SHA256, an issuer, the moment.
const HEAD: &[u8] =
    b"\x02\x01\x01\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\
    \x04\x03\x0c\x01a\x17\x0d260101000000Z";
const ALGORITHM: &[u8] = b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02";
const CRL_NUMBER: &[u8] = b"\xa0\x0e\x30\x0c\x30\x0a\x06\x03\x55\x1d\x14\x04\x03\x02\x01\x07";

fn list(entries: &[u8]) -> Vec<u8> {
    let entries = der::wrap(der::SEQUENCE, &[entries]);
    let body = der::wrap(der::SEQUENCE, &[HEAD, &entries, CRL_NUMBER]);
    let signature = der::wrap(der::BIT_STRING, &[&[0, 1, 2, 3]]);
    der::wrap(der::SEQUENCE, &[&body, ALGORITHM, &signature])
}

fn entry(serial: u64, reason: u8) -> Vec<u8> {
    let digits: Vec<u8> = serial.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
    let sign: &[u8] = if digits.first().is_none_or(|first| first & 0x80 != 0) { &[0] } else { &[] };
    let number = der::wrap(der::INTEGER, &[sign, &digits]);
    let code = der::wrap(der::OCTET_STRING, &[&[der::ENUMERATED, 1, reason]]);
    let extension = der::wrap(der::SEQUENCE, &[b"\x06\x03\x55\x1d\x15", &code]);
    let extensions = der::wrap(der::SEQUENCE, &[&extension]);
    der::wrap(der::SEQUENCE, &[&number, b"\x17\x0d260102000000Z", &extensions])
}

fn finds_what_it_lists(crl: &Crl) {
    let listed: Vec<_> = crl.entries().collect();
    for entry in &listed {
        assert_eq!(crl.find(&entry.serial).as_ref(), Some(entry));
    }
    assert_eq!(crl.signed_by(), None, "nobody was asked yet");
}

#[test]
fn any_bytes_are_refused_or_are_a_list_that_finds_every_serial_it_lists() {
    check!().for_each(|bytes: &[u8]| {
        if let Ok(crl) = Crl::from_der(bytes) {
            finds_what_it_lists(&crl);
        }
        for crl in Crl::from_pem_or_der(bytes).into_iter().flatten() {
            finds_what_it_lists(&crl);
        }
    });
}

#[test]
fn any_bytes_in_the_place_of_entries_are_refused_or_found() {
    check!().for_each(|bytes: &[u8]| {
        if let Ok(crl) = Crl::from_der(&list(bytes)) {
            finds_what_it_lists(&crl);
        }
    });
}

#[test]
fn every_serial_that_is_listed_is_found_with_its_reason_and_no_other_is() {
    check!().with_type::<(Vec<(u64, u8)>, u64)>().for_each(|(serials, other)| {
        let entries: Vec<Vec<u8>> = serials.iter().map(|(serial, reason)| entry(*serial, *reason)).collect();
        let crl = Crl::from_der(&list(&entries.concat())).unwrap();
        finds_what_it_lists(&crl);
        // Of two entries with one serial number the first counts.
        let wanted: BTreeMap<u64, u8> = serials.iter().rev().copied().collect();
        assert_eq!(crl.len(), wanted.len());
        for (serial, reason) in &wanted {
            let found = crl.find(&Serial::from_bytes(&serial.to_be_bytes())).unwrap();
            assert_eq!(found.reason, RevocationReason::from_number(*reason).unwrap_or_default());
        }
        let strange = crl.find(&Serial::from_bytes(&other.to_be_bytes()));
        assert_eq!(strange.is_some(), wanted.contains_key(other));
    });
}
