use identity::Asked;
use time::OffsetDateTime;

/// What memory says about a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// This.
    Known(Said),
    /// Nothing: somebody has to be asked.
    Ask,
}

/// What came of asking, and of which moment it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) asked: Asked,
    /// When the authority knew that to be so; none where it said nothing.
    pub(crate) as_of: Option<OffsetDateTime>,
}

impl Said {
    pub(crate) fn at(as_of: OffsetDateTime, asked: Asked) -> Self {
        Self { asked, as_of: Some(as_of) }
    }

    /// Whether it says if the certificate is revoked.
    pub(crate) fn is_definite(&self) -> bool {
        matches!(self.asked, Asked::Good { .. } | Asked::Revoked(_))
    }
}

impl From<Asked> for Said {
    fn from(asked: Asked) -> Self {
        Self { asked, as_of: None }
    }
}
