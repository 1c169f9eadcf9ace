use std::collections::VecDeque;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// A bounded queue between the callers and the threads of a database.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    state: Mutex<State<T>>,
    arrived: Condvar,
    capacity: usize,
}

#[derive(Debug)]
struct State<T> {
    waiting: VecDeque<T>,
    closed: bool,
}

/// Why something was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotQueued {
    /// The queue holds as much as it may.
    Full,
    /// Nothing is taken any more.
    Closed,
}

impl<T> Queue<T> {
    /// An empty queue for `capacity` things.
    pub(crate) fn new(capacity: usize) -> Self {
        let state = State { waiting: VecDeque::new(), closed: false };
        Self { state: Mutex::new(state), arrived: Condvar::new(), capacity }
    }

    /// Adds one, or gives it back with the reason.
    pub(crate) fn push(&self, thing: T) -> Result<(), (T, NotQueued)> {
        let mut state = self.state.lock();
        if state.closed {
            return Err((thing, NotQueued::Closed));
        }
        if state.waiting.len() >= self.capacity {
            return Err((thing, NotQueued::Full));
        }
        state.waiting.push_back(thing);
        drop(state);
        self.arrived.notify_one();
        Ok(())
    }

    /// Waits for up to `most` things, and comes back without any after `patience`; nothing once the queue is closed
    /// and drained.
    pub(crate) fn take(&self, most: usize, patience: Duration) -> Option<VecDeque<T>> {
        let mut state = self.state.lock();
        loop {
            if !state.waiting.is_empty() {
                let count = state.waiting.len().min(most);
                return Some(state.waiting.drain(..count).collect());
            }
            if state.closed {
                return None;
            }
            if self.arrived.wait_for(&mut state, patience).timed_out() {
                return Some(VecDeque::new());
            }
        }
    }

    /// Takes nothing any more; what waits is still served.
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.arrived.notify_all();
    }
}
