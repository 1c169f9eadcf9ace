use std::fs::File;

use tokio::sync::watch;

/// What one holder at a time has, by [`Ledger::lock`](crate::Ledger::lock); dropping it lets it go.
///
/// A lock on a server ends with the connection that holds it: whoever does something long under it looks from time to time
/// whether it [`is_held`](Self::is_held), or waits beside it for [`lost`](Self::lost).
#[derive(Debug)]
pub struct Lock(Kind);

#[derive(Debug)]
enum Kind {
    /// Locked as long as the file is open.
    File(#[expect(dead_code, reason = "it is held, and not read")] File),
    /// Held as long as somebody keeps the other end, and it says nothing else.
    Kept(watch::Receiver<bool>),
}

/// The side of whoever keeps a lock for its holder.
#[derive(Debug)]
pub struct Holding(watch::Sender<bool>);

impl Lock {
    /// A lock that is kept elsewhere, and the other end of it.
    #[must_use]
    pub fn held() -> (Self, Holding) {
        let (sender, receiver) = watch::channel(false);
        (Self(Kind::Kept(receiver)), Holding(sender))
    }

    pub(crate) fn on(file: File) -> Self {
        Self(Kind::File(file))
    }

    /// Whether it is still ours, as far as is known.
    #[must_use]
    pub fn is_held(&self) -> bool {
        match &self.0 {
            Kind::File(_) => true,
            Kind::Kept(lost) => lost.has_changed().is_ok() && !*lost.borrow(),
        }
    }

    /// Waits until it is ours no more, without our having let it go.
    pub async fn lost(&self) {
        match &self.0 {
            Kind::File(_) => std::future::pending().await,
            Kind::Kept(lost) => {
                // An error means that whoever kept it has gone, and the lock with it.
                let mut lost = lost.clone();
                let _gone = lost.wait_for(|lost| *lost).await;
            }
        }
    }
}

impl Holding {
    /// Waits until the holder has let go.
    pub async fn released(&mut self) {
        self.0.closed().await;
    }

    /// Tells the holder that the lock is gone.
    pub fn lose(self) {
        self.0.send_replace(true);
    }
}

#[cfg(test)]
mod tests {
    use super::Lock;

    #[tokio::test]
    async fn whoever_holds_a_lock_hears_that_it_is_lost_however_that_comes() {
        let (lock, holding) = Lock::held();
        assert!(lock.is_held());
        holding.lose();
        lock.lost().await;
        assert!(!lock.is_held());
        let (lock, holding) = Lock::held();
        drop(holding);
        lock.lost().await;
        assert!(!lock.is_held());
    }
}
