//! A node in front of a real PostgreSQL, which knows everybody by a certificate of minutes.

use std::path::Path;
use std::sync::OnceLock;

use serde_json::json;
use testkit::postgres::Setting;
use testkit::{Curl, Node, Postgres, Ran, World, certificate, openssl};

/// A node in front of a server. The clients have certificates of an authority of the test's own, the server trusts the realm's.
pub struct Front {
    pub world: World,
    pub node: Node,
    /// Where PostgreSQL's clients come.
    pub port: u16,
}

impl Front {
    /// In front of the server that is set up as the manual says and lets in `countersign_user` alone.
    pub fn of_the_manual(principals: &[String]) -> Self {
        Self::new(Postgres::shared(), principals)
    }

    /// In front of a server that lets in everybody whose certificate says who they are.
    pub fn of_everybody(principals: &[String]) -> Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        let hba = "hostssl all all 0.0.0.0/0 cert clientcert=verify-full";
        let server = SHARED.get_or_init(|| Postgres::with(Setting { hba, ..Setting::default() }));
        let roles: String = principals.iter().map(|name| format!("CREATE ROLE {name} LOGIN;\n")).collect();
        server.sql("postgres", &roles);
        Self::new(server, principals)
    }

    fn new(server: &'static Postgres, principals: &[String]) -> Self {
        Self::configured(server, principals, |_, written| written.to_owned())
    }

    /// In front of a server, with a configuration that a test has changed.
    pub fn configured(
        server: &'static Postgres,
        principals: &[String],
        change: impl Fn(&World, &str) -> String,
    ) -> Self {
        let world = World::new();
        world.countersign(&["init", "realm"]).succeeded();
        certificate::authority(&world, "people", "people");
        world.write("server-ca.crt", std::fs::read(server.file("ca.crt")).expect("the server's authority"));
        server.trust(&world.read("realm/pki/root.crt"));
        let database = server.database();
        server.sql(&database, "GRANT ALL ON SCHEMA public TO PUBLIC");
        let written = configuration(server.port(), &database, principals);
        world.write("realm/countersign.yaml", change(&world, &written));
        let node = Node::serve(&world, "realm/countersign.yaml");
        let port = node.port_of(1);
        Self { world, node, port }
    }

    /// Makes the certificate of a client with this common name: `NAME.crt` and `NAME.key`.
    pub fn client(&self, name: &str) {
        certificate::shaped(&self.world, "people", name, |params| {
            params.extended_key_usages = vec![certificate::rcgen::ExtendedKeyUsagePurpose::ClientAuth];
        });
    }

    /// What libpq needs to come here as this client, and to believe nobody but us.
    pub fn libpq(&self, client: &str, database: &str) -> String {
        let file = |name: String| self.world.path(name).display().to_string();
        format!(
            "host=localhost port={} dbname={database} user={client} sslmode=verify-full sslrootcert={} sslcert={} sslkey={}",
            self.port,
            file("realm/pki/server-ca.crt".into()),
            file(format!("{client}.crt")),
            file(format!("{client}.key")),
        )
    }

    /// What psql says when it comes here as this client.
    pub fn psql(&self, client: &str, database: &str, sql: &str) -> Ran {
        self.world.write("asked.sql", sql);
        self.world
            .try_sh(&format!("psql -XAtq -v ON_ERROR_STOP=1 -f asked.sql '{}'", self.libpq(client, database)))
    }

    /// Has an administrator take back the certificate of a client.
    pub fn deny(&self, client: &str) {
        let serial = self.world.sh(&format!("openssl x509 -in {client}.crt -noout -serial")).stdout;
        let body = json!({
            "serial": serial.trim().trim_start_matches("serial="),
            "issuer_spki_sha256": openssl::spki_sha256(&self.world, "people.crt"),
            "reason": "key_compromise",
        });
        self.admin().body(&body.to_string()).get("/_admin/revoke").with_status(200);
    }

    /// The metrics whose names begin so.
    pub fn metrics(&self, name: &str) -> String {
        let page = self.admin().get("/_metrics").with_status(200).body;
        page.lines().filter(|line| line.starts_with(name)).collect::<Vec<_>>().join("\n")
    }

    fn admin(&self) -> Curl {
        let file = |name: &str| self.world.path(name);
        Curl::at(self.node.port(), "localhost")
            .cacert(&file("realm/pki/server-ca.crt"))
            .cert(&file("realm/clients/admin.crt"), &file("realm/clients/admin.key"))
    }

    /// The serials of certificates of minutes on record.
    pub fn minted(&self) -> Vec<String> {
        let listed = ["cert", "list", "--realm", "realm", "--profile", "minted", "--json"];
        let listed = self.world.countersign(&listed).succeeded().json();
        let listed = listed.as_array().cloned().unwrap_or_default();
        listed.iter().map(|one| one["serial"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// A file of this world.
    pub fn file(&self, name: &str) -> String {
        self.world.path(Path::new(name)).display().to_string()
    }
}

fn configuration(port: u16, database: &str, principals: &[String]) -> String {
    let each = |line: &dyn Fn(&String) -> String| principals.iter().map(line).collect::<String>();
    let known = each(&|name| {
        format!("    - {{ name: {name}, methods: [ {{ mtls: {{ subject_cn: {name} }} }} ] }}\n")
    });
    let granted = each(&|name| format!("      - {{ principal: {name}, level: read-write }}\n"));
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
  main: {{ mode: authority, hosts: [localhost], client_ca: authority }}
  people: {{ mode: authority, hosts: [localhost], client_ca: ../people.crt }}
listeners:
  - {{ name: main, transport: h2, address: \"127.0.0.1:0\", tls: main, auth: [mtls] }}
  # libpq before version 17 asks in clear text to cancel, and so does JDBC.
  - {{ name: people, transport: postgres, address: \"127.0.0.1:0\", tls: people, auth: [mtls], plaintext_cancel: true }}
auth:
  principals:
    - {{ name: admin, methods: [ {{ mtls: {{ subject_cn: admin }} }} ] }}
{known}services:
  - name: orders-pg
    postgres:
      address: \"localhost:{port}\"
      database: {database}
      ssl_rootcert: ../server-ca.crt
      identity: per_principal
      connect_timeout: 30s
      max_connections: 150
databases:
  - name: orders
    backend: postgres
    service: orders-pg
    grants:
{granted}  - {{ name: hidden, backend: postgres, service: orders-pg }}
control_plane: {{ enabled: true, admins: [admin] }}
# Everybody comes from one address.
limits: {{ handshakes_per_ip: 1000 }}
"
    )
}
