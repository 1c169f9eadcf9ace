//! A realm whose authority is asked, with a listener for those who have no certificate yet.

use serde_json::{Value, json};
use testkit::{Answer, Curl, Node, Ran, World, patience};

pub const OFFICE: &str = "/api/admin/security/certificates";

pub const CONFIGURATION: &str = r#"
environment: development
ledger: { url: "sqlite:./state/ledger.db" }
authority:
  root_cert: ./pki/root.crt
  issuers:
    server: { cert: ./pki/issuers/server.crt, key: ./pki/issuers/server.key }
    client: { cert: ./pki/issuers/client.crt, key: ./pki/issuers/client.key }
  profiles:
    brief: { lifetime: 1m, usages: [client], renew_after_expiry: 1h }
    strict: { lifetime: 1m, usages: [client] }
    named: { lifetime: 1d, usages: [client], names: { common_names: ["robot-*"], dns: [.example.com] } }
  enrolment: { per_minute: 1000 }
tls:
  main: { mode: authority, hosts: [localhost], client_ca: authority }
  enrol: { mode: authority, hosts: [localhost] }
listeners:
  - { name: main, transport: h2, address: "127.0.0.1:0", tls: main, auth: [mtls] }
  - { name: enrol, transport: h2, address: "127.0.0.1:0", tls: enrol, serves: [enrolment] }
auth:
  principals:
    - { name: admin, methods: [ { mtls: { subject_cn: admin } } ] }
    - { name: analyst, methods: [ { mtls: { subject_cn: analyst } } ] }
databases: [ { name: app, backend: memory-shared, grants: [ { principal: analyst, level: read-write } ] } ]
control_plane: { enabled: true, admins: [admin] }
"#;

/// A node of that realm.
pub struct House {
    pub world: World,
    pub node: Node,
    /// Where those without a certificate ask.
    pub enrol: u16,
}

impl House {
    pub fn new() -> Self {
        Self::with(CONFIGURATION)
    }

    /// Of a realm that was made 85 days ago.
    pub fn aged() -> Self {
        let world = World::new();
        world.sh("faketime '-85 days' countersign init realm");
        world.write("realm/countersign.yaml", CONFIGURATION);
        Self::of(world)
    }

    /// With this in place of that in the configuration.
    pub fn altered(from: &str, to: &str) -> Self {
        assert!(CONFIGURATION.contains(from), "{from}");
        Self::with(&CONFIGURATION.replace(from, to))
    }

    fn with(configuration: &str) -> Self {
        let world = World::new();
        world.countersign(&["init", "realm"]).succeeded();
        world.write("realm/countersign.yaml", configuration);
        Self::of(world)
    }

    /// Serves the realm of a world.
    pub fn of(world: World) -> Self {
        let node = Node::serve(&world, "realm/countersign.yaml");
        let enrol =
            patience::wait_for("the second listener", || node.log(), || ports(&node.log()).get(1).copied());
        Self { world, node, enrol }
    }

    pub fn curl(&self, client: &str) -> Curl {
        let file = |ending: &str| self.world.path(format!("realm/clients/{client}.{ending}"));
        self.stranger(self.node.port()).cert(&file("crt"), &file("key"))
    }

    /// Without a certificate.
    pub fn stranger(&self, port: u16) -> Curl {
        Curl::at(port, "localhost").cacert(&self.world.path("realm/pki/server-ca.crt"))
    }

    /// What an administrator asks of the office.
    pub fn office(&self, path: &str, body: &Value) -> Answer {
        self.curl("admin").body(&body.to_string()).get(&format!("{OFFICE}/{path}"))
    }

    /// The same with another method.
    pub fn does(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let curl = self.curl("admin").arg("--request").arg(method);
        let curl = body.map_or(curl.clone(), |body| curl.body(&body.to_string()));
        curl.get(&format!("{OFFICE}/{path}"))
    }

    /// An invitation's secret.
    pub fn invited(&self, wish: &Value) -> String {
        let made = self.office("invitations", wish).with_status(200).json();
        made["invitation"].as_str().expect("an invitation has a secret").to_owned()
    }

    /// A request of openssl's for a new key.
    pub fn csr(&self, name: &str, arguments: &str) -> String {
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
        self.world.sh(&format!("openssl req -new {key} -keyout {name}.key -out {name}.csr {arguments}"));
        self.world.read(format!("{name}.csr"))
    }

    /// Asks for a certificate as a stranger.
    pub fn sign(&self, body: &Value) -> Answer {
        self.stranger(self.enrol).body(&body.to_string()).get("/api/enrolment/sign")
    }

    /// Asks for one as a client of the realm, in place of the one it has.
    pub fn renew(&self, client: &str, csr: &str) -> Answer {
        let body = json!({ "csr": csr, "renew": true });
        self.curl(client).body(&body.to_string()).get("/api/enrolment/sign")
    }

    /// Our binary as an administrator.
    pub fn administers(&self, args: &[&str]) -> Ran {
        let url = format!("https://localhost:{}", self.node.port());
        self.world.countersign(&[args, &["--url", &url, "--as", "admin"]].concat())
    }

    /// The URL of the listener for enrolment.
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.enrol)
    }

    /// How many certificates of a common name are on record as issued.
    pub fn on_record(&self, name: &str) -> usize {
        let listed = self.world.countersign(&["cert", "list", "--realm", "realm", "--name", name, "--json"]);
        let listed = listed.succeeded().json();
        let all =
            listed.as_array().or_else(|| listed["certificates"].as_array()).cloned().unwrap_or_default();
        all.iter().filter(|held| held["state"] == "issued").count()
    }
}

fn ports(log: &str) -> Vec<u16> {
    log.lines()
        .filter_map(|line| {
            line.split_once(" listening on ")?.1.split_whitespace().next()?.rsplit_once(':')?.1.parse().ok()
        })
        .collect()
}
