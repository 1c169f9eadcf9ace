//! What was made, by the principal's name, each until near its end.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use fault::Fault;
use identity::{Credential, Pin};
use parking_lot::Mutex;
use time::{Duration, OffsetDateTime};
use tokio::sync::watch;

/// What came of making one.
pub(super) type Made = Result<Arc<Credential>, Fault>;

/// Credentials of one lifetime. Their number is bounded: when there are too many, those go that end soonest.
pub(super) struct Kept {
    life: Duration,
    most: usize,
    slots: Mutex<HashMap<Arc<str>, Slot>>,
}

/// What is there for one principal.
#[derive(Default)]
struct Slot {
    good: Option<Good>,
    /// One is being made; whoever needs it waits here.
    making: Option<watch::Receiver<Option<Made>>>,
}

#[derive(Clone)]
struct Good {
    credential: Arc<Credential>,
    /// The key of who signed it. One of another issuer than today's is not given any more.
    issuer: Pin,
    until: OffsetDateTime,
}

/// What there is for one who asks.
pub(super) enum Look {
    /// A good one.
    Good(Arc<Credential>),
    /// A good one that is near its end, and the right to make the next.
    Due(Arc<Credential>, Flight),
    /// None, and somebody is making one.
    Awaited(Landing),
    /// None, and the right to make one.
    Missing(Flight),
}

impl Kept {
    pub(super) fn new(life: Duration, most: usize) -> Self {
        Self { life, most, slots: Mutex::default() }
    }

    /// What there is for this principal, from the issuer that issues now.
    pub(super) fn look(
        self: &Arc<Self>,
        principal: &str,
        issuer: Pin,
        now: OffsetDateTime,
    ) -> Result<Look, Fault> {
        let mut slots = self.slots.lock();
        if let Some(slot) = slots.get_mut(principal) {
            let good = slot.good.as_ref().filter(|good| good.issuer == issuer && good.until > now);
            let left = good.map_or(Duration::ZERO, |good| good.until - now);
            match (good, &slot.making) {
                (Some(good), _) if left > self.life / 4 => {
                    return Ok(Look::Good(Arc::clone(&good.credential)));
                }
                (Some(good), Some(_)) if left > self.life / 8 => {
                    return Ok(Look::Good(Arc::clone(&good.credential)));
                }
                (_, Some(making)) => return Ok(Look::Awaited(Landing(making.clone()))),
                (Some(good), None) if left > self.life / 8 => {
                    let credential = Arc::clone(&good.credential);
                    return Ok(Look::Due(credential, self.take_off(principal.into(), slot)));
                }
                (_, None) => {}
            }
        } else if slots.len() >= self.most {
            make_room(&mut slots, self.most, now)?;
        }
        let principal: Arc<str> = principal.into();
        let slot = slots.entry(Arc::clone(&principal)).or_default();
        Ok(Look::Missing(self.take_off(principal, slot)))
    }

    fn take_off(self: &Arc<Self>, principal: Arc<str>, slot: &mut Slot) -> Flight {
        let (told, making) = watch::channel(None);
        slot.making = Some(making);
        Flight { kept: Arc::clone(self), principal, told, ended: false }
    }

    /// Lets go of what is another's than these principals'.
    pub(super) fn keep_only(&self, known: &dyn Fn(&str) -> bool) {
        self.slots.lock().retain(|principal, slot| {
            let known = known(principal);
            if !known {
                slot.good = None;
            }
            known || slot.making.is_some()
        });
    }

    /// Lets go of what has ended, and says how many are left.
    pub(super) fn sweep(&self, now: OffsetDateTime) -> usize {
        let mut slots = self.slots.lock();
        slots.retain(|_, slot| slot.is_of_use(now));
        if slots.capacity() > 4 * slots.len() {
            slots.shrink_to_fit();
        }
        slots.len()
    }

    /// The ends of those that are good.
    pub(super) fn ends(&self) -> Vec<OffsetDateTime> {
        let slots = self.slots.lock();
        slots.values().filter_map(|slot| slot.good.as_ref()).map(|good| good.until).collect()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.slots.lock().len()
    }
}

