//! What is valid, and what it means.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use access::{Accepted, Level, Method};
use countersign_config::{
    Backend, ClientAuth, ClientCa, Environment, LedgerPlan, Overrides, PemText, Plan, Sources, TlsMode,
    TlsVersion, Transport, read, read_text,
};

const PIN: &str = "3b0cab5f3b0cab5f3b0cab5f3b0cab5f3b0cab5f3b0cab5f3b0cab5f3b0cab5f";

const EXAMPLE: &str = r#"tls:
  prod:
    mode: files
    cert: /etc/countersign/tls/server.crt
    key:  /etc/countersign/tls/server.key
    client_ca: /etc/countersign/tls/client-ca.crt    # the server verifies client certs against THIS
    min_version: "1.3"                            # require TLS 1.3 in production

listeners:
  - name: h2
    transport: h2
    address: 0.0.0.0:7777
    tls: prod
    auth: [mtls]                                  # sole method → a valid client cert is MANDATORY

auth:
  principals:
    - name: analyst
      methods:
        - mtls: { subject_cn: analyst }           # map by certificate CN
    - name: reporting
      methods:
        - mtls: { spki_sha256: "3b0c…" }          # map by exact public key (pin)

databases:
  - name: app
    backend: file
    path: /var/lib/countersign/app.db
    mode: rwc
    grants:
      - { principal: analyst,   level: read-write }
      - { principal: reporting, level: read-only }
"#;

fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

fn plan_of(text: &str, pairs: &[(&str, &str)], overrides: Overrides) -> Result<Plan, fault::Faults> {
    let sources = Sources { file: Some("c.yaml".into()), env: env(pairs), overrides };
    read_text(&sources, text, Path::new("/etc/countersign")).map(|(plan, _)| plan)
}

fn plan(text: &str) -> Result<Plan, fault::Faults> {
    plan_of(text, &[], Overrides::default())
}

fn files(plan: &Plan, profile: &str) -> Option<(PathBuf, PathBuf)> {
    match &plan.tls.get(profile)?.mode {
        TlsMode::Files { cert, key, .. } => Some((cert.clone(), key.clone())),
        TlsMode::Authority { .. } | TlsMode::Service { .. } | TlsMode::SelfSigned { .. } => None,
    }
}

#[test]
fn the_example_of_the_first_source_is_valid_with_a_real_pin() {
    let plan = plan(&EXAMPLE.replace("3b0c…", PIN)).unwrap();
    assert_eq!(files(&plan, "prod").unwrap().0, Path::new("/etc/countersign/tls/server.crt"));
    assert_eq!(plan.tls["prod"].client_ca, Some(ClientCa::Path("/etc/countersign/tls/client-ca.crt".into())));
    assert_eq!((plan.tls["prod"].min_version, plan.tls["prod"].client_auth), (TlsVersion::V1_3, None));
    assert!(plan.tls["prod"].allow_x509_v1);
    let listener = &plan.listeners[0];
    assert_eq!((listener.name.as_str(), listener.transport), ("h2", Transport::H2));
    assert_eq!(
        (listener.bind_address().as_str(), listener.auth.as_slice()),
        ("0.0.0.0:7777", &[Accepted::Mtls][..])
    );
    let Method::Mtls(analyst) = &plan.principals[0].methods[0];
    assert_eq!(analyst.subject_cn.as_deref(), Some("analyst"));
    let Method::Mtls(reporting) = &plan.principals[1].methods[0];
    assert_eq!(reporting.spki_sha256.map(|pin| pin.to_string()).as_deref(), Some(PIN));
    let grants: Vec<_> =
        plan.grants.iter().map(|g| (g.database.as_str(), g.principal.as_str(), g.level)).collect();
    assert_eq!(grants, [("app", "analyst", Level::ReadWrite), ("app", "reporting", Level::ReadOnly)]);
    assert_eq!(plan.databases[0].path.as_deref(), Some(Path::new("/var/lib/countersign/app.db")));
    assert!(!plan.open && !plan.env_only);
}

#[test]
fn the_example_of_the_first_source_as_printed_names_the_principal_with_the_bad_pin() {
    let sources = Sources { file: Some("c.yaml".into()), ..Sources::default() };
    let faults = read_text(&sources, EXAMPLE, Path::new("/")).unwrap_err().to_string();
    assert_eq!(
        faults.lines().next(),
        Some(
            "c.yaml:23:32: config: principal \"reporting\": mtls.spki_sha256 \"3b0c…\" is neither 64 hexadecimal digits \
             nor sha256//BASE64"
        )
    );
}

