use std::collections::HashMap;
use std::net::IpAddr;

use identity::{CommonName, Fingerprint, Pin, San, Verified};

use super::Entry;
use crate::claim::{Claim, fold_dns, fold_email};

/// Entry numbers by the most selective condition of each entry.
///
/// An entry stands under exactly one key, so it is a candidate at most once for each name that a certificate shows.
#[derive(Debug, Default)]
pub(super) struct Index {
    fingerprints: HashMap<Fingerprint, Vec<usize>>,
    pins: HashMap<Pin, Vec<usize>>,
    uris: HashMap<String, Vec<usize>>,
    dns: HashMap<String, Vec<usize>>,
    emails: HashMap<String, Vec<usize>>,
    ips: HashMap<IpAddr, Vec<usize>>,
    common_names: HashMap<String, Vec<usize>>,
    scanned: Vec<usize>,
}

impl Index {
    pub(super) fn of(entries: &[Entry]) -> Self {
        let mut index = Self::default();
        for (number, entry) in entries.iter().enumerate() {
            let slot = match entry.claims.first() {
                Some(Claim::CertSha256(print)) => index.fingerprints.entry(*print).or_default(),
                Some(Claim::SpkiSha256(pin)) => index.pins.entry(*pin).or_default(),
                Some(Claim::SanUri(uri)) => index.uris.entry(uri.clone()).or_default(),
                Some(Claim::SanDns(name)) => index.dns.entry(name.clone()).or_default(),
                Some(Claim::SanEmail(address)) => index.emails.entry(address.clone()).or_default(),
                Some(Claim::SanIp(ip)) => index.ips.entry(*ip).or_default(),
                Some(Claim::SubjectCn(name)) => index.common_names.entry(name.clone()).or_default(),
                Some(Claim::IssuerSpkiSha256(_) | Claim::SubjectO(_) | Claim::SubjectOu(_)) => {
                    &mut index.scanned
                }
                // An entry without conditions would match everyone; it is refused at load and matches nobody.
                None => continue,
            };
            slot.push(number);
        }
        index
    }

    /// Calls `visit` with every entry that may match; only those that a key of the certificate leads to.
    pub(super) fn each_candidate(&self, verified: &Verified, visit: &mut dyn FnMut(usize)) {
        let leaf = verified.leaf();
        let identity = leaf.identity();
        let mut all = |numbers: Option<&Vec<usize>>| {
            for number in numbers.into_iter().flatten() {
                visit(*number);
            }
        };
        if !self.fingerprints.is_empty() {
            all(self.fingerprints.get(&leaf.fingerprint()));
        }
        if !self.pins.is_empty() {
            all(self.pins.get(&identity.spki_sha256()));
        }
        if let CommonName::One(name) = identity.common_name() {
            all(self.common_names.get(name.as_str()));
        }
        for san in identity.sans() {
            all(match san {
                San::Uri(uri) => self.uris.get(uri.as_str()),
                San::Dns(name) if !self.dns.is_empty() => self.dns.get(fold_dns(name).as_ref()),
                San::Email(address) if !self.emails.is_empty() => {
                    self.emails.get(fold_email(address).as_ref())
                }
                San::Ip(ip) => self.ips.get(ip),
                _ => None,
            });
        }
        all(Some(&self.scanned));
    }
}
