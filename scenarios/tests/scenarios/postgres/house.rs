//! A node with a PostgreSQL behind it: whoever is a principal is a role of the same name there.

use std::sync::OnceLock;

use testkit::postgres::Setting;
use testkit::{Node, Postgres, Ran, World, recipe};

/// The certificates of snippets S1-1 to S1-4, and a PostgreSQL that believes the door.
pub struct House {
    pub world: World,
    pub server: &'static Postgres,
}

impl House {
    pub fn new() -> Self {
        let world = World::new();
        recipe::two_authorities(&world);
        Self { world, server: server() }
    }

    /// The configuration: a listener for PostgreSQL, the database `orders`, and another that is ours.
    pub fn written(&self) -> String {
        let (folder, port) = (self.server.folder().display().to_string(), self.server.port());
        let pin = self.world.read("reporting.pin");
        WRITTEN.replace("SOCKET", &format!("{folder}:{port}")).replace("PIN", pin.trim())
    }

    /// Serves [`written`](Self::written).
    pub fn serve(&self) -> Node {
        self.serve_written(&self.written())
    }

    /// Serves this text.
    pub fn serve_written(&self, yaml: &str) -> Node {
        self.world.write("countersign.yaml", yaml);
        Node::serve(&self.world, "countersign.yaml")
    }

    /// Serves [`written`](Self::written) with further lines at the end.
    pub fn serve_adding(&self, lines: &str) -> Node {
        self.serve_written(&format!("{}\n{lines}\n", self.written()))
    }

    /// What `psql` says when it runs this through the door with these settings of its connection; a later setting wins over
    /// those of [`verified`](Self::verified).
    pub fn psql(&self, node: &Node, settings: &str, sql: &str) -> Ran {
        self.world.write("statement.sql", sql);
        let port = node.port();
        self.world.try_sh(&format!(
            "PGCONNECT_TIMEOUT=20 psql -XAtq -v ON_ERROR_STOP=1 -f statement.sql 'host=db.example.com hostaddr=127.0.0.1 \
             port={port} {settings}' 2>&1"
        ))
    }

    /// As [`psql`](Self::psql), as this principal, with its certificate, on `orders`.
    pub fn psql_as(&self, node: &Node, name: &str, sql: &str) -> Ran {
        self.psql(node, &format!("{} dbname=orders user={name}", verified(name)), sql)
    }
}

/// The settings by which this principal comes and the node is judged.
pub fn verified(name: &str) -> String {
    format!("sslmode=verify-full sslrootcert=server-ca.crt sslcert={name}.crt sslkey={name}.key")
}

/// The one server of these tests: whoever comes by its socket is believed.
fn server() -> &'static Postgres {
    static SERVER: OnceLock<Postgres> = OnceLock::new();
    SERVER.get_or_init(|| {
        let server = Postgres::with(Setting { hba: "local all all trust", ..Setting::default() });
        server.sql(
            "postgres",
            "CREATE ROLE analyst LOGIN; CREATE ROLE reporting LOGIN; CREATE DATABASE orders OWNER analyst;",
        );
        server.sql(
            "orders",
            "CREATE TABLE lines (id int PRIMARY KEY, what text);
             INSERT INTO lines SELECT n, 'line ' || n FROM generate_series(1, 100) n;
             GRANT SELECT ON lines TO reporting; GRANT ALL ON lines TO analyst;",
        );
        server
    })
}

const WRITTEN: &str = r#"tls:
  prod:
    mode: files
    cert: server.crt
    key: server.key
    client_ca: client-ca.crt

listeners:
  - { name: pg, transport: postgres, address: "127.0.0.1:0", tls: prod, auth: [mtls] }

auth:
  principals:
    - name: analyst
      methods: [ { mtls: { subject_cn: analyst } } ]
    - name: reporting
      methods: [ { mtls: { spki_sha256: "PIN" } } ]

services:
  - name: orders-pg
    postgres: { address: "SOCKET", database: orders, sslmode: disable, identity: shared }

databases:
  - name: orders
    backend: postgres
    service: orders-pg
    hosts: [orders.db.internal]
    grants:
      - { principal: analyst, level: admin }
      - { principal: reporting, level: read-write }
  - name: notes
    backend: memory-shared
    grants: [ { principal: analyst, level: read-write } ]
"#;
