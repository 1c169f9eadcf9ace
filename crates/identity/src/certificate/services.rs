//! Where an authority answers about a certificate: distribution points of its lists, OCSP responders, its own certificate.

use crate::{Malformed, der};

/// How many addresses of one kind are kept. Those beyond are not asked, which never makes an answer up.
const MOST_ADDRESSES: usize = 16;
/// The longest address that is kept, in bytes.
const LONGEST_ADDRESS: usize = 2048;

const DISTRIBUTION_POINT: u8 = 0xa0;
const FULL_NAME: u8 = 0xa0;
const RELATIVE_NAME: u8 = 0xa1;
const REASONS: u8 = 0x81;
const CRL_ISSUER: u8 = 0xa2;
const URI: u8 = 0x86;

const OCSP: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 48, 1];
const CA_ISSUERS: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 48, 2];

/// The addresses of the distribution points whose lists the certificate's issuer signs itself; a point that names
/// another signer is of no use to us, because we take no indirect lists.
pub(super) fn distribution_points(extension: &[u8]) -> Result<Vec<String>, Malformed> {
    points(extension).ok_or_else(|| Malformed::new("the CRL distribution points cannot be read"))
}

fn points(extension: &[u8]) -> Option<Vec<String>> {
    let mut found = Vec::new();
    for point in sequence(extension)? {
        let (point, rest) = der::content(der::SEQUENCE, point?)?;
        let (name, after) = der::optional(DISTRIBUTION_POINT, point)?;
        let (_reasons, after) = der::optional(REASONS, after)?;
        let (other_signer, after) = der::optional(CRL_ISSUER, after)?;
        if !rest.is_empty() || !after.is_empty() {
            return None;
        }
        let addresses = name.map_or(Some(Vec::new()), point_name)?;
        if other_signer.is_none() {
            found.extend(addresses);
        }
    }
    found.truncate(MOST_ADDRESSES);
    Some(found)
}

/// The addresses in a DistributionPointName; a name relative to the issuer has none.
pub(crate) fn point_name(name: &[u8]) -> Option<Vec<String>> {
    let (full, rest) = der::optional(FULL_NAME, name)?;
    let Some(names) = full else {
        return der::content(RELATIVE_NAME, name).filter(|(_, rest)| rest.is_empty()).map(|_| Vec::new());
    };
    let names = elements(names).collect::<Option<Vec<_>>>()?;
    rest.is_empty().then(|| names.into_iter().filter_map(address).collect())
}

/// The addresses for OCSP, and those of the issuer's certificate.
pub(super) fn access(extension: &[u8]) -> Result<(Vec<String>, Vec<String>), Malformed> {
    described(extension).ok_or_else(|| Malformed::new("the authority information access cannot be read"))
}

fn described(extension: &[u8]) -> Option<(Vec<String>, Vec<String>)> {
    let (mut ocsp, mut issuers) = (Vec::new(), Vec::new());
    for description in sequence(extension)? {
        let (description, rest) = der::content(der::SEQUENCE, description?)?;
        let (method, location) = der::content(der::OBJECT_IDENTIFIER, description)?;
        let (location, after) = der::element(location)?;
        if !rest.is_empty() || !after.is_empty() {
            return None;
        }
        match method {
            OCSP => ocsp.extend(address(location)),
            CA_ISSUERS => issuers.extend(address(location)),
            _ => {}
        }
    }
    ocsp.truncate(MOST_ADDRESSES);
    issuers.truncate(MOST_ADDRESSES);
    Some((ocsp, issuers))
}

/// The elements of the one SEQUENCE that `whole` must be.
fn sequence(whole: &[u8]) -> Option<impl Iterator<Item = Option<&[u8]>>> {
    let (content, rest) = der::content(der::SEQUENCE, whole)?;
    rest.is_empty().then(|| elements(content))
}

/// Element after element; one `None` where the rest is none.
fn elements(mut rest: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let read = der::element(rest);
        rest = read.map_or(&[], |(_, after)| after);
        Some(read.map(|(element, _)| element))
    })
}

/// A general name that is an address.
fn address(name: &[u8]) -> Option<String> {
    let (text, _) = der::content(URI, name)?;
    let plain = text.len() <= LONGEST_ADDRESS && text.iter().all(u8::is_ascii_graphic);
    plain.then(|| String::from_utf8_lossy(text).into_owned())
}
