//! The configuration's text: what the node decides by, and nothing else of the user's.
//!
//! It is written as JSON, which YAML is a superset of.

use access::{EVERYONE, GrantSpec, Method, MtlsMatch, PrincipalSpec};
use config::{ClientAuth, ClientCa, DatabasePlan, LimitsPlan, ListenerPlan, TlsMode, TlsPlan};
use serde_json::{Map, Value, json};

use super::revocation::{milliseconds, verification};
use super::{CLIENT_CA, CLIENT_KEY, LEDGER, ROOT, SERVER, SERVER_CA, SERVER_CA_KEY, SERVER_KEY, Setting};
use crate::moment::Stage;
use crate::visit::DATABASE;

impl Setting<'_> {
    /// The text of the configuration at this stage.
    pub(super) fn rendered(&self, stage: Stage) -> String {
        let plan = self.plan;
        let mut top = json!({
            "environment": plan.environment.as_str(),
            "ledger": { "url": format!("sqlite:./{LEDGER}") },
            "databases": self.databases(),
            "control_plane": {
                "enabled": plan.control_plane.enabled,
                "admins": plan.control_plane.admins,
            },
            "limits": limits(&plan.limits),
            "audit": { "auth_events": { "failed": true, "successful": false } },
            "logging": { "format": "json", "access": false },
            // Told when, so that the rehearsal knows by which configuration a client was judged.
            "reload": { "watch": false },
            // Another authority in place of the one before is weaker than both, and what the last stage is about.
            "allow_weaker": stage == Stage::Swapped,
        });
        let further = if plan.env_only { self.short() } else { self.long(stage) };
        if let (Value::Object(top), Value::Object(further)) = (&mut top, further) {
            top.extend(further);
        }
        // A single `$` would name a variable.
        top.to_string().replace('$', "$$")
    }

    /// Listeners, profiles and principals by name.
    fn long(&self, stage: Stage) -> Value {
        let plan = self.plan;
        let tls: Map<String, Value> =
            plan.tls.iter().map(|(name, tls)| (name.clone(), self.profile(tls, stage))).collect();
        let mut further = json!({
            "tls": tls,
            "listeners": plan.listeners.iter().map(listener).collect::<Vec<_>>(),
            "auth": {
                "principals": self.cast.principals(stage).iter().map(principal).collect::<Vec<_>>(),
            },
        });
        if let (Some(_), Value::Object(further)) = (&plan.authority, &mut further) {
            let issuers = json!({
                "server": { "cert": SERVER_CA, "key": SERVER_CA_KEY },
                "client": { "cert": CLIENT_CA, "key": CLIENT_KEY },
            });
            further.insert("authority".to_owned(), json!({ "root_cert": ROOT, "issuers": issuers }));
        }
        if let (Some(address), Value::Object(further)) = (self.upstream, &mut further) {
            let postgres = json!({
                "address": address.to_string(),
                "database": DATABASE,
                "sslmode": "disable",
                "identity": "shared",
                // Bounds on how many come at once would turn the rehearsal itself away.
                "max_connections": 0,
                "max_connections_per_principal": 0,
            });
            further.insert("services".to_owned(), json!([{ "name": SERVICE, "postgres": postgres }]));
        }
        further
    }

    /// The short spelling, which alone makes every certificate the principal of its common name; in Harper's words,
    /// because these have a place for what is asked about revocation.
    fn short(&self) -> Value {
        let mut tls = json!({ "certificate": SERVER, "privateKey": SERVER_KEY });
        let mut mtls = json!(false);
        if let (Some(plan), Value::Object(tls)) = (self.plan.tls.values().next(), &mut tls) {
            tls.insert("minVersion".to_owned(), json!(plan.min_version.as_str()));
            if plan.client_ca.is_some() {
                tls.insert("certificateAuthority".to_owned(), json!(CLIENT_CA));
                let asked = plan.revocation.policy.verification;
                let asked = asked.map_or(json!(false), |asked| verification(&asked, &plan.revocation));
                let required = plan.client_auth != Some(ClientAuth::Request);
                mtls = json!({ "required": required, "certificateVerification": asked });
            }
        }
        json!({ "tls": tls, "http": { "mtls": mtls, "securePort": "127.0.0.1:0" } })
    }

    /// The user's own, empty, and one of the rehearsal's that everybody may ask who they are.
    fn databases(&self) -> Vec<Value> {
        let mut databases: Vec<Value> = self.plan.databases.iter().map(|one| self.database(one)).collect();
        if self.upstream.is_some() {
            databases.push(json!({
                "name": DATABASE,
                "backend": "postgres",
                "service": SERVICE,
                "grants": [{ "principal": EVERYONE, "level": "read-write" }],
            }));
        }
        databases
    }

    fn database(&self, database: &DatabasePlan) -> Value {
        let grants = self.plan.grants.iter().filter(|grant| grant.database == database.name);
        json!({
            "name": database.name,
            "backend": "memory-shared",
            "grants": grants.map(grant).collect::<Vec<_>>(),
        })
    }

    fn profile(&self, tls: &TlsPlan, stage: Stage) -> Value {
        let mut profile = match &tls.mode {
            // A service's certificate is as good as one from a file: what is tried out is who is let in.
            TlsMode::Files { .. } | TlsMode::Service { .. } => {
                json!({ "mode": "files", "cert": SERVER, "key": SERVER_KEY })
            }
            TlsMode::Authority { .. } => json!({ "mode": "authority" }),
            TlsMode::SelfSigned { .. } => json!({ "mode": "self_signed" }),
        };
        let Value::Object(keys) = &mut profile else { return profile };
        keys.insert("hosts".to_owned(), json!(tls.hosts));
        keys.insert("min_version".to_owned(), json!(tls.min_version.as_str()));
        keys.insert("allow_x509_v1".to_owned(), json!(tls.allow_x509_v1));
        if let Some(client_ca) = &tls.client_ca {
            let client_ca = match client_ca {
                ClientCa::Path(_) => CLIENT_CA,
                ClientCa::Authority => "authority",
            };
            keys.insert("client_ca".to_owned(), json!(client_ca));
            keys.insert("revocation".to_owned(), self.revocation(&tls.revocation, stage));
        }
        keys.extend(tls.client_auth.map(|asked| ("client_auth".to_owned(), json!(asked.as_str()))));
        profile
    }
}