#[test]
fn what_is_left_out_has_the_documented_default() {
    let plan = plan(&EXAMPLE.replace("3b0c…", PIN)).unwrap();
    assert_eq!(plan.environment, Environment::Development);
    assert_eq!((plan.limits.max_rows, plan.limits.max_result_bytes), (100_000, 64 << 20));
    assert_eq!(
        (plan.limits.max_request_bytes, plan.limits.statement_timeout),
        (8 << 20, Duration::from_secs(30))
    );
    assert_eq!((plan.limits.handshake_timeout.as_secs(), plan.limits.header_timeout.as_secs()), (10, 10));
    assert_eq!((plan.limits.body_timeout.as_secs(), plan.limits.idle_timeout.as_secs()), (30, 120));
    assert_eq!((plan.limits.max_connections, plan.limits.max_connections_per_ip), (10_000, 1_000));
    assert_eq!((plan.limits.handshakes_per_ip, plan.limits.per_principal_rps), (64, 0));
    assert_eq!(plan.audit.retention, Duration::from_secs(90 * 86_400));
    assert!(plan.audit.failed && plan.audit.successful && plan.logging.access && !plan.control_plane.enabled);
    assert!(plan.ledger.is_none() && plan.authority.is_none());
}

#[test]
fn a_realm_is_read_with_paths_beside_its_file() {
    let text = r#"
environment: staging
ledger: { url: "sqlite:./state/ledger.db" }
authority:
  root_cert: ./pki/root.crt
  issuers:
    server: { cert: ./pki/issuers/server.crt, key: ./pki/issuers/server.key, key_password_env: PW }
    client: { cert: ./pki/issuers/client.crt, key: ~/client.key, key_password_file: pw }
  profiles: { client: { lifetime: 90d, usages: [client], keys: [ecdsa-p256, ed25519] } }
  crl: { lifetime: 12h }
tls: { local: { mode: authority, client_ca: authority, hosts: [localhost] } }
listeners: [ { name: h2, address: "127.0.0.1:7777", tls: local, auth: [mtls, none] } ]
auth: { principals: [ { name: admin, methods: [ { mtls: { subject_cn: admin } } ] }, { name: old, active: no } ] }
databases: [ { name: app, path: data/app.db }, { name: scratch, backend: memory-shared, pragmas_preset: sqlite } ]
control_plane: { enabled: true, admins: [admin] }
"#;
    let plan = plan_of(text, &[("PW", "x"), ("HOME", "/home/a")], Overrides::default()).unwrap();
    assert_eq!(plan.environment, Environment::Staging);
    assert_eq!(plan.ledger, Some(LedgerPlan::Sqlite { path: "/etc/countersign/state/ledger.db".into() }));
    let authority = plan.authority.unwrap();
    assert_eq!(authority.root_cert.as_deref(), Some(Path::new("/etc/countersign/pki/root.crt")));
    assert!(
        matches!(&authority.issuers["client"].key, PemText::File(key) if key == Path::new("/home/a/client.key"))
    );
    assert_eq!(authority.profiles["client"].lifetime, Some(Duration::from_secs(90 * 86_400)));
    assert_eq!(authority.crl.lifetime, Duration::from_secs(12 * 3600));
    assert!(matches!(&plan.tls["local"].mode, TlsMode::Authority { hosts } if hosts == &["localhost"]));
    assert_eq!(plan.listeners[0].auth, [Accepted::Mtls, Accepted::None]);
    assert!(!plan.principals[1].active);
    assert_eq!(
        (plan.databases[1].backend, plan.databases[1].recommended_pragmas),
        (Backend::MemoryShared, false)
    );
    assert_eq!(plan.control_plane.admins, ["admin"]);
}

const SHORT: &str = "
tls:
  enabled: true
  certFile: /etc/countersign/server.crt
  keyFile: /etc/countersign/server.key
  clientCAFile: /etc/countersign/clients-ca.crt
  clientAuth: require # or \"request\"
";

