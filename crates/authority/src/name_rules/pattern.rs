//! Patterns of names, one kind each.

use std::fmt;
use std::str::FromStr;

use identity::San;

use crate::names::parse_san;

/// A common name; `*` stands for any characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommonNamePattern(String);

/// `db.example.com`, or with a dot in front every name below: `.example.com`. A wildcard is allowed by itself alone:
/// `*.example.com` is allowed where that is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsPattern(String);

/// A URI, or with a slash at the end every URI that begins so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UriPattern(String);

/// An address, or a domain for every address in it: `example.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailPattern(String);

/// Why a text is no pattern; completes the sentence that begins with the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoPattern(&'static str);

impl NoPattern {
    pub(super) fn of_network() -> Self {
        Self("is no network of IP addresses (want such as 10.0.0.0/8 or fd00::/8)")
    }
}

impl fmt::Display for NoPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for NoPattern {}

impl CommonNamePattern {
    pub(crate) fn allows(&self, name: &str) -> bool {
        let mut parts = self.0.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = name.strip_prefix(first) else { return false };
        let Some(last) = parts.next_back() else { return rest.is_empty() };
        for part in parts {
            match rest.split_once(part) {
                Some((_, after)) => rest = after,
                None => return false,
            }
        }
        rest.ends_with(last)
    }
}

impl fmt::Display for DnsPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl DnsPattern {
    pub(crate) fn allows(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        match self.0.strip_prefix('.') {
            None => name == self.0,
            Some(_) => name.len() > self.0.len() && name.ends_with(&self.0) && !name.contains('*'),
        }
    }
}

impl UriPattern {
    /// What would be read as a step upwards stands below nothing.
    pub(crate) fn allows(&self, uri: &str) -> bool {
        let below = self.0.ends_with('/') && uri.len() > self.0.len() && uri.starts_with(&self.0);
        let upwards = |segment: &str| matches!(segment, "." | "..");
        let plain = !uri.contains(['%', '?', '#', '\\']) && !uri.split('/').any(upwards);
        uri == self.0 || (below && plain)
    }
}

impl EmailPattern {
    pub(crate) fn allows(&self, address: &str) -> bool {
        let domain = address.rsplit_once('@').map(|(_, domain)| domain.to_ascii_lowercase());
        address == self.0 || domain.is_some_and(|domain| domain == self.0)
    }
}

impl FromStr for CommonNamePattern {
    type Err = NoPattern;

    fn from_str(text: &str) -> Result<Self, NoPattern> {
        let fits = !text.trim().is_empty() && text.trim() == text && !text.chars().any(char::is_control);
        fits.then(|| Self(text.to_owned()))
            .ok_or(NoPattern("is no common name (`*` stands for any characters)"))
    }
}

impl FromStr for DnsPattern {
    type Err = NoPattern;

    fn from_str(text: &str) -> Result<Self, NoPattern> {
        match parse_san(&format!("dns:{}", text.strip_prefix('.').unwrap_or(text))) {
            Ok(San::Dns(name)) if !(text.starts_with('.') && name.contains('*')) => {
                Ok(Self(text.to_ascii_lowercase()))
            }
            _ => Err(NoPattern("is neither a host name nor one with a dot in front for all names below it")),
        }
    }
}

impl FromStr for UriPattern {
    type Err = NoPattern;

    /// One that ends in its scheme's slashes would allow every host there is.
    fn from_str(text: &str) -> Result<Self, NoPattern> {
        let hosts = text.split_once("://").is_none_or(|(_, rest)| !rest.trim_matches('/').is_empty());
        match parse_san(&format!("uri:{text}")) {
            Ok(_) if hosts => Ok(Self(text.to_owned())),
            _ => Err(NoPattern("is no URI (with a slash at the end it stands for all that begin so)")),
        }
    }
}

impl FromStr for EmailPattern {
    type Err = NoPattern;

    fn from_str(text: &str) -> Result<Self, NoPattern> {
        if text.contains('@') {
            return match parse_san(&format!("email:{text}")) {
                Ok(_) => Ok(Self(text.to_owned())),
                Err(_) => Err(NoPattern("is no e-mail address")),
            };
        }
        match parse_san(&format!("email:a@{text}")) {
            Ok(_) => Ok(Self(text.to_ascii_lowercase())),
            Err(_) => Err(NoPattern("is neither an e-mail address nor the domain of some")),
        }
    }
}