fn listener(listener: &ListenerPlan) -> Value {
    let mut written = json!({
        "name": listener.name,
        "transport": listener.transport.as_str(),
        "address": "127.0.0.1:0",
        "auth": listener.auth.iter().map(|accepted| accepted.as_str()).collect::<Vec<_>>(),
    });
    if let (Some(tls), Value::Object(written)) = (&listener.tls, &mut written) {
        written.insert("tls".to_owned(), json!(tls));
    }
    written
}

fn principal(principal: &PrincipalSpec) -> Value {
    let methods: Vec<Value> =
        principal.methods.iter().map(|Method::Mtls(entry)| json!({ "mtls": conditions(entry) })).collect();
    json!({ "name": principal.name, "active": principal.active, "methods": methods })
}

fn conditions(entry: &MtlsMatch) -> Map<String, Value> {
    [
        ("subject_cn", entry.subject_cn.clone()),
        ("spki_sha256", entry.spki_sha256.map(|pin| pin.to_string())),
        ("san_dns", entry.san_dns.clone()),
        ("san_uri", entry.san_uri.clone()),
        ("san_email", entry.san_email.clone()),
        ("san_ip", entry.san_ip.map(|ip| ip.to_string())),
        ("issuer_spki_sha256", entry.issuer_spki_sha256.map(|pin| pin.to_string())),
        ("subject_o", entry.subject_o.clone()),
        ("subject_ou", entry.subject_ou.clone()),
        ("cert_sha256", entry.cert_sha256.map(|print| print.to_string())),
    ]
    .into_iter()
    .filter_map(|(key, value)| Some((key.to_owned(), Value::String(value?))))
    .collect()
}

fn grant(grant: &GrantSpec) -> Value {
    json!({ "principal": grant.principal, "level": grant.level.to_string() })
}

/// Bounds on time and size; those on how many come at once, and how often, would turn the rehearsal itself away.
fn limits(limits: &LimitsPlan) -> Value {
    json!({
        "max_rows": limits.max_rows,
        "max_result_bytes": limits.max_result_bytes,
        "max_request_bytes": limits.max_request_bytes,
        "statement_timeout": milliseconds(limits.statement_timeout),
        "handshake_timeout": milliseconds(limits.handshake_timeout),
        "header_timeout": milliseconds(limits.header_timeout),
        "body_timeout": milliseconds(limits.body_timeout),
        "idle_timeout": milliseconds(limits.idle_timeout),
    })
}

/// The rehearsal's own PostgreSQL.
const SERVICE: &str = "countersign-matrix";
