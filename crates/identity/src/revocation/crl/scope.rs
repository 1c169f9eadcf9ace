use super::{CrlError, Unusable};
use crate::certificate::services::point_name;
use crate::{Certificate, der};

const DISTRIBUTION_POINT: u8 = 0xa0;
const ONLY_USERS: u8 = 0x81;
const ONLY_AUTHORITIES: u8 = 0x82;
const ONLY_SOME_REASONS: u8 = 0x83;
const INDIRECT: u8 = 0x84;
const ONLY_ATTRIBUTES: u8 = 0x85;

/// Which of its authority's certificates a list speaks of, by its issuing distribution point (RFC 5280 §5.2.5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    kinds: Kinds,
    only_some_reasons: bool,
    /// The addresses of the one distribution point that the list belongs to.
    point: Option<Vec<String>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kinds {
    #[default]
    All,
    Users,
    Authorities,
    Attributes,
}

impl Scope {
    /// Whether the list speaks of certificates such as this one at all.
    #[must_use]
    pub fn speaks_of(&self, certificate: &Certificate) -> bool {
        match self.kinds {
            Kinds::All => true,
            Kinds::Users => !certificate.is_ca(),
            Kinds::Authorities => certificate.is_ca(),
            Kinds::Attributes => false,
        }
    }

    /// Whether the certificate's absence from the list means that it is not revoked: the list has every reason, and the
    /// certificate names the distribution point that the list belongs to.
    #[must_use]
    pub fn clears(&self, certificate: &Certificate) -> bool {
        let from_its_point = self.point.as_ref().is_none_or(|point| {
            point.iter().any(|address| certificate.crl_uris().iter().any(|named| named == address))
        });
        self.speaks_of(certificate) && !self.only_some_reasons && from_its_point
    }

    /// Reads the extension; what is left over is an error, because a scope that is not understood is wider than meant.
    pub(super) fn read(extension: &[u8]) -> Result<Self, CrlError> {
        let (scope, indirect) = parse(extension)
            .ok_or_else(|| CrlError::Malformed("the issuing distribution point cannot be read".to_owned()))?;
        if indirect { Err(CrlError::Unusable(Unusable::Indirect)) } else { Ok(scope) }
    }
}

fn parse(extension: &[u8]) -> Option<(Scope, bool)> {
    let (fields, after) = der::content(der::SEQUENCE, extension)?;
    let (point, fields) = der::optional(DISTRIBUTION_POINT, fields)?;
    let (users, fields) = flag(ONLY_USERS, fields)?;
    let (authorities, fields) = flag(ONLY_AUTHORITIES, fields)?;
    let (reasons, fields) = der::optional(ONLY_SOME_REASONS, fields)?;
    let (indirect, fields) = flag(INDIRECT, fields)?;
    let (attributes, fields) = flag(ONLY_ATTRIBUTES, fields)?;
    let kinds = match (users, authorities, attributes) {
        (false, false, false) => Kinds::All,
        (true, false, false) => Kinds::Users,
        (false, true, false) => Kinds::Authorities,
        (false, false, true) => Kinds::Attributes,
        _ => return None,
    };
    let point = match point {
        Some(name) => Some(point_name(name)?),
        None => None,
    };
    let whole = after.is_empty() && fields.is_empty();
    whole.then_some((Scope { kinds, only_some_reasons: reasons.is_some(), point }, indirect))
}

fn flag(tag: u8, input: &[u8]) -> Option<(bool, &[u8])> {
    let (value, rest) = der::optional(tag, input)?;
    match value {
        None | Some([0]) => Some((false, rest)),
        Some([0xff]) => Some((true, rest)),
        Some(_) => None,
    }
}
