//! The same PostgreSQL over HTTP: `POST /<database>/query`, with the same grants.

use std::sync::OnceLock;

use serde_json::json;
use testkit::postgres::Setting;
use testkit::{Curl, Node, Postgres, World, certificate, patience};

/// A node that answers HTTP in front of a real PostgreSQL. `ann` and `bob` come by certificates of their own.
struct Web {
    world: World,
    node: Node,
    /// The database there.
    database: String,
}

/// A server that knows everybody by certificates of minutes, and three roles by a password.
fn server() -> &'static Postgres {
    static SERVER: OnceLock<Postgres> = OnceLock::new();
    SERVER.get_or_init(|| {
        let hba = "hostssl all reports_ro,reports_rw 0.0.0.0/0 scram-sha-256
                   hostssl all ann,bob 0.0.0.0/0 cert clientcert=verify-full";
        let server = Postgres::with(Setting { hba, ..Setting::default() });
        let roles = "CREATE ROLE ann LOGIN; CREATE ROLE bob LOGIN;
            CREATE ROLE reports_ro LOGIN PASSWORD 'pw'; CREATE ROLE reports_rw LOGIN PASSWORD 'pw';";
        server.sql("postgres", roles);
        server
    })
}

impl Web {
    fn new() -> Self {
        let (world, server) = (World::new(), server());
        world.countersign(&["init", "realm"]).succeeded();
        certificate::authority(&world, "people", "people");
        for name in ["ann", "bob"] {
            certificate::client(&world, "people", name);
        }
        world.write("server-ca.crt", std::fs::read(server.file("ca.crt")).expect("the server's authority"));
        server.trust(&world.read("realm/pki/root.crt"));
        std::fs::create_dir(world.path("secrets")).expect("a folder");
        world.write_secret("secrets/reports", "pw");
        let database = server.database();
        server.sql(&database, "CREATE TABLE t (i int PRIMARY KEY, s text); GRANT ALL ON t TO ann, reports_rw; GRANT SELECT ON t TO reports_ro");
        world.write("realm/countersign.yaml", configuration(server.port(), &database));
        let node = Node::serve(&world, "realm/countersign.yaml");
        Self { world, node, database }
    }

    fn curl(&self, name: &str) -> Curl {
        let file = |kind: &str| self.world.path(format!("{name}.{kind}"));
        Curl::to(&self.node, "localhost")
            .cacert(&self.world.path("realm/pki/server-ca.crt"))
            .cert(&file("crt"), &file("key"))
    }
}

