//! What services are certified by.

use std::collections::BTreeSet;
use std::sync::Arc;

use authority::RotationRules;
use authority::{Authority, Profile};
use fault::Fault;
use identity::Certificate;

use crate::issuing::{Issuing, SERVICE};

/// What services are certified by; replaced whole when the configuration is read again.
#[derive(Debug)]
pub struct Rules {
    /// The issuer `service`; without one nothing is issued, and what there is goes on.
    pub authority: Option<Arc<Authority>>,
    /// The profile `service`, with its registry.
    pub profile: Profile,
    /// The environment that the node serves.
    pub environment: String,
    /// The registered services.
    pub registered: BTreeSet<String>,
    /// When certificates are replaced.
    pub rotation: RotationRules,
    /// Whether a service without a certificate keeps the node from starting.
    pub required: bool,
    /// The issuers and the root by what they are called in the configuration; their ends are told early.
    pub above: Vec<(String, Certificate)>,
}

impl Rules {
    /// As what is issued with at this moment says.
    #[must_use]
    pub fn of(issuing: &Issuing) -> Self {
        let built_in = || Profile::service().with_registry(issuing.services.iter().cloned());
        let issuers = issuing.issuers.iter();
        let issuers =
            issuers.map(|(name, issuer)| (format!("authority.issuers.{name}"), issuer.certificate().clone()));
        let root = issuing.root.iter().map(|root| ("authority.root_cert".to_owned(), root.clone()));
        Self {
            authority: issuing.issuers.get(SERVICE).cloned(),
            profile: issuing.profiles.get(SERVICE).cloned().unwrap_or_else(built_in),
            environment: issuing.environment.clone(),
            registered: issuing.services.clone(),
            rotation: issuing.rotation,
            required: issuing.provision_required,
            above: issuers.chain(root).collect(),
        }
    }

    /// The issuer.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn issuer(&self) -> Result<&Arc<Authority>, Fault> {
        self.authority.as_ref().ok_or_else(unconfigured)
    }
}

/// That there is no issuer for services.
#[must_use]
pub fn unconfigured() -> Fault {
    Fault::yours(
        "Intermediate CA not configured — set COUNTERSIGN_INTERMEDIATE_CA_CERT_PEM and \
         COUNTERSIGN_INTERMEDIATE_CA_KEY_PEM",
    )
    .remedy("countersign ca init-issuer --kind service makes one; authority.issuers.service may name it too")
}
