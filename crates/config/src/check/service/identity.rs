use std::time::Duration;

use super::Asked;
use crate::check::secret;
use crate::plan::{AuthorityPlan, SharedCertificatePlan, UpstreamAddress, UpstreamIdentityPlan};
use crate::reader::At;
use crate::section::service::UpstreamIdentity;
use crate::table::Table;

impl Asked<'_, '_> {
    /// By what the server knows who comes.
    pub(super) fn identity(&mut self, address: Option<&UpstreamAddress>) -> Option<UpstreamIdentityPlan> {
        let written = &self.at.value;
        if written.unread().contains(&"identity") {
            return None;
        }
        match written.identity.value {
            UpstreamIdentity::PerPrincipal => self.per_principal(address),
            UpstreamIdentity::Shared => self.shared(),
        }
    }

    fn per_principal(&mut self, address: Option<&UpstreamAddress>) -> Option<UpstreamIdentityPlan> {
        let written = &self.at.value;
        let identity = self.identity_at();
        if !self.beside.authority.is_some_and(issues_to_clients) {
            let said = "identity per_principal needs an authority that issues certificates to clients";
            self.refuse(&identity, said, "write authority: with issuers: { client: … }, or identity: shared");
        }
        let falls_back = written.sslmode.value.falls_back();
        let is_unix = matches!(address, Some(UpstreamAddress::Unix(_)));
        if is_unix || (falls_back && !written.unread().contains(&"sslmode")) {
            let said = match is_unix {
                true => "identity per_principal over a Unix socket: no certificate is shown there".to_owned(),
                false => format!(
                    "identity per_principal with sslmode {}: without TLS no certificate is shown",
                    written.sslmode.value.as_str()
                ),
            };
            let remedy = "write sslmode: verify-full and an address by TCP, or identity: shared";
            self.refuse(&identity, &said, remedy);
        }
        let remedy = "leave it out, or write identity: shared";
        if let Some(password) = &written.password {
            self.refuse(
                password,
                "password is for identity shared; with per_principal nobody has one",
                remedy,
            );
        }
        for path in [&written.ssl_cert, &written.ssl_key].into_iter().flatten() {
            self.refuse(path, "a certificate of its own is for identity shared", remedy);
        }
        if let Some(password) = &written.ssl_key_password {
            self.refuse(password, "ssl_key_password is for identity shared", remedy);
        }
        let lifetime = written.certificate_lifetime.value;
        if !(SHORTEST..=LONGEST).contains(&lifetime) {
            let said = "certificate_lifetime must be from 1m to 12h";
            self.refuse(&written.certificate_lifetime, said, "write certificate_lifetime: 5m");
        }
        Some(UpstreamIdentityPlan::PerPrincipal { lifetime })
    }

    fn shared(&mut self) -> Option<UpstreamIdentityPlan> {
        let written = &self.at.value;
        if written.certificate_lifetime.place.is_some() {
            let said =
                format!("certificate_lifetime is for identity {}", UpstreamIdentity::PerPrincipal.as_str());
            self.refuse(
                &written.certificate_lifetime,
                &said,
                "leave it out, or write identity: per_principal",
            );
        }
        let certificate = self.certificate();
        let password = match &written.password {
            Some(name) => {
                Some(secret::find(self.reader, &self.called("password"), name, self.beside.secrets)?)
            }
            None => None,
        };
        Some(UpstreamIdentityPlan::Shared { certificate: certificate?, password })
    }

    /// The outer None: it is wrong.
    fn certificate(&mut self) -> Option<Option<SharedCertificatePlan>> {
        let written = &self.at.value;
        let (cert, key) = match (&written.ssl_cert, &written.ssl_key) {
            (Some(cert), Some(key)) => (cert, key),
            (Some(cert), None) => {
                if written.lacks(&written.ssl_key, "ssl_key") {
                    self.refuse(
                        cert,
                        "ssl_cert is set but ssl_key is not",
                        "write ssl_key: and the key's file",
                    );
                }
                return None;
            }
            (None, Some(key)) => {
                if written.lacks(&written.ssl_cert, "ssl_cert") {
                    self.refuse(
                        key,
                        "ssl_key is set but ssl_cert is not",
                        "write ssl_cert: and the certificate's file",
                    );
                }
                return None;
            }
            (None, None) => {
                if let Some(password) = &written.ssl_key_password {
                    self.refuse(
                        password,
                        "ssl_key_password is set but ssl_key is not",
                        "write ssl_cert and ssl_key",
                    );
                }
                return Some(None);
            }
        };
        let mode = written.sslmode.value;
        if mode.falls_back() {
            let said = format!("ssl_cert with sslmode {}: without TLS it is not shown", mode.as_str());
            self.refuse(cert, &said, "write sslmode: verify-full, or leave ssl_cert and ssl_key out");
        }
        let key_password = match &written.ssl_key_password {
            Some(name) => {
                Some(secret::find(self.reader, &self.called("ssl_key_password"), name, self.beside.secrets)?)
            }
            None => None,
        };
        Some(Some(SharedCertificatePlan { cert: cert.value.clone(), key: key.value.clone(), key_password }))
    }

    /// Where `identity` is written, or else the service.
    fn identity_at(&self) -> At<()> {
        let written = self.at.value.identity.place.clone();
        At { value: (), place: written.or_else(|| self.name.place.clone()) }
    }
}

fn issues_to_clients(authority: &AuthorityPlan) -> bool {
    authority.issuers.contains_key("client")
}

/// A certificate must live as long as a handshake takes, with some to spare.
const SHORTEST: Duration = Duration::from_secs(60);
/// It says that nobody need ask whether it was revoked, so it has to end soon.
const LONGEST: Duration = Duration::from_secs(12 * 60 * 60);
