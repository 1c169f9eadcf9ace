//! Which addresses may be asked, and connections to them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use authority::Network;
use tokio::net::TcpStream;
use wire::acme::{Identifier, Problem, Trouble};

/// Opens connections to the servers of names.
///
/// A private authority certifies private networks, so their addresses are asked. This machine's own, the link's and the
/// like are not, unless the operator allows them: what listens there trusts whoever reaches it.
pub(super) struct Reach<'a> {
    pub(super) allow: &'a [Network],
    pub(super) deny: &'a [Network],
}

impl Reach<'_> {
    /// A connection to the server of this name, to the very address that was checked.
    pub(super) async fn open(&self, name: &Identifier, port: u16) -> Result<TcpStream, Problem> {
        let addresses = self.addresses(name).await?;
        let mut last = String::new();
        for address in addresses.into_iter().take(MOST_ADDRESSES) {
            let at = SocketAddr::new(address, port);
            last = match tokio::time::timeout(CONNECT, TcpStream::connect(at)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => format!("connecting to {at}: {error}"),
                Err(_) => format!("connecting to {at}: no answer within {} s", CONNECT.as_secs()),
            };
        }
        Err(Problem::new(Trouble::Connection, format!("{name}: {last}")))
    }

    async fn addresses(&self, name: &Identifier) -> Result<Vec<IpAddr>, Problem> {
        let found = resolve(name).await?;
        let mut refused = None;
        let mut addresses = Vec::new();
        for address in found {
            match self.refusal(address) {
                Some(why) => refused = Some((address, why)),
                None => addresses.push(address),
            }
        }
        match (addresses.is_empty(), refused) {
            (false, _) => Ok(addresses),
            (true, None) => Err(Problem::new(Trouble::Dns, format!("{name} has no address"))),
            (true, Some((address, why))) => Err(Problem::new(
                Trouble::Connection,
                format!("{name} leads to {address}, {why}: it is not asked (authority.acme.allow_networks)"),
            )),
        }
    }

    /// Why an address is not asked; nothing where it is.
    fn refusal(&self, address: IpAddr) -> Option<&'static str> {
        let holds =
            |networks: &[Network]| networks.iter().any(|network| network.holds(address.to_canonical()));
        if holds(self.deny) {
            return Some("which the configuration denies");
        }
        if holds(self.allow) { None } else { kept(address) }
    }
}

/// The addresses that the system's resolver knows. Names below `localhost` are this machine and nobody's to say otherwise
/// (RFC 6761 §6.3).
async fn resolve(name: &Identifier) -> Result<Vec<IpAddr>, Problem> {
    let host = match name {
        Identifier::Ip(address) => return Ok(vec![*address]),
        Identifier::Dns(host) if host == "localhost" || host.ends_with(".localhost") => {
            return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
        }
        Identifier::Dns(host) => host,
    };
    let failed = |why: String| Problem::new(Trouble::Dns, format!("{host} cannot be resolved: {why}"));
    match tokio::time::timeout(RESOLVE, tokio::net::lookup_host((host.as_str(), 0))).await {
        Ok(Ok(found)) => Ok(found.map(|at| at.ip()).collect()),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(_) => Err(failed(format!("no answer within {} s", RESOLVE.as_secs()))),
    }
}

/// What keeps an address from being asked where nobody has allowed it.
fn kept(address: IpAddr) -> Option<&'static str> {
    match address.to_canonical() {
        IpAddr::V4(address) => kept_v4(address),
        IpAddr::V6(address) => kept_v6(address),
    }
}

fn kept_v4(address: Ipv4Addr) -> Option<&'static str> {
    match address.octets() {
        [0, ..] => Some("which is no host's"),
        [127, ..] => Some("an address of this machine"),
        [169, 254, ..] => Some("an address of the link, where clouds keep their metadata"),
        [224..=255, ..] => Some("which is not one host's"),
        _ => None,
    }
}

fn kept_v6(address: Ipv6Addr) -> Option<&'static str> {
    let of = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Some("which is no host's"),
        [0, 0, 0, 0, 0, 0, 0, 1] => Some("an address of this machine"),
        // An IPv4 address in disguise: compatible, translated, 6to4, or through a NAT64.
        [0, 0, 0, 0, 0, 0, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x2002, high, low, ..]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => kept_v4(of(high, low)),
        [0xfe80..=0xfebf, ..] => Some("an address of the link"),
        [0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x254] => Some("where a cloud keeps its metadata"),
        [0xff00..=0xffff, ..] => Some("which is not one host's"),
        _ => None,
    }
}

const RESOLVE: Duration = Duration::from_secs(5);
/// One dead address must leave time for the next.
const CONNECT: Duration = Duration::from_secs(4);
const MOST_ADDRESSES: usize = 4;

#[cfg(test)]
mod tests {
    use authority::Network;

    use super::Reach;

    fn refused(allow: &[&str], deny: &[&str], address: &str) -> bool {
        let networks =
            |texts: &[&str]| -> Vec<Network> { texts.iter().map(|text| text.parse().unwrap()).collect() };
        let (allow, deny) = (networks(allow), networks(deny));
        Reach { allow: &allow, deny: &deny }.refusal(address.parse().unwrap()).is_some()
    }

    #[test]
    fn addresses_of_this_machine_and_of_the_link_are_not_asked_in_any_disguise() {
        for address in [
            "127.0.0.1",
            "127.8.8.8",
            "0.0.0.0",
            "169.254.169.254",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "::ffff:0:127.0.0.1",
            "2002:7f00:1::",
            "64:ff9b::169.254.169.254",
            "fe80::1",
            "fd00:ec2::254",
            "ff02::1",
        ] {
            assert!(refused(&[], &[], address), "{address}");
        }
    }

    #[test]
    fn addresses_of_private_networks_are_asked_and_the_configuration_has_the_last_word() {
        for address in ["10.0.0.1", "192.168.1.1", "172.16.0.1", "fd12::1", "1.1.1.1", "2606:4700::1111"] {
            assert!(!refused(&[], &[], address), "{address}");
        }
        assert!(!refused(&["127.0.0.0/8"], &[], "127.0.0.1"));
        assert!(!refused(&["127.0.0.0/8"], &[], "::ffff:127.0.0.1"));
        assert!(refused(&["127.0.0.0/8"], &[], "::1"));
        assert!(refused(&[], &["10.0.0.0/8"], "10.1.1.1"));
        assert!(refused(&["10.0.0.0/8"], &["10.1.0.0/16"], "10.1.1.1"), "what is denied is denied");
    }
}
