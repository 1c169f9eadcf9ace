//! A Plan with every file it names loaded and checked.

mod revocation;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use access::{Directory, Grants};
use authority::Authority;
use config::{ClientCa, DatabasePlan, PemText, Plan, TlsMode, TlsPlan};
use fault::{Fault, Faults, Place};
use identity::{Certificate, Credential, Strictness, Trust};
use time::OffsetDateTime;

use crate::issuing;

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
    pub issuers: BTreeMap<String, Authority>,
    /// What is allowed and will hurt.
    pub warnings: Vec<Fault>,
}

/// What a TLS profile presents and trusts.
pub struct TlsProfile {
    /// The credential from files; none where it is made or issued at start.
    pub credential: Option<Arc<Credential>>,
    /// Whom it believes; none where no client certificate is asked for.
    pub trust: Option<Arc<Trust>>,
}

/// The TLS profiles' own credentials, by profile.
pub(crate) type Credentials = BTreeMap<String, Arc<Credential>>;

/// Loads and checks everything that a Plan names. `check`, `explain` and `serve` share it, so that a yes of one is
/// a yes of all.
///
/// # Errors
/// Every fault at once.
pub fn prepare(plan: Plan, now: OffsetDateTime) -> Result<Prepared, Faults> {
    let mut faults = Faults::new();
    let mut warnings = Vec::new();
    let rules = rules(&plan).map_err(|found| faults.extend(found)).ok();
    let issuers = issuing::issuers(&plan, now).map_err(|found| faults.extend(found)).ok();
    let mut profiles = BTreeMap::new();
    let mut lists = revocation::Loaded::default();
    for (name, tls) in &plan.tls {
        match profile(&plan, tls, now, &mut lists, &mut warnings) {
            Ok(profile) => drop(profiles.insert(name.clone(), profile)),
            Err(found) => faults.extend(found),
        }
    }
    faults.extend(plan.databases.iter().filter_map(homeless));
    match (rules, issuers) {
        (Some((directory, grants)), Some(issuers)) if faults.is_empty() => {
            Ok(Prepared { plan, directory, grants, profiles, issuers, warnings })
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

fn rules(plan: &Plan) -> Result<(Arc<Directory>, Arc<Grants>), Faults> {
    let directory = match plan.env_only {
        true => Directory::common_name_is_principal(),
        false => Directory::new(plan.principals.clone())?,
    };
    let grants = match plan.open {
        true => Grants::open(),
        false => Grants::new(plan.grants.clone(), &directory)?
            .with_admins(plan.control_plane.admins.clone(), &directory)?,
    };
    Ok((Arc::new(directory), Arc::new(grants)))
}

fn profile(
    plan: &Plan,
    tls: &TlsPlan,
    now: OffsetDateTime,
    lists: &mut revocation::Loaded,
    warnings: &mut Vec<Fault>,
) -> Result<TlsProfile, Faults> {
    let mut faults = Faults::new();
    let credential = match &tls.mode {
        TlsMode::Files { cert, key, key_password } => faults
            .note(
                issuing::password(key_password.as_ref())
                    .and_then(|password| files::load_server_credential(cert, key, password.as_ref(), now))
                    .map_err(|fault| unset(plan, &[cert, key], fault)),
            )
            .map(|(credential, found)| {
                warnings.extend(found);
                Arc::new(credential)
            }),
        TlsMode::Authority { .. } | TlsMode::SelfSigned { .. } => None,
    };
    let trust = match trust(plan, tls, now, lists, warnings) {
        Ok(trust) => trust.map(Arc::new),
        Err(found) => {
            faults.extend(found);
            None
        }
    };
    if let (Some(credential), Some(trust)) = (&credential, &trust) {
        warnings.extend(shared_authority(credential, trust));
    }
    faults.or(TlsProfile { credential, trust })
}

fn trust(
    plan: &Plan,
    tls: &TlsPlan,
    now: OffsetDateTime,
    lists: &mut revocation::Loaded,
    warnings: &mut Vec<Fault>,
) -> Result<Option<Trust>, Faults> {
    let Some(mut anchors) = client_ca(plan, tls)? else { return Ok(None) };
    warnings.extend(expiring(&anchors, now));
    let revocations = revocation::revocations(&tls.revocation, &mut anchors, lists, now, warnings)?;
    let strictness = Strictness {
        allow_x509_v1: tls.allow_x509_v1,
        environment: Some(plan.environment.as_str().to_owned()),
    };
    Ok(Some(Trust::new(anchors, strictness).with_revocations(Arc::new(revocations))))
}

fn client_ca(plan: &Plan, tls: &TlsPlan) -> Result<Option<Vec<Certificate>>, Fault> {
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
                PemText::File(path) => files::load_client_ca(path).map(Some),
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
