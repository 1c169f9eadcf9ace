//! How many connections to an upstream there are, in all and of each principal.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

/// The places of an upstream.
#[derive(Default)]
pub(super) struct Places {
    most: usize,
    most_per_principal: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    /// Only those who have any.
    by: HashMap<Box<str>, usize>,
}

/// A place that is taken, until it is dropped.
pub(super) struct Place {
    places: Arc<Places>,
    principal: Box<str>,
}

/// Which bound is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// The one for all.
    All,
    /// The one for each principal.
    Own,
}

impl Places {
    /// At most so many, in all and of each principal; 0 is no bound.
    pub(super) fn new(most: usize, most_per_principal: usize) -> Arc<Self> {
        Arc::new(Self { most, most_per_principal, taken: Mutex::default() })
    }

    /// Takes a place. Those without a name share one's.
    pub(super) fn take(self: &Arc<Self>, principal: Option<&str>) -> Result<Place, Full> {
        let principal = principal.unwrap_or_default();
        let mut taken = self.taken.lock();
        if reached(taken.by.get(principal).copied().unwrap_or_default(), self.most_per_principal) {
            return Err(Full::Own);
        }
        if reached(taken.all, self.most) {
            return Err(Full::All);
        }
        taken.all += 1;
        *taken.by.entry(principal.into()).or_default() += 1;
        drop(taken);
        Ok(Place { places: Arc::clone(self), principal: principal.into() })
    }
}

fn reached(taken: usize, most: usize) -> bool {
    most != 0 && taken >= most
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock();
        taken.all = taken.all.saturating_sub(1);
        if let Some(own) = taken.by.get_mut(&self.principal) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                taken.by.remove(&self.principal);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Full, Places};

    #[test]
    fn a_principal_takes_no_more_than_its_share_and_all_no_more_than_there_are() {
        let places = Places::new(3, 2);
        let first = places.take(Some("ann")).ok();
        let second = places.take(Some("ann")).ok();
        assert!(first.is_some() && second.is_some());
        assert_eq!(places.take(Some("ann")).err(), Some(Full::Own));
        let third = places.take(None).ok();
        assert!(third.is_some());
        assert_eq!(places.take(Some("bob")).err(), Some(Full::All));
        drop(first);
        assert!(places.take(Some("bob")).is_ok());
    }

    #[test]
    fn whoever_has_no_connection_costs_no_memory() {
        let places = Places::new(0, 0);
        for n in 0..100 {
            assert!(places.take(Some(&format!("p{n}"))).is_ok());
        }
        assert!(places.taken.lock().by.is_empty());
    }
}
