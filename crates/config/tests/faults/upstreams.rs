//! PostgreSQL servers behind the door: how they are reached, by what they know who comes, who is whom there.

use super::{said, said_with, with};

const AUTHORITY: &str = "ledger: { url: \"sqlite:l.db\" }\n\
                         authority: { root_cert: r.crt, issuers: { client: { cert: c.crt, key: c.key } } }";

/// A configuration with one PostgreSQL behind it, of which these are the keys, and one database with these grants there.
fn one(keys: &str, grants: &str) -> String {
    let databases =
        format!("databases: [ {{ name: orders, backend: postgres, service: pg, grants: [ {grants} ] }} ]");
    format!("{}\n{AUTHORITY}\nservices: [ {{ name: pg, postgres: {{ {keys} }} }} ]", with(&databases))
}

fn faults(keys: &str) -> String {
    said(&one(keys, "{ principal: analyst, level: read-write }"))
}

const WELL: &str = "address: 10.0.0.5, database: orders, ssl_rootcert: ca.crt";

#[test]
fn a_server_behind_the_door_is_named_by_where_it_is_and_who_vouches_for_it() {
    assert_eq!(faults(WELL), "nothing is wrong");
    assert_eq!(
        faults("sslmode: verify-full"),
        "c.yaml:7:35: config: service \"pg\": it has no address\n  try: write address: HOST:PORT, such as 10.0.0.5:5432\n\
         c.yaml:7:35: config: service \"pg\": it has no database\n  try: write database: and the name that it has there\n\
         c.yaml:7:46: config: service \"pg\": sslmode verify-full needs ssl_rootcert\n  \
         try: write ssl_rootcert: and the file with the authority of your database servers"
    );
}

#[test]
fn every_fault_of_a_server_behind_the_door_is_told_with_its_line_and_what_to_do() {
    for (keys, words) in [
        (
            "database: orders, ssl_rootcert: r",
            "service \"pg\": it has no address\n  try: write address: HOST:PORT",
        ),
        ("address: db, ssl_rootcert: r", "service \"pg\": it has no database"),
        (
            "address: \"db:x\", database: o, ssl_rootcert: r",
            "the address \"db:x\" is neither HOST:PORT nor the folder",
        ),
        ("address: db, database: o", "sslmode verify-full needs ssl_rootcert"),
        ("address: db, database: o, sslmode: verify-ca", "sslmode verify-ca needs ssl_rootcert"),
        (
            "address: db, database: o, sslmode: verify",
            "services[0].postgres.sslmode \"verify\" is not known (want disable, allow, prefer, require, verify-ca or verify-full)",
        ),
        (
            "address: /run/p, database: o, identity: shared",
            "sslmode verify-full for a Unix socket, on which nothing is encrypted",
        ),
        (
            "address: db, database: o, identity: shared, sslmode: disable, ssl_rootcert: r",
            "ssl_rootcert judges nobody with sslmode disable",
        ),
        (
            "address: db, database: o, identity: shared, sslmode: require, ssl_crl: l",
            "ssl_crl takes back what nobody vouched for",
        ),
        (
            "address: db, database: o, sslmode: prefer",
            "identity per_principal with sslmode prefer: without TLS no certificate is shown",
        ),
        ("address: /run/p, database: o, sslmode: disable", "identity per_principal over a Unix socket"),
        (
            "address: db, database: o, identity: shared, sslmode: prefer, ssl_cert: c, ssl_key: k",
            "ssl_cert with sslmode prefer: without TLS it is not shown",
        ),
        (
            "address: db, database: o, identity: shared, sslmode: allow, ssl_cert: c, ssl_key: k",
            "ssl_cert with sslmode allow",
        ),
        (
            "address: db, database: o, ssl_rootcert: r, identity: shared, ssl_cert: c",
            "ssl_cert is set but ssl_key is not",
        ),
        (
            "address: db, database: o, ssl_rootcert: r, identity: shared, ssl_key: k",
            "ssl_key is set but ssl_cert is not",
        ),
        (
            "address: db, database: o, ssl_rootcert: r, ssl_cert: c, ssl_key: k",
            "a certificate of its own is for identity shared",
        ),
        (
            "address: db, database: o, ssl_rootcert: r, password: env:P",
            "password is for identity shared; with per_principal nobody has one",
        ),
        (
            "address: db, database: o, ssl_rootcert: r, identity: shared, certificate_lifetime: 5m",
            "certificate_lifetime is for identity per_principal",
        ),
        (
            "address: db, database: o, ssl_rootcert: r, certificate_lifetime: 90d",
            "certificate_lifetime must be from 1m to 12h",
        ),
        (
            "address: db, database: o, ssl_rootcert: r, connect_timeout: 0s",
            "connect_timeout must be more than nothing",
        ),
        (
            "address: db, database: o, ssl_rootcert: r, warm: { most: 5 }",
            "warm is written and nothing is kept warm",
        ),
        (
            "address: db, database: o, ssl_rootcert: r, keep_warm: true, warm: { most: 0 }",
            "warm keeps nothing",
        ),
        (
            "address: db, database: o, ssl_rootcert: r, roles: {}, map: [ { subject_cn: a, role: b } ]",
            "map and roles both say who is whom",
        ),
        (
            "address: db, database: o, ssl_rootcert: r, roles: { read-only: a }",
            "grants read-write, and service \"pg\" has no role for it",
        ),
        (
            "address: db, database: o, ssl_rootcert: r, roles: { read-only: a, read-write: a }",
            "roles.read-only \"a\" is also the role of those who may write",
        ),
        ("address: db, database: o, ssl_rootcert: r, map: []", "map has no entry"),
        (
            "address: db, database: o, ssl_rootcert: r, map: [ { role: b } ]",
            "map[0] would hold for every certificate",
        ),
        ("address: db, database: o, ssl_rootcert: r, map: [ { subject_cn: b } ]", "map[0] gives no role"),
        (
            "address: db, database: o, ssl_rootcert: r, map: [ { subject_cn: '', role: b } ]",
            "service \"pg\": map[0].subject_cn \"\" matches no certificate",
        ),
        (
            "address: db, database: o, ssl_rootcert: r, map: [ { spki_sha256: x, role: b } ]",
            "service \"pg\": map[0].spki_sha256 \"x\" is neither 64",
        ),
        (
            "address: db, database: o, ssl_rootcert: r, map: [ { subject: b, role: b } ]",
            "unknown key \"subject\"",
        ),
        ("address: db, database: '', ssl_rootcert: r", "database \"\" is no name in a PostgreSQL"),
    ] {
        let said = faults(keys);
        assert!(
            said.contains(words) && said.contains("c.yaml:7:") | said.contains("c.yaml:1:"),
            "{keys}: {said}"
        );
        assert!(said.contains("\n  try: ") || said.contains("(want "), "{keys}: {said}");
    }
}

