//! Where each value came from, for `countersign check --origin`.

use std::fmt;

use fault::Place;
use serde::Serialize;

/// One value of the configuration and where it came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// The full key, such as `tls.prod.cert`.
    pub key: String,
    /// The value as text, with variables replaced.
    pub value: String,
    /// The place in the file, the variable or the flag; none for a default.
    pub place: Option<Place>,
}

impl Origin {
    pub(crate) fn new(key: &str, value: &str, place: Option<Place>) -> Self {
        Self { key: key.to_owned(), value: value.to_owned(), place }
    }
}

/// `tls.prod.cert = "/etc/server.crt" (countersign.yaml:4:11)`
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {:?} ", self.key, self.value)?;
        match &self.place {
            Some(place) => write!(f, "({place})"),
            None => f.write_str("(default)"),
        }
    }
}
