//! From DER to a list, entry by entry: nothing of an entry is kept but its row.

use time::OffsetDateTime;
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::X509Name;

use super::{Crl, CrlError, CrlNumber, Proof, Scope, Unusable};
use crate::revocation::RevocationReason;
use crate::revocation::entries::{Entry, Index, Key};
use crate::serial::magnitude;
use crate::signature::Signed;
use crate::{DistinguishedName, der};

const EXTENSIONS: u8 = 0xa0;
const KEY_ID: u8 = 0x80;

const AUTHORITY_KEY_ID: &[u8] = &[0x55, 0x1d, 35];
const CRL_NUMBER: &[u8] = &[0x55, 0x1d, 20];
const DELTA_INDICATOR: &[u8] = &[0x55, 0x1d, 27];
const ISSUING_POINT: &[u8] = &[0x55, 0x1d, 28];
const REASON: &[u8] = &[0x55, 0x1d, 21];
const INVALIDITY_DATE: &[u8] = &[0x55, 0x1d, 24];
const CERTIFICATE_ISSUER: &[u8] = &[0x55, 0x1d, 29];

pub(super) fn read(whole: &[u8]) -> Result<Crl, CrlError> {
    let signed = Signed::read(whole).ok_or_else(|| malformed("it is no signed structure"))?;
    if der::element(whole).is_none_or(|(_, after)| !after.is_empty()) {
        return Err(malformed("bytes follow the list"));
    }
    let body = Body::read(signed.body)?;
    // The signature covers only the inner name of the algorithm; an outer one that differs is a forgery.
    if body.algorithm != signed.algorithm {
        return Err(malformed("it names two signature algorithms"));
    }
    let extensions = Extensions::read(body.extensions)?;
    let entries = read_entries(body.entries)?;
    Ok(Crl {
        issuer: body.issuer,
        authority_key_id: extensions.authority_key_id,
        number: extensions.number,
        this_update: body.this_update,
        next_update: body.next_update,
        scope: extensions.scope,
        entries,
        proof: Proof::open(&signed),
    })
}

fn malformed(why: &str) -> CrlError {
    CrlError::Malformed(why.to_owned())
}

/// The fields of a list, those that repeat still in DER.
struct Body<'a> {
    algorithm: &'a [u8],
    issuer: DistinguishedName,
    this_update: OffsetDateTime,
    next_update: Option<OffsetDateTime>,
    entries: &'a [u8],
    extensions: &'a [u8],
}

impl<'a> Body<'a> {
    fn read(body: &'a [u8]) -> Result<Self, CrlError> {
        let (version, read) = Self::fields(body).ok_or_else(|| malformed("its fields cannot be read"))?;
        match version {
            Some([1]) => Ok(read),
            None if read.extensions.is_empty() => Ok(read),
            None => Err(malformed("version 1 has no extensions")),
            Some(_) => Err(malformed("its version is neither 1 nor 2")),
        }
    }

    /// The version, where it is given, and the fields.
    fn fields(body: &'a [u8]) -> Option<(Option<&'a [u8]>, Self)> {
        let (fields, _) = der::content(der::SEQUENCE, body)?;
        let (version, fields) = der::optional(der::INTEGER, fields)?;
        let (algorithm, fields) = der::content(der::SEQUENCE, fields)?;
        let (name, fields) = der::element(fields)?;
        let (rest, issuer) = X509Name::from_der(name).ok()?;
        let issuer = rest.is_empty().then(|| DistinguishedName::of(&issuer))?;
        let (this_update, fields) = der::moment(fields)?;
        let (next_update, fields) = match fields.first() {
            Some(&(der::UTC_TIME | der::GENERALIZED_TIME)) => {
                der::moment(fields).map(|(next, rest)| (Some(next), rest))?
            }
            _ => (None, fields),
        };
        let (entries, fields) = der::optional(der::SEQUENCE, fields)?;
        let (extensions, fields) = der::optional(EXTENSIONS, fields)?;
        let extensions = match extensions {
            Some(wrapped) => der::content(der::SEQUENCE, wrapped).filter(|(_, rest)| rest.is_empty())?.0,
            None => &[],
        };
        let entries = entries.unwrap_or_default();
        let read = Self { algorithm, issuer, this_update, next_update, entries, extensions };
        fields.is_empty().then_some((version, read))
    }
}

/// One extension in DER.
struct Extension<'a> {
    oid: &'a [u8],
    critical: bool,
    value: &'a [u8],
}

impl<'a> Extension<'a> {
    /// The first extension and what follows it.
    fn read(input: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (fields, rest) = der::content(der::SEQUENCE, input)?;
        let (oid, fields) = der::content(der::OBJECT_IDENTIFIER, fields)?;
        let (critical, fields) = der::optional(der::BOOLEAN, fields)?;
        let (value, after) = der::content(der::OCTET_STRING, fields)?;
        let critical = match critical {
            None | Some([0]) => false,
            Some(_) => true,
        };
        after.is_empty().then_some((Self { oid, critical, value }, rest))
    }

