//! How many connections there may be.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The most connections at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotLimits {
    /// On one listener; further clients wait in the kernel's queue.
    pub connections: usize,
    /// From one address on one listener; further ones are closed at once.
    pub connections_per_address: usize,
    /// Unfinished handshakes from one address on one listener; further ones are closed at once.
    pub handshakes_per_address: usize,
}

/// The slots of one listener.
pub(crate) struct Slots {
    limits: Mutex<SlotLimits>,
    free: Arc<Semaphore>,
    /// Slots above the limit that are still taken: so many are not free again when they are given back.
    owed: Arc<AtomicUsize>,
    addresses: Arc<Mutex<HashMap<IpAddr, Taken>>>,
}

#[derive(Default)]
struct Taken {
    connections: usize,
    handshakes: usize,
}

impl Slots {
    pub(crate) fn new(limits: SlotLimits) -> Self {
        Self {
            limits: Mutex::new(limits),
            free: Arc::new(Semaphore::new(limits.all())),
            owed: Arc::default(),
            addresses: Arc::default(),
        }
    }

    /// Sets other limits. Connections that are there stay; fewer slots means that the next ones wait.
    pub(crate) fn limit(&self, limits: SlotLimits) {
        let mut held = self.limits.lock();
        let (before, after) = (held.all(), limits.all());
        *held = limits;
        if let Some(more) = after.checked_sub(before) {
            let settled = settle(&self.owed, more);
            self.free.add_permits(more - settled);
        } else {
            let fewer = before - after;
            let gone = self.free.forget_permits(fewer);
            self.owed.fetch_add(fewer - gone, Ordering::Relaxed);
        }
    }

    /// Waits for a free slot. Taken before a connection is accepted, so that a full server leaves clients in the
    /// kernel's queue instead of accepting and dropping them.
    pub(crate) async fn take(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.free).acquire_owned().await.ok()
    }

    /// Gives the slot to a connection from `address`, unless that address holds too many.
    pub(crate) fn give(&self, slot: OwnedSemaphorePermit, address: IpAddr) -> Option<Slot> {
        let address = address.to_canonical();
        let limits = *self.limits.lock();
        let mut addresses = self.addresses.lock();
        let taken = addresses.entry(address).or_default();
        if taken.connections >= limits.connections_per_address
            || taken.handshakes >= limits.handshakes_per_address
        {
            return None;
        }
        taken.connections += 1;
        taken.handshakes += 1;
        Some(Slot {
            addresses: Arc::clone(&self.addresses),
            address,
            shaking: true,
            slot: Some(slot),
            owed: Arc::clone(&self.owed),
        })
    }
}

impl SlotLimits {
    fn all(self) -> usize {
        self.connections.clamp(1, Semaphore::MAX_PERMITS)
    }
}

/// Takes off what is owed, at most so many; returns how many it were.
fn settle(owed: &AtomicUsize, most: usize) -> usize {
    let took = |owed: usize| Some(owed - owed.min(most));
    let before = owed.fetch_update(Ordering::Relaxed, Ordering::Relaxed, took).unwrap_or_else(|same| same);
    before.min(most)
}

/// The right of one connection to exist; given back when dropped.
pub(crate) struct Slot {
    addresses: Arc<Mutex<HashMap<IpAddr, Taken>>>,
    address: IpAddr,
    shaking: bool,
    slot: Option<OwnedSemaphorePermit>,
    owed: Arc<AtomicUsize>,
}

impl Slot {
    /// The handshake is over; the address may begin another.
    pub(crate) fn shaken(&mut self) {
        if std::mem::take(&mut self.shaking)
            && let Some(taken) = self.addresses.lock().get_mut(&self.address)
        {
            taken.handshakes = taken.handshakes.saturating_sub(1);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.shaken();
        if let Some(slot) = self.slot.take()
            && settle(&self.owed, 1) == 1
        {
            slot.forget();
        }
        let mut addresses = self.addresses.lock();
        if let Some(taken) = addresses.get_mut(&self.address) {
            taken.connections = taken.connections.saturating_sub(1);
            if taken.connections == 0 {
                addresses.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::{SlotLimits, Slots};

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[tokio::test]
    async fn one_address_cannot_hold_more_than_its_share() {
        let slots =
            Slots::new(SlotLimits { connections: 8, connections_per_address: 3, handshakes_per_address: 2 });
        let take = async || slots.give(slots.take().await.unwrap(), HERE);
        let mut first = take().await.unwrap();
        let second = take().await.unwrap();
        assert!(take().await.is_none(), "two unfinished handshakes are the most");
        first.shaken();
        let third = take().await.unwrap();
        drop(second);
        drop(third);
        drop(first);
        assert!(slots.addresses.lock().is_empty(), "nothing is remembered of an address that left");
        assert_eq!(slots.free.available_permits(), 8);
    }

    #[tokio::test]
    async fn other_limits_leave_connections_alone_and_hold_for_the_next_ones() {
        let limits =
            |connections| SlotLimits { connections, connections_per_address: 8, handshakes_per_address: 8 };
        let slots = Slots::new(limits(3));
        let take = async || slots.give(slots.take().await.unwrap(), HERE).unwrap();
        let (first, second) = (take().await, take().await);
        slots.limit(limits(1));
        assert_eq!(slots.free.available_permits(), 0);
        drop(first);
        assert_eq!(slots.free.available_permits(), 0, "one is open, and one is the limit");
        slots.limit(limits(2));
        assert_eq!(slots.free.available_permits(), 1);
        drop(second);
        assert_eq!(slots.free.available_permits(), 2);
        slots.limit(limits(1));
        slots.limit(limits(5));
        assert_eq!(slots.free.available_permits(), 5);
    }
}
