//! A list of serial numbers that an operator wrote.

mod name;

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

pub use self::name::NamePattern;
use crate::{Certificate, Malformed, Pin, Serial};

/// A certificate that the operator refuses, whoever else says what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    /// Its serial number.
    pub serial: Serial,
    /// Whose serial number; `None` where it is refused from every issuer.
    pub issuer: Option<IssuerMatch>,
}

/// An issuer, as an operator writes it: a distinguished name, or the pin of a public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IssuerMatch {
    /// An issuer whose name has all of these attributes, whatever else it has.
    Name(NamePattern),
    /// An issuer with this public key.
    Key(Pin),
}

impl FromStr for IssuerMatch {
    type Err = Malformed;

    /// `CN=Old CA` or `CN=Old CA,O=Acme`, 64 hexadecimal digits, or `sha256//BASE64`.
    fn from_str(text: &str) -> Result<Self, Malformed> {
        if let Ok(pin) = Pin::parse(text.trim()) {
            return Ok(Self::Key(pin));
        }
        text.parse().map(Self::Name).map_err(|why| {
            Malformed::new(format!(
                "issuer \"{text}\" is neither the pin of a public key nor a name such as \"CN=Old CA\": {why}"
            ))
        })
    }
}

impl fmt::Display for IssuerMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "{name}"),
            Self::Key(pin) => write!(f, "{pin}"),
        }
    }
}

impl IssuerMatch {
    /// A certificate's issuer is known by name, and by its key where its own certificate is at hand; where it is not, it
    /// may be the one that is meant.
    fn matches(&self, subject: &Certificate, issuer: Option<&Certificate>) -> bool {
        match self {
            Self::Name(name) => name.matches(subject.identity().issuer()),
            Self::Key(pin) => issuer.is_none_or(|issuer| issuer.identity().spki_sha256() == *pin),
        }
    }
}

/// Entries by serial number.
#[derive(Default)]
pub(super) struct DenyList(HashMap<Serial, Vec<Option<IssuerMatch>>>);

impl DenyList {
    pub(super) fn new(entries: impl IntoIterator<Item = Denied>) -> Self {
        let mut list: HashMap<_, Vec<_>> = HashMap::new();
        for Denied { serial, issuer } in entries {
            list.entry(serial).or_default().push(issuer);
        }
        Self(list)
    }

    pub(super) fn has(&self, subject: &Certificate, issuer: Option<&Certificate>) -> bool {
        let entries = self.0.get(subject.identity().serial());
        entries.into_iter().flatten().any(|wanted| match wanted {
            None => true,
            Some(wanted) => wanted.matches(subject, issuer),
        })
    }

    pub(super) fn len(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }
}