#[test]
fn a_name_that_the_server_would_cut_off_is_refused() {
    let long = "r".repeat(64);
    let said = faults(&format!("{WELL}, roles: {{ read-write: {long} }}"));
    assert!(said.contains("is no name in a PostgreSQL (1 to 63 bytes)"), "{said}");
    let grants = format!("{{ principal: {long}, level: read-write }}");
    let auth = format!("auth: {{ principals: [ {{ name: {long} }} ] }}");
    let text = one(WELL, &grants).replace("auth: { principals: [ { name: analyst", &format!("{auth}\n#"));
    let said = super::said(&text);
    assert!(said.contains("is longer than 63 bytes"), "{said}");
}

#[test]
fn a_grant_to_read_needs_a_role_that_enforces_it() {
    let reading = "{ principal: analyst, level: read-only }";
    for keys in [WELL.to_owned(), format!("{WELL}, map: [ {{ subject_cn: analyst, role: a }} ]")] {
        assert_eq!(
            said(&one(&keys, reading)),
            "c.yaml:1:101: config: database \"orders\" grants read-only, and nothing on service \"pg\" would enforce it\n  \
             try: write roles: { read-only: ROLE } under the service, a role without the right to write"
        );
    }
    assert_eq!(said(&one(&format!("{WELL}, roles: {{ read-only: ro }}"), reading)), "nothing is wrong");
    let none = "{ principal: analyst, level: none }";
    assert_eq!(said(&one(WELL, none)), "nothing is wrong");
}

#[test]
fn certificates_in_names_of_principals_need_an_authority() {
    let text = one(WELL, "{ principal: analyst, level: admin }");
    let without: Vec<&str> = text.lines().filter(|line| !line.starts_with("authority:")).collect();
    assert_eq!(
        said(&without.join("\n")),
        "c.yaml:6:21: config: service \"pg\": identity per_principal needs an authority that issues certificates to clients\n  \
         try: write authority: with issuers: { client: … }, or identity: shared"
    );
}

#[test]
fn services_and_databases_name_each_other() {
    let services = |services: &str, database: &str| {
        said(&format!(
            "{}\n{AUTHORITY}\nservices: [ {services} ]",
            with(&format!("databases: [ {database} ]"))
        ))
    };
    let pg = format!("{{ name: pg, postgres: {{ {WELL} }} }}");
    let on = "{ name: o, backend: postgres, service: pg }";
    assert_eq!(services(&pg, on), "nothing is wrong");
    for (services, words) in [
        (services(&format!("{pg}, {pg}"), on), "duplicate service \"pg\"\n  try: give each its own name"),
        (services(&pg, "{ name: o, path: o.db }"), "service \"pg\" is used by no database"),
        (
            services(&pg, "{ name: o, backend: postgres, service: pgg }"),
            "database \"o\" is on the unknown service \"pgg\"\n  try: did you mean \"pg\"?",
        ),
        (services(&pg, "{ name: o, backend: postgres }"), "database \"o\" (postgres) needs a service"),
        (services(&pg, "{ name: o, path: o.db, service: pg }"), "database \"o\" (file) has a service"),
        (services(&pg, "{ name: o, path: o.db, hosts: [a] }"), "database \"o\" (file) has hosts"),
        (
            services(&pg, "{ name: o, backend: postgres, service: pg, path: p }"),
            "has a path and is kept by its service",
        ),
        (services(&pg, "{ name: o, backend: postgres, service: pg, mode: ro }"), "has a setting of SQLite"),
        (
            services(&pg, "{ name: o, backend: postgres, service: pg, hosts: [a..b] }"),
            "is no host name that a client sends",
        ),
        (services(&pg, "{ name: o, backend: postgres, service: pg, hosts: [10.0.0.1] }"), "is no host name"),
        (
            services(
                &pg,
                "{ name: o, backend: postgres, service: pg, hosts: [a.b] }, { name: p, backend: postgres, service: pg, hosts: [A.b] }",
            ),
            "the host \"A.b\" stands for more than one database",
        ),
        (services("{ name: pg }", on), "service \"pg\" does not say what it is"),
        (services("{ postgres: {} }", on), "services[0] needs a name"),
        (services("{ name: pg, redis: {} }", on), "services[0].redis is not available in this version"),
    ] {
        assert!(services.contains(words), "{words}: {services}");
    }
}

