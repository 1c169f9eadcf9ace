//! A ledger that goes away, one that comes back from the past, and several nodes at one ledger (S5, S6).

use testkit::patience::wait_for;
use testkit::{Curl, Node, World, openssl};

/// A realm that listens wherever there is room.
fn realm() -> World {
    let world = World::new();
    assert_eq!(Node::up(&world).interrupted().code, Some(0));
    let yaml = world.read("realm/countersign.yaml");
    let anywhere: Vec<String> = yaml
        .lines()
        .map(|line| match line.split_once("address: ") {
            Some((before, rest)) => {
                let behind = rest.split_once(',').map(|(_, behind)| behind).unwrap_or_default();
                format!("{before}address: \"127.0.0.1:0\",{behind}")
            }
            None => line.to_owned(),
        })
        .collect();
    world.write("realm/countersign.yaml", anywhere.join("\n"));
    world
}

fn serve(world: &World) -> Node {
    Node::serve(world, "realm/countersign.yaml")
}

/// Our own command, to this node, as this client of the realm.
fn to(world: &World, node: &Node, name: &str, args: &[&str]) -> testkit::Ran {
    let url = format!("https://localhost:{}", node.port());
    let args: Vec<&str> = args.iter().copied().chain(["--url", &url, "--as", name]).collect();
    world.countersign(&args)
}

fn query(world: &World, node: &Node, name: &str) -> testkit::Ran {
    to(world, node, name, &["query", "app", "SELECT 1"])
}

fn metrics(world: &World, node: &Node) -> String {
    let file = |end: &str| world.path(format!("realm/clients/admin.{end}"));
    let trusting = Curl::to(node, "localhost").cacert(&world.path("realm/pki/server-ca.crt"));
    trusting.cert(&file("crt"), &file("key")).get("/_metrics").body
}

fn revoke(world: &World, name: &str) {
    let certificate = format!("realm/clients/{name}.crt");
    world.countersign(&["cert", "revoke", &certificate, "--reason", "keyCompromise"]).succeeded();
}

fn refused(world: &World, node: &Node, name: &str) {
    wait_for(
        &format!("{name} refused"),
        || node.log(),
        || query(world, node, name).said().contains("revoked").then_some(()),
    );
}

/// The backup is from before the revocation. The node was told of it, and remembers.
#[test]
fn a_ledger_that_is_put_back_from_a_backup_lets_no_revoked_certificate_in_again() {
    let world = realm();
    world.sh("cp realm/state/ledger.db backup.db");
    let node = serve(&world);
    query(&world, &node, "analyst").succeeded();
    revoke(&world, "analyst");
    refused(&world, &node, "analyst");
    assert_eq!(node.interrupted().code, Some(0));
    world.sh("rm -f realm/state/ledger.db-* && cp backup.db realm/state/ledger.db");
    let listed = world.countersign(&["cert", "list", "--state", "revoked", "--json"]).succeeded().json();
    assert_eq!(listed, serde_json::json!([]), "the backup knows nothing of it");

    let node = serve(&world);
    node.logged(&["the ledger came back from the past"]);
    query(&world, &node, "analyst").exited(1).says("revoked");
    query(&world, &node, "admin").succeeded();
    node.logged(&["what the ledger had lost was handed back to it", "revoked=1"]);
    let serial = openssl::serial(&world, "realm/clients/analyst.crt");
    let listed = world.countersign(&["cert", "list", "--state", "revoked", "--json"]).succeeded().json();
    assert_eq!(
        (&listed[0]["serial"], &listed[0]["reason"]),
        (&serial.into(), &"keyCompromise".into()),
        "{listed}"
    );
}

/// The same for a certificate that the backup has never heard of: it is denied.
#[test]
fn a_certificate_that_the_record_has_lost_with_its_revocation_is_denied() {
    let world = realm();
    world.sh("cp realm/state/ledger.db backup.db");
    world.countersign(&["cert", "issue", "--cn", "analyst", "--out", "late"]).succeeded();
    let node = serve(&world);
    let late = "late/analyst.crt";
    world.countersign(&["cert", "revoke", late]).succeeded();
    let presenting = |node: &Node| {
        let url = format!("https://localhost:{}", node.port());
        let files = ["--cert", late, "--key", "late/analyst.key", "--cacert", "realm/pki/server-ca.crt"];
        let args = ["query", "app", "SELECT 1", "--url", &url].into_iter().chain(files);
        world.countersign(&args.collect::<Vec<_>>())
    };
    let out = |node: &Node| {
        let said = || presenting(node).said().contains("revoked").then_some(());
        wait_for("a refused certificate", || node.log(), said);
    };
    out(&node);
    assert_eq!(node.interrupted().code, Some(0));
    world.sh("rm -f realm/state/ledger.db-* && cp backup.db realm/state/ledger.db");
    let node = serve(&world);
    out(&node);
    node.logged(&["what the ledger had lost was handed back to it", "denied=1"]);
}

