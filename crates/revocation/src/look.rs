use identity::Asked;

/// What memory says about a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// This.
    Known(Asked),
    /// Nothing: somebody has to be asked.
    Ask,
}
