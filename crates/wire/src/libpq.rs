//! Where a PostgreSQL database is, as PostgreSQL's own programs write it: `postgresql://user@host:port/database?name=value`.
//!
//! Names and meanings are libpq's. What this reader does not do is refused by name, and never passed over: a parameter that
//! was meant to protect a connection must not be lost on the way.

use std::collections::BTreeMap;
use std::fmt;

/// A URI, taken apart and decoded. It never holds a password: one that does is refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatabaseUri {
    settings: BTreeMap<&'static str, String>,
}

/// Why a text is no URI that is read here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WrongUri {
    /// It does not begin with `postgresql://` or `postgres://`, or is far too long to be meant.
    NotOne,
    /// It is cut off or badly put together, which the text says.
    Malformed(&'static str),
    /// A `%` without two hexadecimal digits behind it, or one that stands for a zero byte or for no text.
    Percent,
    /// It names several hosts.
    Hosts,
    /// It holds a password, which everybody reads who sees it.
    Password,
    /// libpq knows the parameter; it has no meaning here.
    NotHere(&'static str),
    /// Nobody knows the parameter.
    Unknown(String),
    /// The same is said twice.
    Twice(&'static str),
}

impl DatabaseUri {
    /// Reads a URI.
    ///
    /// # Errors
    /// What is wrong with it; nothing is guessed.
    pub fn parse(text: &str) -> Result<Self, WrongUri> {
        if text.len() > LONGEST {
            return Err(WrongUri::NotOne);
        }
        let rest = SCHEMES.iter().find_map(|scheme| text.strip_prefix(scheme)).ok_or(WrongUri::NotOne)?;
        let mut uri = Self { settings: BTreeMap::new() };
        let (before, parameters) = rest.split_once('?').map_or((rest, None), |(a, b)| (a, Some(b)));
        // As libpq does: what stands before an `@` is the user, unless a `/` comes first.
        let (authority, database) = before.split_once('/').map_or((before, None), |(a, b)| (a, Some(b)));
        let (user, host) = authority.split_once('@').map_or((None, authority), |(a, b)| (Some(a), b));
        uri.user(user)?;
        uri.host(host)?;
        uri.part("dbname", database)?;
        for parameter in parameters.into_iter().flat_map(|all| all.split('&')).filter(|one| !one.is_empty()) {
            uri.parameter(parameter)?;
        }
        Ok(uri)
    }

    /// What is said under a name of libpq; nothing where it is left out or empty, which is the same there.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(String::as_str)
    }

    /// The same URI with one more parameter, or another value of it; a name that is not read here changes nothing.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        if let Some(name) = HERE.iter().find(|known| **known == name) {
            self.settings.insert(name, value.to_owned());
        }
        self
    }

    fn user(&mut self, user: Option<&str>) -> Result<(), WrongUri> {
        if user.is_some_and(|user| user.contains(':')) {
            return Err(WrongUri::Password);
        }
        self.part("user", user)
    }

    fn host(&mut self, written: &str) -> Result<(), WrongUri> {
        if written.contains(',') {
            return Err(WrongUri::Hosts);
        }
        let (host, port) = match written.strip_prefix('[') {
            Some(bracketed) => {
                let (host, rest) =
                    bracketed.split_once(']').ok_or(WrongUri::Malformed("a [ is not closed"))?;
                match rest.strip_prefix(':') {
                    Some(port) => (host, Some(port)),
                    None if rest.is_empty() => (host, None),
                    None => return Err(WrongUri::Malformed("something stands between ] and the port")),
                }
            }
            None => written.split_once(':').map_or((written, None), |(host, port)| (host, Some(port))),
        };
        self.part("host", Some(host))?;
        self.part("port", port)
    }

    fn parameter(&mut self, written: &str) -> Result<(), WrongUri> {
        let (name, value) = written.split_once('=').ok_or(WrongUri::Malformed("a parameter has no ="))?;
        if value.contains('=') {
            return Err(WrongUri::Malformed("a parameter has a second =, which is written %3D"));
        }
        let name = decoded(name)?;
        if SECRETS.contains(&name.as_str()) {
            return Err(WrongUri::Password);
        }
        if let Some(name) = NOT_HERE.iter().find(|known| **known == name) {
            return Err(WrongUri::NotHere(name));
        }
        match HERE.iter().find(|known| **known == name) {
            Some(name) => self.part(name, Some(value)),
            None => Err(WrongUri::Unknown(name)),
        }
    }

    fn part(&mut self, name: &'static str, written: Option<&str>) -> Result<(), WrongUri> {
        let Some(written) = written.filter(|written| !written.is_empty()) else { return Ok(()) };
        match self.settings.insert(name, decoded(written)?) {
            None => Ok(()),
            Some(_) => Err(WrongUri::Twice(name)),
        }
    }
}

