//! The eight bytes that every client begins with.

use std::ops::RangeInclusive;

use super::startup::Version;

/// What a client's first eight bytes ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    /// TLS, if the server has it.
    Tls,
    /// Encryption by GSSAPI, if the server has it.
    Gss,
    /// That a statement which runs elsewhere be stopped; so many bytes follow.
    Cancel(usize),
    /// A session of this version; so many bytes follow.
    Startup(Version, usize),
    /// Nothing that PostgreSQL knows.
    Foreign,
}

impl First {
    /// How many bytes it takes to tell.
    pub const BYTES: usize = 8;

    /// Reads them: a length that counts itself, and a code. A length that no client has reason to send is not believed,
    /// whatever the code.
    #[must_use]
    pub fn of(bytes: [u8; Self::BYTES]) -> Self {
        let [l0, l1, l2, l3, major0, major1, minor0, minor1] = bytes;
        let length = u32::from_be_bytes([l0, l1, l2, l3]);
        let major = u16::from_be_bytes([major0, major1]);
        let minor = u16::from_be_bytes([minor0, minor1]);
        let Ok(length) = usize::try_from(length) else { return Self::Foreign };
        let Some(left) = length.checked_sub(Self::BYTES) else { return Self::Foreign };
        match (major, minor) {
            (REQUEST, TLS) if left == 0 => Self::Tls,
            (REQUEST, GSS) if left == 0 => Self::Gss,
            (REQUEST, CANCEL) if CANCEL_BYTES.contains(&left) => Self::Cancel(left),
            (1..REQUEST, _) if length <= LONGEST => Self::Startup(Version { major, minor }, left),
            _ => Self::Foreign,
        }
    }
}

/// What stands where a version has its major part, in messages that are no start-up.
const REQUEST: u16 = 1234;
const CANCEL: u16 = 5678;
const TLS: u16 = 5679;
const GSS: u16 = 5680;
/// The longest start-up message that a server takes, length and version included.
const LONGEST: usize = 10_000;
/// A process id, and a secret of up to 256 bytes.
const CANCEL_BYTES: RangeInclusive<usize> = 5..=260;

#[cfg(test)]
mod tests {
    use super::{First, LONGEST};
    use crate::postgres::startup::Version;

    fn first(length: u32, code: u32) -> First {
        let mut bytes = [0; 8];
        bytes[..4].copy_from_slice(&length.to_be_bytes());
        bytes[4..].copy_from_slice(&code.to_be_bytes());
        First::of(bytes)
    }

    #[test]
    fn the_codes_of_the_manual_are_told_apart() {
        assert_eq!(first(8, 80_877_103), First::Tls);
        assert_eq!(first(8, 80_877_104), First::Gss);
        assert_eq!(first(16, 80_877_102), First::Cancel(8));
        assert_eq!(first(9, 196_608), First::Startup(Version { major: 3, minor: 0 }, 1));
        assert_eq!(first(100, 196_610), First::Startup(Version { major: 3, minor: 2 }, 92));
    }

    #[test]
    fn a_length_that_is_out_of_bounds_is_not_believed() {
        for length in [0, 7, 9, 12, u32::MAX] {
            assert_eq!(first(length, 80_877_103), First::Foreign, "{length}");
        }
        assert_eq!(first(12, 80_877_102), First::Foreign, "a secret has at least one byte");
        assert_eq!(first(8 + 261, 80_877_102), First::Foreign);
        let most = u32::try_from(LONGEST).unwrap();
        assert_eq!(first(most, 196_608), First::Startup(Version { major: 3, minor: 0 }, LONGEST - 8));
        assert_eq!(first(most + 1, 196_608), First::Foreign);
        assert_eq!(First::of(*b"GET / HT"), First::Foreign);
        assert_eq!(First::of(*b"\x16\x03\x01\x02\x00\x01\x00\x01"), First::Foreign);
    }
}
