use std::time::Duration;

/// When certificates are replaced by new ones, and what was replaced may go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RotationRules {
    /// How long before its end a certificate is replaced, and never sooner than in the last third of its life.
    pub threshold: Duration,
    /// In the place of the threshold: after which part of its life; between 0 and 1.
    pub fraction: Option<f64>,
    /// From when before its end one that could not be replaced is warned of.
    pub alert: Duration,
    /// How often the certificates are looked at, at least.
    pub every: Duration,
    /// How long the replaced certificate stays good beside the new one.
    pub overlap: Duration,
    /// How long nobody may have come by an issuer or a root that was replaced before it is removed.
    pub quiet: Duration,
}

/// 14 days before the end, warned of from 7 days on, looked at every day, a day of overlap; seven days of quiet.
impl Default for RotationRules {
    fn default() -> Self {
        let days = |days: u64| Duration::from_secs(days * 86_400);
        Self {
            threshold: days(14),
            fraction: None,
            alert: days(7),
            every: days(1),
            overlap: days(1),
            quiet: days(7),
        }
    }
}
