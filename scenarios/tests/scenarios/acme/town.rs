//! A node that serves ACME, and the clients that ask it.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use testkit::{Node, Ran, World};

/// A node that serves ACME and enrolment and nothing else, for names below `localhost`, with the ports where their servers would be.
pub(super) struct Town {
    pub(super) world: World,
    pub(super) node: Node,
    pub(super) http_port: u16,
    pub(super) tls_port: u16,
}

impl Town {
    pub(super) fn new() -> Self {
        let world = World::new();
        assert_eq!(Node::up(&world).interrupted().code, Some(0));
        let (http_port, tls_port) = (free_port(), free_port());
        let acme = format!(
            "authority:\n  acme:\n    enabled: true\n    names: [localhost, .localhost, 127.0.0.1]\n    \
             allow_networks: [127.0.0.0/8]\n    http_port: {http_port}\n    tls_port: {tls_port}\n"
        );
        let yaml = world.read("realm/countersign.yaml").replacen("authority:\n", &acme, 1);
        let main = "  - { name: main, transport: h2, address: \"127.0.0.1:7777\", tls: main, auth: [mtls] }";
        assert!(yaml.contains(main), "{yaml}");
        let yaml = yaml
            .replace(main, "  - { name: acme, transport: h2, address: '127.0.0.1:0', tls: acme, auth: [none], serves: [acme, enrolment] }")
            .replacen("tls:\n", "tls:\n  acme: { mode: authority, hosts: [localhost, 127.0.0.1] }\n", 1);
        // A TLS profile that no listener uses is a fault.
        let (before, rest) = yaml.split_once("  main:\n").expect("the profile of the door");
        let rest = rest.split_once("\n\n").expect("the section ends with an empty line").1;
        world.write("realm/countersign.yaml", format!("{before}\n{rest}"));
        let node = Node::serve(&world, "realm/countersign.yaml");
        Self { world, node, http_port, tls_port }
    }

    /// An external account key, with what else `countersign acme key` is told.
    pub(super) fn key(&self, name: &str) -> (String, String) {
        let made = self.world.sh(&format!("countersign acme key --json --name {name}")).json();
        let text = |key: &str| made[key].as_str().unwrap_or_default().to_owned();
        (text("kid"), text("hmac_key"))
    }

    pub(super) fn certbot(&self, args: &str) -> Ran {
        self.try_certbot(args).succeeded()
    }

    pub(super) fn try_certbot(&self, args: &str) -> Ran {
        let directory = self.directory();
        self.world.try_sh(&format!(
            "REQUESTS_CA_BUNDLE=realm/pki/root.crt certbot {args} --non-interactive --server {directory} \
             --http-01-port {} --http-01-address 127.0.0.1 --no-random-sleep-on-renew \
             --config-dir certbot --work-dir certbot/work --logs-dir certbot/logs",
            self.http_port
        ))
    }

    pub(super) fn lego(&self, args: &str) -> Ran {
        self.try_lego(args).succeeded()
    }

    pub(super) fn try_lego(&self, args: &str) -> Ran {
        let directory = self.directory();
        self.world.try_sh(&format!(
            "LEGO_CA_CERTIFICATES=realm/pki/root.crt lego --path lego --server {directory} \
             --email who@example.com --accept-tos {args}"
        ))
    }

    /// Caddy, serving this name.
    pub(super) fn caddy(&self, name: &str, kid: &str, hmac: &str) -> Peer {
        let (directory, http, tls) = (self.directory(), self.http_port, self.tls_port);
        self.world.write(
            "Caddyfile",
            format!(
                "{{\n admin off\n skip_install_trust\n http_port {http}\n https_port {tls}\n storage file_system ./caddy\n \
                 default_bind 127.0.0.1\n}}\n\
                 https://{name}:{tls} {{\n tls {{\n  issuer acme {{\n   dir {directory}\n   trusted_roots realm/pki/root.crt\n   \
                 eab {kid} {hmac}\n  }}\n }}\n respond hello\n}}\n"
            ),
        );
        let log = std::fs::File::create(self.world.path("caddy.log")).expect("a log for Caddy");
        let mut command = Command::new("caddy");
        command
            .args(["run", "--config", "Caddyfile", "--adapter", "caddyfile"])
            .current_dir(self.world.folder());
        command.env("HOME", self.world.folder()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        Peer { child: command.spawn().expect("Caddy is installed"), log: self.world.path("caddy.log") }
    }

    /// Whether the ledger has a certificate of this name in this state.
    pub(super) fn on_record(&self, state: &str, name: &str) -> bool {
        let line = format!("countersign cert list --json --state {state} --name {name}");
        self.world.sh(&line).stdout.contains(name)
    }

    pub(super) fn serial(&self, file: &str) -> String {
        self.world.sh(&format!("openssl x509 -in {file} -noout -serial")).stdout
    }

    fn directory(&self) -> String {
        format!("https://localhost:{}/acme/directory", self.node.port())
    }
}

/// A server that ends with its test.
pub(super) struct Peer {
    child: Child,
    log: std::path::PathBuf,
}

impl Peer {
    pub(super) fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that nobody has at the moment.
pub(super) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}
