//! ACME as the Plan describes it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use authority::{Authority, Profile};
use config::{AcmePlan, ChallengePlan, Plan};
use fault::{Fault, Place};
use registrar::acme::Settings;
use registrar::acme::keys::Root;
use wire::acme::challenge::Method;

use crate::issuing::STATE;
use crate::prepare::Prepared;

/// What the operator's keys are derived from; made where there is none.
///
/// # Errors
/// When the configuration does not serve ACME, or the file cannot be used or made.
pub fn acme_root(plan: &Plan) -> Result<Root, Fault> {
    let Some(written) = written(plan) else {
        return Err(Fault::yours("the configuration does not serve ACME")
            .remedy("add authority: { acme: { enabled: true, names: [.internal.example] } }"));
    };
    let path = secret_file(plan, written);
    if !path.exists() {
        if let Some(folder) = path.parent() {
            files::create_folder(folder)?;
        }
        let made = files::create_secret(&path, Root::made()?.as_bytes());
        // Somebody else may have been first: theirs is the one, then.
        if !path.exists() {
            made?;
        }
    }
    loaded(plan, written)
}

/// What is wrong with how ACME is to be served.
pub(crate) fn faults(
    plan: &Plan,
    issuers: &BTreeMap<String, Arc<Authority>>,
    profiles: &BTreeMap<String, Profile>,
) -> Vec<Fault> {
    let Some(written) = written(plan) else { return Vec::new() };
    let mut faults = Vec::new();
    if plan.ledger.is_none() {
        faults.push(
            Fault::yours("ACME needs a ledger: accounts, orders and certificates are on record there")
                .remedy("add ledger: { url: sqlite:./state/ledger.db }"),
        );
    }
    match profiles.get(&written.profile) {
        None => faults.push(
            Fault::yours(format!("no profile \"{}\"", written.profile))
                .remedy("name one of authority.profiles, or server"),
        ),
        Some(profile) if !profile.usages().contains(&identity::Usage::ServerAuth) => faults.push(
            Fault::yours(format!("the profile \"{}\" is not for servers", written.profile))
                .because("what ACME proves is that somebody controls the server of a name")
                .remedy("leave profile out, or name one with usages: [server]"),
        ),
        Some(profile) if issuer(issuers, profile).is_none() => faults.push(
            Fault::yours(format!("no issuer may issue the profile \"{}\"", written.profile))
                .remedy("countersign ca init-issuer --kind server"),
        ),
        Some(_) => {}
    }
    if secret_file(plan, written).exists() {
        faults.extend(loaded(plan, written).err());
    }
    faults.into_iter().map(|fault| fault.at(Place::Name("authority.acme".to_owned()))).collect()
}

/// How ACME is served; nothing where it is not.
pub(crate) fn settings(prepared: &Prepared) -> Option<Arc<Settings>> {
    let Prepared { plan, issuers, certificate_profiles, .. } = prepared;
    let written = written(plan)?;
    let profile = certificate_profiles.get(&written.profile)?;
    let root = match acme_root(plan) {
        Ok(root) => root,
        Err(fault) => {
            tracing::error!(%fault, "ACME is not served: the secret of its keys cannot be used");
            return None;
        }
    };
    let method = |challenge: &ChallengePlan| match challenge {
        ChallengePlan::Http => Method::Http01,
        ChallengePlan::TlsAlpn => Method::TlsAlpn01,
    };
    Some(Arc::new(Settings {
        issuer: issuer(issuers, profile)?,
        profile: profile.clone(),
        external_account_required: written.external_account_required,
        methods: written.challenges.iter().map(method).collect(),
        http_port: written.http_port,
        tls_port: written.tls_port,
        names: written.names.clone(),
        allow_networks: written.allow_networks.clone(),
        deny_networks: written.deny_networks.clone(),
        terms_of_service: written.terms_of_service.clone(),
        url: written.url.clone(),
        root,
    }))
}

fn written(plan: &Plan) -> Option<&AcmePlan> {
    plan.authority.as_ref()?.acme.as_ref()
}

fn secret_file(plan: &Plan, written: &AcmePlan) -> PathBuf {
    written.secret_file.clone().unwrap_or_else(|| plan.base.join(STATE).join(SECRET))
}

fn loaded(plan: &Plan, written: &AcmePlan) -> Result<Root, Fault> {
    let path = secret_file(plan, written);
    Root::new(files::load_password(&path)?).map_err(|fault| fault.in_file(&path))
}

/// The issuer of the profile's name, or the first that may issue for its usages and is not for registered services.
fn issuer(issuers: &BTreeMap<String, Arc<Authority>>, profile: &Profile) -> Option<Arc<Authority>> {
    let may = |issuer: &Arc<Authority>| profile.usages().iter().all(|usage| issuer.may_issue(usage));
    let named = issuers.get(profile.name()).filter(|issuer| may(issuer));
    let other =
        || issuers.iter().find(|(name, issuer)| *name != "service" && may(issuer)).map(|(_, issuer)| issuer);
    named.or_else(other).cloned()
}

/// The file for what keys are derived from.
const SECRET: &str = "acme.secret";
