//! How a certificate would be judged, by the configuration and without a node.

use std::path::PathBuf;

use access::{Outcome, Role, Target};
use config::{ListenerPlan, Plan};
use daemon::Prepared;
use fault::{Fault, Faults, Refusal};
use identity::{Certificate, Purpose, Verified};
use serde_json::json;
use time::OffsetDateTime;

use crate::console::Console;
use crate::exit::Exit;
use crate::loading::Configured;
use crate::shown::printable;

/// A certificate to be judged.
pub(super) struct Judged {
    pub(super) cert: Option<PathBuf>,
    pub(super) target: String,
    pub(super) listener: Option<String>,
    pub(super) configured: Configured,
    pub(super) json: bool,
}

impl Judged {
    /// Says what was compared, and what would come of it.
    pub(super) fn explain(self, console: &mut Console) -> Result<Exit, Faults> {
        let now = console.now();
        let (plan, _) = self.configured.plan()?;
        let prepared = daemon::prepare(plan, now)?;
        let listener = listener(&prepared.plan, self.listener.as_deref())?;
        let verified = match &self.cert {
            None => None,
            Some(path) => {
                let chain = files::load_certificates(path)?;
                match judge(&prepared, listener, &chain, now)? {
                    Ok(verified) => Some(verified),
                    Err(refusal) => return refused(console, &refusal, self.json),
                }
            }
        };
        let target =
            if self.target == CONTROL_PLANE { Target::ControlPlane } else { Target::Database(&self.target) };
        let (directory, grants) = (&prepared.directory, &prepared.grants);
        let explanation = access::explain(directory, grants, &listener.auth, verified.as_ref(), target, now);
        let role = role(&prepared, listener, verified.as_ref(), &self.target, now);
        let admitted = matches!(explanation.outcome, Outcome::Admitted { .. })
            && role.as_ref().is_none_or(|(_, role)| role.is_ok());
        if self.json {
            console.json(&with_role(&explanation, role.as_ref()))?;
        } else {
            let text = explanation.to_string();
            for line in text.lines() {
                console.line(printable(line));
            }
            role.iter().for_each(|(service, role)| print_role(console, service, role));
        }
        Ok(if admitted { Exit::Done } else { Exit::Refused })
    }
}

/// The service that a database is on and the role there, for whoever is admitted to it and asks for none.
type OnService = (String, Result<Role, Refusal>);

/// Decides as the node does when a client arrives; nothing where the database is our own, or nobody is admitted.
fn role(
    prepared: &Prepared,
    listener: &ListenerPlan,
    verified: Option<&Verified>,
    target: &str,
    now: OffsetDateTime,
) -> Option<OnService> {
    let plan = &prepared.plan;
    let service = plan.databases.iter().find(|database| database.name == target)?.service.as_ref()?;
    let upstream = plan.upstreams.iter().find(|upstream| upstream.name == *service)?;
    let peer = access::recognize(&prepared.directory, &listener.auth, verified, now).ok()?;
    let permit = access::admit(&peer, &prepared.grants, target, now).ok()?;
    Some((service.clone(), upstream.roles.choose(&permit, verified, "")))
}

fn with_role(explanation: &access::Explanation, role: Option<&OnService>) -> serde_json::Value {
    let mut told = json!(explanation);
    if let (Some((service, role)), Some(told)) = (role, told.as_object_mut()) {
        let role = match role {
            Ok(role) => json!({ "service": service, "role": role.name(), "level": role.level() }),
            Err(refusal) => json!({
                "service": service, "code": refusal.code(), "sentence": refusal.sentence(),
                "cause": refusal.cause(), "remedy": refusal.code().remedy(),
            }),
        };
        told.insert("upstream".to_owned(), role);
    }
    told
}

fn print_role(console: &mut Console, service: &str, role: &Result<Role, Refusal>) {
    match role {
        Ok(role) => {
            console.line(printable(&format!("on service {service}: {} ({})", role.name(), role.level())));
        }
        Err(refusal) => {
            let code = refusal.code();
            console.line(printable(&format!("refused on service {service}: {code}: {}", refusal.sentence())));
            console.line(format_args!("  cause: {}\n  try: {}", printable(refusal.cause()), code.remedy()));
        }
    }
}

/// The listener that was named, or the first.
fn listener<'a>(plan: &'a Plan, name: Option<&str>) -> Result<&'a ListenerPlan, Fault> {
    let known = || plan.listeners.iter().map(|listener| listener.name.as_str());
    let Some(name) = name else {
        return plan.listeners.first().ok_or_else(|| Fault::yours("the configuration has no listener"));
    };
    plan.listeners.iter().find(|listener| listener.name == name).ok_or_else(|| {
        let all = known().collect::<Vec<_>>().join(", ");
        let remedy = fault::nearest(name, known()).map_or(all, |near| format!("did you mean \"{near}\"?"));
        Fault::yours(format!("no listener \"{name}\"")).remedy(remedy)
    })
}

/// Verifies as the listener's TLS profile does.
fn judge(
    prepared: &Prepared,
    listener: &ListenerPlan,
    chain: &[Certificate],
    now: OffsetDateTime,
) -> Result<Result<Verified, Refusal>, Fault> {
    let profile = listener.tls.as_ref().and_then(|name| prepared.profiles.get(name));
    let trust = profile.and_then(|profile| profile.trust.as_ref()).ok_or_else(|| {
        Fault::yours(format!("the listener \"{}\" asks for no client certificate", listener.name))
            .remedy("explain without --cert, or give its tls profile a client_ca")
    })?;
    let chain: Vec<_> = chain.iter().map(|certificate| certificate.der().clone()).collect();
    Ok(identity::verify(&chain, trust, Purpose::Client, None, now))
}

/// The chain was refused before anybody asked who it is.
fn refused(console: &mut Console, refusal: &Refusal, json: bool) -> Result<Exit, Faults> {
    let code = refusal.code();
    if json {
        console.json(&json!({
            "outcome": {
                "decision": "refused", "code": code, "sentence": refusal.sentence(),
                "cause": refusal.cause(), "remedy": code.remedy(),
            }
        }))?;
    } else {
        console.line(format_args!("refused: {code}: {}", refusal.sentence()));
        console.line(format_args!("  cause: {}\n  try: {}", printable(refusal.cause()), code.remedy()));
    }
    Ok(Exit::Refused)
}

const CONTROL_PLANE: &str = "control-plane";
