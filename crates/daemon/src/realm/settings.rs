//! The configuration that a new realm begins with.

use config::PostgresPlan;

use super::spec::RealmSpec;

/// The TLS profile of the realm's listener.
pub(super) const PROFILE: &str = "main";

/// The text of `countersign.yaml`.
pub(super) fn text(spec: &RealmSpec) -> String {
    let hosts: Vec<String> = spec.hosts.iter().map(|host| quoted(host)).collect();
    let password = spec.key_password.as_ref().map_or_else(String::new, |password| {
        format!(", key_password_file: {}", quoted(&password.file.display().to_string()))
    });
    let ledger =
        spec.ledger.as_ref().map_or_else(|| "sqlite:./state/ledger.db".to_owned(), PostgresPlan::url);
    TEMPLATE
        .trim_start()
        // On PostgreSQL the inventory is read there, by whomever the server lets in.
        .replace("@inventory", if spec.ledger.is_none() { INVENTORY } else { "" })
        .replace("@environment", &quoted(&spec.environment))
        .replace("@listen", &quoted(&spec.listen))
        .replace("@hosts", &hosts.join(", "))
        .replace("@ledger", &quoted(&ledger))
        .replace("@password", &password)
        .replace("@profile", PROFILE)
}

/// A YAML string in double quotes; `$` is doubled, because a single one would name a variable.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "$$"))
}

const INVENTORY: &str = r#"  - name: ledger               # what was issued, revoked, let in and refused, in SQL: countersign query ledger "SELECT …"
    backend: ledger
    grants:
      - { principal: admin, level: read-only }
"#;

const TEMPLATE: &str = r#"
# The configuration of this realm. Paths are relative to this file.
# `countersign check countersign.yaml` says what it means and what is wrong with it.

# development, staging or production. Certificates carry it as their organization (O).
environment: @environment

# Every certificate that is issued is on record here, and every sign-in and refusal.
ledger: { url: @ledger }

# Our own authority: one root, whose key belongs off this machine (offline/root.key), and an issuer for each purpose.
# Whoever holds the client issuer's key cannot make a server certificate that a client would accept.
authority:
  root_cert: ./pki/root.crt
  issuers:
    server: { cert: ./pki/issuers/server.crt, key: ./pki/issuers/server.key@password }
    client: { cert: ./pki/issuers/client.crt, key: ./pki/issuers/client.key@password }

# How the listener shows itself, and whose clients it believes.
tls:
  @profile:
    mode: authority            # the certificate comes from our own authority and is reissued before it ends
    hosts: [@hosts]            # the names and addresses it covers: add what your clients dial
    client_ca: authority       # clients must have a certificate from our own client issuer
    min_version: "1.3"         # "1.2" lets older clients in too

# Where peers arrive. To be reached from other machines, listen on 0.0.0.0:7777 and add this machine's name above.
listeners:
  - { name: main, transport: h2, address: @listen, tls: @profile, auth: [mtls] }

# Who may come in. A certificate is its principal by its common name; another certificate of the same name is the
# same principal. `countersign cert issue --cn NAME` makes one.
auth:
  principals:
    - name: admin
      methods: [ { mtls: { subject_cn: admin } } ]
    - name: analyst
      methods: [ { mtls: { subject_cn: analyst } } ]

# What is served, and who may do what: read-only, read-write or admin.
databases:
  - name: app                  # https://HOST:7777/app/query
    backend: file
    path: ./data/app.db
    mode: rwc                  # read, write, and create it where there is none
    pragmas_preset: recommended
    grants:
      - { principal: analyst, level: read-write }
      - { principal: admin, level: admin }
@inventory
# The administrators' routes, /_admin/…
control_plane: { enabled: true, admins: [admin] }

# Which sign-ins are recorded, and for how long.
audit: { auth_events: { failed: true, successful: true }, retention: 90d }

# The log goes to standard error: text for people, json for programs.
logging: { format: text, level: info }
"#;
