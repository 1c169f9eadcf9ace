//! Our own authority as the Plan describes it: its issuers, and its profiles as the configuration adjusts them.

use std::collections::BTreeMap;

use authority::{Authority, Profile, Standing};
use config::{IssuerPlan, KeyPassword, Plan, ProfilePlan};
use fault::{Fault, Faults};
use identity::{Purpose, Secret, Usage};
use time::{Duration, OffsetDateTime};

/// Loads every issuer; each is checked for what only its files can tell: the key matches, it is no root, it has not
/// ended.
///
/// # Errors
/// Every issuer that cannot issue.
pub fn issuers(plan: &Plan, now: OffsetDateTime) -> Result<BTreeMap<String, Authority>, Faults> {
    let mut faults = Faults::new();
    let mut issuers = BTreeMap::new();
    for (name, written) in plan.authority.iter().flat_map(|authority| &authority.issuers) {
        if let Some(loaded) = faults.note(load(plan, written, now)) {
            issuers.insert(name.clone(), loaded);
        }
    }
    faults.or(issuers)
}

fn load(plan: &Plan, written: &IssuerPlan, now: OffsetDateTime) -> Result<Authority, Fault> {
    let password = password(written.key_password.as_ref())?;
    let environment = Some(plan.environment.as_str());
    Authority::load(&written.cert, &written.key, password.as_ref(), Standing::Issuer, environment, now)
}

/// The issuer of the profile's name, or the first whose own certificate allows the profile's usages.
///
/// # Errors
/// When there is no authority, or none of its issuers may issue the profile.
pub fn issuer_for(plan: &Plan, profile: &Profile, now: OffsetDateTime) -> Result<Authority, Faults> {
    if plan.authority.is_none() {
        return Err(Fault::yours("the configuration has no authority")
            .remedy("name one with --ca PATH, or add authority: { … }")
            .into());
    }
    let mut issuers = issuers(plan, now)?;
    let may = |issuer: &Authority| profile.usages().iter().all(|usage| issuer.may_issue(usage));
    let named = Some(profile.name().to_owned()).filter(|name| issuers.get(name).is_some_and(may));
    let name = named.or_else(|| issuers.iter().find(|(_, issuer)| may(issuer)).map(|(name, _)| name.clone()));
    name.and_then(|name| issuers.remove(&name)).ok_or_else(|| {
        let name = profile.name();
        Fault::yours(format!("no issuer of this realm may issue the profile \"{name}\""))
            .remedy(format!("countersign ca init-issuer --kind {name}"))
            .into()
    })
}

/// The built-in profile of that name as the configuration adjusts it, or one of the configuration's own.
///
/// # Errors
/// When there is no such profile, or its rules cannot be kept.
pub fn profile(plan: &Plan, name: &str) -> Result<Profile, Fault> {
    let written = plan.authority.as_ref().and_then(|authority| authority.profiles.get(name));
    match (Profile::named(name), written) {
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
    match &written.keys {
        Some(keys) => profile.with_keys(keys.clone()),
        None => Ok(profile),
    }
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
    let known: Vec<&str> = BUILT_IN.into_iter().chain(own).collect();
    let remedy = match fault::nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => known.join(", "),
    };
    Fault::yours(format!("no profile \"{name}\"")).remedy(remedy)
}

/// The profiles that need no configuration.
const BUILT_IN: [&str; 3] = ["server", "client", "service"];
