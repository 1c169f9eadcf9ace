use std::collections::BTreeMap;

use parking_lot::Mutex;
use time::OffsetDateTime;

/// Something that only lasts until a moment, unless the authority makes another in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lasting {
    /// What it is: `list of issuer client`, `certificate of service worker`.
    pub what: String,
    /// Until when it is good.
    pub until: OffsetDateTime,
}

impl Lasting {
    /// Something with its end.
    pub fn new(what: impl Into<String>, until: OffsetDateTime) -> Self {
        Self { what: what.into(), until }
    }
}

/// What the registrar keeps renewing, each with its end. Whoever renews something notes here until when it is good.
#[derive(Debug, Default)]
pub(crate) struct Lastings(Mutex<BTreeMap<String, OffsetDateTime>>);

impl Lastings {
    /// Notes until when something is good by now; nothing where it is no longer needed.
    pub(crate) fn note(&self, what: &str, until: Option<OffsetDateTime>) {
        let mut all = self.0.lock();
        match until {
            Some(until) => drop(all.insert(what.to_owned(), until)),
            None => drop(all.remove(what)),
        }
    }

    pub(crate) fn all(&self) -> Vec<Lasting> {
        self.0.lock().iter().map(|(what, until)| Lasting::new(what.clone(), *until)).collect()
    }
}
