//! Where http-01 is asked: an address of our own making, or one that a server led to.

use wire::acme::challenge::WELL_KNOWN;
use wire::acme::{Identifier, Problem, Trouble};

/// One place to ask for the answer to http-01. Its path is always the challenge's own: a redirect leads to another
/// server, never to another thing on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) host: Identifier,
    pub(super) port: u16,
    pub(super) secure: bool,
    pub(super) path: String,
    /// The ports that may be asked: for http and for https.
    ports: (u16, u16),
}

impl Target {
    pub(super) fn first(name: &Identifier, token: &str, ports: (u16, u16)) -> Self {
        Self { host: name.clone(), port: ports.0, secure: false, path: format!("{WELL_KNOWN}{token}"), ports }
    }

    /// What the server's `Location` leads to.
    pub(super) fn redirected(&self, location: &str) -> Result<Self, Problem> {
        let no = |why: &str| Problem::new(Trouble::Connection, format!("{self}: the redirect {why}"));
        if location.len() > MOST_BYTES || !location.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(no("is no address"));
        }
        let (secure, rest) = match split_scheme(location) {
            Some(("http", rest)) => (false, rest),
            Some(("https", rest)) => (true, rest),
            Some(_) => return Err(no("leads neither to http nor to https")),
            None if location == self.path => return Ok(self.clone()),
            None => return Err(no("leads to another path than the challenge's")),
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if path != self.path {
            return Err(no("leads to another path than the challenge's"));
        }
        let usual = if secure { 443 } else { 80 };
        let (host, port) = host_and_port(authority, usual).ok_or_else(|| no("leads to no host"))?;
        let ours = if secure { self.ports.1 } else { self.ports.0 };
        if port != usual && port != ours {
            return Err(no("leads to a port that is not asked"));
        }
        Ok(Self { host, port, secure, ..self.clone() })
    }

    /// The `Host` of a request.
    pub(super) fn authority(&self) -> String {
        let host = match &self.host {
            Identifier::Ip(std::net::IpAddr::V6(address)) => format!("[{address}]"),
            host => host.to_string(),
        };
        let usual = if self.secure { 443 } else { 80 };
        if self.port == usual { host } else { format!("{host}:{}", self.port) }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.path)
    }
}

fn split_scheme(location: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = location.split_once("://")?;
    let known = ["http", "https"].into_iter().find(|known| scheme.eq_ignore_ascii_case(known));
    Some((known.unwrap_or(""), rest))
}

/// A host that could be in an order, and a port. Nobody's name and password.
fn host_and_port(authority: &str, usual: u16) -> Option<(Identifier, u16)> {
    let port = |text: &str| match text.strip_prefix(':') {
        None if text.is_empty() => Some(usual),
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok(),
        _ => None,
    };
    if let Some(rest) = authority.strip_prefix('[') {
        let (address, rest) = rest.split_once(']')?;
        return Some((Identifier::parse("ip", address).ok()?, port(rest)?));
    }
    let (host, rest) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
    let host = Identifier::parse("ip", host).or_else(|_| Identifier::parse("dns", host)).ok()?;
    Some((host, port(rest)?))
}

const MOST_BYTES: usize = 2048;

#[cfg(test)]
mod tests {
    use wire::acme::Identifier;

    use super::Target;

    fn first() -> Target {
        Target::first(&Identifier::parse("dns", "a.example").unwrap(), "T", (5002, 5001))
    }

    #[test]
    fn a_redirect_leads_to_the_same_thing_on_another_server() {
        let to = |location: &str| first().redirected(location).map(|target| target.to_string());
        let path = "/.well-known/acme-challenge/T";
        for (location, asked) in [
            (format!("https://b.example{path}"), format!("https://b.example{path}")),
            (format!("HTTP://B.example:5002{path}"), format!("http://b.example:5002{path}")),
            (format!("http://[2001:db8::1]{path}"), format!("http://[2001:db8::1]{path}")),
            (format!("https://10.0.0.1:5001{path}"), format!("https://10.0.0.1:5001{path}")),
            (path.to_owned(), format!("http://a.example:5002{path}")),
        ] {
            assert_eq!(to(&location).unwrap(), asked);
        }
    }

    #[test]
    fn a_redirect_to_another_path_port_or_scheme_is_not_followed() {
        let path = "/.well-known/acme-challenge/T";
        for location in [
            format!("http://b.example:22{path}"),
            format!("https://b.example:5002{path}"),
            format!("ftp://b.example{path}"),
            format!("http://user@b.example{path}"),
            format!("http://b.example{path}?x=1"),
            format!("http://b.example{path}/../../admin"),
            format!("http://127.1{path}"),
            format!("http://b.example:{path}"),
            "http://b.example/admin".to_owned(),
            "//b.example/".to_owned(),
            "/admin".to_owned(),
            String::new(),
            "http://".to_owned(),
            "\r\n".to_owned(),
        ] {
            assert!(first().redirected(&location).is_err(), "{location}");
        }
    }
}
