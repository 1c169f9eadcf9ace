use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use authority::{Authority, Profile, Responder, RotationRules, SignedCrl};
use fault::Fault;
use identity::Certificate;
use time::Duration;

use crate::acme;

/// With what certificates are issued at one moment; a reload replaces it whole.
#[derive(Debug)]
pub struct Issuing {
    /// The environment that certificates carry.
    pub environment: String,
    /// The root, where it is configured. Its key is never here.
    pub root: Option<Certificate>,
    /// The issuers by name; none in a node that only reads.
    pub issuers: BTreeMap<String, Arc<Authority>>,
    /// The issuers whose place was taken, by name: they issue nothing any more, and still answer for what they issued.
    pub retiring: BTreeMap<String, Arc<Authority>>,
    /// The profiles by name, as the configuration adjusts them.
    pub profiles: BTreeMap<String, Profile>,
    /// The registry: the services that get certificates.
    pub services: BTreeSet<String>,
    /// When their certificates are replaced.
    pub rotation: RotationRules,
    /// Whether a service without a certificate keeps the node from starting.
    pub provision_required: bool,
    /// How long after it was signed a list promises a newer one.
    pub crl_lifetime: Duration,
    /// How often certificates may be asked for, and how many invitations there may be.
    pub enrolment: EnrolmentRules,
    /// The files that TLS profiles present, by the profile's name.
    pub presented: BTreeMap<String, Vec<PathBuf>>,
    /// How many revocations one part of a list holds at most, where certificates say which part is theirs.
    pub shard_entries: usize,
    /// How long an OCSP answer counts.
    pub ocsp_lifetime: Duration,
    /// The list of what the root has taken back, which somebody signed by hand.
    pub root_list: Option<SignedCrl>,
    /// Who answers in the root's name.
    pub root_responder: Option<Arc<Responder>>,
    /// The folder for what the node keeps on disk of its own: keys and what was signed.
    pub state: PathBuf,
    /// How ACME is served, where it is.
    pub acme: Option<Arc<acme::Settings>>,
}

/// Bounds of asking for certificates over the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnrolmentRules {
    /// Requests a minute that one who asks may make; 0 for no bound.
    pub per_minute: u64,
    /// Invitations that may be open at once.
    pub most_invitations: u64,
    /// How long an invitation may last at most.
    pub longest_invitation: Duration,
}

/// The issuer of the profile's name, or the first whose own certificate allows the profile's usages; registered services
/// alone are certified by the issuer of services, and it certifies nothing else.
#[must_use]
pub fn issuer_for<'i>(
    issuers: &'i BTreeMap<String, Arc<Authority>>,
    profile: &Profile,
) -> Option<&'i Arc<Authority>> {
    let name = profile.name();
    if name == SERVICE {
        return issuers.get(SERVICE);
    }
    let may = |issuer: &&Arc<Authority>| profile.usages().iter().all(|usage| issuer.may_issue(usage));
    let others = || issuers.iter().filter(|(other, _)| *other != SERVICE).map(|(_, issuer)| issuer);
    issuers.get(name).filter(may).or_else(|| others().find(may))
}

/// That there is no such profile: the nearest of those that there are, or all of them.
pub fn unknown_profile<'n>(name: &str, known: impl Iterator<Item = &'n str> + Clone) -> Fault {
    let remedy = match fault::nearest(name, known.clone()) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => known.collect::<Vec<_>>().join(", "),
    };
    Fault::yours(format!("no profile \"{}\"", name.escape_debug())).remedy(remedy)
}

/// The profile, and the issuer, of registered services.
pub const SERVICE: &str = "service";
