//! A Plan with every file it names loaded and checked.

pub(crate) mod by_root;
mod homes;
mod kept;
pub(crate) mod revocation;
pub(crate) mod succession;
#[cfg(test)]
mod tests;
pub(crate) mod upstreams;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use access::{Directory, Grants};
use authority::{Authority, Profile};
use config::{ClientCa, DatabasePlan, ListenerPlan, PemText, Plan, TlsMode, TlsPlan};
use fault::{Fault, Faults, Place};
use identity::{Certificate, Credential, List, Strictness, Trust};
use time::OffsetDateTime;

use crate::{acme, issuing, ledgers};

use by_root::ByRoot;
use homes::Homes;
pub(crate) use homes::{Home, is_read_only};
pub(crate) use kept::Earlier;
use revocation::{Authorities, Vouched};
use upstreams::Upstreams;

/// A Plan whose files were loaded and found good. Nothing has been bound, opened or written.
pub struct Prepared {
    /// The Plan.
    pub plan: Plan,
    /// Who is who.
    pub directory: Arc<Directory>,
    /// Who may do what.
    pub grants: Arc<Grants>,
    /// The TLS profiles by name.
    pub profiles: BTreeMap<String, TlsProfile>,
    /// The issuers of our own authority by name.
    pub issuers: BTreeMap<String, Arc<Authority>>,
    /// The root of our own authority, where it is configured.
    pub(crate) root: Option<Certificate>,
    /// What somebody signed by hand with the root's key.
    pub(crate) by_root: ByRoot,
    /// The issuers whose place was taken, and whose lists are still signed.
    pub(crate) retiring: BTreeMap<String, Arc<Authority>>,
    /// The rules by which our own authority issues, by the profile's name.
    pub(crate) certificate_profiles: BTreeMap<String, Profile>,
    /// What is allowed and will hurt.
    pub warnings: Vec<Fault>,
    /// The roots of our own authority, and what lies beside its issuers while they are rotated.
    pub(crate) authorities: Vec<Certificate>,
    /// The files of the databases.
    pub(crate) homes: Homes,
    /// What the servers behind the door are reached with.
    pub(crate) upstreams: Upstreams,
}

/// What a TLS profile presents and trusts.
pub struct TlsProfile {
    /// The credential from files; none where it is made or issued at start.
    pub credential: Option<Arc<Credential>>,
    /// Whom it believes; none where no client certificate is asked for.
    pub trust: Option<Arc<Trust>>,
    /// What is allowed in the credential and will hurt.
    of_credential: Vec<Fault>,
    /// The same in the trust.
    of_trust: Vec<Fault>,
}

impl Prepared {
    /// The lists from files, with the TLS profiles that judge by them.
    pub(crate) fn lists(&self) -> impl Iterator<Item = (&str, &List)> {
        self.profiles.iter().flat_map(|(name, profile)| {
            let lists = profile.trust.iter().flat_map(|trust| trust.revocations().lists());
            lists.map(move |list| (name.as_str(), list))
        })
    }

    /// The lists that became outdated after `since`, and what that means, each once.
    pub(crate) fn newly_outdated(&self, since: OffsetDateTime, now: OffsetDateTime) -> Vec<Fault> {
        let mut found: Vec<Fault> = Vec::new();
        for (name, list) in self.lists() {
            let Some(tls) = self.plan.tls.get(name) else { continue };
            let new = list.crl().next_update().is_some_and(|end| end >= since);
            let fault = revocation::outdated(list, &tls.revocation.policy, now).filter(|_| new);
            found.extend(fault.filter(|fault| !found.contains(fault)));
        }
        found
    }
}

impl TlsProfile {
    fn noticed(&self) -> Vec<Fault> {
        let shared = match (&self.credential, &self.trust) {
            (Some(credential), Some(trust)) => shared_authority(credential, trust),
            _ => None,
        };
        self.of_credential.iter().chain(&self.of_trust).cloned().chain(shared).collect()
    }
}

/// The TLS profiles' own credentials, by profile.
pub(crate) type Credentials = BTreeMap<String, Arc<Credential>>;

/// Loads and checks everything that a Plan names. `check`, `explain` and `serve` share it, so that a yes of one is
/// a yes of all.
///
/// # Errors
/// Every fault at once.
pub fn prepare(plan: Plan, now: OffsetDateTime) -> Result<Prepared, Faults> {
    prepare_after(plan, None, now)
}

