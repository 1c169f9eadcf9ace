//! An issuer is replaced on two machines that share a ledger: steps from either, and one at a time.

use std::thread;

use serde_json::Value;
use testkit::patience::wait_for;
use testkit::{Node, Postgres, Ran, World};

use super::{ask, init, url, variables};

/// A realm in a database of its own, and its copy for another machine; what is old may go when nobody came by it for a second.
fn realms(world: &World, server: &Postgres) -> String {
    let database = server.database();
    init(world, &url(server, &database), &variables(server)).succeeded();
    let yaml = world.read("my-repo/countersign.yaml");
    let yaml = yaml.replacen("authority:\n", "authority:\n  rotation: { quiet: 1s }\n", 1);
    world.write("my-repo/countersign.yaml", yaml);
    world.sh("cp -r my-repo other");
    database
}

fn up(world: &World, realm: &str) -> Node {
    Node::start(world, &["up", "--realm", realm, "--listen", "127.0.0.1:0"], &[])
}

fn rotate(world: &World, realm: &str, step: &str) -> Ran {
    let args: Vec<&str> = ["ca", "rotate"].into_iter().chain(step.split(' ')).collect();
    world.countersign(&[&args[..], &["--realm", realm]].concat())
}

/// Waits until the rotation waits for so many nodes and clients, as the other machine is told.
fn waiting(world: &World, what: &str, until: impl Fn(&[Value]) -> bool) {
    let status = || rotate(world, "other", "status --json").succeeded().json();
    let waited = || status()["waiting"].as_array().is_some_and(|waiting| until(waiting));
    wait_for(what, status, || waited().then_some(()));
}

#[test]
fn an_issuer_is_replaced_on_two_nodes_by_steps_from_either() {
    let (world, server) = (World::new(), Postgres::shared());
    realms(&world, server);
    let nodes = [up(&world, "my-repo"), up(&world, "other")];
    waiting(&world, "two nodes that report", |_| {
        rotate(&world, "my-repo", "status --json").json()["nodes"]
            .as_array()
            .is_some_and(|all| all.len() == 2)
    });
    rotate(&world, "my-repo", "issuer client").succeeded().says("distributed");
    // The node beside the files learns of them by itself; the other has none of its own yet.
    waiting(&world, "one node that is waited for", |waiting| waiting.len() == 1);
    rotate(&world, "my-repo", "move").exited(1).says("not everybody holds the new").says("/other/");
    world.sh("cp -p my-repo/pki/issuers/client.next.key other/pki/issuers/");
    rotate(&world, "other", "issuer client").succeeded();
    waiting(&world, "nobody who is waited for", <[_]>::is_empty);

    // The one who moves, and the one whose files follow.
    rotate(&world, "other", "move").succeeded().says("moved");
    rotate(&world, "my-repo", "move").succeeded();
    let guest = ["cert", "issue", "--realm", "my-repo", "--cn", "guest", "--out", "my-repo/clients"];
    world.countersign(&guest).succeeded();
    let admin = ["cert", "issue", "--realm", "other", "--cn", "admin", "--out", "renewed"];
    world.countersign(&admin).succeeded();
    let issuer = "openssl x509 -in renewed/admin.crt -noout -issuer";
    world.sh(issuer).says("countersign Client Issuer 2");
    for node in &nodes {
        ask(&world, node, "analyst").succeeded().says("42");
    }
    waiting(&world, "nobody who is waited for", <[_]>::is_empty);

    rotate(&world, "my-repo", "finish").succeeded();
    rotate(&world, "other", "finish").succeeded();
    world.sh("cp renewed/admin.* my-repo/clients/");
    for node in &nodes {
        let out = || (ask(&world, node, "analyst").code != Some(0)).then_some(());
        wait_for("a refused client of the old issuer", || node.log(), out);
        ask(&world, node, "admin").succeeded().says("42");
    }
    rotate(&world, "other", "status").says("rotation of issuer client: removed");
}

/// The first one is held up where it has the lock: what it wants to write is locked by somebody else.
#[test]
fn of_two_who_rotate_at_once_one_does_it_and_the_other_is_told_who_and_what() {
    let (world, server) = (World::new(), Postgres::shared());
    let database = realms(&world, server);
    server.sql(&database, "CREATE TABLE go_on (now bool)");
    let ask = |sql: &str| server.sql(&database, sql);
    let told = |what: &str, sql: &str| {
        wait_for(what, || server.log(), || (ask(sql) != "0").then_some(()));
    };
    thread::scope(|scope| {
        scope.spawn(|| ask(HELD));
        told(
            "a lock on the audit record",
            "SELECT count(*) FROM pg_locks WHERE mode = 'ExclusiveLock' AND relation = 'countersign.audit'::regclass",
        );
        let first = scope.spawn(|| rotate(&world, "my-repo", "issuer client"));
        told("a step that is taken", "SELECT count(*) FROM countersign.notes WHERE key = 'acting'");
        let second = rotate(&world, "other", "issuer server");
        ask("INSERT INTO go_on VALUES (true)");
        first.join().unwrap().succeeded();
        second
            .exited(1)
            .says("somebody else takes a step of a rotation")
            .says("countersign ca rotate issuer client on ")
            .says("my-repo")
            .says("countersign ca rotate status");
    });
    let status = rotate(&world, "other", "status --json").succeeded().json();
    assert_eq!(
        (&status["rotation"]["of"], &status["rotation"]["phase"]),
        (&"issuer client".into(), &"distributed".into())
    );
    assert!(!world.path("other/pki/issuers/server.next.key").exists());
    rotate(&world, "other", "issuer server").exited(2).says("the rotation of issuer client is under way");
}

/// Until somebody says that it may go on.
const HELD: &str = "DO $$ BEGIN LOCK TABLE countersign.audit IN EXCLUSIVE MODE;
    WHILE NOT EXISTS (SELECT FROM go_on) LOOP PERFORM pg_sleep(0.02); END LOOP; END $$";
