//! A realm with an issuer for services, two of them registered, a door that presents one, and an administrator.

use std::path::PathBuf;

use serde_json::Value;
use testkit::patience::wait_for;
use testkit::{Answer, Curl, Node, Ran, World, s_client};

pub const CERTIFICATES: &str = "/api/admin/security/certificates";

const CONFIGURATION: &str = r#"
environment: staging
ledger: { url: "sqlite:./state/ledger.db" }
authority:
  root_cert: pki/root.crt
  issuers:
    client: { cert: pki/issuers/client.crt, key: pki/issuers/client.key }
    service: { cert: pki/issuers/service.crt, key: pki/issuers/service.key }
  services: [backend, worker]
  rotation: { overlap: 24h }
tls:
  main: { mode: authority, service: backend, client_ca: peers.crt }
listeners: [ { name: main, transport: h2, address: "127.0.0.1:0", tls: main, auth: [mtls] } ]
auth:
  principals:
    - { name: admin, methods: [ { mtls: { subject_cn: admin } } ] }
    - { name: worker, methods: [ { mtls: { subject_cn: worker } } ] }
databases: [ { name: app, backend: memory-shared, grants: [ { principal: worker, level: read-only } ] } ]
control_plane: { enabled: true, admins: [admin] }
"#;

/// The realm `r`.
pub struct Estate {
    pub world: World,
}

impl Estate {
    pub fn new() -> Self {
        let world = World::new();
        let staging = ["--environment", "staging"];
        world.countersign(&[&["ca", "init-root", "--out", "r"], &staging[..]].concat()).succeeded();
        world.write("r/countersign.yaml", CONFIGURATION);
        for kind in ["service", "client"] {
            let issuer = ["ca", "init-issuer", "--root", "r", "--kind", kind];
            world.countersign(&[&issuer, &staging[..]].concat()).succeeded();
        }
        world.sh(
            "cat r/pki/issuers/client.crt r/pki/issuers/service.crt > r/peers.crt; rm r/offline/root.key",
        );
        for name in ["admin", "other"] {
            let args = ["cert", "issue", "--realm", "r", "--profile", "client", "--cn", name, "--out", "."];
            world.countersign(&args).succeeded();
        }
        Self { world }
    }

    /// The configuration with something in the place of something else.
    pub fn configured(&self, old: &str, new: &str) -> &Self {
        let written = self.world.read("r/countersign.yaml");
        assert!(written.contains(old), "{old}: {written}");
        self.world.write("r/countersign.yaml", written.replace(old, new));
        self
    }

    pub fn serve(&self) -> Node {
        Node::serve(&self.world, "r/countersign.yaml")
    }

    /// A call to the door, which a service presents itself at.
    pub fn curl(&self, node: &Node) -> Curl {
        Curl::to(node, "backend").cacert(&self.world.path("r/pki/root.crt"))
    }

    /// A call with a certificate of the world: `NAME.crt` and `NAME.key`.
    pub fn curl_as(&self, node: &Node, name: &str) -> Curl {
        let file = |ending| self.world.path(format!("{name}.{ending}"));
        self.curl(node).cert(&file("crt"), &file("key"))
    }

    /// A call of a service, with what it presents now.
    pub fn curl_of(&self, node: &Node, service: &str) -> Curl {
        let [cert, key] = self.files(service);
        self.curl(node).cert(&cert, &key)
    }

    /// Certificate and key of a service, where a reader finds them.
    pub fn files(&self, service: &str) -> [PathBuf; 2] {
        ["tls.crt", "tls.key"]
            .map(|name| self.world.path(format!("r/state/services/{service}/current/{name}")))
    }

    /// Puts what a service presents now aside, as `NAME.crt` and `NAME.key`.
    pub fn put_aside(&self, service: &str, name: &str) {
        let current = format!("r/state/services/{service}/current");
        self.world.sh(&format!("cp {current}/tls.crt {name}.crt; cp {current}/tls.key {name}.key"));
    }

    pub fn rotate(&self, node: &Node, service: &str) -> Answer {
        self.curl_as(node, "admin").body("").get(&format!("{CERTIFICATES}/{service}/rotate"))
    }

    pub fn revoke(&self, node: &Node, service: &str, body: &str) -> Answer {
        self.curl_as(node, "admin").body(body).get(&format!("{CERTIFICATES}/{service}/revoke"))
    }

    /// The entry of a service in the inventory.
    pub fn listed(&self, node: &Node, service: &str) -> Value {
        let listed = self.curl_as(node, "admin").get(CERTIFICATES);
        assert_eq!(listed.status, 200, "{listed:#?}");
        let listed = listed.json();
        let entries = listed["certificates"].as_array().expect("a list of certificates");
        let of_service = |entry: &&Value| entry["service_name"] == service;
        entries.iter().find(of_service).unwrap_or_else(|| panic!("no {service} in {listed}")).clone()
    }

    /// The serial that openssl finds in a service's file.
    pub fn serial(&self, service: &str) -> String {
        testkit::openssl::serial(&self.world, &format!("r/state/services/{service}/current/tls.crt"))
    }

    /// The serial that openssl sees at the door.
    pub fn presented(&self, node: &Node) -> String {
        let args = ["-servername", "backend", "-cert", "admin.crt", "-key", "admin.key"];
        let ran = s_client(&self.world, node, &args, "");
        self.world.write("presented.txt", &ran.stdout);
        let said = self.world.sh("openssl x509 -in presented.txt -noout -serial").stdout;
        said.trim().trim_start_matches("serial=").to_owned()
    }

    /// Waits until the door presents this one.
    pub fn presents(&self, node: &Node, serial: &str) {
        wait_for(
            "the new certificate at the door",
            || node.log(),
            || (self.presented(node) == serial).then_some(()),
        );
    }

    /// Everything of the profile `service` that is on record: state and serial.
    pub fn on_record(&self) -> Vec<(String, String)> {
        let args = ["cert", "list", "--realm", "r", "--profile", "service", "--json"];
        let listed = self.world.countersign(&args).succeeded();
        let listed: Value = serde_json::from_str(&listed.stdout).unwrap_or_else(|_| panic!("{listed}"));
        let entries = listed["certificates"].as_array().or(listed.as_array()).expect("a list").clone();
        let text = |entry: &Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        entries.iter().map(|entry| (text(entry, "state"), text(entry, "serial"))).collect()
    }

    pub fn state_of(&self, serial: &str) -> String {
        let records = self.on_record();
        let found = records.iter().find(|(_, known)| known == serial);
        found.unwrap_or_else(|| panic!("{serial} is not in {records:?}")).0.clone()
    }

    pub fn openssl(&self, line: &str) -> Ran {
        self.world.sh(&format!("openssl {line}"))
    }
}

/// The value of a metric with these labels; 0 where there is none.
pub fn metric(page: &str, name: &str, labels: &[&str]) -> f64 {
    let wanted = |line: &&str| {
        line.starts_with(&format!("{name}{{")) && labels.iter().all(|label| line.contains(label))
    };
    let value = |line: &str| line.rsplit(' ').next().and_then(|value| value.parse().ok()).unwrap_or(0.0);
    page.lines().filter(wanted).map(value).sum()
}