#[test]
fn a_password_is_named_by_its_place_and_never_written_nor_repeated() {
    let shared = |password: &str, secrets: &str, env: &[(&str, &str)]| {
        let keys = format!("{WELL}, identity: shared, password: {password}");
        let text = one(&keys, "{ principal: analyst, level: read-write }");
        said_with(&format!("{text}\nsecrets: [ {secrets} ]"), env)
    };
    let env = "{ name: env, type: env }";
    assert_eq!(shared("env:PGPASSWORD", env, &[("PGPASSWORD", "x")]), "nothing is wrong");
    assert_eq!(shared("keys:orders", "{ name: keys, type: file, dir: ./keys }", &[]), "nothing is wrong");
    assert_eq!(
        shared("pass:db/orders", "{ name: pass, type: command, command: [pass, show] }", &[]),
        "nothing is wrong"
    );
    for written in ["hunter2", "hunter2:secret", "\":hunter2\"", "\"${GIVEN}\""] {
        let said = shared(written, env, &[("GIVEN", "hunter2")]);
        assert!(!said.contains("hunter2") && said.contains("c.yaml:7:"), "{said}");
        assert!(
            said.contains("is no place for a secret itself") || said.contains("is of no source in secrets"),
            "{said}"
        );
    }
    for (password, secrets, words) in [
        ("env:PGPASSWORD", env, "the variable \"PGPASSWORD\" is not set\n  try: set PGPASSWORD"),
        ("env:P", "{ name: env, type: env, prefix: DB_ }", "the variable \"DB_P\" is not set"),
        ("evn:P", env, "is of no source in secrets\n  try: did you mean \"env\"?"),
        (
            "keys:../x",
            "{ name: keys, type: file, dir: ./keys }",
            "\"../x\" is not the name of a file in a folder",
        ),
        (
            "keys:.x",
            "{ name: keys, type: file, dir: ./keys }",
            "\".x\" is not the name of a file in a folder",
        ),
        (
            "pass:-x",
            "{ name: pass, type: command, command: [pass] }",
            "\"-x\" cannot be given to a program as a name",
        ),
        ("env:P", "{ name: env, type: env }, { name: env, type: env }", "duplicate secrets \"env\""),
        ("env:P", "{ name: env, type: kms }", "is not available in this version"),
        ("env:P", "{ name: env }", "secrets \"env\" needs a type (env|file|command)"),
        ("env:P", "{ name: env, type: env, dir: x }", "secrets \"env\" (env) has dir"),
        ("keys:x", "{ name: keys, type: file }", "secrets \"keys\" (file) needs a dir"),
        ("keys:x", "{ name: keys, type: command }", "secrets \"keys\" (command) needs a command"),
        (
            "keys:x",
            "{ name: keys, type: command, command: [] }",
            "secrets \"keys\" (command) needs a command",
        ),
        (
            "keys:x",
            "{ name: keys, type: command, command: [a], timeout: 0s }",
            "timeout must be more than nothing",
        ),
        ("a:b", "{ name: \"a:b\", type: env }", "has a name that cannot stand before a colon"),
    ] {
        let said = shared(password, secrets, &[]);
        assert!(said.contains(words), "{password} {secrets}: {said}");
    }
}

#[test]
fn a_listener_for_postgresql_has_tls_and_nothing_of_http() {
    let listener = |keys: &str| {
        said(&with(&format!("listeners: [ {{ name: pg, address: \":6432\", auth: [mtls], {keys} }} ]")))
    };
    assert_eq!(listener("transport: postgres, tls: prod, plaintext_cancel: true"), "nothing is wrong");
    for (keys, words) in [
        (
            "transport: postgres",
            "listener \"pg\" (postgres) requires a tls profile\n  try: write tls: and the name of a profile",
        ),
        (
            "transport: postgres, tls: prod, serves: [published]",
            "listener \"pg\" (postgres) has serves, which is for requests by HTTP",
        ),
        ("transport: h2, tls: prod, plaintext_cancel: true", "listener \"pg\" (h2) has plaintext_cancel"),
    ] {
        let said = listener(keys);
        assert!(said.contains(words), "{keys}: {said}");
    }
}
