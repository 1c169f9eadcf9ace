//! By what more is certified by ACME, or with less asked.

use access::Weakening;
use config::{AcmePlan, Plan};

/// Everything by which the new configuration gives certificates out more freely.
pub(super) fn weaker(old: &Plan, new: &Plan) -> Vec<Weakening> {
    match (served(old), served(new)) {
        (_, None) => Vec::new(),
        (None, Some(_)) => vec![Weakening::new("acme", "certificates are issued by ACME")],
        (Some(was), Some(is)) => compared(was, is),
    }
}

fn served(plan: &Plan) -> Option<&AcmePlan> {
    plan.authority.as_ref()?.acme.as_ref()
}

fn compared(was: &AcmePlan, is: &AcmePlan) -> Vec<Weakening> {
    let unbound = was.external_account_required && !is.external_account_required;
    let unbound = unbound.then(|| {
        let what = "ACME accounts need no key of the operator's: whoever reaches the listener may ask";
        Weakening::new("acme external-account", what)
    });
    let names = is
        .names
        .iter()
        .filter(|name| !was.names.contains(name))
        .map(|name| Weakening::new(format!("acme name {name}"), format!("{name} is certified by ACME")));
    let allowed = is.allow_networks.iter().filter(|network| !was.allow_networks.contains(network));
    let allowed = allowed.map(|network| {
        Weakening::new(format!("acme network {network}"), format!("{network} is asked for ACME proofs"))
    });
    let denied = was.deny_networks.iter().filter(|network| !is.deny_networks.contains(network));
    let denied = denied.map(|network| {
        let what = format!("{network} is no longer kept from being asked for ACME proofs");
        Weakening::new(format!("acme network {network}"), what)
    });
    unbound.into_iter().chain(names).chain(allowed).chain(denied).collect()
}

#[cfg(test)]
mod tests {
    use config::{AcmePlan, ChallengePlan};

    use super::compared;

    fn plan() -> AcmePlan {
        AcmePlan {
            names: vec![".a.example".parse().unwrap()],
            profile: "server".to_owned(),
            external_account_required: true,
            challenges: vec![ChallengePlan::Http],
            http_port: 80,
            tls_port: 443,
            allow_networks: Vec::new(),
            deny_networks: vec!["10.0.0.0/8".parse().unwrap()],
            terms_of_service: None,
            url: None,
            secret_file: None,
        }
    }

    #[test]
    fn what_is_certified_more_freely_is_named_and_what_is_held_tighter_is_not() {
        let free = AcmePlan {
            names: vec![".a.example".parse().unwrap(), ".b.example".parse().unwrap()],
            external_account_required: false,
            allow_networks: vec!["127.0.0.0/8".parse().unwrap()],
            deny_networks: Vec::new(),
            ..plan()
        };
        let named: Vec<String> =
            compared(&plan(), &free).into_iter().map(|weakening| weakening.name).collect();
        let wanted = [
            "acme external-account",
            "acme name .b.example",
            "acme network 127.0.0.0/8",
            "acme network 10.0.0.0/8",
        ];
        assert_eq!(named, wanted);
        assert!(compared(&free, &plan()).is_empty());
        assert!(compared(&plan(), &plan()).is_empty());
    }
}