#[test]
fn the_short_spelling_is_https_on_11023_for_everyone_whom_the_client_ca_vouches_for() {
    let plan = plan(SHORT).unwrap();
    assert!(plan.env_only && !plan.open && plan.principals.is_empty());
    let listener = &plan.listeners[0];
    assert_eq!((listener.address.as_str(), listener.transport), (":11023", Transport::H2));
    assert_eq!(
        (listener.bind_address().as_str(), listener.auth.as_slice()),
        ("0.0.0.0:11023", &[Accepted::Mtls][..])
    );
    assert_eq!(plan.tls["default"].client_auth, Some(ClientAuth::Require));
    assert_eq!(plan.databases[0].path.as_deref(), Some(Path::new("/etc/countersign/countersign.db")));
    let grant = &plan.grants[0];
    assert_eq!(
        (grant.database.as_str(), grant.principal.as_str(), grant.level),
        ("countersign", "*", Level::ReadWrite)
    );
}

#[test]
fn the_environment_alone_configures_the_same() {
    let pairs = [
        ("COUNTERSIGN_TLS_ENABLED", "true"),
        ("COUNTERSIGN_TLS_CERT", "/etc/countersign/server.crt"),
        ("COUNTERSIGN_TLS_KEY", "/etc/countersign/server.key"),
        ("COUNTERSIGN_TLS_CLIENT_CA", "/etc/countersign/clients-ca.crt"),
        ("COUNTERSIGN_TLS_CLIENT_AUTH", "REQUEST"),
        ("COUNTERSIGN_TLS_MIN_VERSION", ""),
    ];
    let (plan, warnings) = read(&Sources { env: env(&pairs), ..Sources::default() }).unwrap();
    assert!(plan.env_only && plan.file.is_none());
    assert_eq!(plan.tls["default"].client_auth, Some(ClientAuth::Request));
    assert_eq!(plan.tls["default"].min_version, TlsVersion::V1_2);
    assert_eq!(plan.databases[0].path, Some(plan.base.join("countersign.db")));
    assert_eq!(
        warnings[0].what(),
        "no principals are configured: every verified certificate is the principal named by its common name, \
         read-write on countersign"
    );
}

#[test]
fn without_a_client_ca_the_environment_lets_nobody_in() {
    let pairs =
        [("COUNTERSIGN_TLS_ENABLED", "true"), ("COUNTERSIGN_TLS_CERT", "c"), ("COUNTERSIGN_TLS_KEY", "k")];
    let (plan, warnings) = read(&Sources { env: env(&pairs), ..Sources::default() }).unwrap();
    assert!(plan.listeners[0].auth.is_empty() && plan.grants.is_empty() && !plan.open);
    assert_eq!(
        warnings[0].remedy_text(),
        Some("set COUNTERSIGN_TLS_CLIENT_CA (or tls.clientCAFile), or write principals and listeners")
    );
}

#[test]
fn an_empty_environment_is_a_fault_and_not_clear_text() {
    let said = |pairs: &[(&str, &str)]| {
        read(&Sources { env: env(pairs), ..Sources::default() }).unwrap_err().to_string()
    };
    assert_eq!(
        said(&[]).lines().next(),
        Some("nothing to serve: there are no listeners and COUNTERSIGN_TLS_ENABLED is not true")
    );
    assert_eq!(
        said(&[("COUNTERSIGN_TLS_CERT", "c")]).lines().next(),
        Some("COUNTERSIGN_TLS_CERT: COUNTERSIGN_TLS_CERT is given and TLS is not enabled")
    );
    assert_eq!(
        said(&[("COUNTERSIGN_TLS_ENABLED", "maybe"), ("COUNTERSIGN_TLS_CLIENT_AUTH", "bogus")]),
        "COUNTERSIGN_TLS_ENABLED: tls.enabled \"maybe\" is neither true nor false"
    );
    assert_eq!(
        said(&[
            ("COUNTERSIGN_TLS_ENABLED", "true"),
            ("COUNTERSIGN_TLS_CLIENT_AUTH", "bogus"),
            ("COUNTERSIGN_TLS_MIN_VERSION", "x")
        ]),
        "COUNTERSIGN_TLS_ENABLED: TLS is enabled but COUNTERSIGN_TLS_CERT (or tls.certFile) is not set
  try: set COUNTERSIGN_TLS_CERT to the path of a PEM file
COUNTERSIGN_TLS_ENABLED: TLS is enabled but COUNTERSIGN_TLS_KEY (or tls.keyFile) is not set
  try: set COUNTERSIGN_TLS_KEY to the path of a PEM file
COUNTERSIGN_TLS_MIN_VERSION: invalid tls min_version \"x\" (want 1.2 or 1.3)
  try: write \"1.2\" or \"1.3\"
COUNTERSIGN_TLS_CLIENT_AUTH: unknown tls.clientAuth \"bogus\" (use 'require' or 'request')
  try: require demands a client certificate, request lets it be left out"
    );
}