fn configuration(port: u16, database: &str) -> String {
    format!(
        "\
environment: development
ledger: {{ url: \"sqlite:./state/ledger.db\" }}
authority:
  root_cert: ./pki/root.crt
  issuers:
    server: {{ cert: ./pki/issuers/server.crt, key: ./pki/issuers/server.key }}
    client: {{ cert: ./pki/issuers/client.crt, key: ./pki/issuers/client.key }}
tls:
  people: {{ mode: authority, hosts: [localhost], client_ca: ../people.crt }}
listeners:
  - {{ name: web, transport: h2, address: \"127.0.0.1:0\", tls: people, auth: [mtls] }}
auth:
  principals:
    - {{ name: ann, methods: [ {{ mtls: {{ subject_cn: ann }} }} ] }}
    - {{ name: bob, methods: [ {{ mtls: {{ subject_cn: bob }} }} ] }}
control_plane: {{ enabled: true, admins: [ann] }}
secrets:
  - {{ name: keys, type: file, dir: ../secrets }}
services:
  - name: orders-pg
    postgres:
      address: \"localhost:{port}\"
      database: {database}
      ssl_rootcert: ../server-ca.crt
      identity: per_principal
      connect_timeout: 30s
  - name: reports-pg
    postgres:
      address: \"localhost:{port}\"
      database: {database}
      ssl_rootcert: ../server-ca.crt
      identity: shared
      password: keys:reports
      roles: {{ read-only: reports_ro, read-write: reports_rw }}
      connect_timeout: 30s
  - name: gone-pg
    postgres:
      address: \"localhost:1\"
      database: {database}
      ssl_rootcert: ../server-ca.crt
      identity: per_principal
databases:
  - name: orders
    backend: postgres
    service: orders-pg
    grants: [ {{ principal: ann, level: read-write }} ]
  - name: reports
    backend: postgres
    service: reports-pg
    grants: [ {{ principal: ann, level: read-write }}, {{ principal: bob, level: read-only }} ]
  - name: gone
    backend: postgres
    service: gone-pg
    grants: [ {{ principal: ann, level: read-write }} ]
"
    )
}

#[test]
fn a_person_asks_over_http_and_the_postgresql_server_sees_the_person() {
    let web = Web::new();
    let ann = web.curl("ann");
    let who = "SELECT current_user, client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let seen = ann.sql("orders", who).with_status(200).json();
    assert_eq!(seen["columns"], json!(["current_user", "client_dn"]));
    assert_eq!(seen["rows"][0][0], "ann");
    assert!(seen["rows"][0][1].as_str().is_some_and(|name| name.starts_with("/CN=ann")), "{seen}");
    let insert = json!({ "sql": "INSERT INTO t VALUES ($1, $2)", "args": [7, "it's"] }).to_string();
    assert_eq!(ann.query("orders", &insert).with_status(200).json()["rows_affected"], 1);
    let values = "SELECT i, s, 1.50::numeric, true, '{\"a\":[1]}'::json, '\\x00ff'::bytea, NULL FROM t";
    let values = ann.sql("orders", values).with_status(200).json();
    assert_eq!(values["rows"], json!([[7, "it's", "1.50", true, { "a": [1] }, { "base64": "AP8=" }, null]]));
    // An error of the server is an answer, with its own words.
    let twice = ann.query("orders", &insert).with_status(200).json();
    assert_eq!(twice["error"]["sqlstate"], "23505");
    assert!(twice["error"]["message"].as_str().is_some_and(|said| said.contains("t_pkey")), "{twice}");
    assert!(twice["error"]["detail"].as_str().is_some_and(|said| said.contains("(i)=(7)")), "{twice}");
    // A batch is a transaction.
    let batch = json!({ "statements": [{ "sql": "DELETE FROM t" }, { "sql": "SELECT 1 / 0" }] }).to_string();
    assert_eq!(ann.query("orders", &batch).with_status(200).json()["failed_index"], 1);
    assert_eq!(ann.sql("orders", "SELECT count(*) FROM t").json()["rows"], json!([[1]]));
    let metrics = ann.get("/_metrics").with_status(200).body;
    for line in [
        "countersign_upstream_connects_total{service=\"orders-pg\",outcome=\"ok\"}",
        "countersign_upstream_links{service=\"orders-pg\",state=\"warm\"}",
        "countersign_upstream_connect_seconds_count{service=\"orders-pg\"}",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
}

#[test]
fn a_grant_gives_the_role_over_http_and_one_that_reads_writes_nothing() {
    let web = Web::new();
    let (ann, bob) = (web.curl("ann"), web.curl("bob"));
    assert_eq!(ann.sql("reports", "SELECT current_user").json()["rows"], json!([["reports_rw"]]));
    assert_eq!(bob.sql("reports", "SELECT current_user").json()["rows"], json!([["reports_ro"]]));
    let read_only = "forbidden: read-only (write not permitted)";
    bob.sql("reports", "INSERT INTO t VALUES (1)").is_refused(403, read_only, "read-only");
    bob.sql("orders", "SELECT 1").is_refused(403, "forbidden: no access to this database", "no-grant");
    let commit = bob.sql("reports", "COMMIT").with_status(403).json();
    assert_eq!(commit["error"]["code"], "statement-not-permitted");
}

#[test]
fn a_server_that_is_away_is_said_to_be_away_and_the_log_says_what_to_do() {
    let web = Web::new();
    web.curl("ann").sql("gone", "SELECT 1").is_refused(
        502,
        "the database's server cannot be reached",
        "upstream-unreachable",
    );
    web.node.logged(&["gone-pg", "the connection was refused", "start PostgreSQL"]);
}

#[test]
fn whoever_hangs_up_leaves_nothing_running_on_the_server() {
    let web = Web::new();
    let left =
        web.curl("ann").arg("--max-time").arg("2").sql("orders", "SELECT pg_sleep(600), 'nobody waits'");
    assert_eq!(left.exit, 28, "{left:?}");
    let runs = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep%nobody waits%'";
    patience::wait_for(
        "the end of the statement",
        || server().log(),
        || (server().sql("postgres", runs) == "0").then_some(()),
    );
    // And whoever is ended in the middle of it.
    std::thread::scope(|scope| {
        let killed = scope.spawn(|| web.curl("ann").sql("orders", "SELECT pg_sleep(600), 'is ended'"));
        let runs = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep%is ended%'";
        let counts = |wanted: &'static str| {
            patience::wait_for(
                "the statement",
                || web.node.log(),
                || (server().sql("postgres", runs) == wanted).then_some(()),
            );
        };
        counts("1");
        let kill = json!({ "principal": "ann" }).to_string();
        web.curl("ann").header("content-type: application/json").body(&kill).get("/_admin/kill");
        assert_eq!(killed.join().expect("curl runs").json()["error"]["code"], "session-ended");
        counts("0");
    });
}

#[test]
fn a_grant_that_is_taken_away_closes_what_was_kept_for_it() {
    let web = Web::new();
    let there = |wanted: &str| {
        let sql = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = 'reports_ro' AND datname = '{}'",
            web.database
        );
        let sessions = || (server().sql("postgres", &sql) == wanted).then_some(());
        patience::wait_for("sessions of the role on the server", || web.node.log(), sessions);
    };
    web.curl("bob").sql("reports", "SELECT 1").with_status(200);
    there("1");
    let without =
        web.world.read("realm/countersign.yaml").replace(", { principal: bob, level: read-only }", "");
    web.world.write("realm/countersign.yaml", without);
    web.node.signal("HUP");
    there("0");
}
