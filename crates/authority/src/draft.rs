//! The exact bytes that are to be signed: checked, linted, and not yet on record.

pub(crate) mod anew;
mod leaf;
pub(crate) mod reach;
mod responder;
mod tier;
mod validity;

pub(crate) use leaf::san_type;

use fault::Fault;
use identity::{Certificate, Pin, Serial};
use ledger::{DraftRecord, IssuerName};
use rcgen::{CertificateParams, KeyIdMethod, SerialNumber};
use time::OffsetDateTime;

use identity::der;

/// A certificate that lacks only its signature: proof that it keeps its profile and its issuer's limits and has
/// passed the lint.
///
/// [`record`](Self::record) is the only way on. There is no second copy of a draft, so that it is recorded once and
/// signed once.
#[derive(Debug)]
pub struct Draft {
    tbs: Vec<u8>,
    algorithm: Vec<u8>,
    record: DraftRecord,
    warnings: Vec<Fault>,
}

impl Draft {
    /// What the certificate will say, as the ledger keeps it.
    #[must_use]
    pub fn summary(&self) -> &DraftRecord {
        &self.record
    }

    /// What is allowed and yet worth a word: a life cut short by the issuer's end, one that browsers refuse.
    #[must_use]
    pub fn warnings(&self) -> &[Fault] {
        &self.warnings
    }

    pub(crate) fn tbs(&self) -> &[u8] {
        &self.tbs
    }

    pub(crate) fn algorithm(&self) -> &[u8] {
        &self.algorithm
    }

    pub(crate) fn into_warnings(self) -> Vec<Fault> {
        self.warnings
    }
}

/// Takes the bytes to sign from a linted certificate, so that what is signed is what was linted.
fn drafted(
    linted: &Certificate,
    issuer: IssuerName,
    profile: &str,
    warnings: Vec<Fault>,
    now: OffsetDateTime,
) -> Result<Draft, Fault> {
    let broken = || Fault::ours("a draft could not be taken apart");
    let (whole, _) = der::content(der::SEQUENCE, linted.der()).ok_or_else(broken)?;
    let (tbs, rest) = der::element(whole).ok_or_else(broken)?;
    let (algorithm, _) = der::element(rest).ok_or_else(broken)?;
    let identity = linted.identity();
    let record = DraftRecord {
        serial: identity.serial().clone(),
        issuer,
        profile: profile.to_owned(),
        subject: identity.subject().to_string(),
        common_name: identity.common_name().one().map(str::to_owned),
        sans: identity.sans().iter().map(ToString::to_string).collect(),
        spki: identity.spki_sha256(),
        not_before: identity.not_before(),
        not_after: identity.not_after(),
        drafted_at: now,
    };
    Ok(Draft { tbs: tbs.to_vec(), algorithm: algorithm.to_vec(), record, warnings })
}

/// What every certificate of ours starts from. The subject's key identifier is RFC 7093's: 160 bits of SHA-256.
fn blank(serial: &Serial, key: &Pin) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.serial_number = Some(SerialNumber::from_slice(serial.bytes()));
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.key_identifier_method = KeyIdMethod::PreSpecified(key.bytes().iter().copied().take(20).collect());
    params
}

/// 128 bits from the operating system's generator. RFC 5280 asks for a positive number of at most 20 bytes, the
/// CA/Browser Forum for at least 64 random bits.
fn draw_serial() -> Result<Serial, Fault> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| Fault::theirs("the machine gave no randomness for a serial"))?;
    Ok(Serial::from_bytes(&bytes))
}