#[test]
fn flags_come_before_the_environment_and_the_environment_before_the_file() {
    let overrides = Overrides {
        tls_cert: Some("/flag.crt".into()),
        listen: Some("127.0.0.1:1".into()),
        ..Overrides::default()
    };
    let pairs = [
        ("COUNTERSIGN_TLS_CERT", "/env.crt"),
        ("COUNTERSIGN_TLS_KEY", "/env.key"),
        ("COUNTERSIGN_TLS_CLIENT_AUTH", "request"),
        ("COUNTERSIGN_ENV", "production"),
    ];
    for text in [SHORT.to_owned(), EXAMPLE.replace("3b0c…", PIN)] {
        let plan = plan_of(&text, &pairs, overrides.clone()).unwrap();
        let profile = plan.tls.keys().next().unwrap().clone();
        assert_eq!(files(&plan, &profile), Some(("/flag.crt".into(), "/env.key".into())));
        assert_eq!(plan.tls[&profile].client_auth, Some(ClientAuth::Request));
        assert_eq!(plan.listeners[0].address, "127.0.0.1:1");
        assert_eq!(plan.environment, Environment::Production);
    }
}

#[test]
fn each_value_knows_where_it_came_from() {
    let overrides = Overrides { tls_cert: Some("/flag.crt".into()), ..Overrides::default() };
    let plan =
        plan_of(&EXAMPLE.replace("3b0c…", PIN), &[("COUNTERSIGN_TLS_KEY", "/env.key")], overrides).unwrap();
    let origin = |key: &str| {
        let of: Vec<String> = plan.origins.iter().filter(|o| o.key == key).map(ToString::to_string).collect();
        of.join("; ")
    };
    assert_eq!(origin("tls.prod.cert"), "tls.prod.cert = \"/flag.crt\" (--tls-cert)");
    assert_eq!(origin("tls.prod.key"), "tls.prod.key = \"/env.key\" (COUNTERSIGN_TLS_KEY)");
    assert_eq!(origin("tls.prod.min_version"), "tls.prod.min_version = \"1.3\" (c.yaml:7:18)");
    assert_eq!(origin("limits.max_rows"), "limits.max_rows = \"100000\" (default)");
    assert_eq!(
        origin("auth.principals[0].methods[0].mtls.subject_cn").split(' ').nth(2),
        Some("\"analyst\"")
    );
}

#[test]
fn a_setting_that_could_mean_two_profiles_is_a_fault() {
    let two = "tls: { a: { mode: files, cert: c, key: k }, b: { mode: files, cert: c, key: k } }
listeners: [ { name: a, address: ':1', tls: a, auth: [none] }, { name: b, address: ':2', tls: b, auth: [none] } ]
allow_open: true";
    let sources = Sources {
        file: Some("c.yaml".into()),
        env: env(&[("COUNTERSIGN_TLS_CERT", "x")]),
        overrides: Overrides { listen: Some(":3".into()), ..Overrides::default() },
    };
    assert_eq!(
        read_text(&sources, two, Path::new("/")).unwrap_err().to_string(),
        "COUNTERSIGN_TLS_CERT: config: COUNTERSIGN_TLS_CERT names no tls profile, and the file has 2
  try: write it under the profile that is meant
--listen: config: --listen names no listener, and the file has 2
  try: write the address under the listener that is meant"
    );
}

#[test]
fn a_file_is_read_from_disk_and_a_missing_one_is_a_fault() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.yaml");
    ::files::write_public(&file, SHORT.replace("/etc/countersign", ".").as_bytes()).unwrap();
    let (plan, _) = read(&Sources { file: Some(file), ..Sources::default() }).unwrap();
    assert_eq!(files(&plan, "default").unwrap().0, folder.path().join("server.crt"));
    let missing = folder.path().join("none.yaml");
    let said = read(&Sources { file: Some(missing.clone()), ..Sources::default() }).unwrap_err().to_string();
    assert!(said.contains(&missing.display().to_string()), "{said}");
    let binary = folder.path().join("binary.yaml");
    ::files::write_public(&binary, &[b'a', b':', 0xff]).unwrap();
    let said = read(&Sources { file: Some(binary.clone()), ..Sources::default() }).unwrap_err().to_string();
    assert_eq!(said, format!("{}: the configuration is not UTF-8\n  cause: byte 2 is not", binary.display()));
}

