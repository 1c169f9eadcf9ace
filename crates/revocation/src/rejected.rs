use crate::fetch::Unfetched;

/// Why what an authority's service gave is not kept.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rejected {
    pub(crate) why: String,
    /// Whether it pretends to be the authority's.
    pub(crate) forged: bool,
    /// The word for it in metrics.
    pub(crate) result: &'static str,
}

impl Rejected {
    /// It says nothing that we can go by.
    pub(crate) fn unusable(why: String) -> Self {
        Self { why, forged: false, result: "unusable" }
    }

    /// It is older than what the same service said before.
    pub(crate) fn older(why: String) -> Self {
        Self { why, forged: false, result: "older" }
    }
}

impl From<Unfetched> for Rejected {
    fn from(error: Unfetched) -> Self {
        Self { why: error.to_string(), forged: false, result: error.why().as_str() }
    }
}
