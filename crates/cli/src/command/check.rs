mod revocation;

mod matrix;
mod upstreams;

use std::path::PathBuf;

use access::{EVERYONE, Method, MtlsMatch, PrincipalSpec};
use clap::Args;
use config::{ListenerPlan, Overrides, Plan};
use daemon::Prepared;
use fault::Faults;
use serde_json::json;
use time::OffsetDateTime;

use crate::checklist::{self, Client, Finding};
use crate::console::Console;
use crate::exit::Exit;
use crate::loading;
use crate::shown::{Table, printable};

/// Read a configuration, load every file it names, and say who is recognized by what, and everything that is wrong.
///
/// The checklist at the end holds the seven points of a sound mutual-TLS set-up. Exits with 2 where the configuration
/// has faults: `serve` would refuse it for the same ones.
///
/// With --matrix the configuration is also tried: a node serves it on free ports of this machine, with certificates and
/// authorities made on the spot, and every way to present a certificate is compared with what must come of it.
/// Exits with 1 where a cell is not as it must be.
#[derive(Args)]
#[command(after_help = "Examples:
  countersign check
  countersign check /etc/countersign/countersign.yaml --host db.example.com
  countersign check countersign.yaml --client-cert analyst.crt --cacert server-ca.crt --strict
  countersign check countersign.yaml --origin
  countersign check countersign.yaml --matrix --report matrix")]
pub(crate) struct Check {
    /// The configuration. Otherwise COUNTERSIGN_CONFIG_FILE, ./countersign.yaml or ./realm/countersign.yaml.
    #[arg(value_name = "FILE")]
    config: Option<PathBuf>,
    /// Say of every value where it came from.
    #[arg(long)]
    origin: bool,
    /// A name that clients dial, which the server's certificate must cover; may be repeated.
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
    /// A client's certificate, for the checklist's last point; its key is expected beside it.
    #[arg(long, value_name = "FILE")]
    client_cert: Option<PathBuf>,
    /// The authority that this client trusts servers by.
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
    /// Try every way to present a certificate on a node that serves this configuration for the occasion.
    #[arg(long, conflicts_with_all = ["origin", "strict", "host", "client_cert", "cacert"])]
    matrix: bool,
    /// Write the matrix to PREFIX.html and PREFIX.json.
    #[arg(long, value_name = "PREFIX", requires = "matrix")]
    report: Option<PathBuf>,
    /// Take unknown keys for warnings.
    #[arg(long)]
    lenient: bool,
    /// Exit with 1 where a point of the checklist is not met.
    #[arg(long)]
    strict: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Check {
    pub(super) fn run(self, console: &mut Console) -> Result<Exit, Faults> {
        let file = loading::found(self.config.clone())?;
        let (plan, mut warnings) =
            loading::plan(Some(file), Overrides { lenient: self.lenient, ..Overrides::default() })?;
        if self.origin {
            return origins(console, &plan, self.json);
        }
        let now = console.now();
        let prepared = daemon::prepare(plan, now)?;
        warnings.extend(prepared.warnings.iter().cloned());
        warnings.extend(revocation::of_issuers(&prepared));
        if self.matrix {
            console.warn(&warnings);
            return matrix::run(console, &prepared.plan, self.report.as_deref(), self.json);
        }
        let client = Client::of(self.client_cert, self.cacert, &prepared.plan.base);
        let findings = checklist::look(&prepared, &client, &self.host, now);
        if self.json {
            let plan = &prepared.plan;
            console.json(&json!({
                "listeners": plan.listeners.iter().map(listener_json).collect::<Vec<_>>(),
                "principals": rows(plan).iter().map(Row::json).collect::<Vec<_>>(),
                "upstreams": plan.upstreams.iter().map(upstreams::shown).collect::<Vec<_>>(),
                "roles": upstreams::whom(plan),
                "revocation": revocation::shown(&prepared),
                "checklist": findings,
                "warnings": warnings,
            }))?;
        } else {
            print(console, &prepared, &findings, now);
            console.warn(&warnings);
        }
        let unmet = findings.iter().any(Finding::is_unmet);
        Ok(if self.strict && unmet { Exit::Refused } else { Exit::Done })
    }
}

fn origins(console: &mut Console, plan: &Plan, json: bool) -> Result<Exit, Faults> {
    if json {
        console.json(&plan.origins)?;
    } else {
        plan.origins.iter().for_each(|origin| console.line(origin));
    }
    Ok(Exit::Done)
}

fn print(console: &mut Console, prepared: &Prepared, findings: &[Finding], now: OffsetDateTime) {
    let plan = &prepared.plan;
    let paint = console.paint();
    let mut listeners = Table::new(["listener", "transport", "address", "tls", "client certificate", "auth"]);
    for listener in &plan.listeners {
        let auth: Vec<&str> = listener.auth.iter().map(|accepted| accepted.as_str()).collect();
        let tls = listener.tls.as_deref().unwrap_or("off");
        let asked = asked(plan, listener);
        let transport = listener.transport.as_str();
        listeners.row([&listener.name, transport, &listener.address, tls, asked, &auth.join(", ")]);
    }
    console.line(paint.heading("Where peers arrive"));
    console.line(listeners);
    let mut identities = Table::new(["principal", "recognized by", "grants"]);
    for row in rows(plan) {
        identities.row([&row.principal, &row.recognized_by.join(" or "), &row.grants.join(", ")]);
    }
    console.line(format_args!("\n{}", paint.heading("Who is recognized by what, and may do what")));
    console.line(identities);
    upstreams::print(console, plan);
    if let Some(sources) = revocation::table(prepared, now) {
        console.line(format_args!("\n{}", paint.heading("What counts as revoked")));
        console.line(sources);
    }
    console.line(format_args!("\n{}", paint.heading("Checklist")));
    for finding in findings {
        console.line(finding.line(paint));
    }
}

/// What is asked of a client before anything is read from it.
fn asked(plan: &Plan, listener: &ListenerPlan) -> &'static str {
    let profile = listener.tls.as_ref().and_then(|name| plan.tls.get(name));
    match profile.filter(|profile| profile.client_ca.is_some()) {
        None => "not asked for",
        Some(profile) => match profile.client_auth {
            Some(written) => written.as_str(),
            None if listener.auth == [access::Accepted::Mtls] => "require",
            None => "request",
        },
    }
}

