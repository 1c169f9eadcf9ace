//! What a listener asks of its peers, as the manual says it.

use access::Accepted;
use config::{ClientAuth, ListenerPlan, TlsPlan, TlsVersion};

use crate::Wire;

/// The rules of one listener.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The sign-ins that it accepts.
    pub auth: Vec<Accepted>,
    /// Whether a client certificate is asked for or demanded; none: it is not asked for.
    pub asks: Option<ClientAuth>,
    /// The lowest version of TLS that is spoken; none: clear text.
    pub min_version: Option<TlsVersion>,
    /// Whether X.509 version 1 is accepted.
    pub allow_x509_v1: bool,
}

impl Rules {
    /// The rules of a listener with its TLS profile.
    #[must_use]
    pub fn of(listener: &ListenerPlan, tls: Option<&TlsPlan>) -> Self {
        Self {
            auth: listener.auth.clone(),
            asks: tls.and_then(|tls| asks(tls, &listener.auth)),
            min_version: tls.map(|tls| tls.min_version),
            allow_x509_v1: tls.is_some_and(|tls| tls.allow_x509_v1),
        }
    }
}

/// What is written counts; otherwise a certificate is demanded where nothing else is accepted.
fn asks(tls: &TlsPlan, auth: &[Accepted]) -> Option<ClientAuth> {
    tls.client_ca.as_ref()?;
    Some(tls.client_auth.unwrap_or(match auth {
        [Accepted::Mtls] => ClientAuth::Require,
        _ => ClientAuth::Request,
    }))
}

/// One line of the table's head: a listener and a way to speak to it.
#[derive(Clone, Debug)]
pub struct Row {
    /// The listener's name.
    pub listener: String,
    /// How it is spoken to.
    pub wire: Wire,
    /// What it asks.
    pub rules: Rules,
    /// The name that a client asks for.
    pub host: String,
}