/// As [`prepare`]; what has not changed since an earlier look is taken from there.
///
/// # Errors
/// As [`prepare`].
pub(crate) fn prepare_after(
    plan: Plan,
    earlier: Option<Earlier<'_>>,
    now: OffsetDateTime,
) -> Result<Prepared, Faults> {
    let mut faults = Faults::new();
    let mut warnings = Vec::new();
    let rules = rules(&plan, earlier).map_err(|found| faults.extend(found)).ok();
    let issuers = issuing::issuers(&plan, now).map_err(|found| faults.extend(found)).ok();
    let certificate_profiles = issuing::profiles(&plan).map_err(|found| faults.extend(found)).ok();
    if let (Some(issuers), Some(profiles)) = (&issuers, &certificate_profiles) {
        faults.extend(acme::faults(&plan, issuers, profiles));
    }
    // Where it cannot be read, the issuers have told so.
    let roots = succession::roots(&plan);
    let by_root = ByRoot::load(&plan, &roots).map_err(|found| faults.extend(found)).unwrap_or_default();
    let root = roots.into_iter().next();
    let retiring = issuers.as_ref().map(|issuers| issuing::retiring(&plan, issuers, now, &mut warnings));
    let retiring = retiring.unwrap_or_default();
    warnings.extend(by_root.warnings(now));
    let authorities = succession::all(&plan, now).map_err(|found| faults.extend(found)).unwrap_or_default();
    let mut profiles = BTreeMap::new();
    let mut lists = revocation::Loaded::default();
    for (name, tls) in &plan.tls {
        match profile(&plan, name, tls, earlier, now, &mut lists) {
            Ok(profile) => {
                warnings.extend(profile.noticed());
                profiles.insert(name.clone(), profile);
            }
            Err(found) => faults.extend(found),
        }
    }
    let upstreams = upstreams::load(&plan, earlier, now, &mut warnings);
    let upstreams = upstreams.map_err(|found| faults.extend(found)).unwrap_or_default();
    if let Err(found) = ledgers::check(&plan, now, &mut warnings) {
        faults.extend(found);
    }
    faults.extend(plan.databases.iter().filter_map(homeless));
    let homes = Homes::of(&plan);
    homes.shared(&plan, &mut faults, &mut warnings);
    match (rules, issuers, certificate_profiles) {
        (Some((directory, grants)), Some(issuers), Some(certificate_profiles)) if faults.is_empty() => {
            Ok(Prepared {
                plan,
                directory,
                grants,
                profiles,
                issuers,
                root,
                by_root,
                retiring,
                authorities,
                certificate_profiles,
                warnings,
                homes,
                upstreams,
            })
        }
        _ => Err(faults),
    }
}

/// A database whose file cannot be where the Plan says.
fn homeless(database: &DatabasePlan) -> Option<Fault> {
    let path = database.path.as_ref()?;
    let fault = |what: &str| Fault::yours(format!("database {:?}: {what}", database.name)).in_file(path);
    let folder = path.parent().unwrap_or(Path::new("/"));
    match (folder.is_dir(), path.is_dir()) {
        (false, _) => Some(fault("its folder is missing").remedy(format!("mkdir -p {}", folder.display()))),
        (true, true) => Some(fault("it is a folder").remedy("name a file in it")),
        (true, false) => None,
    }
}

fn rules(plan: &Plan, earlier: Option<Earlier<'_>>) -> Result<(Arc<Directory>, Arc<Grants>), Faults> {
    let directory = match earlier.and_then(|earlier| earlier.directory(plan)) {
        Some(kept) => kept,
        None if plan.env_only => Arc::new(Directory::common_name_is_principal()),
        None => Arc::new(Directory::new(plan.principals.clone())?),
    };
    // Where nobody comes in without signing in, and nobody can sign in, there is nobody to open anything to.
    let strangers = plan.listeners.iter().any(ListenerPlan::lets_strangers_in);
    let grants = match plan.open && strangers {
        true => Grants::open(),
        false => Grants::new(plan.grants.clone(), &directory)?
            .with_admins(plan.control_plane.admins.clone(), &directory)?,
    };
    Ok((directory, Arc::new(grants)))
}

/// What was found, with what is allowed in it and will hurt.
type Noticed<T> = (T, Vec<Fault>);

fn profile(
    plan: &Plan,
    name: &str,
    tls: &TlsPlan,
    earlier: Option<Earlier<'_>>,
    now: OffsetDateTime,
    lists: &mut revocation::Loaded,
) -> Result<TlsProfile, Faults> {
    let mut faults = Faults::new();
    let kept = earlier.and_then(|earlier| earlier.credential(name, tls));
    let credential = faults.note(kept.map_or_else(|| credential(plan, tls, now), Ok));
    let kept = earlier.and_then(|earlier| earlier.trust(name, plan, tls));
    let trust = kept.map_or_else(|| trust(plan, tls, now, lists), Ok).map_err(|found| faults.extend(found));
    let ((credential, of_credential), (trust, of_trust)) =
        (credential.unwrap_or_default(), trust.unwrap_or_default());
    faults.or(TlsProfile { credential, trust, of_credential, of_trust })
}

