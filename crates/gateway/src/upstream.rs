//! A PostgreSQL behind the door: how it is reached, and as whom.
//!
//! - [`wanted`]: what a link is wanted for; [`link`]: a connection that is signed in; [`cancel`]: letting go of what runs.
//! - [`reach`](mod@reach): a connection as protected as its mode wants it; [`dials`]: the TLS settings for each credential.
//! - [`sign_in`](mod@sign_in): saying who we are; [`frames`]: what a server says, bounded; [`said`]: its own words.
//! - [`ask`]: statements that come over HTTP; [`admitted`]: what a new snapshot changes about links that are kept.
//! - [`places`]: how many there may be; [`warm`]: links kept for the next; [`counted`]: what is counted.
//! - [`trouble`]: why there is no link, and what to do about it.

mod admitted;
mod ask;
mod cancel;
mod counted;
mod dials;
mod elsewhere;
mod frames;
mod link;
mod places;
mod reach;
mod said;
mod sign_in;
mod trouble;
mod wanted;
mod warm;

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use access::{Level, RoleRules};
use fault::Fault;
use identity::{Credential, Secret, Trust};
use tokio::time::Instant;
use transport::Clock;

pub(crate) use self::admitted::close_what_nobody_may_have;
pub(crate) use self::ask::NotAsked;
pub(crate) use self::cancel::Canceller;
pub(crate) use self::link::Link;
pub(crate) use self::said::Said;
pub(crate) use self::trouble::Unreached;
pub(crate) use self::wanted::Wanted;

use self::counted::Counted;
use self::dials::{Dials, Presenting};
use self::places::{Full, Place, Places};
use self::reach::{Attempt, Reached, reach};
use self::sign_in::{NotIn, SignedIn, sign_in};
use self::warm::Pool;
use crate::metrics::Metrics;
use crate::minting::Minting;

/// A PostgreSQL behind the door. Built by the node from a configuration; a reload builds another where that has changed, and
/// keeps this one where it has not.
pub struct Upstream {
    pub(crate) spec: UpstreamSpec,
    dials: Dials,
    places: Arc<Places>,
    /// Links of sessions are kept there where the service says so; those that serve HTTP always are.
    pool: Arc<Pool>,
    counted: Counted,
}

/// What an [`Upstream`] is built from.
pub struct UpstreamSpec {
    /// The service's name in the configuration.
    pub service: Arc<str>,
    /// Where it is.
    pub address: UpstreamAddress,
    /// The database to ask for there.
    pub database: Box<str>,
    /// How the connection is protected.
    pub sslmode: SslMode,
    /// Whom the server must be vouched for by; given for `verify-ca` and `verify-full`, and where `require` is to judge.
    pub trust: Option<Arc<Trust>>,
    /// How the server knows who comes.
    pub identity: Identifies,
    /// Who may be whom.
    pub roles: RoleRules,
    /// How long connecting and signing in may take, in all.
    pub connect_timeout: Duration,
    /// The most connections to it, in all and for one principal; 0 for no bound.
    pub most: usize,
    /// The most connections of one principal.
    pub most_per_principal: usize,
    /// Whether connections are kept for the next client of the same principal and role.
    pub warm: Option<Warm>,
    /// The clock that certificates are judged by.
    pub clock: Arc<dyn Clock>,
}

/// Where an upstream is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpstreamAddress {
    /// By TCP; the host is also the name that it must prove.
    Tcp {
        /// A name or an IP address.
        host: String,
        /// The port.
        port: u16,
    },
    /// By a Unix socket, given by its own path (`…/.s.PGSQL.5432`); it is never protected by TLS, as with libpq.
    Unix(PathBuf),
}

