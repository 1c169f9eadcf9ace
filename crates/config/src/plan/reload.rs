//! When a configuration is read again, and what that may make weaker.

use std::time::Duration;

/// When the configuration and the files that it names are read again without being told to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReloadPlan {
    /// Whether files that change are noticed.
    pub watch: bool,
    /// How often their content is compared; at least a second.
    pub poll: Duration,
}

/// What a reload may make weaker than it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowWeaker {
    /// Nothing: a reload that weakens is refused.
    Nothing,
    /// Everything.
    Everything,
    /// What bears one of these names, as a refused reload tells them.
    Named(Vec<String>),
}
