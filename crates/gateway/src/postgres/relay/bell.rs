//! Waiting beside a busy stream for what seldom happens.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use parking_lot::Mutex;

/// A future that is polled only when it has been woken itself, and not whenever its task is: what a session waits for beside
/// its bytes (its end, the node's, a moment) is behind locks that all sessions share.
pub(super) struct Aside<F> {
    future: F,
    bell: Arc<Bell>,
    waker: Waker,
    /// Whom the bell wakes.
    task: Waker,
}

struct Bell {
    rung: AtomicBool,
    task: Mutex<Waker>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        self.task.lock().wake_by_ref();
    }
}

impl<F: Future + Unpin> Aside<F> {
    pub(super) fn new(future: F) -> Self {
        let task = Waker::noop().clone();
        let bell = Arc::new(Bell { rung: AtomicBool::new(true), task: Mutex::new(task.clone()) });
        let waker = Waker::from(Arc::clone(&bell));
        Self { future, bell, waker, task }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<F::Output> {
        if !self.task.will_wake(cx.waker()) {
            self.task.clone_from(cx.waker());
            self.bell.task.lock().clone_from(cx.waker());
        }
        // Whoever rings after this look wakes the task of now.
        if self.bell.rung.load(Ordering::Acquire) && self.bell.rung.swap(false, Ordering::AcqRel) {
            return Pin::new(&mut self.future).poll(&mut Context::from_waker(&self.waker));
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;

    use tokio::sync::Notify;

    use super::Aside;

    #[tokio::test]
    async fn what_is_waited_for_aside_is_polled_when_it_happens_and_not_otherwise() {
        let (often, seldom) = (Notify::new(), Notify::new());
        let mut polled = 0;
        let mut waiting = pin!(seldom.notified());
        let mut aside = Aside::new(poll_fn(|cx| {
            polled += 1;
            waiting.as_mut().poll(cx)
        }));
        let busy = async {
            for _ in 0..100 {
                often.notify_one();
                tokio::task::yield_now().await;
            }
            seldom.notify_one();
        };
        let waits = async {
            let mut noise = 0;
            while noise < 50 {
                often.notified().await;
                noise += 1;
            }
            poll_fn(|cx| aside.poll(cx)).await;
        };
        tokio::join!(busy, waits);
        drop(aside);
        assert!(polled <= 2, "polled {polled} times");
    }
}