#[test]
fn what_is_seldom_meant_is_a_warning() {
    let text = "tls: { a: { mode: self_signed, client_ca: c } }
listeners: [ { name: a, address: ':1', tls: a, auth: [mtls] } ]
databases: [ { name: app, path: a, grants: [ { principal: '*', level: admin } ] } ]";
    let sources = Sources { file: Some("c.yaml".into()), ..Sources::default() };
    let (_, warnings) = read_text(&sources, text, Path::new("/")).unwrap();
    let said: Vec<String> = warnings.iter().map(|warning| warning.what().to_owned()).collect();
    assert_eq!(
        said,
        [
            "serving a self-signed (dev-only) TLS certificate — do not use in production",
            "listener \"a\" accepts certificates and no principal has any: nobody can sign in",
            "database \"app\" makes everyone an administrator of it",
        ]
    );
}

#[test]
fn everything_that_is_written_about_a_server_behind_the_door_is_in_the_plan() {
    let text = "tls: { a: { mode: self_signed, client_ca: c } }
listeners: [ { name: a, transport: postgres, address: '127.0.0.1:1', tls: a, auth: [mtls], plaintext_cancel: true } ]
auth: { principals: [ { name: bob, methods: [ { mtls: { subject_cn: bob } } ] } ] }
secrets: [ { name: keys, type: file, dir: ./keys }, { name: env, type: env, prefix: PG_ } ]
services:
  - name: pg
    postgres: { address: 10.0.0.5, database: o, ssl_rootcert: ca.crt, ssl_crl: ca.crl, identity: shared, ssl_cert: c.crt,
                ssl_key: c.key, ssl_key_password: 'env:KEY', password: 'keys:bob', keep_warm: true, warm: { most: 3, idle: 5s },
                max_connections: 7, max_connections_per_principal: 2, connect_timeout: 1s,
                roles: { read-only: ro, read-write: rw } }
databases: [ { name: o, backend: postgres, service: pg, hosts: [O.Example.com], grants: [ { principal: bob, level: read-only } ] } ]";
    let env = [("PG_KEY".to_owned(), "secret".to_owned())].into();
    let sources = Sources { file: Some("c.yaml".into()), env, ..Sources::default() };
    let (plan, warnings) =
        read_text(&sources, text, Path::new("/etc")).unwrap_or_else(|faults| panic!("{faults}"));
    let upstream = plan.upstreams.first().unwrap();
    assert_eq!(upstream.address.to_string(), "10.0.0.5:5432");
    assert!(upstream.is_judged() && upstream.sslmode.as_str() == "verify-full");
    let files: Vec<String> = upstream.files().map(|file| file.display().to_string()).collect();
    assert_eq!(files, ["/etc/ca.crt", "/etc/ca.crl", "/etc/c.crt", "/etc/c.key", "/etc/keys/bob"]);
    assert_eq!(upstream.secrets().count(), 2);
    assert!(!format!("{upstream:?}").contains("\"secret\""), "a plan never shows a secret");
    let warm = upstream.warm.unwrap();
    assert_eq!((warm.most, warm.idle, upstream.max_connections), (3, Duration::from_secs(5), 7));
    let database = plan.databases.first().unwrap();
    assert_eq!(
        (database.service.as_deref(), &database.hosts[..]),
        (Some("pg"), &["o.example.com".to_owned()][..])
    );
    assert!(plan.listeners[0].plaintext_cancel && plan.listeners[0].transport == Transport::Postgres);
    assert!(warnings.iter().all(|warning| !warning.what().contains("service")), "{warnings:?}");
}

#[test]
fn a_server_elsewhere_that_nobody_vouches_for_is_a_warning() {
    let said = |address: &str, mode: &str| {
        let text = format!(
            "listeners: [ {{ name: a, transport: h1, address: '127.0.0.1:1', auth: [none] }} ]
services: [ {{ name: pg, postgres: {{ address: {address}, database: o, identity: shared, sslmode: {mode} }} }} ]
databases: [ {{ name: o, backend: postgres, service: pg }} ]"
        );
        let sources = Sources { file: Some("c.yaml".into()), ..Sources::default() };
        let (_, warnings) = read_text(&sources, &text, Path::new("/")).unwrap();
        warnings.iter().filter(|warning| warning.what().contains("nobody vouches")).count()
    };
    for mode in ["disable", "allow", "prefer", "require"] {
        assert_eq!(said("10.0.0.5", mode), 1, "{mode}");
        assert_eq!(said("127.0.0.1", mode), 0, "{mode}");
    }
}
