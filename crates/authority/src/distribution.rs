//! Where strangers read what an authority publishes: the addresses that go into certificates and lists.

use std::fmt;

use fault::Fault;
use identity::{Pin, Serial};

/// The address below which an authority's certificates, lists and answers are published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distribution {
    /// Without a slash at its end.
    base: String,
}

impl Distribution {
    /// Below this address: `http://pki.example.com:8080`, maybe with a path.
    ///
    /// # Errors
    /// Where it is no `http://` address that can stand in a certificate. Lists and answers are signed, and whoever fetches
    /// them to judge a TLS certificate cannot judge another one first (RFC 5280 §8); so `https://` is refused.
    pub fn new(base: &str) -> Result<Self, Fault> {
        Self::parse(base).map_err(|why| {
            Fault::yours(format!("\"{}\" is no address for distribution", base.escape_debug()))
                .because(why)
                .remedy("write one such as http://pki.example.com:8080")
        })
    }

    /// As [`new`](Self::new).
    ///
    /// # Errors
    /// Why it is none.
    pub fn parse(base: &str) -> Result<Self, &'static str> {
        let Some(rest) = base.strip_prefix("http://") else {
            return Err("it does not begin with http://");
        };
        let (host, _path) = rest.split_once('/').unwrap_or((rest, ""));
        if host.is_empty() || host.starts_with(':') {
            return Err("it names no host");
        }
        if host.contains('@') {
            return Err("it names a user");
        }
        if base.len() > LONGEST || !base.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("it is longer than 512 bytes, or not plain ASCII without spaces");
        }
        if base.contains(['?', '#']) {
            return Err("it has a query or a fragment");
        }
        Ok(Self { base: base.trim_end_matches('/').to_owned() })
    }

    /// The address itself.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Where the list of the issuer with this public key is, or this part of it.
    #[must_use]
    pub fn list(&self, issuer: Pin, shard: Shard) -> String {
        format!("{}/pki/crl/{}.crl", self.base, shard.name_of(issuer))
    }

    /// Where the certificate of the issuer with this public key is.
    #[must_use]
    pub fn certificate(&self, issuer: Pin) -> String {
        format!("{}/pki/issuers/{}.crt", self.base, issuer_id(issuer))
    }

    /// Where questions about single certificates are answered.
    #[must_use]
    pub fn ocsp(&self) -> String {
        format!("{}/pki/ocsp", self.base)
    }
}

/// What an issuer is called in addresses and files: 160 bits of its public key's SHA-256 in hexadecimal, which is the subject
/// key identifier of every issuer that was made here.
#[must_use]
pub fn issuer_id(issuer: Pin) -> String {
    issuer.bytes().iter().take(20).map(|byte| format!("{byte:02x}")).collect()
}

/// A part of an issuer's list: everything, or those of its certificates whose serial numbers fall into it.
///
/// How many parts there are stands in the name of each, and so in the certificates that point to it: the part that a
/// certificate belongs to never changes, however many parts later certificates are spread over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shard {
    /// A power of two, so that the parts are even.
    of: u16,
    at: u16,
}

impl Shard {
    /// The list with everything on it.
    pub const WHOLE: Self = Self { of: 1, at: 0 };
    /// How many parts there are at most.
    pub const MOST: u16 = 1024;

    /// The part number `at` of `of`. `None` where `of` is no power of two up to 1024, or there is no such part.
    #[must_use]
    pub const fn new(of: u16, at: u16) -> Option<Self> {
        if of.is_power_of_two() && of <= Self::MOST && at < of { Some(Self { of, at }) } else { None }
    }

    /// The part that a certificate with this serial number belongs to, of so many; a number of parts that there cannot be
    /// means the next lower one.
    #[must_use]
    pub fn holding(serial: &Serial, of: u16) -> Self {
        let of = 1 << of.clamp(1, Self::MOST).ilog2();
        Self { of, at: tail(serial.bytes()) & (of - 1) }
    }

