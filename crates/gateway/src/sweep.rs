//! Live sessions are judged again by each new snapshot.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::gateway::Gateway;
use crate::session::Session;
use crate::sessions::Revoked;

/// Whether sessions are being judged, and whether they must be judged once more. Snapshots that come while sessions are
/// judged share the round after it.
#[derive(Default)]
pub(crate) struct Sweep(Mutex<State>);

#[derive(Default)]
struct State {
    running: bool,
    /// The earliest decision that no round has begun for.
    wanted: Option<Instant>,
}

/// Judges every live session by the snapshot that is served now, and first those whose certificates were revoked.
///
/// It runs on threads of its own, apart from those that serve: judging ten thousand sessions takes a core some tens of
/// milliseconds, and far longer where their authorities changed and signatures are verified anew.
pub(crate) fn start(gateway: &Arc<Gateway>, revoked: &[Revoked], decided_at: Instant) {
    let hit = if revoked.is_empty() { Vec::new() } else { gateway.sessions.of(revoked) };
    let rounds = gateway.sweep.want(decided_at);
    let gateway = Arc::clone(gateway);
    let Ok(runtime) = Handle::try_current() else {
        // Only who serves has live sessions, and who serves has a runtime.
        return;
    };
    if !hit.is_empty() {
        let gateway = Arc::clone(&gateway);
        let asking = runtime.clone();
        runtime.spawn_blocking(move || judge(&gateway, &asking, hit, decided_at));
    }
    if rounds {
        let asking = runtime.clone();
        runtime.spawn_blocking(move || run(&gateway, &asking));
    }
}

impl Sweep {
    /// Asks for a round; true where whoever asks must run the rounds.
    fn want(&self, decided_at: Instant) -> bool {
        let mut state = self.0.lock();
        state.wanted.get_or_insert(decided_at);
        !std::mem::replace(&mut state.running, true)
    }

    /// The next round's decision; nothing where all are done.
    fn next(&self) -> Option<Instant> {
        let mut state = self.0.lock();
        let wanted = state.wanted.take();
        state.running = wanted.is_some();
        wanted
    }
}

fn run(gateway: &Arc<Gateway>, runtime: &Handle) {
    while let Some(decided_at) = gateway.sweep.next() {
        judge(gateway, runtime, gateway.sessions.all(), decided_at);
    }
}

fn judge(gateway: &Arc<Gateway>, runtime: &Handle, sessions: Vec<Arc<Session>>, decided_at: Instant) {
    let snapshot = gateway.snapshot();
    let asking = Arc::new(Semaphore::new(MOST_ASKING));
    for session in sessions {
        let Err(unsettled) = session.judge_from_memory(&snapshot, decided_at) else { continue };
        let (snapshot, asking) = (Arc::clone(&snapshot), Arc::clone(&asking));
        runtime.spawn(async move {
            let _turn = asking.acquire().await;
            session.judge_asking(&snapshot, unsettled, decided_at).await;
        });
    }
}

/// Sessions about which authorities' services are asked at one time.
const MOST_ASKING: usize = 64;
