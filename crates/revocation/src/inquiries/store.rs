//! Everything that is remembered, within bounds.

use std::collections::HashMap;
use std::sync::Arc;

use identity::{Certificate, Crl, Fingerprint, Pin, Verification};
use parking_lot::RwLock;
use time::OffsetDateTime;

use crate::answers::{AnswerSource, askable};
use crate::lists::{ListKey, ListSource};
use crate::shown::SourceShown;
use crate::subject::Subject;

/// Everything that is remembered, within bounds.
#[derive(Debug, Default)]
pub(super) struct Store {
    subjects: RwLock<HashMap<(Fingerprint, Pin), Arc<Subject>>>,
    lists: RwLock<HashMap<ListKey, Arc<ListSource>>>,
}

/// Which methods are used.
#[derive(Clone, Copy, Debug)]
pub(super) struct Methods {
    pub(super) crl: bool,
    pub(super) ocsp: bool,
}

impl Methods {
    pub(super) fn of(verification: &Verification) -> Self {
        Self { crl: verification.crl.is_some(), ocsp: verification.ocsp.is_some() }
    }
}

impl Store {
    /// A certificate that was asked about before.
    pub(super) fn known(&self, certificate: &Certificate, issuer: &Certificate) -> Option<Arc<Subject>> {
        let key = (certificate.fingerprint(), issuer.identity().spki_sha256());
        self.subjects.read().get(&key).cloned()
    }

    /// A certificate, from now on known.
    pub(super) fn subject(
        &self,
        certificate: &Certificate,
        issuer: &Certificate,
        methods: Methods,
    ) -> Arc<Subject> {
        if let Some(known) = self.known(certificate, issuer) {
            return known;
        }
        let lists = if methods.crl { certificate.crl_uris() } else { &[] };
        let lists = askable(lists).take(MOST_URLS).map(|url| self.list(url, issuer)).collect();
        let answers =
            methods.ocsp.then(|| AnswerSource::new(certificate, issuer, MOST_URLS)).flatten().map(Arc::new);
        let key = (certificate.fingerprint(), issuer.identity().spki_sha256());
        let subject = Arc::new(Subject::new(certificate.clone(), lists, answers));
        let mut subjects = self.subjects.write();
        if subjects.len() >= MOST_SUBJECTS {
            let used = subjects.values().map(|subject| subject.last_used()).collect();
            let oldest = oldest_eighth(used);
            subjects.retain(|_, subject| subject.last_used() > oldest);
        }
        Arc::clone(subjects.entry(key).or_insert(subject))
    }

    fn list(&self, url: &str, issuer: &Certificate) -> Arc<ListSource> {
        let key = ListKey { url: url.into(), issuer: issuer.identity().spki_sha256() };
        if let Some(known) = self.lists.read().get(&key) {
            return Arc::clone(known);
        }
        let mut lists = self.lists.write();
        if lists.len() >= MOST_LISTS {
            let oldest = oldest_eighth(lists.values().map(|list| list.kept.last_used()).collect());
            let (gone, kept) = lists.drain().partition(|(_, list)| list.kept.last_used() <= oldest);
            *lists = kept;
            self.leave(&gone);
        }
        Arc::clone(lists.entry(key).or_insert_with(|| Arc::new(ListSource::new(url, issuer))))
    }

    /// Forgets the certificates that would be looked up in lists that are no longer kept, so that nothing refers to these.
    fn leave(&self, gone: &HashMap<ListKey, Arc<ListSource>>) {
        let refers = |subject: &Subject| {
            subject.lists.iter().any(|list| gone.values().any(|gone| Arc::ptr_eq(gone, list)))
        };
        self.subjects.write().retain(|_, subject| !refers(subject));
    }

    /// Makes room where a list has just been kept: the lists that were not used for longest are forgotten.
    pub(super) fn make_room(&self, for_list: &ListSource) {
        let lists = self.lists.read();
        let mut by_use: Vec<_> = lists.values().filter(|list| !std::ptr::eq(&***list, for_list)).collect();
        by_use.sort_by_key(|list| std::cmp::Reverse(list.kept.last_used()));
        let mut bytes = weight(for_list);
        for list in by_use {
            bytes += weight(list);
            if bytes > MOST_LIST_BYTES {
                bytes -= weight(list);
                list.kept.forget();
            }
        }
    }

    /// Takes over what another one knows, each for as long as `verification` wants.
    pub(super) fn inherit(&self, other: &Self, verification: &Verification) {
        if let Some(check) = &verification.crl {
            for theirs in other.lists() {
                self.list(&theirs.url, &theirs.issuer).inherit(&theirs, check);
            }
        }
        let subjects: Vec<_> = other.subjects.read().values().cloned().collect();
        for theirs in subjects {
            let Some(issuer) = theirs.issuer() else { continue };
            let own = self.subject(&theirs.certificate, issuer, Methods::of(verification));
            own.inherit(&theirs, verification);
        }
    }

    pub(super) fn lists(&self) -> Vec<Arc<ListSource>> {
        self.lists.read().values().cloned().collect()
    }

    pub(super) fn answers(&self) -> Vec<Arc<AnswerSource>> {
        self.subjects.read().values().filter_map(|subject| subject.answers.clone()).collect()
    }

    pub(super) fn shown(&self, now: OffsetDateTime) -> Vec<SourceShown> {
        SourceShown::of(&self.lists(), &self.answers(), now)
    }
}

/// The moment before which the least recently used eighth was used.
fn oldest_eighth(mut used: Vec<i64>) -> i64 {
    let at = used.len() / 8;
    if at >= used.len() {
        return i64::MIN;
    }
    *used.select_nth_unstable(at).1
}

fn weight(list: &ListSource) -> usize {
    list.kept
        .state()
        .held
        .as_ref()
        .map_or(0, |held| BYTES_OF_A_LIST + Crl::len(&held.value) * BYTES_OF_AN_ENTRY)
}

/// How many addresses of one kind are tried for one certificate.
const MOST_URLS: usize = 4;
const MOST_SUBJECTS: usize = 10_000;
const MOST_LISTS: usize = 1_024;
const MOST_LIST_BYTES: usize = 256 << 20;
const BYTES_OF_A_LIST: usize = 4 << 10;
const BYTES_OF_AN_ENTRY: usize = 32;
