//! What is above the leaves is replaced, and nobody notices: `ca rotate`.

mod traffic;

use serde_json::Value;
use testkit::patience::wait_for;
use testkit::{Curl, Node, Ran, World, openssl};

use traffic::{Traffic, Visitor};

/// A realm whose old authorities may go when nobody came by them for a second.
struct House {
    world: World,
    node: Node,
}

impl House {
    fn new() -> Self {
        let world = World::new();
        world.countersign(&["init"]).succeeded();
        let yaml = world.read("realm/countersign.yaml");
        let yaml = yaml.replacen("authority:\n", "authority:\n  rotation: { quiet: 1s }\n", 1);
        let yaml = yaml.replacen("127.0.0.1:7777", "127.0.0.1:0", 1);
        world.write("realm/countersign.yaml", yaml);
        let node = Node::serve(&world, "realm/countersign.yaml");
        let house = Self { world, node };
        house.waits("a node that reports", |status| !status["nodes"].as_array().unwrap().is_empty());
        house
    }

    fn rotate(&self, arguments: &str) -> Ran {
        let arguments: Vec<&str> = ["ca", "rotate"].into_iter().chain(arguments.split(' ')).collect();
        self.world.countersign(&arguments)
    }

    /// Takes a step as soon as nothing is in its way: whom the node let in a moment ago it reports a moment later.
    fn takes(&self, step: &str) {
        wait_for(step, || self.rotate("status").said(), || (self.rotate(step).code == Some(0)).then_some(()));
    }

    /// Stops a node's process, at a moment when it does not hold the ledger's lock: nobody else could write.
    fn stops(&self, node: &Node) {
        let stopped = || {
            node.signal("STOP");
            let free = self.world.try_sh(FREE).code == Some(0);
            if !free {
                node.signal("CONT");
            }
            free.then_some(())
        };
        wait_for("a node that is stuck and holds no lock", || node.log(), stopped);
    }

    fn status(&self) -> Value {
        self.rotate("status --json").succeeded().json()
    }

    fn waits(&self, what: &str, until: impl Fn(&Value) -> bool) {
        wait_for(what, || self.status(), || until(&self.status()).then_some(()));
    }

    /// Waits until the rotation waits for nobody.
    fn nobody_is_waited_for(&self) {
        self.waits("a rotation that waits for nobody", |status| {
            status["waiting"].as_array().unwrap().is_empty()
        });
    }

    /// The authorities whose certificates the node shows.
    fn shown(&self) -> String {
        let line =
            format!("openssl s_client -connect 127.0.0.1:{} -showcerts < /dev/null 2>&1", self.node.port());
        self.world.try_sh(&line).stdout
    }

    fn shows(&self, subject: &str, yes: bool) {
        let seen = || self.shown().contains(&format!("s:CN = {subject}")) == yes;
        wait_for(subject, || self.shown(), || seen().then_some(()));
    }

    /// Has the analyst's certificate issued anew into a folder.
    fn renewed(&self, folder: &str) -> Visitor {
        self.world.countersign(&["cert", "issue", "--cn", "analyst", "--out", folder]).succeeded();
        self.visitor("realm/pki/server-ca.crt", &format!("{folder}/analyst"))
    }

    /// The analyst with copies of these files.
    fn visitor(&self, trusted: &str, credential: &str) -> Visitor {
        Visitor {
            trusted: self.world.path(trusted),
            cert: self.world.path(format!("{credential}.crt")),
            key: self.world.path(format!("{credential}.key")),
        }
    }

    fn curl(&self, name: &str) -> Curl {
        let path = |end: &str| self.world.path(format!("realm/clients/{name}.{end}"));
        Curl::to(&self.node, "localhost")
            .cacert(&self.world.path("realm/pki/server-ca.crt"))
            .cert(&path("crt"), &path("key"))
    }

    /// Whether a verifier that accepts no partial chain follows what the node shows to this file.
    fn strict_verifiers_follow(&self, trusted: &str) -> bool {
        let port = self.node.port();
        let line = format!(
            "openssl s_client -connect 127.0.0.1:{port} -verify_hostname localhost -CAfile {trusted} -no-CApath \
             -x509_strict -verify_return_error -cert realm/clients/admin.crt -key realm/clients/admin.key \
             < /dev/null 2>&1"
        );
        self.world.try_sh(&line).stdout.contains("Verify return code: 0 (ok)")
    }
}

