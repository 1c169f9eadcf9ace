//! Paths of X.509 version 3, built by webpki and judged by our rules before one is chosen.

use std::cell::RefCell;
use std::time::Duration;

use fault::Refusal;
use rustls_pki_types::UnixTime;
use time::OffsetDateTime;
use webpki::{EndEntityCert, KeyUsage, VerifiedPath};

use super::presented::{self, Presented, malformed};
use super::{Purpose, again, cause, rules};
use crate::{Certificate, Trust};

/// Certificates from the leaf up to the authority: one alone where the leaf itself is what we trust.
pub(super) struct Path {
    leaf: Certificate,
    certificates: Vec<Certificate>,
}

impl Path {
    pub(super) fn new(leaf: Certificate, intermediates: Vec<Certificate>, anchor: Certificate) -> Self {
        let mut certificates = Vec::with_capacity(intermediates.len() + 2);
        certificates.push(leaf.clone());
        certificates.extend(intermediates);
        certificates.push(anchor);
        Self { leaf, certificates }
    }

    pub(super) fn of_trusted_leaf(leaf: Certificate) -> Self {
        Self { certificates: vec![leaf.clone()], leaf }
    }

    pub(super) fn leaf(&self) -> &Certificate {
        &self.leaf
    }

    /// Those between leaf and authority, lowest first.
    pub(super) fn intermediates(&self) -> &[Certificate] {
        match self.certificates.as_slice() {
            [_, intermediates @ .., _] => intermediates,
            _ => &[],
        }
    }

    pub(super) fn anchor(&self) -> &Certificate {
        self.certificates.last().unwrap_or(&self.leaf)
    }

    pub(super) fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }
}

/// Finds a path from the leaf to one of our authorities that every rule accepts.
pub(super) fn build(
    presented: &Presented<'_>,
    trust: &Trust,
    purpose: Purpose,
    now: OffsetDateTime,
) -> Result<Path, Refusal> {
    let leaf = EndEntityCert::try_from(presented.leaf().der())
        .map_err(|error| cause::of(&error, presented, trust, purpose, now))?;
    let accepted = RefCell::new(None);
    let refused = RefCell::new(None);
    let judge = |candidate: &VerifiedPath<'_>| {
        let judged = read(candidate, presented, trust).and_then(|path| {
            rules::authorities(&path, purpose, now)?;
            // Another path may do without an intermediate that was revoked.
            again::standing(path.certificates(), trust, now)?;
            Ok(path)
        });
        match judged {
            Ok(path) => {
                accepted.replace(Some(path));
                Ok(())
            }
            Err(refusal) => {
                refused.borrow_mut().get_or_insert(refusal);
                // Not fatal to webpki: another path may do.
                Err(webpki::Error::UnknownIssuer)
            }
        }
    };
    let outcome = leaf.verify_for_usage(
        webpki::ALL_VERIFICATION_ALGS,
        trust.roots(),
        presented.others(),
        moment(now),
        usage(purpose),
        None,
        Some(&judge),
    );
    let outcome = outcome.map(|_| ());
    match (outcome, accepted.into_inner()) {
        (Ok(()), Some(path)) => Ok(path),
        (Ok(()), None) => Err(malformed("a path was accepted and not kept".to_owned())),
        (Err(error), _) => {
            let refused = refused.into_inner();
            Err(refused.unwrap_or_else(|| cause::of(&error, presented, trust, purpose, now)))
        }
    }
}

/// webpki's candidate in our own types.
fn read(candidate: &VerifiedPath<'_>, presented: &Presented<'_>, trust: &Trust) -> Result<Path, Refusal> {
    let intermediates = candidate
        .intermediate_certificates()
        .map(|certificate| presented::read(&certificate.der()))
        .collect::<Result<Vec<_>, _>>()?;
    let anchor = trust
        .held()
        .iter()
        .find(|anchor| {
            let root = anchor.root.as_ref().ok().and_then(|n| trust.roots().get(*n));
            root.is_some_and(|root| std::ptr::eq(root, candidate.anchor()))
        })
        .ok_or_else(|| malformed("the path ends in an authority that we do not hold".to_owned()))?;
    Ok(Path::new(presented.leaf().clone(), intermediates, anchor.certificate.clone()))
}

fn usage(purpose: Purpose) -> KeyUsage {
    match purpose {
        Purpose::Client => KeyUsage::client_auth(),
        Purpose::Server => KeyUsage::server_auth(),
    }
}

/// A moment before 1970 is 1970: no certificate that we take is older.
fn moment(now: OffsetDateTime) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now.unix_timestamp()).unwrap_or(0)))
}
