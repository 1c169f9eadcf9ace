use std::net::IpAddr;

use fault::Fault;
use identity::San;

/// The names that a certificate is to carry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// The subject's common name.
    pub common_name: Option<String>,
    /// The subject's organization; an authority with an environment puts that in its place.
    pub organization: Option<String>,
    /// The subject's organizational unit.
    pub organizational_unit: Option<String>,
    /// The subject alternative names.
    pub sans: Vec<San>,
}

impl Names {
    /// Names with this common name and nothing else.
    #[must_use]
    pub fn common(name: impl Into<String>) -> Self {
        Self { common_name: Some(name.into()), ..Self::default() }
    }

    /// Adds alternative names.
    #[must_use]
    pub fn with_sans(mut self, sans: impl IntoIterator<Item = San>) -> Self {
        self.sans.extend(sans);
        self
    }

    /// Refuses names that no certificate of ours may carry, whatever the profile: they would be read in two ways, or
    /// not at all.
    ///
    /// # Errors
    /// The first of them, and why.
    pub fn check(&self) -> Result<(), Fault> {
        let texts = [("common name", &self.common_name), ("organization", &self.organization)];
        let unit = ("organizational unit", &self.organizational_unit);
        for (kind, text) in texts.into_iter().chain([unit]) {
            text.as_deref().map_or(Ok(()), |text| check_text(kind, text))?;
        }
        if self.sans.len() > MOST_SANS {
            return Err(Fault::yours(format!("{} alternative names are too many", self.sans.len()))
                .remedy(format!("ask for {MOST_SANS} at most")));
        }
        self.sans.iter().try_for_each(check_san)
    }
}

/// An alternative name as a person writes it: `DNS:`, `IP:`, `URI:` or `email:` in front, or nothing where it can be
/// told.
///
/// # Errors
/// Where it is no name of its kind.
pub fn parse_san(text: &str) -> Result<San, Fault> {
    let kinded = text.split_once(':').map(|(kind, rest)| (kind.to_ascii_lowercase(), rest));
    let san = match kinded {
        Some((kind, rest)) if kind == "dns" => San::Dns(rest.to_owned()),
        Some((kind, rest)) if kind == "uri" => San::Uri(rest.to_owned()),
        Some((kind, rest)) if kind == "email" => San::Email(rest.to_owned()),
        Some((kind, rest)) if kind == "ip" => San::Ip(rest.parse().map_err(|_| bad("IP address", rest))?),
        _ => match text.parse::<IpAddr>() {
            Ok(address) => San::Ip(address),
            Err(_) if text.contains("://") => San::Uri(text.to_owned()),
            Err(_) if text.contains('@') => San::Email(text.to_owned()),
            Err(_) => San::Dns(text.to_owned()),
        },
    };
    check_san(&san)?;
    Ok(san)
}

/// RFC 5280's upper bound of 64 characters, and nothing that could break a line or a comparison.
fn check_text(kind: &str, text: &str) -> Result<(), Fault> {
    let fits = !text.trim().is_empty() && text.chars().count() <= 64;
    if fits && text.trim() == text && !text.chars().any(char::is_control) {
        return Ok(());
    }
    Err(bad(kind, text).remedy("use 1 to 64 characters, no control characters, no space at either end"))
}

fn check_san(san: &San) -> Result<(), Fault> {
    let printable = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    match san {
        San::Ip(_) => Ok(()),
        San::Dns(name) if is_host_name(name) => Ok(()),
        San::Dns(name) if name.parse::<IpAddr>().is_ok() => {
            Err(bad("host name", name).remedy(format!("ask for it as an address: IP:{name}")))
        }
        San::Dns(name) => Err(bad("host name", name)
            .remedy("use letters, digits, hyphens and dots; a wildcard only as the whole first label")),
        San::Uri(uri) if uri.len() <= 2048 && printable(uri) && has_scheme(uri) => Ok(()),
        San::Uri(uri) => Err(bad("URI", uri).remedy("write it whole, as in spiffe://example.com/analyst")),
        San::Email(address) if address.len() <= 254 && printable(address) && is_address(address) => Ok(()),
        San::Email(address) => Err(bad("e-mail address", address)),
        San::Other(kind) => {
            Err(Fault::yours(format!("alternative names of the kind \"{kind}\" are not issued"))
                .remedy("ask for host names, IP addresses, URIs or e-mail addresses"))
        }
    }
}

/// A name that DNS could hold (underscores as in practice), its wildcard, if any, being the whole first label and
/// having at least two labels after it. All-digit last labels are for addresses.
fn is_host_name(name: &str) -> bool {
    let plain = name.strip_prefix("*.").unwrap_or(name);
    let wildcard = plain.len() != name.len();
    let labels: Vec<&str> = plain.split('.').collect();
    let label = |label: &&str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let numeric = labels.last().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    plain.len() <= 253 && labels.iter().all(label) && !numeric && (!wildcard || labels.len() >= 2)
}

fn has_scheme(uri: &str) -> bool {
    uri.split_once(':').is_some_and(|(scheme, rest)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
            && !rest.is_empty()
    })
}

fn is_address(address: &str) -> bool {
    address
        .split_once('@')
        .is_some_and(|(local, host)| !local.is_empty() && is_host_name(host) && !host.contains('*'))
}

fn bad(kind: &str, text: &str) -> Fault {
    Fault::yours(format!("\"{}\" cannot stand in a certificate as {kind}", text.escape_debug()))
}

const MOST_SANS: usize = 100;

#[cfg(test)]
mod tests {
    use identity::San;

    use super::{Names, parse_san};

    #[test]
    fn the_kind_of_an_alternative_name_is_told_from_its_form() {
        assert_eq!(parse_san("db.example.com").unwrap(), San::Dns("db.example.com".into()));
        assert_eq!(parse_san("*.db.internal").unwrap(), San::Dns("*.db.internal".into()));
        assert_eq!(parse_san("::1").unwrap(), San::Ip("::1".parse().unwrap()));
        assert_eq!(parse_san("ip:203.0.113.10").unwrap(), San::Ip("203.0.113.10".parse().unwrap()));
        assert_eq!(parse_san("spiffe://example.com/a").unwrap(), San::Uri("spiffe://example.com/a".into()));
        assert_eq!(parse_san("a@example.com").unwrap(), San::Email("a@example.com".into()));
    }

    #[test]
    fn a_name_that_could_be_read_in_two_ways_is_refused() {
        for name in [
            "",
            "a..b",
            "*",
            "*.com",
            "a.*.com",
            "w*.example.com",
            "-a.com",
            "a b.com",
            "DNS:10.0.0.1",
            "é.com",
            "a.com\0",
        ] {
            assert!(parse_san(name).is_err(), "{name:?}");
        }
        for name in ["", " analyst", "analyst\n", "a\0b", &"x".repeat(65)] {
            assert!(Names::common(name).check().is_err(), "{name:?}");
        }
    }
}
