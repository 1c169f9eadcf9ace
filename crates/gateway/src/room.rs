//! Memory for what is large: bodies on their way in, answers on their way out.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The node's room for large bodies and answers. What a peer sends slowly, or does not take, must not fill the
/// memory however many connections it opens.
#[derive(Debug)]
pub(crate) struct Room {
    free: Arc<Semaphore>,
    /// All there is, in KiB; it only grows.
    all: Mutex<usize>,
}

/// Room that is taken; given back when dropped.
#[derive(Debug)]
pub(crate) struct Taken {
    _kibibytes: OwnedSemaphorePermit,
}

impl Room {
    /// Room for [`LEAST`] bytes, or for two of the largest answers where these are larger.
    pub(crate) fn new(largest_answer: usize) -> Self {
        let all = wanted(largest_answer);
        Self { free: Arc::new(Semaphore::new(all)), all: Mutex::new(all) }
    }

    /// Makes room for larger answers. Room that is there stays, so that nobody who counts on it is turned away.
    pub(crate) fn grow(&self, largest_answer: usize) {
        let wanted = wanted(largest_answer);
        let mut all = self.all.lock();
        self.free.add_permits(wanted.saturating_sub(*all));
        *all = wanted.max(*all);
    }

    /// Takes room for so many bytes; nothing is needed for what is small.
    ///
    /// # Errors
    /// When there is no room left.
    pub(crate) fn take(&self, bytes: usize) -> Result<Option<Taken>, Full> {
        if bytes <= SMALL {
            return Ok(None);
        }
        let kibibytes = u32::try_from(bytes.div_ceil(KIBIBYTE)).map_err(|_| Full)?;
        let taken = Arc::clone(&self.free).try_acquire_many_owned(kibibytes).map_err(|_| Full)?;
        Ok(Some(Taken { _kibibytes: taken }))
    }
}

fn wanted(largest_answer: usize) -> usize {
    let bytes = LEAST.max(largest_answer.saturating_mul(2));
    (bytes / KIBIBYTE).min(Semaphore::MAX_PERMITS)
}

/// There is no room left.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// What is handed to the network at a time, and counted as small where it is all there is.
pub(crate) const SMALL: usize = 64 * KIBIBYTE;
const KIBIBYTE: usize = 1_024;
const LEAST: usize = 512 * 1_024 * KIBIBYTE;

#[cfg(test)]
mod tests {
    use super::{Full, LEAST, Room};

    #[test]
    fn large_things_share_a_bounded_room_and_small_ones_need_none() {
        let room = Room::new(0);
        let half = room.take(LEAST / 2).unwrap();
        let other = room.take(LEAST / 2).unwrap();
        assert_eq!(room.take(1 << 20).unwrap_err(), Full);
        assert!(room.take(1_000).unwrap().is_none());
        drop((half, other));
        assert!(room.take(1 << 20).unwrap().is_some());
        assert!(
            Room::new(LEAST).take(LEAST).unwrap().is_some(),
            "one answer of the largest size always fits"
        );
    }

    #[test]
    fn room_grows_with_the_largest_answer_and_never_shrinks() {
        let room = Room::new(0);
        assert_eq!(room.take(2 * LEAST).unwrap_err(), Full);
        room.grow(LEAST);
        room.grow(0);
        assert!(room.take(2 * LEAST).unwrap().is_some());
    }
}
