//! Which addresses are not for the public.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What keeps an address from being one that anybody on the internet could ask; `None` where nothing does.
pub(super) fn private(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => private_v4(address),
        IpAddr::V6(address) => private_v6(address),
    }
}

fn private_v4(address: Ipv4Addr) -> Option<&'static str> {
    match address.octets() {
        [0, ..] => Some("unspecified"),
        [127, ..] => Some("of this machine"),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Some("of a private network"),
        [100, 64..=127, ..] => Some("of a carrier's private network"),
        [169, 254, ..] => Some("link-local"),
        [192, 0, 0, _] | [192, 0, 2, _] | [198, 18..=19, ..] | [198, 51, 100, _] | [203, 0, 113, _] => {
            Some("reserved")
        }
        [224..=239, ..] => Some("multicast"),
        [240..=255, ..] => Some("reserved"),
        _ => None,
    }
}

fn private_v6(address: Ipv6Addr) -> Option<&'static str> {
    match (address.segments(), within(address)) {
        ([0, 0, 0, 0, 0, 0, 0, 0], _) => Some("unspecified"),
        ([0, 0, 0, 0, 0, 0, 0, 1], _) => Some("of this machine"),
        (_, Some(inner)) => private_v4(inner),
        ([0xfc00..=0xfdff, ..], _) => Some("of a private network"),
        ([0xfe80..=0xfebf, ..], _) => Some("link-local"),
        ([0xfec0..=0xfeff, ..], _) => Some("site-local"),
        ([0xff00..=0xffff, ..], _) => Some("multicast"),
        // 2000::/3 is what has been given to the public, less documentation, benchmarks and Teredo's tunnels.
        ([0x2001, 0x0000 | 0x0002 | 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..], _) => Some("reserved"),
        ([0x2000..=0x3fff, ..], _) => None,
        _ => Some("reserved"),
    }
}

/// The IPv4 address that an IPv6 address leads to: mapped, compatible, 6to4, or through a NAT64.
fn within(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let of = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff | 0, high, low] => Some(of(high, low)),
        [0, 0, 0, 0, 0xffff, 0, high, low] => Some(of(high, low)),
        [0x2002, high, low, ..] => Some(of(high, low)),
        // The prefix for a network's own NAT64 (64:ff9b:1::/48) is not the public's, and is refused with the rest.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(of(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::private;

    #[test]
    fn addresses_of_this_machine_and_of_private_networks_are_known_in_every_disguise() {
        let refused = [
            "0.0.0.0",
            "0.1.2.3",
            "127.0.0.1",
            "127.255.255.254",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "100.127.255.255",
            "169.254.169.254",
            "192.0.0.170",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "::ffff:0:127.0.0.1",
            "2002:7f00:1::",
            "2002:0a00:0001::1",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "4000::1",
        ];
        for address in refused {
            assert!(private(address.parse().unwrap()).is_some(), "{address}");
        }
    }

    #[test]
    fn addresses_of_the_public_are_let_through() {
        let let_through = [
            "1.1.1.1",
            "9.255.255.255",
            "172.15.0.1",
            "172.32.0.1",
            "100.63.0.1",
            "100.128.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450::1",
            "::ffff:1.1.1.1",
            "64:ff9b::1.1.1.1",
            "2002:0101:0101::1",
        ];
        for address in let_through {
            assert_eq!(private(address.parse().unwrap()), None, "{address}");
        }
    }
}
