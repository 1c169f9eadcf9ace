use std::time::Duration;

/// What is asked about revocation, and how strictly.
///
/// Whatever the policy, a certificate that a source names as revoked is refused, and so is one whose list bears a
/// wrong signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RevocationPolicy {
    /// What a list from a file counts for once its `nextUpdate` has passed.
    pub outdated: OutdatedCrl,
    /// Whether a certificate that no list at hand speaks of is asked about; `None` lets it pass.
    pub verification: Option<Verification>,
}

/// What a list counts for once its `nextUpdate` has passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutdatedCrl {
    /// For nothing but the serials on it: whoever is not on it is refused with `revocation-unknown`.
    #[default]
    FailClosed,
    /// For as much as before, with a warning.
    FailOpen,
    /// For as much as before, for so long; then as [`FailClosed`](Self::FailClosed).
    Grace(Duration),
}

/// Asking the authorities about certificates that no list at hand speaks of: their lists first, then OCSP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verification {
    /// What happens where nobody answers.
    pub failure_mode: FailureMode,
    /// Lists fetched from the certificates' distribution points; `None` where they are not.
    pub crl: Option<CrlCheck>,
    /// OCSP; `None` where it is not asked.
    pub ocsp: Option<OcspCheck>,
    /// Whether the intermediates of a path are asked about as well as its leaf.
    pub check_intermediates: bool,
    /// Whether addresses of this machine and of private networks may be fetched from.
    pub allow_private_addresses: bool,
}

/// Lists fetched from distribution points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrlCheck {
    /// How long one fetch may take.
    pub timeout: Duration,
    /// How long a list counts before it is fetched again, where its `nextUpdate` does not say sooner.
    pub cache_ttl: Duration,
    /// How long after its `nextUpdate` a list still counts where no newer one can be had.
    pub grace: Duration,
    /// What happens where no list can be had.
    pub failure_mode: FailureMode,
}

/// OCSP (RFC 6960).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OcspCheck {
    /// How long one request may take.
    pub timeout: Duration,
    /// How long a good answer counts, where its `nextUpdate` does not say sooner.
    pub cache_ttl: Duration,
    /// How long a failure is remembered before the responder is asked again.
    pub error_cache_ttl: Duration,
    /// What happens where the responder does not answer.
    pub failure_mode: FailureMode,
}

/// What happens to a certificate that nobody answers for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum FailureMode {
    /// It is refused with `revocation-unknown`.
    #[default]
    FailClosed,
    /// It is let in, with a warning.
    FailOpen,
}

impl FailureMode {
    /// The word for it in a configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FailClosed => "fail-closed",
            Self::FailOpen => "fail-open",
        }
    }
}

impl Default for Verification {
    fn default() -> Self {
        Self {
            failure_mode: FailureMode::default(),
            crl: Some(CrlCheck::default()),
            ocsp: Some(OcspCheck::default()),
            check_intermediates: true,
            allow_private_addresses: false,
        }
    }
}

impl Default for CrlCheck {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            cache_ttl: DAY,
            grace: DAY,
            failure_mode: FailureMode::default(),
        }
    }
}

impl Default for OcspCheck {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            cache_ttl: Duration::from_secs(3_600),
            error_cache_ttl: Duration::from_secs(300),
            failure_mode: FailureMode::default(),
        }
    }
}

const DAY: Duration = Duration::from_secs(86_400);