/// Succeeds where somebody could write to the ledger now.
const FREE: &str = r#"python3 -c "import sqlite3; sqlite3.connect('realm/state/ledger.db', timeout=0).execute('BEGIN IMMEDIATE')""#;

/// The whole walk, under traffic of everybody who verifies in a way of their own.
fn walk(house: &House, what: &str, moved: impl Fn(), finished: impl Fn()) {
    let world = &house.world;
    world.sh("cp realm/pki/root.crt old-root.crt");
    let traffic = Traffic::new(house.visitor("realm/pki/server-ca.crt", "realm/clients/analyst"));
    // Somebody who was given nothing but the root, long ago.
    let aside = Traffic::new(house.visitor("old-root.crt", "realm/clients/analyst"));
    std::thread::scope(|scope| {
        let _told = [traffic.done(), aside.done()];
        scope.spawn(|| traffic.curl(house.node.port()));
        scope.spawn(|| traffic.query(house.node.port()));
        scope.spawn(|| aside.curl(house.node.port()));
        traffic.goes_on();
        house.rotate(what).succeeded();
        house.nobody_is_waited_for();
        traffic.goes_on();
        house.rotate("move").succeeded();
        moved();
        traffic.goes_on();
        aside.goes_on();
        // Whoever came by the old one is named, until their certificates are renewed.
        let renewed = house.renewed("renewed");
        house.waits("a client that is named", |status| {
            status["waiting"].as_array().unwrap().iter().any(|one| one["name"] == "analyst")
        });
        let refused = house.rotate("finish").exited(1).said();
        for words in ["the old one is still in use", "principal analyst", "--force"] {
            assert!(refused.contains(words), "expected {words:?}: {refused}");
        }
        traffic.becomes(renewed.clone());
        aside.becomes(renewed);
        house.takes("finish");
        finished();
        traffic.goes_on();
        aside.goes_on();
    });
    assert_eq!((traffic.refused(), aside.refused()), (Vec::new(), Vec::new()), "nobody was refused");
}

/// 0 failed requests through a full rotation of the root, and then it is gone.
#[test]
fn nobody_is_refused_while_the_root_is_replaced() {
    let house = House::new();
    let (old, new) = ("countersign Root CA (development)", "countersign Root CA 2 (development)");
    walk(
        &house,
        "root",
        || {
            house.shows(new, true);
            house.world.sh("openssl x509 -in realm/pki/root.crt -out new-root.crt");
            // One chain for those who hold the old root alone, and for those who hold the new one alone.
            for trusted in ["old-root.crt", "new-root.crt", "realm/pki/server-ca.crt"] {
                assert!(house.strict_verifiers_follow(trusted), "{trusted}: {}", house.shown());
            }
        },
        || {
            house.shows(new, false);
            assert!(house.strict_verifiers_follow("new-root.crt"), "{}", house.shown());
            assert!(!house.strict_verifiers_follow("old-root.crt"));
            assert!(
                !house.world.sh("openssl x509 -in realm/pki/root.crt -noout -subject").stdout.contains(old)
            );
        },
    );
    // The issuers kept their keys: who never came for another certificate is not left behind at our own door.
    house.curl("admin").sql("app", "SELECT 1").with_status(200);
    // The new root's key lies where the next issuer is made with it.
    house.rotate("issuer server").succeeded();
    house.rotate("abort").succeeded();
}

/// 0 failed requests through the rotation of the client issuer; after it, what the old one issued is refused.
#[test]
fn nobody_is_refused_while_the_client_issuer_is_replaced() {
    let house = House::new();
    walk(&house, "issuer client", || (), || ());
    assert_eq!(house.curl("admin").sql("app", "SELECT 1").status, 0, "the handshake is refused");
    house.node.logged(&["handshake refused", "unknown-issuer", "Client Issuer 2"]);
}

