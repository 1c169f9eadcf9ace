use std::fmt;
use std::net::IpAddr;

use serde_json::{Value, json};

use super::object::Object;
use super::problem::{Problem, Trouble};

/// A name that a certificate is asked for, in its one spelling.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Identifier {
    /// A host name in lower case; never a wildcard.
    Dns(String),
    /// An IP address (RFC 8738).
    Ip(IpAddr),
}

impl Identifier {
    /// Reads a name of this type.
    ///
    /// # Errors
    /// [`Trouble::UnsupportedIdentifier`] for other types, [`Trouble::RejectedIdentifier`] for a wildcard, which only
    /// dns-01 could prove, and [`Trouble::Malformed`] for what is no name of its type.
    pub fn parse(kind: &str, value: &str) -> Result<Self, Problem> {
        let shown = value.escape_debug();
        match kind {
            "dns" if value.starts_with("*.") => Err(Problem::new(
                Trouble::RejectedIdentifier,
                format!(
                    "{shown}: a wildcard is proved by dns-01 alone, which is not offered here: list the names"
                ),
            )),
            "dns" => {
                let name = value.to_ascii_lowercase();
                if !is_host_name(&name) {
                    return Err(Problem::malformed(format!("\"{shown}\" is not a host name")));
                }
                Ok(Self::Dns(name))
            }
            "ip" => {
                let address: IpAddr = value
                    .parse()
                    .map_err(|_| Problem::malformed(format!("\"{shown}\" is not an IP address")))?;
                // RFC 8738 §3 wants RFC 5952's spelling; an address that is a disguise has another one.
                match address.to_canonical() == address && address.to_string() == value {
                    true => Ok(Self::Ip(address)),
                    false => Err(Problem::malformed(format!(
                        "write the address \"{shown}\" as {}",
                        address.to_canonical()
                    ))),
                }
            }
            _ => Err(Problem::new(
                Trouble::UnsupportedIdentifier,
                format!("names of the type \"{}\" are not certified: dns and ip are", kind.escape_debug()),
            )),
        }
    }

    pub(super) fn read(object: &Object) -> Result<Self, Problem> {
        Self::parse(object.text("type")?, object.text("value")?)
    }

    /// The type's word.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Dns(_) => "dns",
            Self::Ip(_) => "ip",
        }
    }

    /// The object.
    #[must_use]
    pub fn shown(&self) -> Value {
        json!({ "type": self.kind(), "value": self.to_string() })
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => f.write_str(name),
            Self::Ip(address) => address.fmt(f),
        }
    }
}

/// Labels of letters, digits and hyphens; no dot at the end; a last label that is not a number, which resolvers would
/// take for an address.
fn is_host_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = name.rsplit('.').next().unwrap_or_default();
    let numeric = last.bytes().all(|byte| byte.is_ascii_digit())
        || last.strip_prefix("0x").is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
    name.len() <= 253 && name.split('.').all(label) && !numeric
}

#[cfg(test)]
mod tests {
    use super::Identifier;
    use crate::acme::Trouble;

    #[test]
    fn a_name_has_one_spelling() {
        assert_eq!(Identifier::parse("dns", "DB.Example").unwrap().to_string(), "db.example");
        assert_eq!(Identifier::parse("ip", "2001:db8::1").unwrap().to_string(), "2001:db8::1");
        for address in ["127.1", "2001:DB8::1", "::ffff:127.0.0.1", "2001:db8:0::1", "1.2.3.4 ", "[::1]"] {
            assert!(Identifier::parse("ip", address).is_err(), "{address}");
        }
        for name in [
            "",
            ".",
            "a.",
            "a..b",
            "127.0.0.1",
            "1.2.3.0x7f",
            "-a.b",
            "a b",
            "é.example",
            "a.example/",
            "a:80",
        ] {
            assert!(Identifier::parse("dns", name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_wildcard_is_refused_with_the_reason() {
        let no = Identifier::parse("dns", "*.example.com").unwrap_err();
        assert_eq!(no.trouble(), Trouble::RejectedIdentifier);
        assert!(no.detail().contains("dns-01"), "{no}");
    }
}
