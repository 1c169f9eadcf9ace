//! Two nodes on one ledger: what one of them learns the other knows, whatever became of the way between.

use std::time::Duration;

use testkit::patience::wait_for;
use testkit::{Client, Node, Postgres, Wire, World};

use super::{ask, init, url, variables};

/// A realm in the database, and its copy for another machine.
fn realms(world: &World, server: &Postgres, database: &str) {
    init(world, &url(server, database), &variables(server)).succeeded();
    world.sh("cp -r my-repo other");
}

fn up(world: &World, realm: &str) -> Node {
    Node::start(world, &["up", "--realm", realm, "--listen", "127.0.0.1:0"], &[])
}

/// A certificate of a new client, which the first realm issues.
fn guest(world: &World, name: &str) -> String {
    let folder = format!("my-repo/{name}");
    world.countersign(&["cert", "issue", "--realm", "my-repo", "--cn", name, "--out", &folder]).succeeded();
    format!("{folder}/{name}")
}

fn connected(world: &World, node: &Node, files: &str) -> Wire {
    let client = Client::new().asking_for("localhost").presenting(world, files);
    let mut wire = client.connect(node).expect("a good client");
    wire.send(b"GET /_auth/whoami HTTP/1.1\r\nhost: localhost\r\n\r\n");
    wire.answer();
    wire
}

/// By the door of this node, as its administrator.
fn deny(world: &World, node: &Node, files: &str) {
    let url = format!("https://localhost:{}", node.port());
    let certificate = format!("{files}.crt");
    let args = ["cert", "deny", &certificate, "--realm", "my-repo", "--reason", "keyCompromise"];
    let args: Vec<&str> = args.into_iter().chain(["--url", &url, "--as", "admin"]).collect();
    world.countersign(&args).succeeded();
}

fn refused(world: &World, node: &Node, name: &str) {
    let said = || ask(world, node, name).said().contains("revoked").then_some(());
    wait_for(&format!("{name} refused"), || node.log(), said);
}

/// The other node hears of it by notification; and where that connection was cut, by comparing.
#[test]
fn a_revocation_on_one_node_ends_the_live_session_on_the_other_also_after_its_connections_were_cut() {
    let (world, server) = (World::new(), Postgres::shared());
    let database = server.database();
    realms(&world, server, &database);
    let (one, two) = (up(&world, "my-repo"), up(&world, "other"));
    let (first, second) = (guest(&world, "first"), guest(&world, "second"));
    let (mut early, mut late) = (connected(&world, &two, &first), connected(&world, &two, &second));
    deny(&world, &one, &first);
    early.ends_within(BOUND);

    let listening = format!(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
         WHERE datname = '{database}' AND query ILIKE '%revision%' AND usename = 'countersign_user'"
    );
    assert_ne!(server.sql("postgres", &listening), "0");
    deny(&world, &one, &second);
    late.ends_within(BOUND);
}

#[test]
fn a_node_that_was_down_knows_on_its_return_what_was_revoked_at_the_other() {
    let (world, server) = (World::new(), Postgres::shared());
    realms(&world, server, &server.database());
    let (one, two) = (up(&world, "my-repo"), up(&world, "other"));
    ask(&world, &two, "analyst").succeeded();
    assert_eq!(two.interrupted().code, Some(0));
    deny(&world, &one, "my-repo/clients/analyst");
    let two = up(&world, "other");
    ask(&world, &two, "analyst").exited(1).says("revoked");
    ask(&world, &two, "admin").succeeded();
}

#[test]
fn without_the_server_both_nodes_serve_on_say_how_old_their_knowledge_is_and_catch_up() {
    let (world, server) = (World::new(), Postgres::start());
    realms(&world, &server, "countersign");
    let (one, two) = (up(&world, "my-repo"), up(&world, "other"));
    let guest = guest(&world, "guest");
    deny(&world, &one, &guest);
    server.stop();
    for node in [&one, &two] {
        node.logged(&["the ledger does not say what was revoked"]);
        ask(&world, node, "analyst").succeeded();
        let url = format!("https://localhost:{}", node.port());
        let status = ["status", "--realm", "my-repo", "--url", &url, "--as", "admin"];
        world.countersign(&status).says("not followed since").says("it last said");
    }
    server.resume();
    for node in [&one, &two] {
        node.logged(&["the ledger says again what was revoked"]);
    }
    deny(&world, &one, "my-repo/clients/analyst");
    refused(&world, &two, "analyst");
    refused(&world, &one, "analyst");
    // What nobody has to be told any more is published, too, and a node that was without its ledger ends when it is told to.
    for node in [one, two] {
        node.logged(&["revocation list signed", "issuer=\"client\"", "revoked=2"]);
        assert_eq!(node.interrupted().code, Some(0));
    }
}

/// Generous: what is promised is measured by the bench.
const BOUND: Duration = Duration::from_secs(10);
