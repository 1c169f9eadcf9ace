use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use access::RoleRules;

use super::secret::{SecretKept, SecretPlan};
use crate::scalar::words;

/// A PostgreSQL behind the door: one of `services`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamPlan {
    /// The service's name.
    pub name: String,
    /// Where it is.
    pub address: UpstreamAddress,
    /// The database there.
    pub database: String,
    /// How the connection is protected.
    pub sslmode: UpstreamSslMode,
    /// Who may vouch for the server; always given where the mode asks for it.
    pub ssl_rootcert: Option<PathBuf>,
    /// What its authority took back.
    pub ssl_crl: Option<PathBuf>,
    /// How the server knows who comes.
    pub identity: UpstreamIdentityPlan,
    /// Who is whom there.
    pub roles: RoleRules,
    /// How long connecting and signing in may take, in all.
    pub connect_timeout: Duration,
    /// Connections at once; 0 for no bound.
    pub max_connections: u64,
    /// Connections at once of one principal; 0 for no bound.
    pub max_connections_per_principal: u64,
    /// Whether connections are kept for the next client.
    pub warm: Option<WarmPlan>,
}

/// Where a PostgreSQL behind the door is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpstreamAddress {
    /// By TCP.
    Tcp {
        /// A name or an IP address.
        host: String,
        /// The port.
        port: u16,
    },
    /// By a Unix socket: its whole path.
    Unix(PathBuf),
}

/// How a PostgreSQL behind the door knows who comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpstreamIdentityPlan {
    /// By a certificate in each principal's name, from our own authority.
    PerPrincipal {
        /// How long each is good.
        lifetime: Duration,
    },
    /// By one credential for all.
    Shared {
        /// The certificate that is presented.
        certificate: Option<SharedCertificatePlan>,
        /// The password.
        password: Option<SecretPlan>,
    },
}

/// A certificate that is presented for everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedCertificatePlan {
    /// The chain, leaf first.
    pub cert: PathBuf,
    /// The leaf's key.
    pub key: PathBuf,
    /// What opens the key.
    pub key_password: Option<SecretPlan>,
}

/// Connections that are kept for the next client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WarmPlan {
    /// The most that are kept, in all.
    pub most: u64,
    /// How long one is kept without use.
    pub idle: Duration,
}

words! {
    /// libpq's `sslmode`, all of it.
    pub enum UpstreamSslMode {
        /// Plaintext.
        Disable = "disable",
        /// Plaintext, and TLS where the server insists.
        Allow = "allow",
        /// TLS, and plaintext where the server has none.
        Prefer = "prefer",
        /// TLS; the server is judged only where there is a root to judge it by.
        Require = "require",
        /// TLS; the server's chain is judged.
        VerifyCa = "verify-ca",
        /// TLS; the server's chain and its name are judged.
        VerifyFull = "verify-full",
    }
}

impl UpstreamIdentityPlan {
    /// The word for it in a configuration.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::PerPrincipal { .. } => "per_principal",
            Self::Shared { .. } => "shared",
        }
    }
}

impl UpstreamSslMode {
    /// Whether everything may go in clear text.
    #[must_use]
    pub fn falls_back(self) -> bool {
        matches!(self, Self::Disable | Self::Allow | Self::Prefer)
    }
}

impl UpstreamPlan {
    /// Whether somebody is sure who the server is: it is judged, or on this machine.
    #[must_use]
    pub fn is_sure(&self) -> bool {
        self.is_judged() || self.address.is_here()
    }

    /// Whether the server's certificate is judged.
    #[must_use]
    pub fn is_judged(&self) -> bool {
        match self.sslmode {
            UpstreamSslMode::VerifyFull | UpstreamSslMode::VerifyCa => true,
            UpstreamSslMode::Require => self.ssl_rootcert.is_some(),
            UpstreamSslMode::Disable | UpstreamSslMode::Allow | UpstreamSslMode::Prefer => false,
        }
    }

    /// The files that it takes, those of its secrets too.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let of_server = [&self.ssl_rootcert, &self.ssl_crl].into_iter().flatten();
        let certificate = match &self.identity {
            UpstreamIdentityPlan::PerPrincipal { .. } => None,
            UpstreamIdentityPlan::Shared { certificate, .. } => certificate.as_ref(),
        };
        let of_certificate = certificate.into_iter().flat_map(|of| [&of.cert, &of.key]);
        let secrets = self.secrets().filter_map(|secret| match &secret.kept {
            SecretKept::File(path) => Some(path),
            SecretKept::Given { .. } | SecretKept::Command { .. } => None,
        });
        of_server.chain(of_certificate).chain(secrets).map(PathBuf::as_path)
    }

    /// The secrets that it takes.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretPlan> {
        let (of_key, password) = match &self.identity {
            UpstreamIdentityPlan::PerPrincipal { .. } => (None, None),
            UpstreamIdentityPlan::Shared { certificate, password } => {
                (certificate.as_ref().and_then(|of| of.key_password.as_ref()), password.as_ref())
            }
        };
        of_key.into_iter().chain(password)
    }
}

impl UpstreamAddress {
    /// Whether what is sent there stays on this machine.
    #[must_use]
    pub fn is_here(&self) -> bool {
        match self {
            Self::Unix(_) => true,
            Self::Tcp { host, .. } => {
                let loopback = |address: IpAddr| address.to_canonical().is_loopback();
                host == "localhost" || host.parse().is_ok_and(loopback)
            }
        }
    }
}

impl std::fmt::Display for UpstreamAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(socket) => write!(f, "{}", socket.display()),
        }
    }
}
