//! A PostgreSQL behind the door: how it is reached, and as whom.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use access::RoleRules;
use identity::{Credential, Secret, Trust};
use transport::Clock;

use crate::minting::Minting;

/// A PostgreSQL behind the door. Built by the node from a configuration; a reload builds another where that has changed, and
/// keeps this one where it has not.
pub struct Upstream {
    pub(crate) spec: UpstreamSpec,
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
    /// By a Unix socket, which is never protected by TLS, as with libpq.
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

impl Upstream {
    /// An upstream that nobody has connected to yet.
    #[must_use]
    pub fn new(spec: UpstreamSpec) -> Self {
        Self { spec }
    }
}
