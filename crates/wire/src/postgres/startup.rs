//! Who a client wants to be, and where.

use std::fmt;

use super::Malformed;

/// A version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The part that must be the same on both sides: 3.
    pub major: u16,
    /// The part that the sides agree on.
    pub minor: u16,
}

impl Version {
    /// The newest one that is spoken here; its secrets for cancelling are long.
    pub const NEWEST: Self = Self { major: 3, minor: 2 };

    /// Whether secrets for cancelling may be longer than four bytes.
    #[must_use]
    pub fn has_long_secrets(self) -> bool {
        self >= Self::NEWEST
    }

    pub(crate) fn to_bytes(self) -> [u8; 4] {
        let ([a, b], [c, d]) = (self.major.to_be_bytes(), self.minor.to_be_bytes());
        [a, b, c, d]
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// What a client says before anything else: parameters by name, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Startup {
    version: Version,
    parameters: Vec<(Box<str>, Box<str>)>,
}

impl Startup {
    /// Reads what follows the length and the version.
    ///
    /// # Errors
    /// It is no list of names and values that ends where the message does, is not in UTF-8, or says twice what decides who
    /// the client is and where it goes: whoever reads the first and whoever reads the last would not agree.
    pub fn parse(version: Version, body: &[u8]) -> Result<Self, Malformed> {
        let mut parameters: Vec<(Box<str>, Box<str>)> = Vec::new();
        let mut rest = body;
        loop {
            let name = text(&mut rest)?;
            if name.is_empty() {
                break;
            }
            let value = text(&mut rest)?;
            if DECIDING.contains(&name) && parameters.iter().any(|(known, _)| **known == *name) {
                return Err(Malformed("the start-up message names its user, database or replication twice"));
            }
            parameters.push((name.into(), value.into()));
        }
        match rest {
            [] => Ok(Self { version, parameters }),
            _ => Err(Malformed("invalid startup packet layout: expected terminator as last byte")),
        }
    }

    /// The version that the client asks for.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// The version that is spoken: no newer than asked for, nor than ours.
    #[must_use]
    pub fn spoken(&self) -> Version {
        self.version.min(Version::NEWEST)
    }

    /// Whom the client asks to be; never empty.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.value("user").filter(|user| !user.is_empty())
    }

    /// The database that it names; never empty.
    #[must_use]
    pub fn database(&self) -> Option<&str> {
        self.value("database").filter(|database| !database.is_empty())
    }

    /// What it says of replication, unless that it wants none.
    #[must_use]
    pub fn replication(&self) -> Option<&str> {
        self.value("replication").filter(|value| !is_false(value))
    }

    /// The options of the protocol itself that it asks for; we know none.
    pub fn options(&self) -> impl Iterator<Item = &str> {
        self.parameters.iter().map(|(name, _)| &**name).filter(|name| name.starts_with(OPTION))
    }

    /// Whether the client must be told what is spoken here, because it asks for more.
    #[must_use]
    pub fn asks_for_more(&self) -> bool {
        self.version > Version::NEWEST || self.options().next().is_some()
    }

    /// The settings that a server behind us is to hear: all but what is decided here.
    #[must_use]
    pub fn into_settings(self) -> Vec<(Box<str>, Box<str>)> {
        let mut settings = self.parameters;
        // A server compares the names of settings without regard to case, and those of the three others with it.
        settings.retain(|(name, _)| {
            !DECIDING.contains(&&**name) && !name.starts_with(OPTION) && !name.eq_ignore_ascii_case(READ_ONLY)
        });
        settings
    }

    fn value(&self, wanted: &str) -> Option<&str> {
        self.parameters.iter().find(|(name, _)| **name == *wanted).map(|(_, value)| &**value)
    }
}

/// Takes a text and the zero byte after it.
fn text<'a>(rest: &mut &'a [u8]) -> Result<&'a str, Malformed> {
    let end = rest.iter().position(|byte| *byte == 0);
    let Some((text, [_, after @ ..])) = end.and_then(|end| rest.split_at_checked(end)) else {
        return Err(Malformed("invalid startup packet layout: expected terminator as last byte"));
    };
    *rest = after;
    str::from_utf8(text).map_err(|_| Malformed("the start-up message is not in UTF-8"))
}