/// Who is known stays known, who is revoked stays out, and nothing is recorded in silence elsewhere.
#[test]
fn a_node_that_loses_its_ledger_serves_on_and_says_how_old_its_knowledge_is() {
    let world = realm();
    let node = serve(&world);
    revoke(&world, "analyst");
    refused(&world, &node, "analyst");
    world.sh("mkdir away && mv realm/state/ledger.db* away/");
    node.logged(&["the ledger does not say what was revoked", "what it said before holds"]);
    query(&world, &node, "admin").succeeded();
    query(&world, &node, "analyst").exited(1).says("revoked");
    let status = to(&world, &node, "admin", &["status", "--json"]).succeeded().json();
    let ledger = &status["node"]["ledger"];
    assert_eq!(ledger["followed"], false, "{ledger}");
    to(&world, &node, "admin", &["status"]).succeeded().says("it last said");
    let age = |text: &str| {
        let line = text.lines().find(|line| line.starts_with("countersign_ledger_age_seconds "));
        line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).unwrap_or_default()
    };
    let metrics = || metrics(&world, &node);
    wait_for("an age of the ledger", || node.log(), || (age(&metrics()) > 2.0).then_some(()));
    to(&world, &node, "admin", &["cert", "deny", "realm/clients/analyst.crt"])
        .exited(1)
        .says("moved away or replaced");

    world.sh("mv away/ledger.db* realm/state/");
    node.logged(&["the ledger says again what was revoked"]);
    node.logged(&["the ledger takes audit events again"]);
    wait_for("a young ledger", || node.log(), || (age(&metrics()) < 2.0).then_some(()));
    revoke(&world, "admin");
    refused(&world, &node, "admin");
}

/// Each node is shown with how far it is; one that went down in order is told from one that is silent.
#[test]
fn the_nodes_of_one_ledger_are_listed_with_how_far_behind_each_is() {
    let world = realm();
    let (one, two) = (serve(&world), serve(&world));
    let nodes = || to(&world, &one, "admin", &["status", "--nodes", "--json"]).succeeded().json();
    let listed = |count: usize, state: &'static str| {
        wait_for(
            &format!("{count} nodes that are {state}"),
            || nodes().to_string(),
            || {
                let nodes = nodes();
                let all = nodes["nodes"].as_array()?.clone();
                (all.iter().filter(|node| node["state"] == state).count() == count).then_some(all)
            },
        )
    };
    let both = listed(2, "up");
    assert_eq!(both.iter().filter(|node| node["this"] == true).count(), 1, "{both:?}");
    assert_ne!(both[0]["id"], both[1]["id"]);
    revoke(&world, "analyst");
    refused(&world, &one, "analyst");
    refused(&world, &two, "analyst");
    to(&world, &one, "admin", &["status", "--nodes"]).succeeded().says("(this)").says("behind");
    assert_eq!(two.interrupted().code, Some(0));
    listed(1, "stopped");
}

/// What the authority must renew in time is named, with how long it may be away.
#[test]
fn the_outage_budget_is_the_end_of_what_breaks_first_and_names_it() {
    let world = realm();
    let yaml = world.read("realm/countersign.yaml");
    let short = "\nauthority:\n  outage_warning: 2h\n  profiles: { server: { lifetime: 1h } }\n";
    assert!(!yaml.contains("  profiles:"), "{yaml}");
    world.write("realm/countersign.yaml", yaml.replacen("\nauthority:\n", short, 1));
    // What the first start issued is good, and would be kept.
    world.sh("find realm -name 'main.crt' -delete -o -name 'main.key' -delete");
    let node = serve(&world);
    node.logged(&["if the authority were away", "server certificate tls."]);
    let status = to(&world, &node, "admin", &["status", "--json"]).succeeded().json();
    let outage = &status["node"]["outage"];
    let seconds = outage["budget_seconds"].as_i64().unwrap_or_default();
    assert!((3000..=3600).contains(&seconds), "{outage}");
    assert!(
        outage["first"].as_str().is_some_and(|first| first.starts_with("server certificate tls.")),
        "{outage}"
    );
    to(&world, &node, "admin", &["status"]).succeeded().says("without the authority, server certificate");
    let metrics = metrics(&world, &node);
    assert!(metrics.contains("countersign_outage_budget_info{first=\"server certificate tls."), "{metrics}");
    let budget = metrics.lines().find(|line| line.starts_with("countersign_outage_budget_seconds "));
    let budget: f64 = budget.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or_default();
    assert!((3000.0..=3600.0).contains(&budget), "{budget}");
}
