//! What the PostgreSQL servers behind the door are reached with: every file and every secret that a Plan names for them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use config::{Plan, RevocationPlan, SecretKept, SharedCertificatePlan, UpstreamIdentityPlan, UpstreamPlan};
use fault::{Fault, Faults, Place};
use identity::{Credential, Secret, Strictness, Trust};
use time::OffsetDateTime;

use super::revocation::{Authorities, Loaded, revocations};
use super::{EXPIRES_SOON, Earlier, Noticed};
use crate::secrets;

/// What one server is reached with.
pub(crate) struct UpstreamFiles {
    /// What was written.
    pub(crate) plan: UpstreamPlan,
    /// Who may vouch for the server.
    pub(crate) trust: Option<Arc<Trust>>,
    /// What is presented to it for everybody.
    pub(crate) credential: Option<Arc<Credential>>,
    /// The password for everybody.
    pub(crate) password: Option<Secret>,
    /// What is allowed and will hurt.
    noticed: Vec<Fault>,
}

/// The servers by the names of their services.
pub(crate) type Upstreams = BTreeMap<String, Arc<UpstreamFiles>>;

/// Loads what all servers of a Plan are reached with; those of which nothing has changed are the same ones.
///
/// # Errors
/// Every file and every secret that cannot be used.
pub(super) fn load(
    plan: &Plan,
    earlier: Option<Earlier<'_>>,
    now: OffsetDateTime,
    warnings: &mut Vec<Fault>,
) -> Result<Upstreams, Faults> {
    let (mut faults, mut upstreams) = (Faults::new(), Upstreams::new());
    for written in &plan.upstreams {
        let kept = earlier.and_then(|earlier| earlier.upstream(written));
        match loaded(written, kept, now) {
            Ok(loaded) => {
                upstreams.insert(written.name.clone(), loaded);
            }
            Err(found) => faults.extend(found),
        }
    }
    warnings.extend(upstreams.values().flat_map(|one| one.noticed.iter().cloned()));
    faults.or(upstreams)
}

fn loaded(
    written: &UpstreamPlan,
    kept: Option<Arc<UpstreamFiles>>,
    now: OffsetDateTime,
) -> Result<Arc<UpstreamFiles>, Faults> {
    // A program has to be asked again, and mostly says the same.
    match kept {
        Some(kept) if !asks_a_program(written) => Ok(kept),
        Some(kept) => {
            let loaded = load_one(written, now)?;
            Ok(if kept.has_secrets_of(&loaded) { kept } else { Arc::new(loaded) })
        }
        None => load_one(written, now).map(Arc::new),
    }
}

/// Whether a program says one of its secrets, which may say another one at any time.
pub(crate) fn asks_a_program(written: &UpstreamPlan) -> bool {
    written.secrets().any(|secret| matches!(secret.kept, SecretKept::Command { .. }))
}

fn load_one(written: &UpstreamPlan, now: OffsetDateTime) -> Result<UpstreamFiles, Faults> {
    let mut faults = Faults::new();
    let trust = match &written.ssl_rootcert {
        Some(root) => trust(written, root, now).map_err(|found| faults.extend(found)).ok(),
        None => None,
    };
    let (certificate, password) = match &written.identity {
        UpstreamIdentityPlan::PerPrincipal { .. } => (None, None),
        UpstreamIdentityPlan::Shared { certificate, password } => (certificate.as_ref(), password.as_ref()),
    };
    let credential = certificate.and_then(|of| faults.note(credential(written, of, now)));
    let password =
        password.and_then(|secret| faults.note(secrets::read(secret).map_err(|fault| of(written, fault))));
    let (trust, of_trust) = trust.map_or((None, Vec::new()), |(trust, noticed)| (Some(trust), noticed));
    let (credential, of_credential) =
        credential.map_or((None, Vec::new()), |(one, noticed)| (Some(one), noticed));
    let noticed = of_trust.into_iter().chain(of_credential).collect();
    faults.or(UpstreamFiles { plan: written.clone(), trust, credential, password, noticed })
}

fn trust(written: &UpstreamPlan, root: &Path, now: OffsetDateTime) -> Result<Noticed<Arc<Trust>>, Faults> {
    let anchors = files::load_certificates(root).map_err(|fault| of(written, fault))?;
    let mut noticed = Vec::new();
    let soon = anchors.iter().filter(|anchor| anchor.identity().not_after() - now < EXPIRES_SOON);
    noticed.extend(soon.map(|anchor| {
        let identity = anchor.identity();
        let said = format!(
            "service {:?}: the authority of its server, {}, ends at {}",
            written.name,
            identity.subject(),
            identity.not_after()
        );
        Fault::yours(said).remedy("replace it before then: the server's certificate ends with it")
    }));
    let lists =
        RevocationPlan { crl_files: written.ssl_crl.iter().cloned().collect(), ..RevocationPlan::default() };
    let authorities = Authorities::of_upstream(&anchors);
    let known = revocations(&lists, authorities, &mut Loaded::default(), now, &mut noticed)?;
    let trust = Trust::new(anchors, Strictness::default()).with_revocations(Arc::new(known));
    Ok((Arc::new(trust), noticed))
}

fn credential(
    written: &UpstreamPlan,
    files: &SharedCertificatePlan,
    now: OffsetDateTime,
) -> Result<Noticed<Arc<Credential>>, Fault> {
    let password = files.key_password.as_ref().map(secrets::read).transpose();
    password
        .and_then(|password| files::load_credential(&files.cert, &files.key, password.as_ref(), now))
        .map(|(credential, noticed)| (Arc::new(credential), noticed))
        .map_err(|fault| of(written, fault))
}

/// Names the service where the fault has no place of its own.
fn of(written: &UpstreamPlan, fault: Fault) -> Fault {
    match fault.place() {
        Some(_) => fault,
        None => fault.at(Place::Name(format!("services {:?}", written.name))),
    }
}

impl UpstreamFiles {
    /// Whether both have the same secrets and credentials.
    fn has_secrets_of(&self, other: &Self) -> bool {
        let leaf = |of: &Self| of.credential.as_ref().map(|credential| credential.leaf().fingerprint());
        let text = |of: &Self| {
            of.password.as_ref().map(|password| password.expose().to_vec()).map(zeroize::Zeroizing::new)
        };
        leaf(self) == leaf(other) && text(self) == text(other)
    }
}
