//! Our own authority as the Plan describes it: its issuers, and its profiles as the configuration adjusts them.

mod replaced;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use authority::{Authority, IssuerKind, Profile, Renewal, Standing};
use config::{EnrolmentPlan, IssuerPlan, KeyPassword, PemText, Plan, ProfilePlan, TlsMode};
use fault::{Fault, Faults, Place};
use identity::{Certificate, KeyError, PrivateKey, Purpose, Secret, Usage};
use ledger::Ledger;
use registrar::{EnrolmentRules, Issuing, SERVICE, unconfigured, unknown_profile};
use time::{Duration, OffsetDateTime};

use crate::acme;
pub(crate) use replaced::{check_below_one, retiring, roots};

use crate::prepare::Prepared;
use replaced::key_of;

/// Loads every issuer; each is checked for what only its certificate and key can tell: the key matches, it is no root,
/// it has not ended, and it stands below the root where that is configured.
///
/// # Errors
/// Every issuer that cannot issue.
pub fn issuers(plan: &Plan, now: OffsetDateTime) -> Result<BTreeMap<String, Arc<Authority>>, Faults> {
    let mut faults = Faults::new();
    let mut issuers = BTreeMap::new();
    let Some(written) = &plan.authority else { return Ok(issuers) };
    let roots = faults.note(roots(plan)).unwrap_or_default();
    for (name, issuer) in &written.issuers {
        if let Some(loaded) = faults.note(load(plan, issuer, &roots, now)) {
            issuers.insert(name.clone(), Arc::new(loaded));
        }
    }
    faults.or(issuers)
}

/// What is wrong with the issuers' standing by what the ledger says: one that was taken back vouches for nobody.
pub async fn revoked_issuers(issuers: &BTreeMap<String, Arc<Authority>>, ledger: &dyn Ledger) -> Vec<Fault> {
    let mut revoked = Vec::new();
    for (name, issuer) in issuers {
        let place = Place::Name(format!("authority.issuers.{name}"));
        revoked.extend(issuer.check_standing(ledger).await.err().map(|fault| fault.at(place)));
    }
    revoked
}

/// With what a prepared Plan issues.
pub(crate) fn issuing(prepared: &Prepared) -> Issuing {
    let Prepared { plan, issuers, retiring, root, by_root, certificate_profiles, .. } = prepared;
    let written = plan.authority.as_ref();
    let crl = written.map(|written| written.crl).unwrap_or_default();
    let publishing = written.map(|written| written.publishing.clone()).unwrap_or_default();
    Issuing {
        environment: plan.environment.as_str().to_owned(),
        root: root.clone(),
        issuers: issuers.clone(),
        retiring: retiring.clone(),
        profiles: certificate_profiles.clone(),
        services: written.map(|written| written.services.clone()).unwrap_or_default(),
        rotation: written.map(|written| written.rotation).unwrap_or_default(),
        provision_required: written.is_some_and(|written| written.provision_required),
        enrolment: enrolment(written.map(|written| written.enrolment).unwrap_or_default()),
        presented: plan.tls.iter().map(|(name, tls)| (name.clone(), presented(&tls.mode))).collect(),
        crl_lifetime: Duration::try_from(crl.lifetime).unwrap_or(Duration::DAY),
        shard_entries: crl.shard_entries,
        ocsp_lifetime: Duration::try_from(publishing.ocsp_lifetime).unwrap_or(Duration::HOUR),
        root_list: by_root.list.clone(),
        root_responder: by_root.responder.clone(),
        state: plan.base.join(STATE),
        acme: acme::settings(prepared),
    }
}

fn enrolment(written: EnrolmentPlan) -> EnrolmentRules {
    EnrolmentRules {
        per_minute: written.per_minute,
        most_invitations: written.most_invitations,
        longest_invitation: Duration::try_from(written.longest_invitation).unwrap_or(Duration::WEEK),
    }
}

