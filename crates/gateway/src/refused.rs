//! The id by which both sides can speak of one refusal.

use std::fmt;

/// `rf_` and 80 random bits in base 32: short enough to read out, too many to guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefusalId([u8; 16]);

impl RefusalId {
    /// Draws a new one.
    #[must_use]
    pub fn draw() -> Self {
        let mut random = [0_u8; 16];
        // An id names a refusal and protects nothing: were the generator to fail, the zeros would still be an id.
        let _ = aws_lc_rs::rand::fill(&mut random);
        Self(random.map(|byte| ALPHABET.get(usize::from(byte & 31)).copied().unwrap_or(b'0')))
    }
}

impl fmt::Display for RefusalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rf_")?;
        self.0.iter().try_for_each(|byte| write!(f, "{}", char::from(*byte)))
    }
}

/// Without i, l, o and u, which are misread.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

#[cfg(test)]
mod tests {
    use super::RefusalId;

    #[test]
    fn an_id_is_short_and_not_repeated() {
        let (a, b) = (RefusalId::draw().to_string(), RefusalId::draw().to_string());
        assert_eq!(a.len(), 19);
        assert!(a.starts_with("rf_"));
        assert_ne!(a, b);
    }
}
