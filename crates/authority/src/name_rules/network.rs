use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::pattern::NoPattern;

/// Addresses that begin alike: `10.0.0.0/8`, `fd00::/8`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    first: IpAddr,
    bits: u8,
}

impl Network {
    /// Whether an address is in it. An IPv4 address written as IPv6 is none of IPv4's.
    #[must_use]
    pub fn holds(&self, address: IpAddr) -> bool {
        match (self.first, address) {
            (IpAddr::V4(first), IpAddr::V4(address)) => {
                alike(u128::from(first.to_bits()) << 96, u128::from(address.to_bits()) << 96, self.bits)
            }
            (IpAddr::V6(first), IpAddr::V6(address)) => alike(first.to_bits(), address.to_bits(), self.bits),
            _ => false,
        }
    }
}

/// Whether the first bits of two numbers are the same.
fn alike(left: u128, right: u128, bits: u8) -> bool {
    (left ^ right).leading_zeros() >= u32::from(bits)
}

impl FromStr for Network {
    type Err = NoPattern;

    fn from_str(text: &str) -> Result<Self, NoPattern> {
        let wrong = || NoPattern::of_network();
        let (first, bits) = text.split_once('/').map_or((text, None), |(first, bits)| (first, Some(bits)));
        let first: IpAddr = first.parse().map_err(|_| wrong())?;
        let most = if first.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), |bits| bits.parse::<u8>().map_err(|_| wrong()))?;
        // Bits beyond the network's own are a slip of the pen, and nobody knows which number was meant.
        let network = Self { first, bits };
        let whole = match first {
            IpAddr::V4(address) => IpAddr::V4((address.to_bits() & head(32, bits) as u32).into()),
            IpAddr::V6(address) => IpAddr::V6((address.to_bits() & head(128, bits)).into()),
        };
        (bits <= most && whole == first).then_some(network).ok_or_else(wrong)
    }
}

/// So many ones in front of zeros.
fn head(width: u32, bits: u8) -> u128 {
    let zeros = width.saturating_sub(u32::from(bits));
    u128::MAX.checked_shl(zeros).unwrap_or_default() & (u128::MAX >> (128 - width))
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.bits)
    }
}