/// The files of a TLS profile's credential; none where we make or issue it.
fn presented(mode: &TlsMode) -> Vec<PathBuf> {
    match mode {
        TlsMode::Files { cert, key, .. } => vec![cert.clone(), key.clone()],
        TlsMode::Authority { .. } | TlsMode::Service { .. } | TlsMode::SelfSigned { .. } => Vec::new(),
    }
}

fn load(
    plan: &Plan,
    written: &IssuerPlan,
    roots: &[Certificate],
    now: OffsetDateTime,
) -> Result<Authority, Fault> {
    let here = |fault: Fault| fault.at(place(&written.cert));
    let chain = certificates(&written.cert)?;
    Authority::check_certificate(&chain, Standing::Issuer, now).map_err(here)?;
    check_below_one(&chain, roots).map_err(here)?;
    let key = key_of(written, chain.first())?;
    let environment = Some(plan.environment.as_str());
    let authority = Authority::new(chain, &key, Standing::Issuer, environment, now).map_err(here)?;
    Ok(published(plan, authority))
}

/// With what its certificates say of where it can be asked about them, and how its list is spread.
fn published(plan: &Plan, authority: Authority) -> Authority {
    let distribution = plan.authority.as_ref().and_then(|written| written.publishing.distribution.clone());
    authority.spread_over(registrar::published_parts(&plan.base.join(STATE), authority.key_id()));
    authority.distributing(distribution)
}

/// The certificates of an issuer, its own first.
///
/// # Errors
/// When the file or the variable holds none.
pub fn certificates(written: &PemText<String>) -> Result<Vec<Certificate>, Fault> {
    match written {
        PemText::File(path) => files::load_certificates(path),
        PemText::Given { variable, text } => {
            identity::certificates_from_pem(text.as_bytes()).map_err(|error| unusable(variable, &error))
        }
    }
}

fn key(written: &IssuerPlan, password: Option<&Secret>) -> Result<PrivateKey, Fault> {
    match &written.key {
        PemText::File(path) => files::load_key(path, password),
        PemText::Given { variable, text } => {
            PrivateKey::from_pem(text.expose(), password).map_err(|error| match error {
                KeyError::Encrypted => Fault::yours(format!("{variable}: the private key is encrypted"))
                    .at(Place::Name((*variable).to_owned()))
                    .remedy("give it unencrypted, or name it with its password in authority.issuers.service"),
                error => unusable(variable, &error),
            })
        }
    }
}

fn place<T>(written: &PemText<T>) -> Place {
    match written {
        PemText::File(path) => Place::File(path.clone()),
        PemText::Given { variable, .. } => Place::Name((*variable).to_owned()),
    }
}

/// What was wrong is told without the text: it may be a key.
fn unusable(variable: &str, error: &impl std::fmt::Display) -> Fault {
    Fault::yours(format!("{variable} cannot be used"))
        .at(Place::Name(variable.to_owned()))
        .because(error)
        .remedy(format!("give the text of a PEM file with its line ends: export {variable}=\"$(cat FILE)\""))
}

/// The issuer of the profile's name, or the first whose own certificate allows the profile's usages; registered services
/// alone are certified by the issuer `service`, and it certifies nothing else.
///
/// # Errors
/// When there is no authority, or none of its issuers may issue the profile.
pub fn issuer_for(plan: &Plan, profile: &Profile, now: OffsetDateTime) -> Result<Arc<Authority>, Faults> {
    if plan.authority.is_none() && !is_service(profile) {
        return Err(Fault::yours("the configuration has no authority")
            .remedy("name one with --ca PATH, or add authority: { … }")
            .into());
    }
    let issuer = registrar::issuer_for(&issuers(plan, now)?, profile).map(Arc::clone);
    if is_service(profile) {
        return issuer.ok_or_else(|| unconfigured().into());
    }
    issuer.ok_or_else(|| {
        let name = profile.name();
        let remedy = match IssuerKind::parse(name) {
            Some(kind) => format!("countersign ca init-issuer --kind {kind}"),
            None => {
                format!("add authority.issuers.{name}: one whose certificate allows the profile's usages")
            }
        };
        Fault::yours(format!("no issuer of this realm may issue the profile \"{name}\""))
            .remedy(remedy)
            .into()
    })
}

