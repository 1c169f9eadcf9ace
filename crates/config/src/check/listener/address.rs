use std::net::IpAddr;

/// An address in the one spelling by which addresses are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Address<'a> {
    host: Host<'a>,
    pub(super) port: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Host<'a> {
    Ip(IpAddr),
    Name(&'a str),
}

impl Address<'_> {
    /// Whether only this machine reaches it.
    pub(super) fn is_loopback(&self) -> bool {
        match self.host {
            Host::Ip(ip) => ip.is_loopback(),
            Host::Name(_) => false,
        }
    }
}

/// Reads `HOST:PORT`; an empty host means every interface.
pub(super) fn parse(text: &str) -> Option<Address<'_>> {
    let (host, port) = text.rsplit_once(':')?;
    let port = port.parse().ok().filter(|_| port.bytes().all(|byte| byte.is_ascii_digit()))?;
    let host = match host {
        "" => Host::Ip(IpAddr::from([0, 0, 0, 0])),
        name if name.eq_ignore_ascii_case("localhost") => Host::Ip(IpAddr::from([127, 0, 0, 1])),
        bracketed if bracketed.starts_with('[') => {
            let inside = bracketed.strip_prefix('[')?.strip_suffix(']')?;
            Host::Ip(IpAddr::V6(inside.parse().ok()?))
        }
        name => match name.parse() {
            Ok(ip) => Host::Ip(IpAddr::V4(ip)),
            Err(_) => Host::Name(host_name(name)?),
        },
    };
    Some(Address { host, port })
}

fn host_name(name: &str) -> Option<&str> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    name.chars().all(fits).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn addresses_compare_by_what_they_bind() {
        assert_eq!(parse(":7777"), parse("0.0.0.0:7777"));
        assert_eq!(parse("localhost:1"), parse("127.0.0.1:1"));
        assert_eq!(parse("[::1]:1"), parse("[0:0:0:0:0:0:0:1]:1"));
        for loopback in ["localhost:1", "127.3.4.5:1", "[::1]:1"] {
            assert!(parse(loopback).unwrap().is_loopback(), "{loopback}");
        }
        for open in [":1", "0.0.0.0:1", "[::]:1", "db.example.com:1", "10.0.0.1:1"] {
            assert!(!parse(open).unwrap().is_loopback(), "{open}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in
            ["", "7777", "host", "host:", "host:x", "host:70000", "host:+1", "::1:1x", "[::1:1", "a b:1"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
