//! The id by which both sides can speak of one refusal.

use std::fmt;
use std::str::FromStr;

use fault::{NoTag, Tag};

/// `rf_` and a [`Tag`] drawn at random.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RefusalId(Tag);

impl RefusalId {
    /// Draws a new one.
    #[must_use]
    pub fn draw() -> Self {
        let mut random = [0_u8; Tag::BYTES];
        // An id names a refusal and protects nothing: were the generator to fail, the zeros would still be an id.
        let _ = aws_lc_rs::rand::fill(&mut random);
        Self(Tag::new(random))
    }
}

impl fmt::Display for RefusalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", self.0)
    }
}

impl FromStr for RefusalId {
    type Err = NoTag;

    fn from_str(text: &str) -> Result<Self, NoTag> {
        Tag::behind(PREFIX, text).map(Self)
    }
}

const PREFIX: &str = "rf_";

#[cfg(test)]
mod tests {
    use super::RefusalId;

    #[test]
    fn an_id_is_short_and_not_repeated_and_reads_back() {
        let (a, b) = (RefusalId::draw(), RefusalId::draw());
        assert_eq!(a.to_string().len(), 19);
        assert!(a.to_string().starts_with("rf_"));
        assert_ne!(a, b);
        assert_eq!(a.to_string().parse(), Ok(a));
    }
}