    fn dotted(&self) -> String {
        x509_parser::der_parser::oid::Oid::new(self.oid.into()).to_id_string()
    }
}

/// What a list's extensions say.
#[derive(Default)]
struct Extensions {
    authority_key_id: Option<Box<[u8]>>,
    number: Option<CrlNumber>,
    scope: Scope,
}

impl Extensions {
    fn read(mut input: &[u8]) -> Result<Self, CrlError> {
        let mut read = Self::default();
        let mut seen: Vec<&[u8]> = Vec::new();
        while !input.is_empty() {
            let (extension, rest) =
                Extension::read(input).ok_or_else(|| malformed("an extension cannot be read"))?;
            if seen.contains(&extension.oid) {
                return Err(CrlError::Malformed(format!("the extension {} comes twice", extension.dotted())));
            }
            read.note(&extension)?;
            seen.push(extension.oid);
            input = rest;
        }
        Ok(read)
    }

    fn note(&mut self, extension: &Extension<'_>) -> Result<(), CrlError> {
        match extension.oid {
            AUTHORITY_KEY_ID => {
                let (fields, _) = der::content(der::SEQUENCE, extension.value)
                    .ok_or_else(|| malformed("the authority key identifier cannot be read"))?;
                self.authority_key_id = der::content(KEY_ID, fields).map(|(id, _)| id.into());
            }
            CRL_NUMBER if extension.critical => {
                return Err(malformed("its number is critical, which RFC 5280 §5.2.3 forbids"));
            }
            CRL_NUMBER => {
                let number = der::content(der::INTEGER, extension.value).filter(|(number, rest)| {
                    rest.is_empty() && number.first().is_some_and(|b| b & 0x80 == 0)
                });
                self.number = number.and_then(|(number, _)| CrlNumber::from_bytes(number));
                if self.number.is_none() {
                    return Err(malformed("the list's number cannot be read"));
                }
            }
            ISSUING_POINT => self.scope = Scope::read(extension.value)?,
            DELTA_INDICATOR => return Err(CrlError::Unusable(Unusable::Delta)),
            _ if extension.critical => {
                return Err(CrlError::Unusable(Unusable::Extension(extension.dotted())));
            }
            _ => {}
        }
        Ok(())
    }
}

fn read_entries(entries: &[u8]) -> Result<Index, CrlError> {
    let broken = |n: usize| CrlError::Malformed(format!("entry {} cannot be read", n + 1));
    // Counted first, so that the rows never take twice their place.
    let mut count = 0;
    let mut rest = entries;
    while !rest.is_empty() {
        (_, rest) = der::content(der::SEQUENCE, rest).ok_or_else(|| broken(count))?;
        count += 1;
    }
    let mut rows = Vec::with_capacity(count);
    let mut rest = entries;
    while !rest.is_empty() {
        let (fields, after) = der::content(der::SEQUENCE, rest).ok_or_else(|| broken(rows.len()))?;
        rows.push(read_entry(fields, rows.len())?);
        rest = after;
    }
    Ok(Index::new(&rows))
}

fn read_entry(fields: &[u8], n: usize) -> Result<Entry, CrlError> {
    let broken = || CrlError::Malformed(format!("entry {} cannot be read", n + 1));
    let (number, fields) = der::content(der::INTEGER, fields).ok_or_else(broken)?;
    let (at, fields) = der::moment(fields).ok_or_else(broken)?;
    let (extensions, after) = der::optional(der::SEQUENCE, fields).ok_or_else(broken)?;
    if !after.is_empty() {
        return Err(broken());
    }
    let reason = match extensions {
        Some(extensions) => read_reason(extensions, number).map_err(|why| why.unwrap_or_else(broken))?,
        None => RevocationReason::Unspecified,
    };
    let bytes = magnitude(number)
        .map_err(|why| CrlError::Malformed(format!("entry {} cannot be used: {why}", n + 1)))?;
    let key = Key::of(bytes).ok_or_else(broken)?;
    Ok(Entry::new(key, at, reason))
}

/// The reason among an entry's extensions; `Err(None)` where they cannot be read.
fn read_reason(mut extensions: &[u8], number: &[u8]) -> Result<RevocationReason, Option<CrlError>> {
    let mut reason = None;
    while !extensions.is_empty() {
        let (extension, rest) = Extension::read(extensions).ok_or(None)?;
        extensions = rest;
        match extension.oid {
            REASON if reason.is_none() => {
                let Some((&[code], &[])) = der::content(der::ENUMERATED, extension.value) else {
                    return Err(None);
                };
                // A reason that we do not know takes nothing back.
                reason = Some(RevocationReason::from_number(code).unwrap_or_default());
            }
            REASON => return Err(None),
            CERTIFICATE_ISSUER => return Err(Some(CrlError::Unusable(Unusable::Indirect))),
            INVALIDITY_DATE => {}
            _ if extension.critical => {
                let serial = crate::Serial::from_bytes(number);
                let why = Unusable::EntryExtension(serial, extension.dotted());
                return Err(Some(CrlError::Unusable(why)));
            }
            _ => {}
        }
    }
    Ok(reason.unwrap_or_default())
}
