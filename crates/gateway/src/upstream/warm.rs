//! Links that are kept for the next client of the same principal, role and start-up parameters.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use access::Level;
use bytes::BytesMut;
use parking_lot::Mutex;
use postgres_protocol::message::backend::Message;
use postgres_protocol::message::frontend;
use tokio::time::Instant;
use transport::Clock;

use super::Warm;
use super::counted::Counted;
use super::frames::Frames;
use super::link::{self, Link};
use super::wanted::{Likeness, Owner};

/// The links of one upstream that nobody uses.
pub(super) struct Pool {
    most: usize,
    idle: Duration,
    clock: Arc<dyn Clock>,
    kept: Mutex<AllKept>,
}

#[derive(Default)]
struct AllKept {
    by: HashMap<Likeness, Vec<Kept>>,
    /// Whether nobody will ask for any more: the upstream is no database's.
    closed: bool,
    /// Whether somebody looks after them.
    watched: bool,
}

struct Kept {
    link: Link,
    since: Instant,
    owner: Owner,
}

impl Pool {
    pub(super) fn new(warm: Warm, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { most: warm.most, idle: warm.idle, clock, kept: Mutex::default() })
    }

    /// One that is alike and still good; those that are not are closed.
    pub(super) fn take(&self, likeness: &Likeness) -> Option<Link> {
        let mut kept = self.kept.lock();
        let alike = kept.by.get_mut(likeness)?;
        let mut found = None;
        while let Some(mut last) = alike.pop() {
            if self.is_good(&mut last) {
                found = Some(last.link);
                break;
            }
        }
        if alike.is_empty() {
            kept.by.remove(likeness);
        }
        found
    }

    /// Keeps a link that was reset; the one that was kept longest makes room.
    pub(super) fn keep(self: &Arc<Self>, owner: Owner, link: Link) {
        let likeness = owner.likeness.clone();
        let mut kept = Kept { link, since: Instant::now(), owner };
        if self.most == 0 || !self.is_good(&mut kept) {
            return;
        }
        let mut all = self.kept.lock();
        if all.closed {
            return;
        }
        while all.len() >= self.most && all.drop_oldest(|_| true) {}
        all.by.entry(likeness).or_default().push(kept);
        if !std::mem::replace(&mut all.watched, true) {
            tokio::spawn(watch(Arc::downgrade(self), self.idle.min(LOOK)));
        }
    }

    /// Closes the one that was kept longest, of this principal where one is named; false where there is none.
    pub(super) fn make_room(&self, of: Option<Option<&str>>) -> bool {
        self.kept
            .lock()
            .drop_oldest(|kept| of.is_none_or(|principal| kept.owner.principal.as_deref() == principal))
    }

    /// Says whether anybody will ask for links; where nobody will, none is kept, also none that comes back later.
    pub(super) fn serve(&self, somebody: bool) {
        let mut all = self.kept.lock();
        all.closed = !somebody;
        if all.closed {
            all.by.clear();
        }
    }

    /// Closes what nobody may have any longer.
    pub(super) fn retain(&self, may: impl Fn(Option<&str>, &str, Level) -> bool) {
        self.kept
            .lock()
            .retain(|kept| may(kept.owner.principal.as_deref(), &kept.owner.role, kept.owner.level));
    }

    /// Closes what is past its time, or past its server; true where nothing is left to look after.
    fn look(&self) -> bool {
        let mut all = self.kept.lock();
        all.retain(|kept| self.is_good(kept));
        all.watched = !all.by.is_empty();
        !all.watched
    }

    fn is_good(&self, kept: &mut Kept) -> bool {
        let in_time = kept.link.until.is_none_or(|until| self.clock.now() < until);
        let may_be_stopped = kept.link.canceller.was_asked();
        in_time && !may_be_stopped && kept.since.elapsed() < self.idle && kept.link.is_silent()
    }
}

impl AllKept {
    fn len(&self) -> usize {
        self.by.values().map(Vec::len).sum()
    }

    fn retain(&mut self, mut good: impl FnMut(&mut Kept) -> bool) {
        self.by.retain(|_, alike| {
            alike.retain_mut(&mut good);
            !alike.is_empty()
        });
    }

    fn drop_oldest(&mut self, of: impl Fn(&Kept) -> bool) -> bool {
        // Each list is in the order of time: its first is its oldest.
        let oldest = self
            .by
            .iter()
            .filter_map(|(likeness, alike)| Some((likeness, alike.first().filter(|kept| of(kept))?.since)))
            .min_by_key(|(_, since)| *since)
            .map(|(likeness, _)| likeness.clone());
        let Some(likeness) = oldest else { return false };
        if let Some(alike) = self.by.get_mut(&likeness) {
            alike.remove(0);
            if alike.is_empty() {
                self.by.remove(&likeness);
            }
        }
        true
    }
}

/// Looks after what is kept, while anything is.
async fn watch(pool: Weak<Pool>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        match pool.upgrade() {
            Some(pool) if !pool.look() => {}
            _ => return,
        }
    }
}

/// Makes a link as if it were new. None where it was not idle, not in step, or the server took too long: what is left of
/// it is closed. Where a transaction is known to be open, it is rolled back first.
pub(super) async fn reset(mut link: Link, within: Duration, in_transaction: bool) -> Option<Link> {
    let fresh = async {
        if in_transaction {
            order(&mut link, ROLLBACK).await?;
        }
        order(&mut link, DISCARD).await
    };
    let fresh = tokio::time::timeout(within, fresh).await;
    matches!(fresh, Ok(Some(()))).then_some(link)
}

/// Has the server do one thing; afterwards it waits outside of any transaction.
async fn order(link: &mut Link, order: &str) -> Option<()> {
    let Link { stream, parameters, .. } = link;
    let mut frames = Frames::new(stream, MOST_SAID);
    let mut query = BytesMut::new();
    frontend::query(order, &mut query).ok()?;
    frames.say(&query).await.ok()?;
    let mut done = false;
    loop {
        match frames.next().await.ok()? {
            Message::CommandComplete(said) if !done && said.tag().ok()? == order => done = true,
            Message::ReadyForQuery(ready) => return (done && ready.status() == b'I').then_some(()),
            Message::ParameterStatus(status) => {
                link::note(parameters, status.name().ok()?, status.value().ok()?);
            }
            Message::NoticeResponse(_) | Message::NotificationResponse(_) => {}
            // Whatever else it says is an answer to somebody else's question, or a no.
            _ => return None,
        }
    }
}

impl Counted {
    /// The link is nobody's for now.
    pub(super) fn lay_by(&self, link: Link) -> Link {
        Link { _gauged: self.warm(), ..link }
    }

    /// The link is somebody's again.
    pub(super) fn hand_out(&self, link: Link) -> Link {
        self.was_warm();
        Link { _gauged: self.busy(), ..link }
    }
}

const ROLLBACK: &str = "ROLLBACK";
const DISCARD: &str = "DISCARD ALL";
/// What a server may say while it resets, in bytes.
const MOST_SAID: usize = 64 * 1024;
/// How often links are looked after.
const LOOK: Duration = Duration::from_secs(1);