/// A line of the identity table.
struct Row {
    principal: String,
    recognized_by: Vec<String>,
    grants: Vec<String>,
}

impl Row {
    fn json(&self) -> serde_json::Value {
        json!({ "principal": self.principal, "recognized_by": self.recognized_by, "grants": self.grants })
    }
}

fn rows(plan: &Plan) -> Vec<Row> {
    let everyone = granted(plan, EVERYONE);
    let mut rows: Vec<Row> = plan.principals.iter().map(|principal| row(plan, principal)).collect();
    if plan.env_only {
        let recognized_by = vec!["a verified certificate's common name".to_owned()];
        rows.push(Row {
            principal: "whoever it names".to_owned(),
            recognized_by,
            grants: granted(plan, EVERYONE),
        });
    } else if plan.open {
        let recognized_by = vec!["nothing".to_owned()];
        let grants = vec!["read-write on every database".to_owned()];
        rows.push(Row { principal: "everyone".to_owned(), recognized_by, grants });
    } else if !everyone.is_empty() {
        let recognized_by = vec!["any accepted method".to_owned()];
        rows.push(Row { principal: "everyone (*)".to_owned(), recognized_by, grants: everyone });
    }
    rows
}

fn row(plan: &Plan, principal: &PrincipalSpec) -> Row {
    let mut recognized_by: Vec<String> =
        principal.methods.iter().map(|Method::Mtls(entry)| conditions(entry)).collect();
    if !principal.active {
        recognized_by = vec!["nothing: it is switched off".to_owned()];
    } else if recognized_by.is_empty() {
        recognized_by = vec!["nothing: it has no method".to_owned()];
    }
    let mut grants = granted(plan, &principal.name);
    if plan.control_plane.enabled && plan.control_plane.admins.contains(&principal.name) {
        grants.push("the control plane".to_owned());
    }
    if grants.is_empty() {
        grants.push("none".to_owned());
    }
    Row { principal: principal.name.clone(), recognized_by, grants }
}

fn granted(plan: &Plan, principal: &str) -> Vec<String> {
    let of = |grant: &&access::GrantSpec| grant.principal == principal;
    plan.grants.iter().filter(of).map(|grant| format!("{} on {}", grant.level, grant.database)).collect()
}

/// The conditions of one entry, all of which must hold.
pub(super) fn conditions(entry: &MtlsMatch) -> String {
    let text = |name: &str, value: Option<String>| value.map(|value| format!("{name} {}", printable(&value)));
    let shown = |value: &dyn ToString| Some(value.to_string());
    [
        text("subject_cn", entry.subject_cn.clone()),
        text("spki_sha256", entry.spki_sha256.as_ref().and_then(|pin| shown(pin))),
        text("san_dns", entry.san_dns.clone()),
        text("san_uri", entry.san_uri.clone()),
        text("san_email", entry.san_email.clone()),
        text("san_ip", entry.san_ip.as_ref().and_then(|ip| shown(ip))),
        text("issuer_spki_sha256", entry.issuer_spki_sha256.as_ref().and_then(|pin| shown(pin))),
        text("subject_o", entry.subject_o.clone()),
        text("subject_ou", entry.subject_ou.clone()),
        text("cert_sha256", entry.cert_sha256.as_ref().and_then(|print| shown(print))),
    ]
    .into_iter()
    .flatten()
    .collect::<Vec<_>>()
    .join(" and ")
}

fn listener_json(listener: &ListenerPlan) -> serde_json::Value {
    json!({
        "name": listener.name,
        "transport": listener.transport.as_str(),
        "address": listener.address,
        "tls": listener.tls,
        "auth": listener.auth.iter().map(|accepted| accepted.as_str()).collect::<Vec<_>>(),
    })
}