fn credential(
    plan: &Plan,
    tls: &TlsPlan,
    now: OffsetDateTime,
) -> Result<Noticed<Option<Arc<Credential>>>, Fault> {
    let TlsMode::Files { cert, key, key_password } = &tls.mode else { return Ok((None, Vec::new())) };
    issuing::password(key_password.as_ref())
        .and_then(|password| files::load_server_credential(cert, key, password.as_ref(), now))
        .map(|(credential, noticed)| (Some(Arc::new(credential)), noticed))
        .map_err(|fault| unset(plan, &[cert, key], fault))
}

fn trust(
    plan: &Plan,
    tls: &TlsPlan,
    now: OffsetDateTime,
    lists: &mut revocation::Loaded,
) -> Result<Noticed<Option<Arc<Trust>>>, Faults> {
    let Some(anchors) = client_ca(plan, tls, now)? else { return Ok((None, Vec::new())) };
    let mut noticed = expiring(&anchors, now);
    let ours = match tls.client_ca {
        Some(ClientCa::Authority) => anchors.iter().map(|issuer| issuer.identity().spki_sha256()).collect(),
        _ => Vec::new(),
    };
    let roots = succession::roots(plan);
    let authorities = Authorities { anchors: &anchors, ours, roots, vouched: Vouched::Clients };
    let revocations = revocation::revocations(&tls.revocation, authorities, lists, now, &mut noticed)?;
    let strictness = Strictness {
        allow_x509_v1: tls.allow_x509_v1,
        environment: Some(plan.environment.as_str().to_owned()),
    };
    let trust = Trust::new(anchors, strictness).with_revocations(Arc::new(revocations));
    Ok((Some(Arc::new(trust)), noticed))
}

fn client_ca(plan: &Plan, tls: &TlsPlan, now: OffsetDateTime) -> Result<Option<Vec<Certificate>>, Fault> {
    match &tls.client_ca {
        None => Ok(None),
        Some(ClientCa::Path(path)) => {
            files::load_client_ca(path).map(Some).map_err(|fault| unset(plan, &[path], fault))
        }
        Some(ClientCa::Authority) => {
            let issuer = plan.authority.as_ref().and_then(|authority| authority.issuers.get("client"));
            let issuer = issuer.ok_or_else(|| {
                Fault::yours("client_ca is `authority` and there is no client issuer")
                    .remedy("add authority.issuers.client, or name a file")
            })?;
            match &issuer.cert {
                PemText::File(path) => {
                    let own = files::load_client_ca(path).map(|own| own.into_iter().take(1));
                    // What cannot stand there is a fault of the authority, which is told there.
                    let beside = succession::beside(path, &succession::roots(plan), now).unwrap_or_default();
                    own.map(|own| Some(own.chain(beside).collect()))
                }
                given @ PemText::Given { .. } => issuing::certificates(given).map(Some),
            }
        }
    }
}

/// Names the key of a file that nobody wrote down: its default is what could not be loaded.
fn unset(plan: &Plan, paths: &[&PathBuf], fault: Fault) -> Fault {
    let Some(Place::File(file)) = fault.place() else { return fault };
    let by_default = |origin: &&config::Origin| origin.place.is_none() && Path::new(&origin.value) == file;
    match plan.origins.iter().find(by_default).filter(|_| paths.contains(&file)) {
        Some(origin) => {
            let cause = format!("{} is not set, and this is its default", origin.key);
            let remedy = format!("put the file there, or write {}", origin.key);
            fault.because(cause).remedy(remedy)
        }
        None => fault,
    }
}

/// An authority that ends takes every certificate below it along.
fn expiring(anchors: &[Certificate], now: OffsetDateTime) -> Vec<Fault> {
    let soon = |anchor: &&Certificate| anchor.identity().not_after() - now < EXPIRES_SOON;
    anchors
        .iter()
        .filter(soon)
        .map(|anchor| {
            let identity = anchor.identity();
            Fault::yours(format!("client authority {} ends at {}", identity.subject(), identity.not_after()))
                .remedy("replace it before then: every certificate below it ends with it")
        })
        .collect()
}

/// Whoever can issue client certificates could then also issue our server's (T23).
fn shared_authority(credential: &Credential, trust: &Trust) -> Option<Fault> {
    let issuer = credential.leaf().identity().issuer();
    let shared = trust.anchors().find(|anchor| anchor.identity().subject() == issuer)?;
    let subject = shared.identity().subject();
    Some(
        Fault::yours(format!("client certificates and the server's own come from one authority, {subject}"))
            .remedy("use separate authorities, so that issuing a client certificate cannot forge a server"),
    )
}

const EXPIRES_SOON: time::Duration = time::Duration::days(90);
