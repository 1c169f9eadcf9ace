//! The id by which both ends of a handshake can speak of it.
//!
//! The ClientHello carries 32 random bytes in clear, which both sides see before anything can go wrong. A second
//! ClientHello, after a HelloRetryRequest, repeats them (RFC 8446 §4.1.2).

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use fault::{NoTag, Tag};

/// `ch_` and the first 80 bits of SHA-256 of the ClientHello's random.
///
/// Whoever sees the wire can compute it too: it names a handshake, and proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HelloId(Tag);

/// What the first bytes of a connection tell of its handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The whole random has come.
    Hello(HelloId),
    /// A ClientHello so far, and the random has not come to its end.
    More,
    /// No ClientHello.
    Nothing,
}

impl HelloId {
    /// The id of the handshake with this random.
    #[must_use]
    pub fn of(random: &[u8; RANDOM]) -> Self {
        Self(Tag::first_of(digest(&SHA256, random).as_ref()))
    }
}

impl Heard {
    /// Reads the first bytes that a client sends, however it cut its message into records.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut message = Message { bytes: [0; UP_TO_RANDOM], len: 0 };
        let mut rest = bytes;
        loop {
            match message.heard() {
                Self::More => {}
                heard => return heard,
            }
            rest = match rest {
                [HANDSHAKE, MAJOR, _, high, low, rest @ ..] => {
                    let length = usize::from(u16::from_be_bytes([*high, *low]));
                    if length == 0 || length > LONGEST_RECORD {
                        return Self::Nothing;
                    }
                    let (fragment, rest) = rest.split_at_checked(length).unwrap_or((rest, &[]));
                    message.extend(fragment);
                    rest
                }
                [] | [HANDSHAKE] | [HANDSHAKE, MAJOR] | [HANDSHAKE, MAJOR, _] | [HANDSHAKE, MAJOR, _, _] => {
                    return message.heard();
                }
                _ => return Self::Nothing,
            };
        }
    }
}

/// The first bytes of a handshake message, put together from records.
struct Message {
    bytes: [u8; UP_TO_RANDOM],
    len: usize,
}

impl Message {
    fn extend(&mut self, fragment: &[u8]) {
        let room = self.bytes.iter_mut().skip(self.len);
        self.len += room.zip(fragment).map(|(byte, new)| *byte = *new).count();
    }

    fn heard(&self) -> Heard {
        match self.bytes.get(..self.len).unwrap_or_default() {
            [] | [CLIENT_HELLO] | [CLIENT_HELLO, _] | [CLIENT_HELLO, _, _] => Heard::More,
            // Too short for a version and a random.
            [CLIENT_HELLO, 0, 0, length, ..] if usize::from(*length) < 2 + RANDOM => Heard::Nothing,
            [CLIENT_HELLO, _, _, _, _, _, random @ ..] => match <&[u8; RANDOM]>::try_from(random) {
                Ok(random) => Heard::Hello(HelloId::of(random)),
                Err(_) => Heard::More,
            },
            [CLIENT_HELLO, ..] => Heard::More,
            _ => Heard::Nothing,
        }
    }
}

impl fmt::Display for HelloId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", self.0)
    }
}

impl FromStr for HelloId {
    type Err = NoTag;

    fn from_str(text: &str) -> Result<Self, NoTag> {
        Tag::behind(PREFIX, text).map(Self)
    }
}

const PREFIX: &str = "ch_";
/// The content type of a TLS handshake record.
pub(crate) const HANDSHAKE: u8 = 0x16;
/// The handshake message that a client begins with.
pub(crate) const CLIENT_HELLO: u8 = 0x01;
/// The first byte of the version number of SSL 3 and of every TLS.
pub(crate) const MAJOR: u8 = 0x03;
const RANDOM: usize = 32;
/// Type, length, version, random.
const UP_TO_RANDOM: usize = 1 + 3 + 2 + RANDOM;
/// What a record may carry in clear (RFC 8446 §5.1).
const LONGEST_RECORD: usize = 1 << 14;
/// As many bytes as tell for certain, were each of them sent in a record of its own.
pub(crate) const ENOUGH: usize = UP_TO_RANDOM * 6;

#[cfg(test)]
mod tests {
    use super::{ENOUGH, Heard, HelloId};

    fn greeting(cut: usize) -> Vec<u8> {
        let mut message = vec![1, 0, 0, 200, 3, 3];
        message.extend(0_u8..194);
        let record = |part: &[u8]| {
            let length = u16::try_from(part.len()).unwrap().to_be_bytes();
            [&[0x16, 3, 1], length.as_slice(), part].concat()
        };
        message.chunks(cut).flat_map(record).collect()
    }

    fn id() -> HelloId {
        HelloId::of(&std::array::from_fn(|at| u8::try_from(at).unwrap()))
    }

    #[test]
    fn the_id_is_the_hash_of_the_random_and_reads_back() {
        // As `sha256sum` says of the bytes 00 to 1f: 630dcd2966c433669112…
        assert_eq!(id().to_string(), "ch_cc6wtab6rgspd48j");
        assert_eq!(id().to_string().parse(), Ok(id()));
    }

    #[test]
    fn a_hello_is_heard_however_it_is_cut_into_records() {
        for cut in 1..=200 {
            assert_eq!(Heard::of(&greeting(cut)), Heard::Hello(id()), "records of {cut}");
        }
    }

    #[test]
    fn a_hello_that_has_not_come_to_its_end_asks_for_more() {
        let whole = greeting(200);
        for length in 0..43 {
            assert_eq!(Heard::of(&whole[..length]), Heard::More, "{length} bytes");
        }
        assert_eq!(Heard::of(&whole[..43]), Heard::Hello(id()));
        assert_eq!(Heard::of(&greeting(1)[..ENOUGH]), Heard::Hello(id()));
        assert_eq!(Heard::of(&greeting(1)[..ENOUGH - 1]), Heard::More);
    }

    #[test]
    fn what_is_no_hello_is_not_waited_for() {
        for other in [
            b"GET / HTTP/1.1".as_slice(),
            b"\x16\x03\x01\x00\x00",
            b"\x16\x03\x01\xff\xff",
            b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00",
            b"\x16\x03\x01\x00\x40\x02",
            b"\x16\x02",
        ] {
            assert_eq!(Heard::of(other), Heard::Nothing, "{}", other.escape_ascii());
        }
    }
}
