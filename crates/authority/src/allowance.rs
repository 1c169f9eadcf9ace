//! Which names somebody who asks may have.

use std::fmt;

use fault::Fault;
use identity::{Certificate, Identity};

use crate::names::Names;
use crate::request::Request;

/// The names that one who asks may have: those of the certificate it holds, or those it was invited for.
///
/// Names may be left out and never added, and every kind of name goes through this one rule. Whoever may have any name
/// that a profile allows is not held to an allowance at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowance(Names);

impl Allowance {
    /// Exactly these names.
    #[must_use]
    pub fn new(names: Names) -> Self {
        Self(names)
    }

    /// The names of a certificate.
    ///
    /// # Errors
    /// Where it carries names that we would not issue again: two common names, two organizations.
    pub fn of(certificate: &Certificate) -> Result<Self, Fault> {
        let identity = certificate.identity();
        Ok(Self(Names {
            common_name: identity.common_name().one().map(str::to_owned),
            organization: only(identity, "organizations", identity.organizations())?,
            organizational_unit: only(identity, "organizational units", identity.organizational_units())?,
            sans: identity.sans().to_vec(),
        }))
    }

    /// The names.
    #[must_use]
    pub fn names(&self) -> &Names {
        &self.0
    }

    /// The request as it may be issued. One that names nothing gets everything that is allowed.
    ///
    /// # Errors
    /// Where it asks for a name that is not among these, or for anything that is no name at all; all of it is said.
    pub fn grant(&self, request: Request) -> Result<Request, Fault> {
        let beyond = self.beyond(request.names());
        if !beyond.is_empty() {
            return Err(Fault::yours("the certificate request asks for names that the asker may not have")
                .because(beyond.join(", "))
                .remedy(format!("ask for these, or for fewer: {self}")));
        }
        if !request.passed_over().is_empty() {
            return Err(Fault::yours("the certificate request asks for more than names")
                .because(request.passed_over().join(", "))
                .remedy("make it again with a common name and alternative names alone; the profile decides the rest"));
        }
        match *request.names() == Names::default() {
            true => Ok(request.named(self.0.clone())),
            false => Ok(request),
        }
    }

    fn beyond(&self, asked: &Names) -> Vec<String> {
        let text = |kind: &str, asked: &Option<String>, allowed: &Option<String>| {
            asked.as_ref().filter(|_| asked != allowed).map(|text| format!("{kind}={}", text.escape_debug()))
        };
        let subject = [
            text("CN", &asked.common_name, &self.0.common_name),
            text("O", &asked.organization, &self.0.organization),
            text("OU", &asked.organizational_unit, &self.0.organizational_unit),
        ];
        let sans = asked.sans.iter().filter(|san| !self.0.sans.contains(san));
        subject
            .into_iter()
            .flatten()
            .chain(sans.map(|san| san.to_string().escape_debug().to_string()))
            .collect()
    }
}

/// The names as a person reads them: `CN=analyst, DNS:analyst.example.com`.
impl fmt::Display for Allowance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Names { common_name, organization, organizational_unit, sans } = &self.0;
        let subject = [("CN", common_name), ("O", organization), ("OU", organizational_unit)];
        let subject =
            subject.into_iter().filter_map(|(kind, text)| Some(format!("{kind}={}", text.as_ref()?)));
        let all: Vec<String> = subject.chain(sans.iter().map(ToString::to_string)).collect();
        f.write_str(&all.join(", "))
    }
}

fn only(identity: &Identity, kind: &str, values: Vec<String>) -> Result<Option<String>, Fault> {
    match <[String; 1]>::try_from(values) {
        Ok([value]) => Ok(Some(value)),
        Err(none) if none.is_empty() => Ok(None),
        Err(_) => Err(Fault::yours(format!("the certificate {} has several {kind}", identity.subject()))
            .remedy("ask for a new certificate by an invitation")),
    }
}

#[cfg(test)]
mod tests {
    use identity::{KeyKind, PrivateKey, San};

    use super::Allowance;
    use crate::{Names, Request, parse_san};

    fn names(common_name: Option<&str>, sans: &[&str]) -> Names {
        let sans: Vec<San> = sans.iter().map(|san| parse_san(san).unwrap()).collect();
        Names { common_name: common_name.map(str::to_owned), ..Names::default() }.with_sans(sans)
    }

    fn asked(names: Names) -> Request {
        Request::for_key(&PrivateKey::generate(KeyKind::EcdsaP256).unwrap(), names).unwrap()
    }

    #[test]
    fn names_may_be_left_out_and_never_added_whatever_their_kind() {
        let held = ["a.example.com", "IP:10.0.0.1", "spiffe://x/a", "a@example.com"];
        let allowance = Allowance::new(names(Some("a"), &held));
        for fewer in [&held[..], &held[..2], &[]] {
            allowance.grant(asked(names(Some("a"), fewer))).unwrap();
        }
        for beyond in [
            names(Some("b"), &[]),
            names(Some("A"), &[]),
            Names { organization: Some("other".into()), ..names(Some("a"), &[]) },
            Names { organizational_unit: Some("countersign-internal".into()), ..names(Some("a"), &[]) },
            names(Some("a"), &["b.example.com"]),
            names(Some("a"), &["*.example.com"]),
            names(Some("a"), &["IP:10.0.0.2"]),
            names(Some("a"), &["spiffe://x/a/b"]),
            names(Some("a"), &["b@example.com"]),
            names(Some("a"), &["URI:a.example.com:x"]),
        ] {
            let shown = format!("{beyond:?}");
            let fault = allowance.grant(asked(beyond)).unwrap_err();
            assert!(fault.what().contains("may not have"), "{shown}: {fault}");
        }
    }

    #[test]
    fn a_request_that_names_nothing_gets_all_that_is_allowed() {
        let allowed = names(Some("a"), &["a.example.com"]);
        let granted = Allowance::new(allowed.clone()).grant(asked(Names::default())).unwrap();
        assert_eq!(granted.names(), &allowed);
    }
}