    /// Whether a serial number falls into it; big-endian bytes.
    #[must_use]
    pub fn holds(self, serial: &[u8]) -> bool {
        tail(serial) & (self.of - 1) == self.at
    }

    /// How many parts there are beside it, itself included.
    #[must_use]
    pub fn of(self) -> u16 {
        self.of
    }

    /// Whether it holds everything.
    #[must_use]
    pub fn is_whole(self) -> bool {
        self.of == 1
    }

    /// What this part of the issuer's list is called in addresses and files, without an ending.
    #[must_use]
    pub fn name_of(self, issuer: Pin) -> String {
        let id = issuer_id(issuer);
        if self.is_whole() { id } else { format!("{id}{self}") }
    }

    /// The part that a name ends in, and what comes before it.
    #[must_use]
    pub fn parse(name: &str) -> Option<(&str, Self)> {
        let mut words = name.split('-');
        let (id, of) = (words.next()?, words.next());
        let Some(of) = of else { return Some((id, Self::WHOLE)) };
        let (of, at, None) = (number(of)?, number(words.next()?)?, words.next()) else { return None };
        Self::new(of, at).filter(|shard| !shard.is_whole()).map(|shard| (id, shard))
    }
}

/// `-8-3` for the part 3 of 8; nothing for everything.
impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_whole() { Ok(()) } else { write!(f, "-{}-{}", self.of, self.at) }
    }
}

/// One way to write a number, so that a part has one name.
fn number(text: &str) -> Option<u16> {
    let number: u16 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// The end of a serial number, which is random in those that we draw.
fn tail(serial: &[u8]) -> u16 {
    serial.iter().rev().take(2).rev().fold(0, |tail, byte| tail << 8 | u16::from(*byte))
}

/// The longest address; what follows it is short beside it.
const LONGEST: usize = 512;

#[cfg(test)]
mod tests {
    use identity::{Pin, Serial};

    use super::{Distribution, Shard, issuer_id};

    #[test]
    fn an_address_that_cannot_stand_in_a_certificate_is_refused_with_the_reason() {
        for (address, why) in [
            ("https://pki.example", "http://"),
            ("pki.example", "http://"),
            ("http://", "no host"),
            ("http://:80", "no host"),
            ("http://me@pki.example", "a user"),
            ("http://pki.example/?a", "a query"),
            ("http://pki example", "plain ASCII"),
        ] {
            let fault = Distribution::new(address).unwrap_err().to_string();
            assert!(fault.contains(why), "{address}: {fault}");
        }
        let below = Distribution::new("http://pki.example:8080/a/").unwrap();
        assert_eq!(below.ocsp(), "http://pki.example:8080/a/pki/ocsp");
    }

    #[test]
    fn a_serial_number_falls_into_one_part_of_each_number_of_parts() {
        for serial in [&[][..], &[1], &[0x80, 0xff], &[7, 0x12, 0x34]] {
            for of in [1, 2, 8, 1024] {
                let holding: Vec<Shard> =
                    (0..of).filter_map(|at| Shard::new(of, at)).filter(|shard| shard.holds(serial)).collect();
                assert_eq!(holding, [Shard::holding(&Serial::from_bytes(serial), of)]);
            }
        }
    }

    #[test]
    fn a_part_has_one_name() {
        let pin = Pin::of_spki(b"key");
        let id = issuer_id(pin);
        for shard in [Shard::WHOLE, Shard::new(8, 3).unwrap(), Shard::new(1024, 1023).unwrap()] {
            assert_eq!(Shard::parse(&shard.name_of(pin)), Some((&*id, shard)));
        }
        for other in ["a-8", "a-8-8", "a-3-1", "a-08-1", "a-8-+1", "a-1-0", "a-2048-1", "a-8-1-1", "a--"] {
            assert_eq!(Shard::parse(other), None, "{other}");
        }
    }
}
