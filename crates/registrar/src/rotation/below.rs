//! Who holds a certificate that stands below the old one alone.

use std::collections::{BTreeMap, HashSet};

use fault::Fault;
use identity::Pin;
use ledger::{CertificateFilter, CertificateRecord, Cursor, Ledger, State};
use time::OffsetDateTime;

use super::record::{Change, Phase, Rotation};
use super::report::Report;

/// The newest certificate of a subject by the old one, where it is valid and there is none by the new one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its subject.
    pub subject: String,
    /// Its serial.
    pub serial: String,
    /// Its end.
    pub not_after: OffsetDateTime,
    /// When it was last seen at a door by way of the old one, in seconds since 1970.
    pub seen: Option<i64>,
}

/// The holders, and whether there may be more than were looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Below {
    /// Newest first.
    pub holders: Vec<Holder>,
    /// Whether not all certificates on record were looked at.
    pub more: bool,
}

/// Everybody who would be left behind if the old one were removed now, by the ledger.
///
/// # Errors
/// The ledger fails.
pub(super) async fn below(
    ledger: &dyn Ledger,
    rotation: &Rotation,
    reports: &[Report],
    now: OffsetDateTime,
) -> Result<Below, Fault> {
    let moved = rotation.since(Phase::Moved);
    let seen: BTreeMap<&str, i64> = reports
        .iter()
        .flat_map(|report| &report.sightings)
        .map(|sighting| (sighting.serial.as_str(), sighting.at))
        .collect();
    let mut found = Below::default();
    for change in rotation.changes.iter().filter(|change| !change.is_root()) {
        let mut looking = Looking { ledger, moved, now, renewed: HashSet::new(), found: &mut found };
        if let Some(key) = key(change.new_one()).filter(|_| change.rekeyed) {
            looking.renewed(key).await?;
        }
        if let Some(key) = key(change.old_one()) {
            looking.left_behind(key, change, &seen).await?;
        }
    }
    Ok(found)
}

struct Looking<'a> {
    ledger: &'a dyn Ledger,
    moved: Option<OffsetDateTime>,
    now: OffsetDateTime,
    /// The subjects that have a certificate by the new one.
    renewed: HashSet<String>,
    found: &'a mut Below,
}

impl Looking<'_> {
    async fn renewed(&mut self, new: Pin) -> Result<(), Fault> {
        let mut after = None;
        for _ in 0..MOST_PAGES {
            let (records, next) = self.page(new, after).await?;
            self.renewed.extend(records.into_iter().map(|record| record.draft.subject));
            match next {
                Some(_) => after = next,
                None => return Ok(()),
            }
        }
        Ok(())
    }

    async fn left_behind(
        &mut self,
        old: Pin,
        change: &Change,
        seen: &BTreeMap<&str, i64>,
    ) -> Result<(), Fault> {
        let mut after = None;
        for _ in 0..MOST_PAGES {
            let (records, next) = self.page(old, after).await?;
            for record in records {
                self.judge(record, change, seen);
            }
            match next {
                Some(_) => after = next,
                None => return Ok(()),
            }
        }
        self.found.more = true;
        Ok(())
    }

    fn judge(&mut self, record: CertificateRecord, change: &Change, seen: &BTreeMap<&str, i64>) {
        let CertificateRecord { draft, issued_at, .. } = record;
        // An issuer that keeps its key hands the new chain out from the move on.
        let since =
            !change.rekeyed && self.moved.is_some_and(|moved| issued_at.is_some_and(|at| at >= moved));
        if since {
            self.renewed.insert(draft.subject);
        } else if draft.not_after > self.now && !self.renewed.contains(&draft.subject) {
            // Newest first: what comes later under the same name was renewed by this one.
            self.renewed.insert(draft.subject.clone());
            let serial = draft.serial.to_string();
            let seen = seen.get(serial.as_str()).copied();
            self.found.holders.push(Holder {
                subject: draft.subject,
                serial,
                not_after: draft.not_after,
                seen,
            });
        }
    }

    async fn page(
        &self,
        issuer: Pin,
        after: Option<Cursor>,
    ) -> Result<(Vec<CertificateRecord>, Option<Cursor>), Fault> {
        let filter = CertificateFilter {
            issuer: Some(issuer),
            state: Some(State::Issued),
            after,
            limit: PAGE,
            ..CertificateFilter::default()
        };
        let page = self.ledger.certificates(filter).await?;
        Ok((page.entries, page.next))
    }
}

fn key(certificate: Option<identity::Certificate>) -> Option<Pin> {
    certificate.map(|certificate| certificate.identity().spki_sha256())
}

const PAGE: usize = 1_000;
/// A status is for people: it looks at so many of the newest certificates.
const MOST_PAGES: usize = 20;
