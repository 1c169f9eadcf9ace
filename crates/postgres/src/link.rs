//! A connection that is opened again when it has ended.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fault::Fault;
use ledger::LedgerError;
use tokio::sync::Mutex;

use crate::session::Session;
use crate::spec::PostgresSpec;
use crate::{schema, trouble};

/// The way to the server; whoever asks for a session gets one that is open, or hears why there is none.
#[derive(Debug)]
pub(crate) struct Link {
    spec: Arc<PostgresSpec>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    session: Option<Arc<Session>>,
    failed: Option<Failed>,
    closed: bool,
}

/// The last attempt has failed; until the pause is over everybody hears so at once.
struct Failed {
    at: Instant,
    pause: Duration,
    error: LedgerError,
}

impl Link {
    pub(crate) fn new(spec: Arc<PostgresSpec>, session: Option<Session>) -> Self {
        let state = State { session: session.map(Arc::new), ..State::default() };
        Self { spec, state: Mutex::new(state) }
    }

    /// An open session; a new one where the old one has ended, also because the server was restarted.
    ///
    /// # Errors
    /// The server cannot be reached or does not let us in. While it cannot, it is tried again a little later each time.
    pub(crate) async fn session(&self) -> Result<Arc<Session>, LedgerError> {
        let mut state = self.state.lock().await;
        if state.closed {
            return Err(LedgerError::Closed);
        }
        if let Some(session) = state.session.as_ref().filter(|session| !session.is_closed()) {
            return Ok(Arc::clone(session));
        }
        state.session = None;
        if let Some(failed) = &state.failed
            && failed.at.elapsed() < failed.pause
        {
            return Err(failed.error.clone());
        }
        match open(&self.spec).await {
            Ok(session) => {
                let session = Arc::new(session);
                state.session = Some(Arc::clone(&session));
                state.failed = None;
                Ok(session)
            }
            Err(fault) => {
                let pause =
                    state.failed.as_ref().map_or(FIRST_PAUSE, |failed| (failed.pause * 2).min(LONGEST_PAUSE));
                let error = away(&fault);
                state.failed = Some(Failed { at: Instant::now(), pause, error: error.clone() });
                Err(error)
            }
        }
    }

    /// Says goodbye; whoever asks afterwards hears that it is closed.
    pub(crate) async fn close(&self) {
        let mut state = self.state.lock().await;
        state.closed = true;
        state.session = None;
    }
}

/// A session on tables that are still the ones we know: another node may have brought them further, or a backup back.
async fn open(spec: &PostgresSpec) -> Result<Session, Fault> {
    let session = Session::open(spec, None).await?;
    schema::must_be_ours(&session, spec).await?;
    Ok(session)
}

/// What kept us from a session, as a verb tells it.
pub(crate) fn away(fault: &Fault) -> LedgerError {
    let mut words = fault.what().to_owned();
    for cause in fault.causes() {
        words.push_str(": ");
        words.push_str(cause);
    }
    LedgerError::Away(words)
}

/// What a statement's failure means to who asked: the connection is gone, or the server said no.
pub(crate) fn failed(session: &Session, error: &tokio_postgres::Error) -> LedgerError {
    let ended =
        error.code().is_none_or(|code| ["08", "57P"].iter().any(|class| code.code().starts_with(class)));
    if ended || session.is_closed() {
        return LedgerError::Away(trouble::words(error));
    }
    trouble::storage(error)
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("open", &self.session.is_some()).field("closed", &self.closed).finish()
    }
}

/// After a failed attempt the next one is made so soon, and each time twice as late,
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// but never later than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