/// As a server reads a boolean: any beginning of the word, in any case. What is no boolean at all is not taken for "no".
fn is_false(value: &str) -> bool {
    let value = value.to_ascii_lowercase();
    let begins = |word: &str| !value.is_empty() && word.starts_with(&value);
    value == "0" || value == "of" || value == "off" || begins("false") || begins("no")
}

/// What decides who the client is and where it goes.
const DECIDING: [&str; 3] = ["user", "database", "replication"];
/// What the names of options of the protocol begin with.
const OPTION: &str = "_pq_.";
/// The setting by which a session only reads; the grant decides it.
const READ_ONLY: &str = "default_transaction_read_only";

#[cfg(test)]
mod tests {
    use super::{Startup, Version};

    const V3: Version = Version { major: 3, minor: 0 };

    fn parse(text: &str) -> Result<Startup, String> {
        Startup::parse(V3, text.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn user_database_and_settings_are_read_and_the_database_may_be_left_out() {
        let startup = parse("user\0ada\0database\0orders\0application_name\0psql\0options\0\0\0").unwrap();
        assert_eq!((startup.user(), startup.database()), (Some("ada"), Some("orders")));
        assert_eq!(parse("user\0ada\0\0").unwrap().database(), None);
        assert_eq!(parse("user\0\0\0").unwrap().user(), None);
        let settings = startup.into_settings();
        assert_eq!(settings, [("application_name".into(), "psql".into()), ("options".into(), "".into())]);
    }

    #[test]
    fn what_the_door_decides_is_not_passed_on_however_it_is_spelled() {
        let startup = parse(
            "user\0a\0replication\0database\0Default_Transaction_READ_only\0off\0_pq_.x\0on\0DateStyle\0ISO\0\0",
        );
        let startup = startup.unwrap();
        assert_eq!(startup.replication(), Some("database"));
        assert_eq!(startup.options().collect::<Vec<_>>(), ["_pq_.x"]);
        assert!(startup.asks_for_more());
        assert_eq!(startup.into_settings(), [("DateStyle".into(), "ISO".into())]);
    }

    #[test]
    fn a_user_or_database_that_is_named_twice_is_refused() {
        for twice in ["user\0a\0user\0b\0\0", "user\0a\0database\0b\0database\0b\0\0"] {
            assert!(parse(twice).unwrap_err().contains("twice"), "{twice:?}");
        }
        assert!(parse("user\0a\0search_path\0b\0search_path\0c\0\0").is_ok());
    }

    #[test]
    fn only_a_clear_no_means_no_replication() {
        for (value, wants) in [
            ("false", false),
            ("F", false),
            ("off", false),
            ("n", false),
            ("0", false),
            ("o", true),
            ("", true),
            ("1", true),
            ("database", true),
            ("offf", true),
        ] {
            let startup = parse(&format!("user\0a\0replication\0{value}\0\0")).unwrap();
            assert_eq!(startup.replication().is_some(), wants, "{value:?}");
        }
    }

    #[test]
    fn a_message_that_does_not_end_with_its_last_parameter_is_refused() {
        for broken in ["", "user", "user\0ada", "user\0ada\0", "user\0ada\0\0x", "user\0ada\0\0\0"] {
            assert!(parse(broken).unwrap_err().contains("terminator"), "{broken:?}");
        }
        assert!(Startup::parse(V3, b"user\0\xff\0\0").is_err());
    }

    #[test]
    fn the_older_of_two_versions_is_spoken() {
        let spoken = |minor| {
            let startup = Startup::parse(Version { major: 3, minor }, b"user\0a\0\0").unwrap();
            (startup.spoken().minor, startup.asks_for_more(), startup.spoken().has_long_secrets())
        };
        assert_eq!(spoken(0), (0, false, false));
        assert_eq!(spoken(2), (2, false, true));
        assert_eq!(spoken(9999), (2, true, true));
    }
}
