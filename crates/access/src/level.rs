use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// How much a grant allows; each level includes the ones before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Nothing: as if there were no grant.
    #[default]
    None,
    /// Reading.
    ReadOnly,
    /// Reading and writing.
    ReadWrite,
    /// Reading, writing, and maintenance of that database.
    Admin,
}

impl Level {
    /// Every level, lowest first.
    pub const ALL: &'static [Self] = &[Self::None, Self::ReadOnly, Self::ReadWrite, Self::Admin];

    /// The word for it in a configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ReadOnly => "read-only",
            Self::ReadWrite => "read-write",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownLevel(String);

impl fmt::Display for UnknownLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown level {:?} (want none, read-only, read-write or admin)", self.0)
    }
}

impl std::error::Error for UnknownLevel {}

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(word: &str) -> Result<Self, UnknownLevel> {
        Self::ALL
            .iter()
            .copied()
            .find(|level| level.as_str() == word)
            .ok_or_else(|| UnknownLevel(word.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::Level;

    #[test]
    fn each_level_includes_the_ones_before_it_and_reads_back() {
        assert!(Level::None < Level::ReadOnly);
        assert!(Level::ReadOnly < Level::ReadWrite);
        assert!(Level::ReadWrite < Level::Admin);
        for level in Level::ALL {
            assert_eq!(level.as_str().parse(), Ok(*level));
        }
    }

    #[test]
    fn an_unknown_level_is_named_with_the_known_ones() {
        let said = "readonly".parse::<Level>().unwrap_err().to_string();
        assert_eq!(said, "unknown level \"readonly\" (want none, read-only, read-write or admin)");
    }
}