fn is_service(profile: &Profile) -> bool {
    profile.name() == SERVICE
}

/// Every profile that there is, by name.
///
/// # Errors
/// Every one whose rules cannot be kept.
pub(crate) fn profiles(plan: &Plan) -> Result<BTreeMap<String, Profile>, Faults> {
    let mut faults = Faults::new();
    let own = plan.authority.iter().flat_map(|authority| authority.profiles.keys().map(String::as_str));
    let names: BTreeSet<&str> = BUILT_IN.into_iter().chain(own).collect();
    let profiles = names
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), faults.note(profile(plan, name))?)))
        .collect();
    faults.or(profiles)
}

/// The built-in profile of that name as the configuration adjusts it, or one of the configuration's own.
///
/// # Errors
/// When there is no such profile, or its rules cannot be kept.
pub fn profile(plan: &Plan, name: &str) -> Result<Profile, Fault> {
    let written = plan.authority.as_ref().and_then(|authority| authority.profiles.get(name));
    let built_in = Profile::named(name).map(|profile| {
        // Without a registry nobody is registered.
        let services = plan.authority.iter().flat_map(|authority| authority.services.iter().cloned());
        if is_service(&profile) { profile.with_registry(services) } else { profile }
    });
    match (built_in, written) {
        (Some(built_in), None) => Ok(built_in),
        (Some(built_in), Some(written)) => adjusted(built_in, written),
        (None, Some(written)) => {
            let usages = usages(written.usages.as_deref().unwrap_or_default());
            adjusted(Profile::new(name, usages)?, written)
        }
        (None, None) => Err(unknown(plan, name)),
    }
}

fn adjusted(profile: Profile, written: &ProfilePlan) -> Result<Profile, Fault> {
    let profile = match written.lifetime.and_then(|lifetime| Duration::try_from(lifetime).ok()) {
        Some(lifetime) => profile.with_lifetime(lifetime)?,
        None => profile,
    };
    let profile = match &written.usages {
        Some(purposes) => profile.with_usages(usages(purposes))?,
        None => profile,
    };
    let profile = match &written.keys {
        Some(keys) => profile.with_keys(keys.clone())?,
        None => profile,
    };
    let lasting =
        |written: Option<std::time::Duration>| written.and_then(|life| Duration::try_from(life).ok());
    let profile = profile.with_no_rev_avail(written.no_rev_avail).with_renewal(Renewal {
        before_end: lasting(written.renewal_window),
        after_expiry: lasting(written.renew_after_expiry).unwrap_or_default(),
    });
    Ok(match &written.names {
        Some(names) => profile.with_names(names.clone()),
        None => profile,
    })
}

/// The password of a private key: given, or the first line of a file.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn password(written: Option<&KeyPassword>) -> Result<Option<Secret>, Fault> {
    match written {
        None => Ok(None),
        Some(KeyPassword::Given(secret)) => Ok(Some(secret.clone())),
        Some(KeyPassword::File(path)) => files::load_password(path).map(Some),
    }
}

fn usages(purposes: &[Purpose]) -> Vec<Usage> {
    let usage = |purpose: &Purpose| match purpose {
        Purpose::Client => Usage::ClientAuth,
        Purpose::Server => Usage::ServerAuth,
    };
    purposes.iter().map(usage).collect()
}

fn unknown(plan: &Plan, name: &str) -> Fault {
    let own = plan.authority.iter().flat_map(|authority| authority.profiles.keys().map(String::as_str));
    unknown_profile(name, BUILT_IN.into_iter().chain(own))
}

/// The profiles that need no configuration.
const BUILT_IN: [&str; 3] = ["server", "client", SERVICE];

/// The folder for what a node keeps of its own, beside its configuration.
pub(crate) const STATE: &str = "state";
