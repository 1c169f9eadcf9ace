//! The set-up that most stories begin with: two authorities, three client certificates, and the file of snippet S1-5.

use testkit::{Curl, Node, World, recipe};

/// A world with the certificates of snippets S1-1 to S1-4 and a configuration like that of S1-5.
pub struct Production {
    pub world: World,
}

impl Production {
    pub fn new() -> Self {
        let world = World::new();
        recipe::two_authorities(&world);
        Self { world }
    }

    /// S1-5 as it stands, but for the folder of the certificates, the port, and the real pin.
    pub fn written(&self) -> String {
        let pin = self.world.read("reporting.pin");
        let here = self.world.folder().display().to_string();
        S1_5.replace("/etc/countersign/tls", &here)
            .replace("/var/lib/countersign", &here)
            .replace("0.0.0.0:7777", "127.0.0.1:0")
            .replace("3b0c…", pin.trim())
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

    /// Serves [`written`](Self::written) with one piece replaced, which must be there.
    pub fn serve_with(&self, piece: &str, replacement: &str) -> Node {
        self.serve_written(&replaced(&self.written(), piece, replacement))
    }

    /// Serves [`written`](Self::written) with a further section at the end.
    pub fn serve_adding(&self, section: &str) -> Node {
        self.serve_written(&format!("{}\n{section}\n", self.written()))
    }

    /// Refuses to start with this text; returns everything said.
    pub fn refuses(&self, yaml: &str) -> String {
        self.world.write("countersign.yaml", yaml);
        self.world.countersign(&["serve", "--config", "countersign.yaml"]).exited(2).said()
    }

    /// A call with this identity's certificate.
    pub fn curl(&self, node: &Node, name: &str) -> Curl {
        self.stranger(node)
            .cert(&self.world.path(format!("{name}.crt")), &self.world.path(format!("{name}.key")))
    }

    /// A call without a certificate.
    pub fn stranger(&self, node: &Node) -> Curl {
        Curl::to(node, "db.example.com").cacert(&self.world.path("server-ca.crt"))
    }

    /// Makes a table `notes(id, body)` as the analyst.
    pub fn with_notes(&self, node: &Node) {
        let made = self.curl(node, "analyst").query(
            "app",
            r#"{"statements":[
                {"sql":"CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT UNIQUE)"},
                {"sql":"INSERT INTO notes VALUES (1,'one'),(2,'two'),(3,'three')"}]}"#,
        );
        assert_eq!(made.status, 200, "{made:#?}");
        assert!(made.json().get("error").is_none(), "{made:#?}");
    }
}

/// Replaces a piece that must be there.
pub fn replaced(text: &str, piece: &str, replacement: &str) -> String {
    assert!(text.contains(piece), "{piece:?} is not in\n{text}");
    text.replace(piece, replacement)
}

/// Snippet S1-5, letter by letter.
pub const S1_5: &str = r#"tls:
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
