use std::sync::Arc;

use authority::{Authority, HostPattern, Network, Profile};
use wire::acme::Identifier;
use wire::acme::challenge::Method;

use super::keys::Root;

/// How ACME is served; a reload replaces it whole.
pub struct Settings {
    /// Who signs.
    pub issuer: Arc<Authority>,
    /// The rules for what is signed.
    pub profile: Profile,
    /// Whether an account must be bound to a key that the operator gave out.
    pub external_account_required: bool,
    /// How names may be proved, in the order in which that is offered.
    pub methods: Vec<Method>,
    /// The port of web servers.
    pub http_port: u16,
    /// The port of TLS servers.
    pub tls_port: u16,
    /// The names that certificates may be asked for, whoever asks.
    pub names: Vec<HostPattern>,
    /// Addresses that are asked although they are of a kind that is not.
    pub allow_networks: Vec<Network>,
    /// Addresses that are never asked.
    pub deny_networks: Vec<Network>,
    /// What an account has to agree to.
    pub terms_of_service: Option<String>,
    /// How clients reach this: `https://HOST[:PORT]`. None: as each writes it.
    pub url: Option<String>,
    /// What the operator's keys are derived from.
    pub root: Root,
}

impl Settings {
    /// Whether anybody may ask for this name.
    pub(super) fn covers(&self, name: &Identifier) -> bool {
        covered(&self.names, name)
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Settings({}, {:?})", self.profile.name(), self.names)
    }
}

/// Whether one of the patterns lets this name be asked for.
pub(super) fn covered(patterns: &[HostPattern], name: &Identifier) -> bool {
    patterns.iter().any(|pattern| match name {
        Identifier::Dns(name) => pattern.allows_name(name),
        Identifier::Ip(address) => pattern.allows_address(*address),
    })
}
