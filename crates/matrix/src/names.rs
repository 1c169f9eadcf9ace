//! Who a certificate speaks of, and whom the configuration takes that for.

use std::net::IpAddr;

use access::{Method, MtlsMatch, PrincipalSpec};
use identity::{Fingerprint, Pin};

/// The names in a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) common_name: Option<String>,
    pub(crate) organization: Option<String>,
    pub(crate) unit: Option<String>,
    pub(crate) dns: Option<String>,
    pub(crate) uri: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) ip: Option<IpAddr>,
}

impl Names {
    /// The names that meet an entry's conditions.
    ///
    /// A certificate of an internal service is good in its own environment alone, so one that must carry the services'
    /// unit names that environment too.
    pub(crate) fn meeting(entry: &MtlsMatch, environment: &str) -> Self {
        let internal = entry.subject_ou.as_deref() == Some("countersign-internal");
        Self {
            common_name: entry.subject_cn.clone(),
            organization: entry.subject_o.clone().or_else(|| internal.then(|| environment.to_owned())),
            unit: entry.subject_ou.clone(),
            dns: entry.san_dns.clone(),
            uri: entry.san_uri.clone(),
            email: entry.san_email.clone(),
            ip: entry.san_ip,
        }
    }

    /// Those that X.509 version 1 has a place for.
    pub(crate) fn without_alternatives(&self) -> Self {
        Self { dns: None, uri: None, email: None, ip: None, ..self.clone() }
    }
}

/// All that a rule can match of a certificate.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) names: Names,
    pub(crate) spki: Pin,
    pub(crate) issuer_spki: Pin,
    pub(crate) fingerprint: Fingerprint,
}

/// Whom the configuration takes a certificate for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    Nobodys,
    Ones { principal: String, active: bool },
    Severals,
}

/// The principals, as the manual describes what they match; it says again what the door's own directory says, so that
/// a mistake in either shows.
#[derive(Clone, Debug)]
pub(crate) struct Parties {
    pub(crate) principals: Vec<PrincipalSpec>,
    /// Every verified certificate is the principal that its common name names.
    pub(crate) by_common_name: bool,
}

impl Parties {
    pub(crate) fn whose(&self, facts: &Facts) -> Whose {
        if self.by_common_name {
            return match &facts.names.common_name {
                Some(name) => Whose::Ones { principal: name.clone(), active: true },
                None => Whose::Nobodys,
            };
        }
        let is = |principal: &&PrincipalSpec| {
            principal.methods.iter().any(|Method::Mtls(entry)| meets(facts, entry))
        };
        let mut found = self.principals.iter().filter(is);
        match (found.next(), found.next()) {
            (None, _) => Whose::Nobodys,
            (Some(one), None) => Whose::Ones { principal: one.name.clone(), active: one.active },
            (Some(_), Some(_)) => Whose::Severals,
        }
    }
}

/// Inside one entry everything that is written must match.
fn meets(facts: &Facts, entry: &MtlsMatch) -> bool {
    let names = &facts.names;
    same(&entry.subject_cn, &names.common_name)
        && same(&entry.subject_o, &names.organization)
        && same(&entry.subject_ou, &names.unit)
        && same(&entry.san_uri, &names.uri)
        && same(&entry.san_email, &names.email)
        && same(&entry.san_ip, &names.ip)
        && same(&lower(entry.san_dns.as_ref()), &lower(names.dns.as_ref()))
        && entry.spki_sha256.is_none_or(|pin| pin == facts.spki)
        && entry.issuer_spki_sha256.is_none_or(|pin| pin == facts.issuer_spki)
        && entry.cert_sha256.is_none_or(|print| print == facts.fingerprint)
}

fn same<T: PartialEq>(wanted: &Option<T>, have: &Option<T>) -> bool {
    wanted.is_none() || wanted == have
}

fn lower(name: Option<&String>) -> Option<String> {
    name.map(|name| name.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use access::{Method, MtlsMatch, PrincipalSpec};
    use identity::{Fingerprint, Pin};

    use super::{Facts, Names, Parties, Whose};

    fn named(cn: &str, unit: Option<&str>) -> Facts {
        Facts {
            names: Names {
                common_name: Some(cn.to_owned()),
                unit: unit.map(str::to_owned),
                ..Names::default()
            },
            spki: Pin::of_spki(b"key"),
            issuer_spki: Pin::of_spki(b"issuer"),
            fingerprint: Fingerprint::of_der(b"certificate"),
        }
    }

    fn principal(name: &str, entry: MtlsMatch) -> PrincipalSpec {
        PrincipalSpec::new(name, vec![Method::Mtls(entry)])
    }

    #[test]
    fn a_certificate_is_somebodys_nobodys_or_two_principals() {
        let by_name = MtlsMatch { subject_cn: Some("ann".to_owned()), ..MtlsMatch::default() };
        let by_unit = MtlsMatch { subject_ou: Some("ops".to_owned()), ..MtlsMatch::default() };
        let parties = Parties {
            principals: vec![principal("ann", by_name), principal("ops", by_unit)],
            by_common_name: false,
        };
        assert_eq!(
            parties.whose(&named("ann", None)),
            Whose::Ones { principal: "ann".to_owned(), active: true }
        );
        assert_eq!(parties.whose(&named("bob", None)), Whose::Nobodys);
        assert_eq!(parties.whose(&named("ann", Some("ops"))), Whose::Severals);
    }

    #[test]
    fn every_condition_of_an_entry_must_hold() {
        let pinned = MtlsMatch {
            subject_cn: Some("ann".to_owned()),
            spki_sha256: Some(Pin::of_spki(b"another key")),
            ..MtlsMatch::default()
        };
        let parties = Parties { principals: vec![principal("ann", pinned)], by_common_name: false };
        assert_eq!(parties.whose(&named("ann", None)), Whose::Nobodys);
    }
}
