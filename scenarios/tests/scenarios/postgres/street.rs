//! A node between psql and a PostgreSQL that believes it: roles by level, an administrator, and statements that last.

use std::io::Write as _;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use testkit::patience::wait_for;
use testkit::postgres::Setting;
use testkit::{Node, Postgres, Ran, World, recipe};

pub struct Street {
    pub world: World,
    pub server: &'static Postgres,
    pub node: Node,
    /// Where PostgreSQL's clients come; administrators come to the node's first listener.
    pub port: u16,
}

impl Street {
    pub fn new() -> Self {
        Self::written(&configuration)
    }

    /// With the configuration changed.
    pub fn with(changed: impl Fn(String) -> String) -> Self {
        Self::written(&|server, pin| changed(configuration(server, pin)))
    }

    fn written(configuration: &dyn Fn(&Postgres, &str) -> String) -> Self {
        let world = World::new();
        recipe::two_authorities(&world);
        let server = server();
        world.write("countersign.yaml", configuration(server, world.read("reporting.pin").trim()));
        let node = Node::serve(&world, "countersign.yaml");
        let port = node.port_of(1);
        Self { world, server, node, port }
    }

    /// Changes the configuration, and has the node read it.
    pub fn reload(&self, changed: impl Fn(&str) -> String) {
        self.change(changed);
        self.node.signal("HUP");
    }

    /// Changes the configuration, which the node has not read yet.
    pub fn change(&self, changed: impl Fn(&str) -> String) {
        let before = self.world.read("countersign.yaml");
        let after = changed(&before);
        assert_ne!(before, after, "nothing was changed");
        self.world.write("countersign.yaml", after);
    }

    /// What an administrator is answered.
    pub fn admin(&self, path: &str, more: &str) -> Ran {
        let port = self.node.port();
        self.world.sh(&format!(
            "curl -sS --fail --cacert server-ca.crt --cert reporting.crt --key reporting.key \
             --resolve db.example.com:{port}:127.0.0.1 https://db.example.com:{port}{path} {more}"
        ))
    }

    /// The live sessions of this principal on the database.
    pub fn sessions(&self, principal: &str) -> Vec<Value> {
        let listed = self.admin("/_admin/sessions", "").json();
        let sessions = listed["sessions"].as_array().expect("a list").clone();
        let of = |session: &Value| session["principal"] == principal && !session["upstream"].is_null();
        sessions.into_iter().filter(of).collect()
    }

    /// The settings of a connection as this principal, under a name by which the server tells it from others.
    pub fn settings(&self, principal: &str, name: &str) -> String {
        format!(
            "host=db.example.com hostaddr=127.0.0.1 port={} dbname=orders user={principal} application_name={name} \
             connect_timeout=20 sslmode=verify-full sslrootcert=server-ca.crt sslcert={principal}.crt sslkey={principal}.key",
            self.port
        )
    }

    /// What psql says to this.
    pub fn psql(&self, principal: &str, name: &str, sql: &str) -> Ran {
        self.psql_as(principal, principal, name, sql)
    }

    /// The same, asking to be this user there.
    pub fn psql_as(&self, principal: &str, user: &str, name: &str, sql: &str) -> Ran {
        self.world.write(format!("{name}.sql"), sql);
        let settings =
            self.settings(principal, name).replacen(&format!("user={principal}"), &format!("user={user}"), 1);
        self.world.try_sh(&format!("psql -XAtq -v ON_ERROR_STOP=1 -f {name}.sql '{settings}' 2>&1"))
    }

    /// A psql that runs, and reads what it is given.
    pub fn begin(&self, principal: &str, name: &str) -> Running {
        let file =
            |ending| std::fs::File::create(self.world.path(format!("{name}.{ending}"))).expect("a file");
        let mut psql = Command::new("psql");
        psql.args(["-XAtq", &self.settings(principal, name)]).current_dir(self.world.folder());
        psql.stdin(Stdio::piped()).stdout(file("out")).stderr(file("err"));
        let mut child = psql.spawn().expect("psql");
        let input = child.stdin.take();
        Running { child, input, name: name.to_owned() }
    }

    /// Waits until a statement of this client runs on the server.
    pub fn runs(&self, name: &str) {
        wait_for("a statement that runs", || self.node.log(), || (self.active(name) == "1").then_some(()));
    }

    /// Waits until no statement of this client runs on the server.
    pub fn rests(&self, name: &str) {
        wait_for("a server at rest", || self.node.log(), || (self.active(name) == "0").then_some(()));
    }

    fn active(&self, name: &str) -> String {
        let asked = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND application_name = ";
        self.server.sql("postgres", &format!("{asked}'{name}'"))
    }

    /// Waits until a psql has said this.
    pub fn said(&self, running: &Running, ending: &str, text: &str) {
        let said = || self.world.read(format!("{}.{ending}", running.name));
        wait_for(text, || format!("{}\n{}", said(), self.node.log()), || said().contains(text).then_some(()));
    }
}

/// A psql that runs.
pub struct Running {
    child: Child,
    input: Option<ChildStdin>,
    name: String,
}

impl Running {
    pub fn give(&mut self, sql: &str) {
        let input = self.input.as_mut().expect("its input is open");
        // It may have left meanwhile.
        let _ = input.write_all(sql.as_bytes()).and_then(|()| input.write_all(b"\n"));
    }

    pub fn signal(&self, name: &str) {
        let ran = Ran::from(Command::new("kill").args(["-s", name, &self.child.id().to_string()]), b"");
        ran.succeeded();
    }

    /// Waits until it has left.
    pub fn ends(mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The one server of these tests: whoever comes by its socket is believed.
fn server() -> &'static Postgres {
    static SERVER: OnceLock<Postgres> = OnceLock::new();
    SERVER.get_or_init(|| {
        let server = Postgres::with(Setting { hba: "local all all trust", ..Setting::default() });
        let roles =
            "CREATE ROLE orders_ro LOGIN; CREATE ROLE orders_rw LOGIN; CREATE ROLE orders_other LOGIN;";
        server.sql("postgres", &format!("{roles} CREATE DATABASE orders OWNER orders_rw;"));
        server
    })
}

fn configuration(server: &Postgres, pin: &str) -> String {
    let socket = format!("{}:{}", server.folder().display(), server.port());
    CONFIGURATION.replace("SOCKET", &socket).replace("PIN", pin)
}

const CONFIGURATION: &str = r#"tls:
  prod:
    mode: files
    cert: server.crt
    key: server.key
    client_ca: client-ca.crt
listeners:
  - { name: admin, transport: h2, address: "127.0.0.1:0", tls: prod, auth: [mtls] }
  - { name: pg, transport: postgres, address: "127.0.0.1:0", tls: prod, auth: [mtls], plaintext_cancel: true }
control_plane: { enabled: true, admins: [reporting] }
auth:
  principals:
    - name: analyst
      methods: [ { mtls: { subject_cn: analyst } } ]
    - name: reporting
      methods: [ { mtls: { spki_sha256: "PIN" } } ]
services:
  - name: orders-pg
    postgres:
      address: "SOCKET"
      database: orders
      sslmode: disable
      identity: shared
      connect_timeout: 30s
      roles: { read-only: orders_ro, read-write: orders_rw }
databases:
  - name: orders
    backend: postgres
    service: orders-pg
    grants:
      - { principal: analyst, level: read-write }
      - { principal: reporting, level: read-only }
limits: { idle_timeout: 3s }
audit: { auth_events: { failed: true, successful: true } }
"#;
