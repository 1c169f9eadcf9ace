use std::fmt;
use std::str::FromStr;

/// 80 bits that name one thing for people: short enough to read out, too many to guess.
///
/// Written in base 32 as 16 letters and digits; a prefix tells what kind of thing it is, and belongs to that kind.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag([u8; Self::BYTES]);

/// A text that is no [`Tag`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoTag;

impl Tag {
    /// How many bytes a tag has.
    pub const BYTES: usize = 10;

    /// The tag with these bits.
    #[must_use]
    pub const fn new(bits: [u8; Self::BYTES]) -> Self {
        Self(bits)
    }

    /// The first bits of something longer, most often a hash; what is shorter is filled up with zeros.
    #[must_use]
    pub fn first_of(bytes: &[u8]) -> Self {
        let mut bits = [0; Self::BYTES];
        bits.iter_mut().zip(bytes).for_each(|(bit, byte)| *bit = *byte);
        Self(bits)
    }

    /// The tag that stands behind a prefix: `rf_0123456789abcdef` behind `rf_`.
    ///
    /// # Errors
    /// Another prefix, or no tag behind it.
    pub fn behind(prefix: &str, text: &str) -> Result<Self, NoTag> {
        text.strip_prefix(prefix).ok_or(NoTag)?.parse()
    }

    fn number(self) -> u128 {
        self.0.iter().fold(0, |number, byte| number << 8 | u128::from(*byte))
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.number();
        (0..LETTERS).rev().try_for_each(|at| {
            let five = usize::try_from(number >> (5 * at) & 31).unwrap_or_default();
            write!(f, "{}", char::from(ALPHABET.get(five).copied().unwrap_or(b'0')))
        })
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tag({self})")
    }
}

impl FromStr for Tag {
    type Err = NoTag;

    fn from_str(text: &str) -> Result<Self, NoTag> {
        if text.len() != LETTERS {
            return Err(NoTag);
        }
        let number = text.bytes().try_fold(0_u128, |number, letter| Some(number << 5 | five(letter)?));
        let [.., a, b, c, d, e, f, g, h, i, j] = number.ok_or(NoTag)?.to_be_bytes();
        Ok(Self([a, b, c, d, e, f, g, h, i, j]))
    }
}

/// The five bits behind a letter. Capitals, and the letters that the alphabet leaves out because they are misread, are
/// taken for what was meant.
fn five(letter: u8) -> Option<u128> {
    let letter = match letter.to_ascii_lowercase() {
        b'i' | b'l' => b'1',
        b'o' => b'0',
        letter => letter,
    };
    ALPHABET.iter().position(|known| *known == letter).and_then(|at| u128::try_from(at).ok())
}

/// Without i, l, o and u, which are misread.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// 80 bits in letters of five.
const LETTERS: usize = 16;

#[cfg(test)]
mod tests {
    use super::{NoTag, Tag};

    #[test]
    fn a_tag_is_sixteen_letters_and_reads_back() {
        let tag = Tag::new([0, 1, 2, 0x80, 0xff, 5, 6, 7, 8, 0xfe]);
        let text = tag.to_string();
        assert_eq!(text.len(), 16);
        assert_eq!(text.parse(), Ok(tag));
        assert_eq!(Tag::behind("rf_", &format!("rf_{text}")), Ok(tag));
        assert_eq!(Tag::new([0; 10]).to_string(), "0000000000000000");
        assert_eq!(Tag::new([0xff; 10]).to_string(), "zzzzzzzzzzzzzzzz");
    }

    #[test]
    fn a_tag_that_was_read_out_is_understood() {
        assert_eq!("OIL0IL0000000000".parse::<Tag>(), "0110110000000000".parse());
        assert_eq!("ABCDEFGHJKMNPQRS".parse::<Tag>(), "abcdefghjkmnpqrs".parse());
    }

    #[test]
    fn anything_else_is_no_tag() {
        for wrong in ["", "0", "00000000000000000", "u000000000000000", "ä00000000000000", "000000000000000 "]
        {
            assert_eq!(wrong.parse::<Tag>(), Err(NoTag), "{wrong}");
        }
        assert_eq!(Tag::behind("rf_", "ch_0000000000000000"), Err(NoTag));
    }
}
