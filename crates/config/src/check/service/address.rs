use std::net::IpAddr;

use crate::plan::UpstreamAddress;

/// Reads `HOST[:PORT]` or `/FOLDER[:PORT]`.
pub(super) fn parse(text: &str) -> Option<UpstreamAddress> {
    if text.chars().any(char::is_control) {
        return None;
    }
    if text.starts_with('/') {
        let (folder, port) = with_port(text)?;
        return Some(UpstreamAddress::Unix(
            format!("{}/.s.PGSQL.{port}", folder.trim_end_matches('/')).into(),
        ));
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (host, after) = rest.split_once(']')?;
        let port = match after {
            "" => PORT,
            after => port(after.strip_prefix(':')?)?,
        };
        host.parse::<std::net::Ipv6Addr>().ok()?;
        return Some(UpstreamAddress::Tcp { host: host.to_owned(), port });
    }
    if let Ok(ip @ IpAddr::V6(_)) = text.parse() {
        return Some(UpstreamAddress::Tcp { host: ip.to_string(), port: PORT });
    }
    let (host, port) = with_port(text)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    (!host.is_empty() && host.chars().all(fits)).then(|| UpstreamAddress::Tcp { host: host.to_owned(), port })
}

fn with_port(text: &str) -> Option<(&str, u16)> {
    match text.rsplit_once(':') {
        Some((before, written)) => Some((before, port(written)?)),
        None => Some((text, PORT)),
    }
}

fn port(text: &str) -> Option<u16> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| digits && *port != 0)
}

/// PostgreSQL's own.
const PORT: u16 = 5432;

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_server_is_named_by_host_and_port_or_by_the_folder_of_its_socket() {
        let shown = |text| parse(text).map(|address| address.to_string());
        for (text, expected) in [
            ("10.0.0.5:5433", "10.0.0.5:5433"),
            ("db.example.com", "db.example.com:5432"),
            ("[::1]:1", "[::1]:1"),
            ("[::1]", "[::1]:5432"),
            ("::1", "[::1]:5432"),
            ("/var/run/postgresql", "/var/run/postgresql/.s.PGSQL.5432"),
            ("/var/run/postgresql/:5433", "/var/run/postgresql/.s.PGSQL.5433"),
        ] {
            assert_eq!(shown(text).as_deref(), Some(expected), "{text}");
        }
        for text in
            ["", ":5432", "db:", "db:0", "db:x", "db:70000", "a b:1", "[x]:1", "[::1]x", "/run:x", "db\n:1"]
        {
            assert_eq!(shown(text), None, "{text}");
        }
    }

    #[test]
    fn what_stays_on_this_machine_is_known_by_its_address() {
        let here = |text| parse(text).is_some_and(|address| address.is_here());
        for text in
            ["127.0.0.1", "127.9.9.9:1", "localhost", "[::1]:1", "[::ffff:127.0.0.1]:1", "/run/postgresql"]
        {
            assert!(here(text), "{text}");
        }
        for text in ["10.0.0.5", "db.example.com", "[::]:1", "localhost.example.com"] {
            assert!(!here(text), "{text}");
        }
    }
}