/// Everything as parameters behind `postgresql://`, which is one of the ways to write it.
impl fmt::Display for DatabaseUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgresql://")?;
        let get = |name| self.settings.get(name).map(|value| encoded(value));
        if let Some(user) = get("user") {
            write!(f, "{user}@")?;
        }
        // A folder of sockets is written as a host too, with its slashes encoded; an IPv6 address stands in brackets.
        match self.settings.get("host") {
            Some(host) if host.contains(':') => write!(f, "[{}]", encoded(host).replace("%3A", ":"))?,
            Some(host) => f.write_str(&encoded(host))?,
            None => {}
        }
        if let Some(port) = get("port") {
            write!(f, ":{port}")?;
        }
        if let Some(database) = get("dbname") {
            write!(f, "/{database}")?;
        }
        let rest =
            self.settings.iter().filter(|(name, _)| !["user", "host", "port", "dbname"].contains(name));
        for (n, (name, value)) in rest.enumerate() {
            let value = encoded(value).replace("%2F", "/");
            write!(f, "{}{name}={value}", if n == 0 { '?' } else { '&' })?;
        }
        Ok(())
    }
}

fn decoded(text: &str) -> Result<String, WrongUri> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16));
        let (Some(high), Some(low)) = (digit(), digit()) else { return Err(WrongUri::Percent) };
        bytes.push(u8::try_from(high * 16 + low).map_err(|_| WrongUri::Percent)?);
    }
    if bytes.contains(&0) {
        return Err(WrongUri::Percent);
    }
    String::from_utf8(bytes).map_err(|_| WrongUri::Percent)
}

fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

impl fmt::Display for WrongUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOne => {
                f.write_str("is not written postgresql://USER@HOST:PORT/DATABASE?sslmode=verify-full&…")
            }
            Self::Malformed(why) => write!(f, "is badly put together: {why}"),
            Self::Percent => {
                f.write_str("has a % that two digits of a character must follow (%25 is a % itself)")
            }
            Self::Hosts => f.write_str("names several hosts, and a ledger has one"),
            Self::Password => f.write_str("holds a password, which everybody can read who sees it"),
            Self::NotHere(name) => {
                write!(f, "has the parameter {name}, which libpq knows and a ledger does not")
            }
            Self::Unknown(name) => write!(f, "has the unknown parameter \"{name}\""),
            Self::Twice(name) => write!(f, "says {name} twice"),
        }
    }
}

impl std::error::Error for WrongUri {}

/// The parameters that are read here.
pub const HERE: [&str; 11] = [
    "application_name",
    "connect_timeout",
    "dbname",
    "host",
    "hostaddr",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "user",
];

