//! Serving without authentication: on loopback only, and loudly (Z16, T14).

use testkit::{Node, Ran, World};

fn open(address: &str, more: &str) -> (World, String) {
    let world = World::new();
    let yaml = format!(
        "listeners:\n  - {{ name: open, transport: h1, address: '{address}', auth: [none]{more} }}\n\
         databases:\n  - {{ name: app, backend: memory-shared }}\n"
    );
    world.write("countersign.yaml", yaml);
    (world, "countersign.yaml".to_owned())
}

/// Z16: on loopback an open node serves everybody, and says so loudly.
#[test]
fn an_open_node_serves_on_loopback_and_says_so() {
    let (world, file) = open("127.0.0.1:0", "");
    let node = Node::serve(&world, &file);
    node.logged(&["WARN", "everyone"]);
    let ran = world
        .sh(&format!("curl -sS http://{}/app/query -d '{{\"sql\":\"CREATE TABLE t(a)\"}}'", node.address()));
    assert_eq!(ran.stdout.trim_end(), r#"{"columns":[],"rows":[],"rows_affected":0,"last_insert_id":0}"#);
}

/// Z16: on any other address an open node does not start, unless it is told to by name.
#[test]
fn an_open_node_does_not_start_on_other_addresses() {
    let (world, file) = open("0.0.0.0:0", "");
    let ran: Ran = world.countersign(&["serve", "--config", &file]).exited(2);
    ran.says("allow_open");
}

/// An unknown database on an open node is 404.
#[test]
fn on_an_open_node_an_unknown_database_is_404() {
    let (world, file) = open("127.0.0.1:0", "");
    let node = Node::serve(&world, &file);
    let ran =
        world.sh(&format!("curl -sS http://{}/other/query -d '{{\"sql\":\"SELECT 1\"}}'", node.address()));
    assert_eq!(ran.json()["error"]["message"], "unknown database");
}
