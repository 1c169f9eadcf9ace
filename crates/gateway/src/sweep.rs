//! Live sessions are judged again: by each new snapshot, and by the one that there is as time passes.

use std::sync::Arc;
use std::time::Duration;

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
    wanted: Option<Round>,
}

/// A round that no thread has begun.
#[derive(Clone, Copy)]
struct Round {
    /// The earliest decision that asked for it.
    decided_at: Instant,
    /// Whether those are judged as well that the snapshot has judged already: the clock may say otherwise now.
    again: bool,
}

/// How often sessions are judged by the snapshot that there is. What ends with a known moment ends at that moment by
/// itself; this is for what else the clock changes, such as a revocation list that is out of date.
pub(crate) const LOOK: Duration = Duration::from_secs(30);

/// Judges every live session by the snapshot that is served now, and first those whose certificates were revoked.
///
/// It runs on threads of its own, apart from those that serve: judging ten thousand sessions takes a core some tens of
/// milliseconds, and far longer where their authorities changed and signatures are verified anew.
pub(crate) fn start(gateway: &Arc<Gateway>, revoked: &[Revoked], decided_at: Instant) {
    // Only who serves has live sessions, and who serves has a runtime.
    let Ok(runtime) = Handle::try_current() else { return };
    let hit = if revoked.is_empty() { Vec::new() } else { gateway.sessions.of(revoked) };
    if !hit.is_empty() {
        let (gateway, asking) = (Arc::clone(gateway), runtime.clone());
        let round = Round { decided_at, again: false };
        runtime.spawn_blocking(move || judge(&gateway, &asking, hit, round));
    }
    want(gateway, &runtime, Round { decided_at, again: false });
}

/// Judges every live session once more by the snapshot that is served, because time has passed.
pub(crate) fn look_again(gateway: &Arc<Gateway>) {
    if let Ok(runtime) = Handle::try_current() {
        want(gateway, &runtime, Round { decided_at: Instant::now(), again: true });
    }
}

fn want(gateway: &Arc<Gateway>, runtime: &Handle, round: Round) {
    if gateway.sweep.want(round) {
        let (gateway, asking) = (Arc::clone(gateway), runtime.clone());
        runtime.spawn_blocking(move || run(&gateway, &asking));
    }
}

impl Sweep {
    /// Asks for a round; true where whoever asks must run the rounds.
    fn want(&self, round: Round) -> bool {
        let mut state = self.0.lock();
        let wanted = state.wanted.get_or_insert(round);
        wanted.again |= round.again;
        !std::mem::replace(&mut state.running, true)
    }

    /// The next round; nothing where all are done.
    fn next(&self) -> Option<Round> {
        let mut state = self.0.lock();
        let wanted = state.wanted.take();
        state.running = wanted.is_some();
        wanted
    }
}

fn run(gateway: &Arc<Gateway>, runtime: &Handle) {
    while let Some(round) = gateway.sweep.next() {
        judge(gateway, runtime, gateway.sessions.all(), round);
    }
}

fn judge(gateway: &Arc<Gateway>, runtime: &Handle, sessions: Vec<Arc<Session>>, round: Round) {
    let Round { decided_at, again } = round;
    let snapshot = gateway.snapshot();
    let asking = Arc::new(Semaphore::new(MOST_ASKING));
    for session in sessions {
        let Err(unsettled) = session.judge_from_memory(&snapshot, decided_at, again) else { continue };
        let (snapshot, asking) = (Arc::clone(&snapshot), Arc::clone(&asking));
        runtime.spawn(async move {
            let _turn = asking.acquire().await;
            session.judge_asking(&snapshot, unsettled, decided_at).await;
        });
    }
}

/// Sessions about which authorities' services are asked at one time.
const MOST_ASKING: usize = 64;
