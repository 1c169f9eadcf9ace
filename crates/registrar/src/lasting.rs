use time::OffsetDateTime;

/// Something that only lasts until a moment, unless the authority makes another in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lasting {
    /// What it is: `list of issuer client`, `certificate of service worker`.
    pub what: String,
    /// Until when it is good.
    pub until: OffsetDateTime,
}

impl Lasting {
    /// Something with its end.
    pub fn new(what: impl Into<String>, until: OffsetDateTime) -> Self {
        Self { what: what.into(), until }
    }
}
