//! A node that is reloaded, with what is needed to change it.

use std::net::SocketAddr;
use std::time::Duration;

use testkit::certificate::{self, More};
use testkit::patience::wait_for;
use testkit::{Client, Curl, Node, Ran, openssl, s_client};

use crate::production::{Production, replaced};

/// What ends must end within this.
pub const SECOND: Duration = Duration::from_secs(1);

/// What the server's certificates are for.
const NAMES: &str = "subjectAltName = DNS:db.example.com, DNS:localhost\nextendedKeyUsage = serverAuth";

/// The world of snippet S1-5 with an administrator, served.
pub struct House {
    pub production: Production,
    pub node: Node,
}

impl House {
    /// Files are not watched: each reload of the test is the test's own.
    pub fn new() -> Self {
        Self::with("reload: { watch: false, poll: 1h }\n")
    }

    /// Files are watched.
    pub fn watching() -> Self {
        Self::with("reload: { watch: true, poll: 1h }\n")
    }

    pub fn with(section: &str) -> Self {
        let production = Production::new();
        certificate::client(&production.world, "client-ca", "admin");
        let principals =
            "  principals:\n    - name: admin\n      methods: [ { mtls: { subject_cn: admin } } ]\n";
        let yaml = replaced(&production.written(), "  principals:\n", principals);
        let control = "control_plane: { enabled: true, admins: [admin] }\n";
        let yaml = format!("{yaml}{control}{section}");
        certificate::leaf(
            &production.world,
            "server-ca",
            "server",
            "/CN=db.example.com",
            NAMES,
            &More::default(),
        );
        let node = production.serve_written(&yaml);
        Self { production, node }
    }

    /// The configuration as it is.
    pub fn yaml(&self) -> String {
        self.production.world.read("countersign.yaml")
    }

    /// Replaces the configuration in one move, as careful editors do.
    pub fn change(&self, change: impl FnOnce(&str) -> String) {
        let changed = change(&self.yaml());
        self.production.world.write("countersign.yaml.new", changed);
        self.production.world.sh("mv countersign.yaml.new countersign.yaml");
    }

    /// The configuration without the principal `reporting`; its grant stays.
    pub fn without_reporting(&self, yaml: &str) -> String {
        let from = yaml.find("    - name: reporting").expect("reporting");
        let to = yaml.find("\ndatabases:").expect("databases");
        format!("{}{}", &yaml[..from], &yaml[to..])
    }

    /// SIGHUP; what comes of it is for the test to see.
    pub fn hup(&self) {
        let before = self.outcomes();
        self.node.signal("HUP");
        wait_for("an outcome of the reload", || self.node.log(), || (self.outcomes() > before).then_some(()));
    }

    /// SIGHUP, which must be applied.
    pub fn hup_applies(&self) {
        let before = self.applied();
        self.hup();
        assert_eq!(self.applied(), before + 1, "{}", self.node.log());
    }

    /// How many reloads were applied so far.
    pub fn applied(&self) -> usize {
        self.node.log().matches("reload applied").count()
    }

    /// How many came to anything.
    pub fn outcomes(&self) -> usize {
        self.applied()
            + self.node.log().matches("reload rejected").count()
            + self.node.log().matches("reload: nothing").count()
    }

    /// Waits until so many reloads were applied.
    pub fn applies(&self, count: usize) {
        wait_for(
            &format!("reload number {count}"),
            || self.node.log(),
            || (self.applied() >= count).then_some(()),
        );
        assert_eq!(self.applied(), count, "{}", self.node.log());
    }

    pub fn client(&self, name: &str) -> Client {
        Client::new().presenting(&self.production.world, name)
    }

    pub fn curl(&self, name: &str) -> Curl {
        self.production.curl(&self.node, name)
    }

    /// The same at another address of the node.
    pub fn curl_to(&self, address: SocketAddr, name: &str) -> Curl {
        let world = &self.production.world;
        super::curl_at(address.port())
            .cacert(&world.path("server-ca.crt"))
            .cert(&world.path(format!("{name}.crt")), &world.path(format!("{name}.key")))
    }

    /// The address of a listener, as administrators see it.
    pub fn listener(&self, name: &str) -> SocketAddr {
        let status = self.curl("admin").get("/_admin/status").with_status(200).json();
        let listeners = status["listeners"].as_array().expect("listeners").clone();
        let found = listeners.iter().find(|listener| listener["name"] == name).expect("the listener");
        found["address"].as_str().expect("an address").parse().expect("an address")
    }

    /// Our binary as the administrator's tool.
    pub fn countersign(&self, args: &[&str]) -> Ran {
        let url = format!("https://localhost:{}", self.node.port());
        let door = ["--url", &url, "--cert", "admin.crt", "--key", "admin.key", "--cacert", "server-ca.crt"];
        let (command, rest) = args.split_at(1);
        let all: Vec<&str> = command.iter().chain(&door).chain(rest).copied().collect();
        self.production.world.countersign(&all)
    }

    /// A further certificate for the server, `NAME.crt` and `NAME.key`; returns its serial number.
    pub fn new_server_certificate(&self, name: &str) -> String {
        let world = &self.production.world;
        certificate::leaf(world, "server-ca", name, "/CN=db.example.com", NAMES, &More::default());
        openssl::serial(world, &format!("{name}.crt"))
    }

    /// Moves a certificate and its key to where the server's are.
    pub fn install(&self, name: &str) {
        self.production.world.sh(&format!(
            "cp {name}.crt s.crt && (umask 077; cp {name}.key s.key) && mv s.key server.key && mv s.crt server.crt"
        ));
    }

    /// Puts a key beside the server's certificate that is not its own.
    pub fn break_pair(&self) {
        self.production
            .world
            .sh("cp -p server.key kept.key; (umask 077; cp analyst.key s.key) && mv s.key server.key");
    }

    pub fn mend_pair(&self) {
        self.production.world.sh("mv kept.key server.key");
    }

    /// The serial number of the certificate that openssl is shown.
    pub fn served_serial(&self) -> String {
        let world = &self.production.world;
        let args = ["-servername", "db.example.com", "-cert", "analyst.crt", "-key", "analyst.key"];
        let shown = s_client(world, &self.node, &args, "").stdout;
        world.write("shown.txt", shown);
        openssl::serial(world, "shown.txt")
    }

    /// SHA-256 of a certificate, as the names of weakenings have it.
    pub fn sha256(&self, certificate: &str) -> String {
        let said =
            self.production.world.sh(&format!("openssl x509 -in {certificate} -noout -fingerprint -sha256"));
        said.stdout.trim().rsplit('=').next().unwrap_or_default().replace(':', "").to_lowercase()
    }
}
