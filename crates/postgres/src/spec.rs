use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use transport::Clock;

use crate::judging::Judging;

/// Which database holds the ledger, and how to reach it.
#[derive(Clone, Debug)]
pub struct PostgresSpec {
    /// Where the server listens.
    pub address: Address,
    /// The user to sign in as; with a certificate, its common name.
    pub user: String,
    /// The database.
    pub database: String,
    /// How the connection is protected.
    pub protection: Protection,
    /// What is revoked among the server's certificates; none where nobody says, and nobody is asked.
    pub judging: Option<Arc<dyn Judging>>,
    /// The certificate to present, and its key; both are read for each new connection, so that files which were replaced
    /// are used.
    pub credential: Option<(PathBuf, PathBuf)>,
    /// What the server calls us in `pg_stat_activity` and in its log.
    pub application_name: String,
    /// How long connecting may take, and signing in once more as long. What is asked about the server's certificate in
    /// between is bounded by itself.
    pub connect_timeout: Duration,
    /// The clock that certificates are judged by.
    pub clock: Arc<dyn Clock>,
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A host name or an IP address, with a port.
    Tcp {
        /// The name that the server's certificate must carry.
        host: String,
        /// Where to connect instead of looking the name up.
        addr: Option<std::net::IpAddr>,
        /// The port.
        port: u16,
    },
    /// A Unix socket, by its folder and the port in its name.
    Unix {
        /// The folder.
        folder: PathBuf,
        /// The port.
        port: u16,
    },
}

/// How a connection is protected: libpq's `sslmode`, without those of its values that fall back to plaintext.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protection {
    /// Plaintext (`disable`).
    Plaintext,
    /// Encrypted, to whom nobody knows (`require`).
    Encrypted,
    /// The server's chain is judged by the authorities in this file (`verify-ca`).
    Chain(PathBuf),
    /// The chain and the name (`verify-full`).
    Full(PathBuf),
}

impl PostgresSpec {
    /// The server and the database, for faults.
    pub(crate) fn target(&self) -> String {
        format!("{}/{}", self.address, self.database)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port, .. } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port, .. } => write!(f, "{host}:{port}"),
            Self::Unix { folder, port } => write!(f, "{}/.s.PGSQL.{port}", folder.display()),
        }
    }
}
