//! A certificate on record, as a user names it: by its serial, or by its file.

use fault::Fault;
use identity::{Certificate, Serial};
use ledger::{CertificateFilter, CertificateRecord, Ledger};

/// What is on record under a serial: of one issuer, or of several.
///
/// # Errors
/// Nothing is; what looks like it is named.
pub(super) async fn of_serial(ledger: &dyn Ledger, serial: &Serial) -> Result<Vec<CertificateRecord>, Fault> {
    let filter = CertificateFilter { serial: Some(serial.clone()), ..CertificateFilter::default() };
    let found = ledger.certificates(filter).await?.entries;
    if found.is_empty() { Err(unknown(ledger, serial).await) } else { Ok(found) }
}

/// The one certificate of that serial.
///
/// # Errors
/// There is none, or more than one issuer used the serial.
pub(super) async fn one_of_serial(ledger: &dyn Ledger, serial: &Serial) -> Result<CertificateRecord, Fault> {
    let mut found = of_serial(ledger, serial).await?;
    match (found.pop(), found.is_empty()) {
        (Some(record), true) => Ok(record),
        _ => Err(Fault::yours(format!("more than one issuer used the serial {serial}"))
            .remedy("name the certificate's file instead")),
    }
}

/// What is on record of this very certificate.
///
/// # Errors
/// Nothing is.
pub(super) async fn of_certificate(
    ledger: &dyn Ledger,
    certificate: &Certificate,
) -> Result<CertificateRecord, Fault> {
    let identity = certificate.identity();
    ledger.certificate_by_fingerprint(certificate.fingerprint()).await?.ok_or_else(|| {
        Fault::theirs(format!("the certificate \"{}\" is not on record here", identity.subject()))
            .because(format!("\"{}\" issued it, with the serial {}", identity.issuer(), identity.serial()))
            .remedy(
                "name the realm that issued it with --realm DIR; a running node refuses another \
                 authority's certificate by countersign cert deny, or by revoked_serials in its configuration",
            )
    })
}

/// A serial that was cut short, or has a digit wrong, is found among the newest.
async fn unknown(ledger: &dyn Ledger, serial: &Serial) -> Fault {
    let filter = CertificateFilter { limit: LOOKED_AT, ..CertificateFilter::default() };
    let newest = ledger.certificates(filter).await.map(|page| page.entries).unwrap_or_default();
    let known: Vec<String> = newest.iter().map(|record| record.draft.serial.to_string()).collect();
    let text = serial.to_string();
    let begun = known.iter().map(String::as_str).find(|known| known.starts_with(&text));
    let near = begun.or_else(|| fault::nearest(&text, known.iter().map(String::as_str)));
    let fault = Fault::theirs(format!("no certificate with the serial {serial} is on record"));
    match near {
        Some(near) => {
            fault.remedy(format!("did you mean {near}? countersign cert list shows what is on record"))
        }
        None => fault.remedy("countersign cert list shows what is on record; for a file, check the path"),
    }
}

/// Among so many of the newest a similar serial is looked for.
const LOOKED_AT: usize = 1000;