const SCHEMES: [&str; 2] = ["postgresql://", "postgres://"];
const SECRETS: [&str; 2] = ["password", "sslpassword"];
/// What else libpq 17 knows.
const NOT_HERE: [&str; 38] = [
    "channel_binding",
    "client_encoding",
    "fallback_application_name",
    "gssdelegation",
    "gssencmode",
    "gsslib",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "krbsrvname",
    "load_balance_hosts",
    "max_protocol_version",
    "min_protocol_version",
    "oauth_client_id",
    "oauth_client_secret",
    "oauth_issuer",
    "oauth_scope",
    "options",
    "passfile",
    "replication",
    "require_auth",
    "requirepeer",
    "requiressl",
    "scram_client_key",
    "scram_server_key",
    "service",
    "servicefile",
    "ssl",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "sslcertmode",
    "sslcompression",
    "sslcrl",
    "sslcrldir",
    "sslnegotiation",
    "sslsni",
    "tcp_user_timeout",
];
/// More than this is no address.
const LONGEST: usize = 8192;

#[cfg(test)]
mod tests {
    use super::{DatabaseUri, WrongUri};

    fn read(text: &str) -> DatabaseUri {
        DatabaseUri::parse(text).unwrap()
    }

    #[test]
    fn every_part_of_a_uri_is_read_as_libpq_reads_it() {
        let uri = read(
            "postgresql://us%65r@db.example.com:5433/countersign?sslmode=verify-full&sslcert=/a%20b.crt",
        );
        let found =
            ["user", "host", "port", "dbname", "sslmode", "sslcert", "sslkey"].map(|name| uri.get(name));
        let expected = ["user", "db.example.com", "5433", "countersign", "verify-full", "/a b.crt"];
        assert_eq!(found[..6], expected.map(Some));
        assert_eq!(found[6], None);
        assert_eq!(read("postgres://[::1]:1/d").get("host"), Some("::1"));
        assert_eq!(read("postgresql:///d?host=/run/postgresql").get("host"), Some("/run/postgresql"));
        assert_eq!(read("postgresql://%2Frun%2Fpostgresql/d").get("host"), Some("/run/postgresql"));
        assert_eq!(read("postgresql://h").get("user"), None);
        assert_eq!(read("postgresql://h/a@b").get("dbname"), Some("a@b"));
    }

    #[test]
    fn what_is_not_understood_is_refused_by_name() {
        let wrong = |text: &str| DatabaseUri::parse(text).unwrap_err();
        assert_eq!(wrong("mysql://h"), WrongUri::NotOne);
        assert_eq!(wrong("postgresql://u:secret@h"), WrongUri::Password);
        assert_eq!(wrong("postgresql://h?password=secret"), WrongUri::Password);
        assert_eq!(wrong("postgresql://a,b"), WrongUri::Hosts);
        assert_eq!(wrong("postgresql://h?sslcrl=/x"), WrongUri::NotHere("sslcrl"));
        assert_eq!(wrong("postgresql://h?sslmod=verify-full"), WrongUri::Unknown("sslmod".into()));
        assert_eq!(wrong("postgresql://h?sslmode=require&sslmode=disable"), WrongUri::Twice("sslmode"));
        assert_eq!(wrong("postgresql://h?host=other"), WrongUri::Twice("host"));
        assert_eq!(wrong("postgresql://h/%00"), WrongUri::Percent);
        assert_eq!(wrong("postgresql://h/%4"), WrongUri::Percent);
        assert!(matches!(wrong("postgresql://[::1"), WrongUri::Malformed(_)));
        assert!(matches!(wrong("postgresql://h?sslmode"), WrongUri::Malformed(_)));
        assert!(matches!(wrong("postgresql://h?sslmode=a=b"), WrongUri::Malformed(_)));
    }

    #[test]
    fn what_is_written_is_read_again() {
        for text in [
            "postgresql://u@h:1/d?sslmode=verify-full",
            "postgresql://[::1]:5432/a%20b",
            "postgresql:///d?host=/run/x y&user=a@b",
        ] {
            let uri = read(text).with("sslkey", "/keys/a&b=c.key").with("nonsense", "x");
            assert_eq!(read(&uri.to_string()), uri, "{uri}");
        }
    }
}
