use std::fmt;
use std::str::FromStr;

use fault::Fault;
use http::Uri;

/// Where a door is: `https://host:port`.
///
/// The port defaults to the scheme's; a path is a fault, because databases are named by the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    scheme: Scheme,
    host: String,
    port: u16,
}

/// Whether the connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// TLS.
    Https,
    /// In clear: for a listener that was configured without TLS.
    Http,
}

impl Endpoint {
    /// An endpoint behind TLS.
    #[must_use]
    pub fn https(host: impl Into<String>, port: u16) -> Self {
        Self { scheme: Scheme::Https, host: host.into(), port }
    }

    /// Whether the connection is protected.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host name, or the address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `host:port` as the `Host` header carries it.
    #[must_use]
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for Endpoint {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let fault = || Fault::yours(format!("\"{text}\" is no URL of a door"));
        let uri: Uri = text.parse().map_err(|error| fault().because(error).remedy(FORM))?;
        let (scheme, port) = match uri.scheme_str() {
            Some("https") => (Scheme::Https, 443),
            Some("http") => (Scheme::Http, 80),
            _ => return Err(fault().remedy(FORM)),
        };
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(|| fault().remedy(FORM))?;
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(fault().because("it has a path").remedy(FORM));
        }
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(fault().because("it carries a user name or a password").remedy(FORM));
        }
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self { scheme, host, port: uri.port_u16().unwrap_or(port) })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Https => "https",
            Scheme::Http => "http",
        };
        write!(f, "{scheme}://{}", self.authority())
    }
}

const FORM: &str = "write https://HOST:PORT, without a path";

#[cfg(test)]
mod tests {
    use super::{Endpoint, Scheme};

    #[test]
    fn an_endpoint_is_a_scheme_a_host_and_a_port() {
        let endpoint: Endpoint = "https://localhost:7777".parse().unwrap();
        assert_eq!(endpoint, Endpoint::https("localhost", 7777));
        assert_eq!(endpoint.to_string(), "https://localhost:7777");
        let endpoint: Endpoint = "https://[::1]/".parse().unwrap();
        assert_eq!((endpoint.host(), endpoint.port()), ("::1", 443));
        assert_eq!(endpoint.authority(), "[::1]:443");
        let endpoint: Endpoint = "http://127.0.0.1:11023".parse().unwrap();
        assert_eq!(endpoint.scheme(), Scheme::Http);
    }

    #[test]
    fn anything_else_is_refused_with_the_form() {
        for wrong in
            ["", "localhost:7777", "ftp://x", "https://", "https://x/app", "https://u:p@x", "https://x/?a=b"]
        {
            let fault = wrong.parse::<Endpoint>().unwrap_err().to_string();
            assert!(fault.contains(wrong) && fault.contains("https://HOST:PORT"), "{wrong}: {fault}");
        }
    }
}
