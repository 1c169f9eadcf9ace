//! Which refusals somebody wants to see.

use std::net::{IpAddr, SocketAddr};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Refused;

/// Which refusals are wanted; what is not said lets everything through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    address: Option<IpAddr>,
    port: Option<u16>,
    since: Option<OffsetDateTime>,
    until: Option<OffsetDateTime>,
    code: Option<String>,
    pub(crate) limit: usize,
}

impl Default for Wanted {
    fn default() -> Self {
        Self { address: None, port: None, since: None, until: None, code: None, limit: DEFAULT_LIMIT }
    }
}

impl Wanted {
    /// Reads the query of a URL: `peer=10.0.0.7&since=2026-11-22T11:00:00Z&limit=20`.
    ///
    /// # Errors
    /// What cannot be understood, for whoever asked.
    pub(crate) fn read(query: &str) -> Result<Self, String> {
        let mut wanted = Self::default();
        for (name, value) in wire::query::parameters(query).map_err(|error| error.to_string())? {
            wanted.want(&name, &value)?;
        }
        Ok(wanted)
    }

    fn want(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "peer" => (self.address, self.port) = peer(value)?,
            "since" => self.since = Some(moment(name, value)?),
            "until" => self.until = Some(moment(name, value)?),
            "code" => self.code = Some(value.to_owned()),
            "limit" => {
                let limit = value.parse().ok().filter(|limit| (1..=MOST_LIMIT).contains(limit));
                self.limit = limit.ok_or_else(|| format!("limit is a number from 1 to {MOST_LIMIT}"))?;
            }
            _ => return Err("the parameters are peer, since, until, code and limit".to_owned()),
        }
        Ok(())
    }

    pub(super) fn takes(&self, refused: &Refused) -> bool {
        let peer = refused.peer.ip().to_canonical();
        self.address.is_none_or(|address| address == peer)
            && self.port.is_none_or(|port| port == refused.peer.port())
            && self.since.is_none_or(|since| since <= refused.at)
            && self.until.is_none_or(|until| refused.at < until)
            && self.code.as_deref().is_none_or(|code| code == refused.why.code())
    }
}

/// An address, with a port or without.
fn peer(value: &str) -> Result<(Option<IpAddr>, Option<u16>), String> {
    let whole = value.parse::<SocketAddr>().map(|peer| (peer.ip(), Some(peer.port())));
    let alone = || value.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().map(|ip| (ip, None));
    match whole.or_else(|_| alone()) {
        Ok((address, port)) => Ok((Some(address.to_canonical()), port)),
        Err(_) => Err("peer is an IP address, with a port or without".to_owned()),
    }
}

fn moment(name: &str, value: &str) -> Result<OffsetDateTime, String> {
    OffsetDateTime::parse(value, &Rfc3339)
        .map_err(|_| format!("{name} is a moment like 2026-11-22T11:10:50Z"))
}

const DEFAULT_LIMIT: usize = 50;
const MOST_LIMIT: usize = 1_000;

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::Wanted;
    use crate::refusals::refused::tests::refused;

    #[test]
    fn refusals_are_found_by_peer_time_and_code() {
        let mut refused = refused("10.0.0.7:4711");
        refused.at = datetime!(2026-11-22 11:10:50 UTC);
        for query in [
            "",
            "peer=10.0.0.7",
            "peer=10.0.0.7:4711",
            "peer=%3A%3Affff%3A10.0.0.7",
            "since=2026-11-22T11:10:50Z&until=2026-11-22T12:10:51%2B01:00",
            "code=unknown-issuer&limit=1",
        ] {
            assert!(Wanted::read(query).unwrap().takes(&refused), "{query}");
        }
        for query in ["peer=10.0.0.8", "peer=10.0.0.7:1", "since=2026-11-22T11:10:51Z", "code=no-grant"] {
            assert!(!Wanted::read(query).unwrap().takes(&refused), "{query}");
        }
        refused.at += Duration::seconds(1);
        assert!(!Wanted::read("until=2026-11-22T11:10:51Z").unwrap().takes(&refused));
    }

    #[test]
    fn any_query_is_understood_or_answered_with_a_reason() {
        bolero::check!().with_type::<String>().for_each(|query: &String| match Wanted::read(query) {
            Ok(wanted) => assert!((1..=1_000).contains(&wanted.limit)),
            Err(why) => assert!(!why.is_empty() && !why.contains('\n')),
        });
    }

    #[test]
    fn what_cannot_be_understood_is_never_taken_for_anything() {
        for query in [
            "peer=host",
            "since=today",
            "limit=0",
            "limit=1001",
            "limit=x",
            "who=me",
            "peer=%zz",
            "code=%",
            "peer",
        ] {
            assert!(Wanted::read(query).is_err(), "{query}");
        }
    }
}
