//! How many connections there may be.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The most connections at one time.
#[derive(Clone, Copy, Debug)]
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
    limits: SlotLimits,
    free: Arc<Semaphore>,
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
            limits,
            free: Arc::new(Semaphore::new(limits.connections.clamp(1, Semaphore::MAX_PERMITS))),
            addresses: Arc::default(),
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
        let mut addresses = self.addresses.lock();
        let taken = addresses.entry(address).or_default();
        if taken.connections >= self.limits.connections_per_address
            || taken.handshakes >= self.limits.handshakes_per_address
        {
            return None;
        }
        taken.connections += 1;
        taken.handshakes += 1;
        Some(Slot { addresses: Arc::clone(&self.addresses), address, shaking: true, _slot: slot })
    }
}

/// The right of one connection to exist; given back when dropped.
pub(crate) struct Slot {
    addresses: Arc<Mutex<HashMap<IpAddr, Taken>>>,
    address: IpAddr,
    shaking: bool,
    _slot: OwnedSemaphorePermit,
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
}