/// How a connection is protected, in libpq's words and with its meanings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SslMode {
    /// In clear text.
    Disable,
    /// In clear text, and by TLS where the server insists.
    Allow,
    /// By TLS, and in clear text where the server has none.
    Prefer,
    /// By TLS; the server is judged only where there is a root to judge it by.
    Require,
    /// By TLS with a server that somebody trusted vouches for.
    VerifyCa,
    /// By TLS with a server that proves its name.
    VerifyFull,
}

/// How a server knows who comes.
pub enum Identifies {
    /// By a certificate of minutes in each principal's name.
    PerPrincipal(Arc<dyn Minting>),
    /// By one credential for all.
    Shared(SharedIdentity),
}

/// What everybody is known by.
#[derive(Default)]
pub struct SharedIdentity {
    /// The certificate that is presented where the server asks for one.
    pub credential: Option<Arc<Credential>>,
    /// The password, where the server asks for one (SCRAM-SHA-256, with channel binding where it offers that).
    pub password: Option<Secret>,
}

/// Connections that are kept for the next client; each is reset in between (`DISCARD ALL`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Warm {
    /// The most that are kept, in all.
    pub most: usize,
    /// How long one is kept without use.
    pub idle: Duration,
}

impl fmt::Display for UpstreamAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') && !host.starts_with('[') => {
                write!(f, "[{host}]:{port}")
            }
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}

impl Upstream {
    /// An upstream that nobody has connected to yet.
    ///
    /// # Errors
    /// The shared credential's key cannot sign a handshake, or the mode asks for roots and there are none.
    pub fn new(spec: UpstreamSpec) -> Result<Self, Fault> {
        let dials = Dials::new(&spec)?;
        let places = Places::new(spec.most, spec.most_per_principal);
        let pool = Pool::new(spec.warm.unwrap_or(FOR_HTTP), Arc::clone(&spec.clock));
        Ok(Self { spec, dials, places, pool, counted: Counted::default() })
    }

    /// Counts what happens from now on.
    pub(crate) fn count_among(&self, metrics: &Metrics) {
        self.counted.among(metrics, &self.spec.service);
    }

    /// A link for one client: one that was kept, or a new one, within `connect_timeout`.
    ///
    /// # Errors
    /// [`Unreached`], which says whether the server is down, slow, or does not let us in.
    pub(crate) async fn open(&self, wanted: &Wanted<'_>) -> Result<Link, Unreached> {
        if let Some(link) = self.kept(wanted) {
            return Ok(link);
        }
        let began = Instant::now();
        let opened = self.open_anew(wanted).await;
        self.counted.opened(opened.as_ref().map(drop), began.elapsed());
        opened
    }

    /// Keeps a link for the next client, where that is wanted. The caller knows that it is in step: the server has said
    /// that it waits, no transaction is open, and nothing was sent to it since. What is not is closed instead.
    pub(crate) async fn give_back(&self, wanted: &Wanted<'_>, link: Link) {
        if !self.keeps_warm() || wanted.replication.is_some() {
            return;
        }
        if let Some(link) = warm::reset(link, self.spec.connect_timeout, false).await {
            self.pool.keep(wanted.owner(&self.spec.database), self.counted.lay_by(link));
        }
    }

    /// Whether links are kept for the next client.
    pub(crate) fn keeps_warm(&self) -> bool {
        self.spec.warm.is_some()
    }

    /// Says whether any database is there; where none is, links that come back are closed.
    pub(crate) fn serve(&self, somebody: bool) {
        self.pool.serve(somebody);
    }

    /// Closes what is kept for those who may not have it any longer, by principal, role and level.
    pub(crate) fn keep_only(&self, may: impl Fn(Option<&str>, &str, Level) -> bool) {
        self.pool.retain(may);
    }

    /// Has certificates let go of that were made for those who are principals no more.
    pub(crate) fn forget_strangers(&self, known: impl Fn(&str) -> bool) {
        if let Identifies::PerPrincipal(minting) = &self.spec.identity {
            minting.keep_only(&known);
        }
    }

