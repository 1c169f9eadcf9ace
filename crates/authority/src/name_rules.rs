//! Which names a profile's certificates may carry at all, whoever asks.

mod host;
mod network;
mod pattern;

use fault::Fault;
use identity::San;

pub use host::HostPattern;
pub use network::Network;
pub use pattern::{CommonNamePattern, DnsPattern, EmailPattern, NoPattern, UriPattern};

use crate::names::Names;

/// The names that a profile allows, by kind. A kind for which nothing is written is not allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameRules {
    /// Common names beside those that are allowed as alternative names.
    pub common_names: Vec<CommonNamePattern>,
    /// Host names.
    pub dns: Vec<DnsPattern>,
    /// URIs.
    pub uris: Vec<UriPattern>,
    /// E-mail addresses.
    pub emails: Vec<EmailPattern>,
    /// Networks of IP addresses.
    pub networks: Vec<Network>,
}

impl NameRules {
    /// Refuses names outside of the rules, and names them all.
    pub(crate) fn check(&self, names: &Names, profile: &str) -> Result<(), Fault> {
        let common = names.common_name.iter().filter(|name| !self.allows_common_name(name));
        let common = common.map(|name| format!("CN={}", name.escape_debug()));
        let sans = names.sans.iter().filter(|san| !self.allows(san)).map(ToString::to_string);
        let outside: Vec<String> = common.chain(sans).collect();
        if outside.is_empty() {
            return Ok(());
        }
        Err(Fault::yours(format!("the profile \"{profile}\" does not allow these names"))
            .because(outside.join(", "))
            .remedy(format!("leave them out, or allow them under authority.profiles.{profile}.names")))
    }

    /// A common name that reads as a host name, an address or a URI is one to those who still look at it, so it has to be allowed
    /// as such; any other is held to the patterns of common names.
    fn allows_common_name(&self, name: &str) -> bool {
        self.common_names.iter().any(|pattern| pattern.allows(name))
            || crate::names::parse_san(name).is_ok_and(|san| self.allows(&san))
    }

    fn allows(&self, san: &San) -> bool {
        match san {
            San::Dns(name) => self.dns.iter().any(|pattern| pattern.allows(name)),
            San::Uri(uri) => self.uris.iter().any(|pattern| pattern.allows(uri)),
            San::Email(address) => self.emails.iter().any(|pattern| pattern.allows(address)),
            San::Ip(address) => self.networks.iter().any(|network| network.holds(*address)),
            San::Other(_) => false,
        }
    }
}

#[cfg(test)]
mod tests;