impl Slot {
    fn is_of_use(&self, now: OffsetDateTime) -> bool {
        self.making.is_some() || self.good.as_ref().is_some_and(|good| good.until > now)
    }
}

/// Room for another: what has ended goes, else a quarter of all, those that end soonest. It goes by quarters so that it is
/// rare. What is being made stays.
fn make_room(slots: &mut HashMap<Arc<str>, Slot>, most: usize, now: OffsetDateTime) -> Result<(), Fault> {
    slots.retain(|_, slot| slot.is_of_use(now));
    if slots.len() < most {
        return Ok(());
    }
    let idle = slots.values().filter(|slot| slot.making.is_none());
    let mut ends: Vec<OffsetDateTime> =
        idle.filter_map(|slot| slot.good.as_ref()).map(|good| good.until).collect();
    ends.sort_unstable();
    if let Some(last) = ends.get((most / 4).min(ends.len().saturating_sub(1))).copied() {
        let mut leave = most / 4 + 1;
        slots.retain(|_, slot| {
            let ends = slot.making.is_none() && slot.good.as_ref().is_none_or(|good| good.until <= last);
            let goes = ends && leave > 0;
            leave -= usize::from(goes);
            !goes
        });
    }
    if slots.len() < most {
        return Ok(());
    }
    Err(Fault::theirs(format!("{most} certificates for principals are being made at this moment"))
        .remedy("see why the ledger is slow: every certificate waits for its record"))
}

/// The right to make one, which exactly one has. Dropped without a landing, it lets the next one try.
pub(super) struct Flight {
    kept: Arc<Kept>,
    principal: Arc<str>,
    told: watch::Sender<Option<Made>>,
    ended: bool,
}

/// Where others wait for one that is being made.
pub(super) struct Landing(watch::Receiver<Option<Made>>);

impl Flight {
    pub(super) fn landing(&self) -> Landing {
        Landing(self.told.subscribe())
    }

    /// Keeps what was made, and gives it to all who wait. Where nothing was made, what was there before is given for as long
    /// as it is good.
    pub(super) fn land(mut self, made: Made, issuer: Option<Pin>, now: OffsetDateTime) {
        let made = self.end(|slot| slot.landed(made, issuer, now));
        self.told.send_replace(made);
    }

    /// Leaves the slot to whoever comes next, and says what came of that. It is done once: by then another may have taken off.
    fn end<T>(&mut self, last: impl FnOnce(&mut Slot) -> T) -> Option<T> {
        if std::mem::replace(&mut self.ended, true) {
            return None;
        }
        let mut slots = self.kept.slots.lock();
        let Entry::Occupied(mut slot) = slots.entry(Arc::clone(&self.principal)) else { return None };
        let came = last(slot.get_mut());
        slot.get_mut().making = None;
        if slot.get().good.is_none() {
            slot.remove();
        }
        Some(came)
    }
}

impl Slot {
    fn landed(&mut self, made: Made, issuer: Option<Pin>, now: OffsetDateTime) -> Made {
        match (made, issuer) {
            (Ok(credential), Some(issuer)) => {
                let until = credential.leaf().identity().not_after();
                self.good = Some(Good { credential: Arc::clone(&credential), issuer, until });
                Ok(credential)
            }
            (Ok(credential), None) => Ok(credential),
            (Err(fault), issuer) => {
                let same = |good: &&Good| issuer.is_none_or(|issuer| issuer == good.issuer);
                let before = self.good.as_ref().filter(same).filter(|good| good.until > now + MARGIN);
                before.map(|good| Arc::clone(&good.credential)).ok_or(fault)
            }
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.end(|_| ());
    }
}

impl Landing {
    /// What came of it.
    pub(super) async fn landed(mut self) -> Made {
        match self.0.wait_for(Option::is_some).await.map(|made| made.clone()) {
            Ok(Some(made)) => made,
            Ok(None) | Err(_) => Err(Fault::ours("a certificate for a principal was not made to the end")),
        }
    }
}

/// A handshake takes a moment, and clocks differ.
const MARGIN: Duration = Duration::seconds(5);
