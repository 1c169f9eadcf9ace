use crate::plan::{AcmePlan, ChallengePlan};
use crate::reader::{At, Reader};
use crate::section::acme::{Acme, AcmeChallenge};
use crate::table::Table as _;

/// How ACME is served, where it is.
pub(super) fn plan(reader: &mut Reader<'_>, written: Option<&At<Acme>>) -> Option<AcmePlan> {
    let at = written?;
    let acme = &at.value;
    if !acme.enabled.value {
        return None;
    }
    let names: Vec<_> = values(acme.names.as_ref());
    if names.is_empty() && acme.unread().is_empty() {
        let said = "config: authority.acme needs names: without, nothing may be asked for";
        reader.refuse(at, said, "write names: [.internal.example], the names that it certifies");
    }
    Some(AcmePlan {
        names,
        profile: acme.profile.value.clone(),
        external_account_required: acme.external_account_required.value,
        challenges: challenges(reader, acme.challenges.as_ref()),
        http_port: acme.http_port.value.0,
        tls_port: acme.tls_port.value.0,
        allow_networks: values(acme.allow_networks.as_ref()),
        deny_networks: values(acme.deny_networks.as_ref()),
        terms_of_service: acme.terms_of_service.as_ref().map(|at| at.value.clone()),
        url: acme.url.as_ref().map(|at| at.value.0.clone()),
        secret_file: acme.secret_file.as_ref().map(|at| at.value.clone()),
    })
}

fn challenges(reader: &mut Reader<'_>, written: Option<&At<Vec<At<AcmeChallenge>>>>) -> Vec<ChallengePlan> {
    let Some(at) = written else { return vec![ChallengePlan::Http, ChallengePlan::TlsAlpn] };
    if at.value.is_empty() {
        let said = "config: authority.acme.challenges is empty: no name could be proved";
        reader.refuse(at, said, "write challenges: [http-01, tls-alpn-01], or leave it out");
    }
    let mut plans = Vec::new();
    for challenge in &at.value {
        let plan = match challenge.value {
            AcmeChallenge::Http => ChallengePlan::Http,
            AcmeChallenge::TlsAlpn => ChallengePlan::TlsAlpn,
        };
        if !plans.contains(&plan) {
            plans.push(plan);
        }
    }
    plans
}

fn values<T: Clone>(written: Option<&At<Vec<At<T>>>>) -> Vec<T> {
    written.iter().flat_map(|at| &at.value).map(|at| at.value.clone()).collect()
}
