//! Certificates for servers that ask by ACME.

use std::path::PathBuf;

use authority::{HostPattern, Network};

/// How ACME is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcmePlan {
    /// The names that certificates may be asked for; never empty.
    pub names: Vec<HostPattern>,
    /// The profile that they are issued by.
    pub profile: String,
    /// Whether an account must be bound to a key that the operator gave out.
    pub external_account_required: bool,
    /// How names may be proved; never empty, each once.
    pub challenges: Vec<ChallengePlan>,
    /// The port of web servers.
    pub http_port: u16,
    /// The port of TLS servers.
    pub tls_port: u16,
    /// Addresses that are asked although they are of a kind that is not.
    pub allow_networks: Vec<Network>,
    /// Addresses that are never asked.
    pub deny_networks: Vec<Network>,
    /// What an account has to agree to.
    pub terms_of_service: Option<String>,
    /// How clients reach the listener; none: by the host that each asks.
    pub url: Option<String>,
    /// What the operator's keys are derived from; none: the node's own place.
    pub secret_file: Option<PathBuf>,
}

/// How a name may be proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChallengePlan {
    /// A file on its web server.
    Http,
    /// A certificate in a TLS handshake.
    TlsAlpn,
}