/// The server issuer: the node's own certificate is issued anew at once, below the root that everybody holds.
#[test]
fn nobody_is_refused_while_the_server_issuer_is_replaced() {
    let house = House::new();
    let traffic = Traffic::new(house.visitor("realm/pki/root.crt", "realm/clients/analyst"));
    std::thread::scope(|scope| {
        let _told = traffic.done();
        scope.spawn(|| traffic.curl(house.node.port()));
        for step in ["issuer server", "move"] {
            house.rotate(step).succeeded();
            traffic.goes_on();
            house.waits("a node that holds it", |status| {
                let behind = |one: &Value| one["name"] != "time";
                !status["waiting"].as_array().unwrap().iter().any(behind)
            });
        }
        house.shows("countersign Server Issuer 2 (development)", true);
        house.takes("finish");
        traffic.goes_on();
    });
    assert_eq!(traffic.refused(), Vec::<String>::new());
}

/// A node that is stuck keeps the leaves where they are, by name; and each step is a restart that goes well.
#[test]
fn a_node_that_is_stuck_is_named_and_a_restart_at_any_step_serves() {
    let mut house = House::new();
    let yaml = house.world.read("realm/countersign.yaml").replacen("./data/app.db", "./data/other.db", 1);
    house.world.write("realm/second.yaml", yaml);
    let second = Node::serve(&house.world, "realm/second.yaml");
    house.waits("two nodes that report", |status| status["nodes"].as_array().unwrap().len() == 2);
    house.stops(&second);
    house.rotate("issuer client").succeeded();
    house.waits("one node that holds it", |status| status["waiting"].as_array().unwrap().len() == 1);
    let refused = house.rotate("move").exited(1).said();
    assert!(refused.contains("second.yaml does not hold the new client issuer"), "{refused}");
    second.signal("CONT");
    house.nobody_is_waited_for();
    for step in ["move", "finish"] {
        drop(std::mem::replace(&mut house.node, Node::serve(&house.world, "realm/countersign.yaml")));
        house.curl("analyst").sql("app", "SELECT 1").with_status(200);
        house.takes(step);
    }
}

/// What the old issuer issued can still be taken back: its list is signed as long as it is believed.
#[test]
fn an_issuer_whose_place_was_taken_answers_for_what_it_issued() {
    let house = House::new();
    house.rotate("issuer client").succeeded();
    house.nobody_is_waited_for();
    house.rotate("move").succeeded();
    let serial = openssl::serial(&house.world, "realm/clients/analyst.crt");
    house.world.countersign(&["cert", "revoke", "realm/clients/analyst.crt"]).succeeded();
    let list = || {
        let answer = house.curl("admin").get("/pki/crl/client.old.pem");
        house.world.write("list.pem", &answer.body);
        house
            .world
            .try_sh("openssl crl -in list.pem -noout -text -CAfile realm/pki/issuers/client.old.crt 2>&1")
            .said()
    };
    let holds = || {
        let said = list();
        (said.contains(&serial) && said.contains("verify OK")).then_some(())
    };
    wait_for("a list of the old issuer with the certificate", list, holds);
    house.curl("admin").sql("app", "SELECT 1").with_status(200);
}

/// A file beside an issuer is believed because a rotation on record names it, and not because it lies there.
#[test]
fn an_authority_that_no_rotation_names_is_not_believed_by_its_file_alone() {
    let house = House::new();
    let next = "realm/pki/issuers/client.next.crt";
    house.rotate("issuer client").succeeded();
    house.nobody_is_waited_for();
    house.world.sh(&format!("cp {next} kept.crt"));
    house.rotate("abort").succeeded();
    let applied = || house.node.log().matches("reload applied").count() == 2;
    wait_for("a node that has gone back", || house.node.log(), || applied().then_some(()));
    house.world.sh(&format!("cp kept.crt {next}"));
    house.node.logged(&["reload rejected", "trust-anchor main"]);
    // What is no issuer of ours is a fault of its own, wherever the configuration is read.
    house.world.countersign(&["init", "./other"]).succeeded();
    for (file, words) in [
        ("other/pki/issuers/client.crt", "was not signed by the root"),
        ("realm/pki/root.crt", "is a root, and an issuer should be here"),
        ("realm/clients/admin.crt", "is not an authority's"),
    ] {
        house.world.sh(&format!("cp {file} {next}"));
        let said = house.world.countersign(&["check", "realm/countersign.yaml"]).said();
        assert!(said.contains(words) && said.contains("client.next.crt"), "expected {words:?}: {said}");
    }
    house.curl("analyst").sql("app", "SELECT 1").with_status(200);
}
