use std::path::Path;
use std::sync::Arc;

use fault::Fault;
use identity::Pin;
use ledger::{Known, KnownRevocation, Mark, Told};
use parking_lot::Mutex;
use time::OffsetDateTime;

/// What this node was told of the ledger, on its own disk.
///
/// A disk that takes nothing more keeps nobody from being refused: what waits for it is kept later.
#[derive(Debug)]
pub(crate) struct Memory(Arc<Mutex<Kept>>);

#[derive(Debug)]
struct Kept {
    known: Known,
    waiting: Vec<KnownRevocation>,
    failing: bool,
}

impl Memory {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// Where it cannot be read or written.
    pub(crate) fn open(path: &Path, now: OffsetDateTime) -> Result<Self, Fault> {
        let (known, told) = Known::open(path, now)?;
        if told.damaged() > 0 {
            let (file, bytes) = (path.display(), told.damaged());
            tracing::error!(%file, bytes, "what the ledger said before was damaged on disk; the rest of it is known");
        }
        Ok(Self(Arc::new(Mutex::new(Kept { known, waiting: Vec::new(), failing: false }))))
    }

    /// Says where the ledger is not the one, or not as far, as when this node last heard of it.
    pub(super) fn compare(&self, found: Mark) {
        let Some(before) = self.0.lock().known.mark() else { return };
        if before.ledger != found.ledger {
            let (ledger, before) = (found.ledger, before.ledger);
            tracing::warn!(
                %ledger,
                %before,
                "this node followed another ledger before; what that one said is revoked is refused, and handed over"
            );
        } else if found.revision < before.revision {
            let (revision, before) = (found.revision, before.revision);
            tracing::error!(
                revision,
                before,
                "the ledger came back from the past: it is older than what this node was told"
            );
        }
    }

    /// Everything that was kept, to be compared with what the ledger says. What cannot be read is said, and is nothing.
    pub(super) async fn recall(&self, now: OffsetDateTime) -> Told {
        self.with(move |kept| {
            let (known, told) = Known::open(kept.known.path(), now)?;
            kept.known = known;
            Ok(told)
        })
        .await
        .unwrap_or_default()
    }

    /// Keeps revocations that were told, and how far the ledger was read with them.
    pub(super) async fn keep(&self, new: Vec<KnownRevocation>, mark: Mark) {
        self.with(move |kept| {
            kept.waiting.extend(new);
            let recent = |last: Mark| last.ledger == mark.ledger && mark.at - last.at < BETWEEN_MARKS;
            if kept.waiting.is_empty() && kept.known.mark().is_some_and(recent) {
                return Ok(());
            }
            kept.known.note(&kept.waiting, mark)?;
            kept.waiting.clear();
            Ok(())
        })
        .await;
    }

    /// The highest number of a list that this node has heard of, for each issuer.
    pub(super) fn numbers(&self) -> Vec<(Pin, u64)> {
        self.0.lock().known.numbers().iter().map(|(issuer, number)| (*issuer, *number)).collect()
    }

    /// Keeps the numbers of lists.
    pub(super) async fn keep_numbers(&self, numbers: Vec<(Pin, u64)>) {
        self.with(move |kept| kept.known.note_numbers(&numbers)).await;
    }

    /// Off the caller's thread, because it touches the disk. A failure is said once, until it is over.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Kept) -> Result<T, Fault> + Send + 'static,
    ) -> Option<T> {
        let kept = Arc::clone(&self.0);
        let worked = tokio::task::spawn_blocking(move || {
            let mut kept = kept.lock();
            let worked = work(&mut kept);
            if let (Err(fault), false) = (&worked, kept.failing) {
                tracing::error!(%fault, "what the ledger says is revoked is not kept on this node's disk");
            }
            kept.failing = worked.is_err();
            worked.ok()
        });
        worked.await.ok().flatten()
    }
}

/// How far the ledger was read is kept with every revocation, and as often as this where there is none.
const BETWEEN_MARKS: time::Duration = time::Duration::minutes(10);
