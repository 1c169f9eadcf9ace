use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::network::Network;
use super::pattern::{DnsPattern, NoPattern};

/// What servers are called: a pattern of host names, or a network of addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostPattern {
    /// Host names.
    Name(DnsPattern),
    /// Addresses.
    Network(Network),
}

impl HostPattern {
    /// Whether a host name is one of them.
    #[must_use]
    pub fn allows_name(&self, name: &str) -> bool {
        matches!(self, Self::Name(pattern) if pattern.allows(name))
    }

    /// Whether an address is one of them.
    #[must_use]
    pub fn allows_address(&self, address: IpAddr) -> bool {
        matches!(self, Self::Network(network) if network.holds(address))
    }
}

impl FromStr for HostPattern {
    type Err = NoPattern;

    fn from_str(text: &str) -> Result<Self, NoPattern> {
        match text.parse() {
            Ok(network) => Ok(Self::Network(network)),
            Err(_) => text.parse().map(Self::Name),
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(pattern) => pattern.fmt(f),
            Self::Network(network) => network.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::HostPattern;

    #[test]
    fn a_host_is_a_name_or_an_address() {
        let pattern = |text: &str| text.parse::<HostPattern>().unwrap();
        assert!(pattern(".example.com").allows_name("a.example.com"));
        assert!(!pattern(".example.com").allows_name("example.com"));
        assert!(pattern("10.0.0.0/8").allows_address("10.1.2.3".parse().unwrap()));
        assert!(!pattern("10.0.0.0/8").allows_name("10.1.2.3"));
        for text in [".example.com", "db.example.com", "10.0.0.0/8"] {
            assert_eq!(pattern(text).to_string(), text);
        }
        for wrong in ["", "10.0.0.1/8", "a b", "."] {
            assert!(wrong.parse::<HostPattern>().is_err(), "{wrong}");
        }
    }
}
