//! What a listener answers, where it does not answer everything.

use testkit::{Node, World};

/// A listener for what is published speaks clear text to everybody, and serves neither data nor the control plane.
#[test]
fn a_listener_that_serves_only_what_is_published_gives_nothing_else_away() {
    let world = World::new();
    let yaml = "listeners: [ { name: pki, transport: h1, address: '127.0.0.1:0', serves: [published] } ]\n\
                databases: [ { name: app, backend: memory-shared } ]\n";
    world.write("countersign.yaml", yaml);
    let node = Node::serve(&world, "countersign.yaml");
    let status = |path: &str| {
        let line = format!("curl -sS -w '%{{http_code}}' http://{}{path}", node.address());
        world.sh(&line).exited(0).stdout
    };
    assert!(status("/_health").ends_with("200"));
    for path in
        ["/app/query", "/_admin/status", "/_metrics", "/_auth/whoami", "/api/admin/security/certificates"]
    {
        let said = status(path);
        assert!(said.contains("not served by this listener") && said.ends_with("404"), "{path}: {said}");
    }
}

/// What is asked for with a secret is asked for over TLS.
#[test]
fn enrolment_is_not_served_in_clear_text() {
    for word in ["enrolment", "acme"] {
        let world = World::new();
        let listener = format!("name: x, transport: h1, address: '127.0.0.1:0', serves: [{word}]");
        world.write("countersign.yaml", format!("listeners: [ {{ {listener} }} ]\n"));
        let ran = world.countersign(&["check", "countersign.yaml"]).exited(2);
        ran.says(&format!("listener \"x\" (h1) is clear text and serves \"{word}\""));
    }
}