    fn kept(&self, wanted: &Wanted<'_>) -> Option<Link> {
        if wanted.replication.is_some() {
            return None;
        }
        self.pool.take(&wanted.likeness(&self.spec.database)).map(|link| self.counted.hand_out(link))
    }

    async fn open_anew(&self, wanted: &Wanted<'_>) -> Result<Link, Unreached> {
        let spec = &self.spec;
        let place = self.place(wanted)?;
        let presenting = self.dials.presenting(spec, wanted).await?;
        let answered = AtomicBool::new(false);
        let entered = self.enter(wanted, &presenting, &answered);
        match tokio::time::timeout(spec.connect_timeout, entered).await {
            Ok(Ok((reached, signed_in))) => Ok(self.link(reached, signed_in, &presenting, place)),
            Ok(Err(unreached)) => Err(unreached),
            Err(_) if answered.load(Ordering::Relaxed) => Err(trouble::slow(spec, spec.connect_timeout)),
            Err(_) => Err(trouble::silent(spec, spec.connect_timeout)),
        }
    }

    /// A place among the connections; one that is kept for nobody makes room.
    fn place(&self, wanted: &Wanted<'_>) -> Result<Place, Unreached> {
        loop {
            let full = match self.places.take(wanted.principal) {
                Ok(place) => return Ok(place),
                Err(full) => full,
            };
            let of = (full == Full::Own).then_some(wanted.principal);
            if !self.pool.make_room(of) {
                return Err(trouble::full(&self.spec, full, wanted));
            }
        }
    }

    /// Connects and signs in, by the one way of the mode or by both.
    async fn enter(
        &self,
        wanted: &Wanted<'_>,
        presenting: &Presenting,
        answered: &AtomicBool,
    ) -> Result<(Reached, SignedIn), Unreached> {
        let (first, then) = Attempt::of(&self.spec);
        let before = match self.attempt(first, wanted, presenting, answered).await {
            Err(unreached) if unreached.may_fall_back() => unreached,
            outcome => return outcome,
        };
        match then {
            None => Err(before),
            Some(then) => self
                .attempt(then, wanted, presenting, answered)
                .await
                .map_err(|unreached| unreached.after(&before)),
        }
    }

    async fn attempt(
        &self,
        attempt: Attempt,
        wanted: &Wanted<'_>,
        presenting: &Presenting,
        answered: &AtomicBool,
    ) -> Result<(Reached, SignedIn), Unreached> {
        let spec = &self.spec;
        let mut reached = reach(spec, attempt, presenting, answered).await?;
        if matches!(spec.identity, Identifies::PerPrincipal(_)) && !reached.protected.tls {
            return Err(trouble::will_not(
                spec,
                "principals come by certificates, and the connection has no TLS",
                "reach the server by TCP, with sslmode: verify-full",
            ));
        }
        match sign_in(spec, wanted, &reached.protected, &mut reached.stream).await {
            Ok(signed_in) => Ok((reached, signed_in)),
            Err(NotIn::Else(unreached)) => Err(unreached),
            Err(NotIn::Told(said)) => {
                // Where the server had no TLS, the other way of `prefer` has been tried already.
                let may = attempt == Attempt::Plain || reached.protected.tls;
                Err(trouble::of_server(spec, wanted, &said).falling_back(may))
            }
        }
    }

    fn link(&self, reached: Reached, signed_in: SignedIn, presenting: &Presenting, place: Place) -> Link {
        let Reached { stream, protected, place: leads } = reached;
        Link {
            stream,
            parameters: signed_in.parameters,
            until: presenting.until.filter(|_| protected.tls),
            canceller: Canceller::new(signed_in.key, leads, self.spec.connect_timeout),
            _gauged: self.counted.busy(),
            _place: place,
        }
    }
}

/// What is kept of links that serve HTTP where nothing is kept for sessions.
const FOR_HTTP: Warm = Warm { most: 20, idle: Duration::from_secs(60) };
