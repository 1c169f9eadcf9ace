//! URLs, and the mirrors that stand in for them.

use std::fmt;

use http::Uri;
use http::uri::Scheme;

use super::unfetched::{Unfetched, Why};

/// An internal mirror: URLs that begin with one prefix are asked for under another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewrite {
    /// How the certificates' URLs begin.
    pub from: String,
    /// What to ask instead of that beginning.
    pub to: String,
}

impl Rewrite {
    /// The URL at the mirror. The prefix ends where a part of the URL ends: that of `http://pki.example` is none of
    /// `http://pki.example.org/`.
    fn apply(&self, url: &str) -> Option<String> {
        let rest = url.strip_prefix(&self.from)?;
        let ends = self.from.ends_with(['/', '?', '=']) || rest.is_empty() || rest.starts_with(['/', '?']);
        ends.then(|| format!("{}{rest}", self.to))
    }
}

/// A server and what is wanted of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    uri: Uri,
    host: String,
    /// Whether the operator named this server, so that its address needs no judgement.
    is_ours: bool,
}

impl Target {
    /// A URL as a certificate has it, or the mirror's in its place.
    pub(super) fn rewritten(url: &str, rewrites: &[Rewrite]) -> Result<Self, Unfetched> {
        match rewrites.iter().find_map(|rewrite| rewrite.apply(url)) {
            Some(mirror) => Self::parse(&mirror, true),
            None => Self::parse(url, false),
        }
    }

    fn parse(url: &str, is_ours: bool) -> Result<Self, Unfetched> {
        let bad = |why: String| Unfetched::new(Why::Url, format!("{url:?} cannot be asked: {why}"));
        if url.len() > LONGEST {
            return Err(Unfetched::new(Why::Url, format!("a URL of {} bytes is too long", url.len())));
        }
        let uri: Uri = url.parse().map_err(|error: http::uri::InvalidUri| bad(error.to_string()))?;
        match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS => {}
            Some(scheme) => return Err(bad(format!("{scheme} is neither http nor https"))),
            None => return Err(bad("it has no scheme".to_owned())),
        }
        let authority = uri.authority().ok_or_else(|| bad("it names no host".to_owned()))?;
        if authority.as_str().contains('@') {
            return Err(bad("it holds a user name".to_owned()));
        }
        if authority.as_str().rsplit_once(':').is_some_and(|(host, port)| {
            !port.ends_with(']') && !host.is_empty() && port.parse::<u16>().is_err()
        }) {
            return Err(bad("its port is not a number below 65536".to_owned()));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(bad("it names no host".to_owned()));
        }
        Ok(Self { uri, host, is_ours })
    }

    /// Where a redirect leads: to a whole URL, or to a path on the same server.
    pub(super) fn redirected(&self, location: &str) -> Result<Self, Unfetched> {
        let unfollowed = |why: &dyn fmt::Display| {
            Unfetched::new(Why::Redirect, format!("{self} redirects to {location:?}: {why}"))
        };
        if location.starts_with('/') && !location.starts_with("//") {
            let url = format!("{}://{}{location}", self.scheme(), self.authority());
            return Self::parse(&url, self.is_ours).map_err(|why| unfollowed(&why));
        }
        let same_server = |to: &Self| to.scheme() == self.scheme() && to.authority() == self.authority();
        let mut to = Self::parse(location, false).map_err(|why| unfollowed(&why))?;
        to.is_ours = self.is_ours && same_server(&to);
        Ok(to)
    }

    pub(super) fn is_https(&self) -> bool {
        self.uri.scheme() == Some(&Scheme::HTTPS)
    }

    /// The host's name or address, without brackets.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn port(&self) -> u16 {
        self.uri.port_u16().unwrap_or(if self.is_https() { 443 } else { 80 })
    }

    pub(super) fn is_ours(&self) -> bool {
        self.is_ours
    }

    /// Host and port as the `Host` header has them.
    pub(super) fn authority(&self) -> &str {
        self.uri.authority().map_or("", |authority| authority.as_str())
    }

    pub(super) fn path(&self) -> &str {
        self.uri.path_and_query().map_or("/", |path| path.as_str())
    }

    fn scheme(&self) -> &str {
        if self.is_https() { "https" } else { "http" }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme(), self.authority(), self.path())
    }
}

/// No certificate has a reason for more.
const LONGEST: usize = 2048;

#[cfg(test)]
mod tests {
    use super::{Rewrite, Target};

    fn read(url: &str) -> Result<Target, String> {
        Target::rewritten(url, &[]).map_err(|error| error.to_string())
    }

    #[test]
    fn only_http_and_https_without_a_user_name_can_be_asked() {
        for url in ["http://pki.example/a.crl", "HTTP://pki.example", "https://[2001:db8::1]:8443/x?y"] {
            read(url).unwrap();
        }
        let refused = [
            ("ldap://pki.example/cn=ca", "ldap is neither http nor https"),
            ("file:///etc/passwd", "cannot be asked"),
            ("/a.crl", "it has no scheme"),
            ("http:///a.crl", "cannot be asked"),
            ("http://user@pki.example/", "it holds a user name"),
            ("http://user:word@pki.example/", "it holds a user name"),
            ("http://pki.example:99999/", "cannot be asked"),
            ("http://pki example/", "cannot be asked"),
            ("http://pki.example/\r\nx: y", "cannot be asked"),
            ("", "cannot be asked"),
        ];
        for (url, why) in refused {
            let said = read(url).unwrap_err();
            assert!(said.contains(why), "{url}: {said}");
        }
    }

    #[test]
    fn a_url_is_taken_apart_as_it_will_be_asked() {
        let target = read("https://[2001:db8::1]:8443/x?y=1#z").unwrap();
        assert_eq!((target.host(), target.port(), target.path()), ("2001:db8::1", 8443, "/x?y=1"));
        let target = read("http://PKI.example").unwrap();
        assert_eq!((target.host(), target.port(), target.path()), ("PKI.example", 80, "/"));
    }

    #[test]
    fn a_mirror_stands_in_for_whole_parts_of_a_url_only() {
        let rewrites =
            [Rewrite { from: "http://crl.example".to_owned(), to: "http://10.0.0.9/crl".to_owned() }];
        let to = |url| Target::rewritten(url, &rewrites).unwrap();
        assert_eq!(to("http://crl.example/a.crl").to_string(), "http://10.0.0.9/crl/a.crl");
        assert!(to("http://crl.example/a.crl").is_ours());
        assert_eq!(to("http://crl.example.org/a.crl").to_string(), "http://crl.example.org/a.crl");
        assert!(!to("http://crl.example.org/a.crl").is_ours());
    }

    #[test]
    fn a_redirect_leads_to_http_and_https_only_and_away_from_the_mirror_it_is_judged_again() {
        let mirror = Rewrite { from: "http://a/".to_owned(), to: "http://mirror/".to_owned() };
        let target = Target::rewritten("http://a/x", &[mirror]).unwrap();
        assert_eq!(target.redirected("/y").unwrap().to_string(), "http://mirror/y");
        assert!(target.redirected("http://mirror/y").unwrap().is_ours());
        assert!(!target.redirected("http://other/y").unwrap().is_ours());
        for location in ["ftp://other/", "//other/y", "y", "", "http://u@other/"] {
            assert!(target.redirected(location).is_err(), "{location}");
        }
    }
}
