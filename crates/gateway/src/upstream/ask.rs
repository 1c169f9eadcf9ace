//! Statements that come over HTTP, run on a link: `POST /<database>/query`.
//!
//! A request is one exchange by the extended protocol: everything is sent at once, and the answer is written while rows
//! arrive. What must hold together, a batch or whatever may only read, is one transaction. The link is reset afterwards
//! and kept for the next request of the same principal and role.
//!
//! - [`pipeline`]: what is sent; [`results`]: what comes back; [`value`]: values of PostgreSQL in JSON.
//! - [`control`]: statements that would reach out of their request.

mod control;
mod pipeline;
mod results;
mod value;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use access::{Level, Role};
use database::Limits;
use tokio::io::{AsyncWriteExt as _, BufReader};
use wire::sql::{Request, ResultEncoder};

use self::pipeline::Step;
use self::results::{Ending, Heard};
use super::frames::Frames;
use super::link::Link;
use super::said::Said;
use super::trouble::{self, Unreached};
use super::{Upstream, Wanted, warm};

/// Why a request has no results.
pub(crate) enum NotAsked {
    /// It cannot be sent as it is; the text is for the client.
    Bad(String),
    /// Nobody may do this over HTTP.
    NotPermitted(&'static str),
    /// The statement writes, and may not.
    ReadOnly,
    /// The server refused the statement: an answer like any other. With the statement of a batch that it was, from 0.
    Sql(Box<Said>, Option<usize>),
    /// It took longer than it may.
    TimedOut,
    /// There is no server to ask, or no more.
    Unreached(Unreached),
}

impl From<Unreached> for NotAsked {
    fn from(unreached: Unreached) -> Self {
        Self::Unreached(unreached)
    }
}

impl Upstream {
    /// Runs a request in a role, and answers the body of its answer. Whoever drops it cancels what runs.
    pub(crate) async fn ask(
        self: &Arc<Self>,
        principal: Option<&str>,
        role: &Role,
        request: &Request,
        limits: &Limits,
    ) -> Result<Vec<u8>, NotAsked> {
        let steps = pipeline::steps(request, role.level() == Level::ReadOnly)?;
        let sent = pipeline::sent(&steps, limits).map_err(|why| NotAsked::Bad(why.to_string()))?;
        let parameters = parameters(limits.statement_timeout);
        let wanted = Wanted { principal, role, replication: None, parameters: &parameters };
        let mut running = Running(Some(self.open(&wanted).await?));
        let exchange = self.exchange(&wanted, &mut running, &steps, &sent, request.batch, limits);
        let Ok(outcome) = tokio::time::timeout(limits.statement_timeout, exchange).await else {
            return Err(NotAsked::TimedOut);
        };
        let (ending, body) = outcome?;
        if let Some(link) = running.0.take().filter(|_| ending.reusable) {
            self.keep_for_the_next(&wanted, link, ending.status != b'I');
        }
        match ending.failed {
            None => Ok(body),
            Some((said, index)) => Err(told(said, index.filter(|_| request.batch))),
        }
    }

    async fn exchange(
        &self,
        wanted: &Wanted<'_>,
        running: &mut Running,
        steps: &[Step<'_>],
        sent: &[u8],
        batch: bool,
        limits: &Limits,
    ) -> Result<(Ending, Vec<u8>), NotAsked> {
        let spec = &self.spec;
        let Some(link) = &mut running.0 else {
            return Err(trouble::strange(spec, "there is no link").into());
        };
        let (reader, mut writer) = tokio::io::split(&mut link.stream);
        let mut reader = BufReader::with_capacity(READ_AT_ONCE, reader);
        let mut frames = Frames::new(&mut reader, usize::MAX);
        let mut out = ResultEncoder::new(batch);
        // Both at once: a server that cannot get rid of its rows stops reading.
        let write = async {
            writer.write_all(sent).await?;
            writer.flush().await
        };
        let read = results::read(&mut frames, steps, limits, &mut out);
        let heard = tokio::try_join!(write, read).map_err(|error| trouble::of_io(spec, &error))?;
        match heard.1 {
            Heard::Ended(mut ending) => {
                ending.reusable &= reader.buffer().is_empty();
                Ok((ending, out.into_body()))
            }
            Heard::Closed(said) => Err(trouble::of_server(spec, wanted, &said).into()),
            Heard::Copy => Err(NotAsked::NotPermitted(COPY)),
        }
    }

    /// The client need not wait for it.
    fn keep_for_the_next(self: &Arc<Self>, wanted: &Wanted<'_>, link: Link, in_transaction: bool) {
        let (owner, within) = (wanted.owner(&self.spec.database), self.spec.connect_timeout);
        let upstream = Arc::clone(self);
        tokio::spawn(async move {
            if let Some(link) = warm::reset(link, within, in_transaction).await {
                upstream.pool.keep(owner, upstream.counted.lay_by(link));
            }
        });
    }
}

/// What the server says of a statement that it does not run to its end.
fn told(said: Box<Said>, index: Option<usize>) -> NotAsked {
    match said.sqlstate.as_str() {
        "25006" => NotAsked::ReadOnly,
        "57014" if said.message.contains("statement timeout") => NotAsked::TimedOut,
        _ => NotAsked::Sql(said, index),
    }
}

/// What every link for HTTP is opened with: values must look the same whatever the role's own settings are. The server's
/// own timeout is there for the day when nobody is left to cancel.
fn parameters(statement_timeout: Duration) -> Vec<(Box<str>, Box<str>)> {
    let belt = statement_timeout.saturating_add(Duration::from_secs(1)).as_millis().min(i32::MAX as u128);
    let mut parameters: Vec<(Box<str>, Box<str>)> =
        SETTINGS.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    parameters.push(("statement_timeout".into(), belt.to_string().into()));
    parameters
}

const SETTINGS: [(&str, &str); 6] = [
    ("application_name", "countersign"),
    ("client_encoding", "UTF8"),
    ("DateStyle", "ISO, MDY"),
    ("IntervalStyle", "postgres"),
    ("extra_float_digits", "1"),
    ("bytea_output", "hex"),
];

/// A link on which something runs. Where it is dropped before that has ended, the server is asked to let go of it, and the
/// link is closed.
struct Running(Option<Link>);

impl Drop for Running {
    fn drop(&mut self) {
        let Some(link) = self.0.take() else { return };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                link.canceller().cancel().await;
                drop(link);
            });
        }
    }
}

/// An exchange broke.
fn strange(what: &str) -> io::Error {
    super::frames::strange(what)
}

const COPY: &str = "COPY is served over PostgreSQL's own protocol; over HTTP send rows as arguments";
/// In bytes.
const READ_AT_ONCE: usize = 16 * 1024;

/// Reads the answer to a request out of what a server has said; true where it was seen through.
#[cfg(test)]
pub(super) async fn tried<S: tokio::io::AsyncRead + Unpin>(
    request: &Request,
    limits: &Limits,
    frames: &mut Frames<'_, S>,
    out: &mut ResultEncoder,
) -> bool {
    let Ok(steps) = pipeline::steps(request, true) else { return false };
    let heard = results::read(frames, &steps, limits, out).await;
    matches!(heard, Ok(Heard::Ended(ending)) if ending.failed.is_none() && ending.reusable)
}
