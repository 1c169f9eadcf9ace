//! What a listener asks of its peers, as the manual says it.

use access::Accepted;
use config::{ClientAuth, ListenerPlan, Plan, RevocationPlan, TlsPlan, TlsVersion, Transport};
use identity::FailureMode;

use crate::case::Source;
use crate::wire::Wire;

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
    /// Who can say that a certificate is revoked.
    pub sources: Vec<Source>,
    /// Whether what is asked there is for named principals alone: on a PostgreSQL, each is the role of its own name.
    pub needs_name: bool,
    /// What happens to a certificate that names no place where its list could be fetched; none where nobody asks.
    pub without_place: Option<FailureMode>,
}

impl Rules {
    /// The rules of a listener with its TLS profile.
    #[must_use]
    pub fn of(plan: &Plan, listener: &ListenerPlan) -> Self {
        let tls = listener.tls.as_ref().and_then(|name| plan.tls.get(name));
        Self {
            auth: listener.auth.clone(),
            asks: tls.and_then(|tls| asks(tls, &listener.auth)),
            min_version: tls.map(|tls| tls.min_version),
            allow_x509_v1: tls.is_some_and(|tls| tls.allow_x509_v1),
            sources: tls.map(|tls| sources(plan, tls)).unwrap_or_default(),
            needs_name: listener.transport == Transport::Postgres,
            without_place: tls.and_then(|tls| without_place(&tls.revocation)),
        }
    }
}

/// Serial numbers can be denied on every profile, except where the short spelling has no place for them; lists are
/// what is configured; what our own authority revoked counts for everybody who trusts it.
fn sources(plan: &Plan, tls: &TlsPlan) -> Vec<Source> {
    [
        (Source::DenyList, !plan.env_only),
        (Source::List, has_list(&tls.revocation)),
        (Source::Fetched, fetches(&tls.revocation)),
        (Source::Ledger, plan.authority.is_some() && !plan.env_only),
    ]
    .into_iter()
    .filter_map(|(source, there)| there.then_some(source))
    .collect()
}

/// Whether the rehearsal gives a profile a list in a file: in place of those that are configured, and where responders
/// alone are asked, of which the rehearsal has none.
pub(crate) fn has_list(revocation: &RevocationPlan) -> bool {
    let responders_alone = revocation.policy.verification.is_some_and(|asked| asked.crl.is_none());
    !revocation.crl_files.is_empty() || responders_alone
}

/// Whether the profile fetches the lists that certificates name; with one at hand it has no need to.
pub(crate) fn fetches(revocation: &RevocationPlan) -> bool {
    !has_list(revocation) && revocation.policy.verification.is_some_and(|asked| asked.crl.is_some())
}

fn without_place(revocation: &RevocationPlan) -> Option<FailureMode> {
    let asked = revocation.policy.verification.filter(|_| fetches(revocation));
    asked.map(|asked| asked.failure_mode)
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
