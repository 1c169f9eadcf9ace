//! Our own authority.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use authority::RotationRules;
use authority::{Distribution, NameRules};
use identity::{KeyKind, Purpose, Secret};

use super::acme::AcmePlan;

/// Our own authority.
#[derive(Clone, Debug)]
pub struct AuthorityPlan {
    /// The root's certificate; always given where the file names an issuer.
    pub root_cert: Option<PathBuf>,
    /// Issuers by name. None where only services are registered: they get certificates once there is one.
    pub issuers: BTreeMap<String, IssuerPlan>,
    /// Profiles by name: adjustments of the built-in `server`, `client` and `service`, and new ones.
    pub profiles: BTreeMap<String, ProfilePlan>,
    /// The registry: the services that get certificates, and no others.
    pub services: BTreeSet<String>,
    /// Whether a registered service that has no certificate keeps the node from starting.
    pub provision_required: bool,
    /// When certificates are replaced.
    pub rotation: RotationRules,
    /// The lists of what was revoked.
    pub crl: CrlPlan,
    /// Where the authority may be away for less than this before something breaks, it is warned of.
    pub outage_warning: Duration,
    /// Asking for certificates over the door.
    pub enrolment: EnrolmentPlan,
    /// What strangers may fetch besides, and where.
    pub publishing: PublishingPlan,
    /// How ACME is served, where it is.
    pub acme: Option<AcmePlan>,
}

/// What strangers may fetch of our authority, besides its lists, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishingPlan {
    /// Where they reach it; certificates say so. None: they say nothing of it.
    pub distribution: Option<Distribution>,
    /// How long an OCSP answer promises to be the newest.
    pub ocsp_lifetime: Duration,
    /// The list of what the root has taken back, signed by hand.
    pub root_crl: Option<PathBuf>,
    /// Who answers in the root's name.
    pub root_ocsp: Option<RootOcspPlan>,
}

/// The root's responder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootOcspPlan {
    /// Its certificate.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// No address; answers for an hour.
impl Default for PublishingPlan {
    fn default() -> Self {
        Self {
            distribution: None,
            ocsp_lifetime: Duration::from_secs(3_600),
            root_crl: None,
            root_ocsp: None,
        }
    }
}

/// Asking for certificates over the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnrolmentPlan {
    /// Requests a minute that one who asks may make; 0 for no bound.
    pub per_minute: u64,
    /// Invitations that may be open at once.
    pub most_invitations: u64,
    /// How long an invitation may last at most.
    pub longest_invitation: Duration,
}

/// One request a second, a thousand invitations, a week.
impl Default for EnrolmentPlan {
    fn default() -> Self {
        Self { per_minute: 60, most_invitations: 1000, longest_invitation: Duration::from_secs(7 * 86_400) }
    }
}

/// The lists of what our issuers revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrlPlan {
    /// How long after it was signed a list promises a newer one.
    pub lifetime: Duration,
    /// How many revoked certificates one part of a list holds at most.
    pub shard_entries: usize,
}

/// One day, and 50,000 in one part.
impl Default for CrlPlan {
    fn default() -> Self {
        Self { lifetime: Duration::from_secs(86_400), shard_entries: 50_000 }
    }
}

/// An issuer's certificate and key.
#[derive(Clone, Debug)]
pub struct IssuerPlan {
    /// Its certificate.
    pub cert: PemText<String>,
    /// Its key.
    pub key: PemText<Secret>,
    /// What opens the key.
    pub key_password: Option<KeyPassword>,
}

/// Where PEM text comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PemText<T> {
    /// It is in this file.
    File(PathBuf),
    /// It was in an environment variable.
    Given {
        /// The variable's name, for faults.
        variable: &'static str,
        /// The text.
        text: T,
    },
}

/// Where the password of a private key is.
#[derive(Clone, Debug)]
pub enum KeyPassword {
    /// It was in an environment variable.
    Given(Secret),
    /// It is the first line of this file.
    File(PathBuf),
}

/// The rules for one kind of certificate; what is left out stays as built in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfilePlan {
    /// How long a certificate is valid; always given for a profile that is not built in.
    pub lifetime: Option<Duration>,
    /// What it may be used for; always given for a profile that is not built in.
    pub usages: Option<Vec<Purpose>>,
    /// Which keys it may carry.
    pub keys: Option<Vec<KeyKind>>,
    /// Whether certificates that end within a day say that nobody need ask about them.
    pub no_rev_avail: bool,
    /// Which names it may carry; any where nothing is written.
    pub names: Option<NameRules>,
    /// How long before its end the successor is suggested.
    pub renewal_window: Option<Duration>,
    /// How long after its end it may still be exchanged.
    pub renew_after_expiry: Option<Duration>,
}
