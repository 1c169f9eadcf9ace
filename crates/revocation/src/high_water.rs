//! The newest list that each address has given, remembered when the list itself is not.

use std::collections::HashMap;

use identity::{Crl, CrlNumber};
use parking_lot::Mutex;
use time::OffsetDateTime;

use crate::lists::ListKey;

/// How new a list is: by its number, and where it has none by its date.
pub(crate) type Age = (Option<CrlNumber>, OffsetDateTime);

/// How new the newest list was that each address gave for each authority.
#[derive(Debug, Default)]
pub(crate) struct HighWater(Mutex<HashMap<ListKey, Age>>);

impl HighWater {
    /// Whether a newer list than this was there before; where it was not, this is the newest one from now on.
    pub(crate) fn is_above(&self, key: &ListKey, list: &Crl) -> bool {
        let (mut marks, new) = (self.0.lock(), age(list));
        if let Some(mark) = marks.get_mut(key) {
            let is_above = new < *mark;
            *mark = new.max(*mark);
            return is_above;
        }
        if marks.len() >= MOST {
            let oldest = marks.iter().min_by_key(|(_, (_, made))| *made).map(|(key, _)| key.clone());
            oldest.and_then(|oldest| marks.remove(&oldest));
        }
        marks.insert(key.clone(), new);
        false
    }
}

pub(crate) fn age(list: &Crl) -> Age {
    (list.number(), list.this_update())
}

/// Some 10 MB.
const MOST: usize = 50_000;
