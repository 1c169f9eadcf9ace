//! What is behind the door is configured, shown, and changed while it is used.

use testkit::patience::wait_for;

use super::front::Front;

/// Reads the configuration again after a change; answers the log's line about it.
fn reloaded(front: &Front, change: impl Fn(&str) -> String, parts: &[&str]) -> String {
    let changed = change(&front.world.read("realm/countersign.yaml"));
    front.world.write("realm/new.yaml", changed);
    front.world.sh("mv realm/new.yaml realm/countersign.yaml");
    front.node.signal("HUP");
    front.node.logged(parts)
}

fn one(name: &str) -> Front {
    let front = Front::of_everybody(&[name.to_owned()]);
    front.client(name);
    front
}

/// L-numbers aside: what is wrong with a service is told with its place and what to do, and nothing is served.
#[test]
fn a_service_that_cannot_be_is_told_with_its_line_before_anything_is_served() {
    let front = one("told_before");
    let text = front.world.read("realm/countersign.yaml");
    for (from, to, words) in [
        ("service: orders-pg", "service: orders-gp", "is on the unknown service \"orders-gp\""),
        ("level: read-write", "level: read-only", "grants read-only, and nothing on service \"orders-pg\" would enforce it"),
        ("identity: per_principal", "password: env:NONE", "password is for identity shared"),
        ("identity: per_principal", "identity: shared\n      sslmode: prefer", "ssl_rootcert judges nobody with sslmode prefer"),
        ("ssl_rootcert: ../server-ca.crt", "ssl_rootcert: ../nowhere.crt", "nowhere.crt"),
    ] {
        assert!(text.contains(from), "{from}");
        front.world.write("realm/wrong.yaml", text.replacen(from, to, 1));
        let ran = front.world.countersign(&["check", "realm/wrong.yaml"]).exited(2).says(words);
        assert!(ran.said().contains("try: "), "{ran}");
    }
}

#[test]
fn check_and_explain_say_who_is_whom_on_which_server() {
    let front = one("whom_asked");
    let ran = front.world.countersign(&["check", "realm/countersign.yaml"]).exited(0);
    let ran = ran.says("Which servers are behind the door").says("each principal's own certificate, of 5 minutes");
    let row = |line: &str| ["whom_asked", "orders", "read-write", "orders-pg"].iter().all(|part| line.contains(part));
    assert!(ran.stdout.lines().any(row), "{ran}");
    let judged = ["explain", "--cert", "whom_asked.crt", "--on", "orders", "--listener", "people"];
    let config = ["--config", "realm/countersign.yaml"];
    let ran = front.world.countersign(&[&judged[..], &config].concat());
    ran.exited(0).says("on service orders-pg: whom_asked (read-write)");
}

#[test]
fn a_service_is_changed_while_it_is_used_and_one_that_stays_keeps_its_sessions() {
    let front = one("changed_live");
    let pid = "SELECT pg_backend_pid()";
    // A session that is there while other things change, and while its own service does.
    let session = front.world.path("session.log");
    let libpq = front.libpq("changed_live", "orders");
    front.world.sh(&format!(
        "(echo 'SELECT 41 + 1;'; sleep 60) | psql -XAt '{libpq}' > '{}' 2>&1 &",
        session.display()
    ));
    let said = || std::fs::read_to_string(&session).unwrap_or_default();
    wait_for("a session", said, || said().contains("42").then_some(()));
    let ours = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'changed_live'";
    let there = || front.server.sql("postgres", ours);
    reloaded(&front, |text| format!("{text}logging: {{ level: debug }}\n"), &["reload applied", "logging"]);
    assert_eq!(there(), "1");
    let lower = |text: &str| text.replace("max_connections: 150", "max_connections: 1");
    reloaded(&front, lower, &["reload applied", "service orders-pg limits"]);
    wait_for("the end of the session", || front.node.log(), || (there() == "0").then_some(()));
    // The one place there is, is free again, and it is the only one.
    front.psql("changed_live", "orders", pid).succeeded();
    let held = front.world.path("held.log");
    front.world.sh(&format!(
        "(echo 'SELECT 41 + 1;'; sleep 60) | psql -XAt '{libpq}' > '{}' 2>&1 &",
        held.display()
    ));
    let said = || std::fs::read_to_string(&held).unwrap_or_default();
    wait_for("a session in its place", said, || said().contains("42").then_some(()));
    front.psql("changed_live", "orders", pid).exited(2).says("FATAL:  ").says("DETAIL:  code too-many-connections");
}

#[test]
fn a_reload_that_makes_the_server_less_sure_is_refused_by_name() {
    let front = one("not_weaker");
    for (from, to, name) in [
        ("identity: per_principal", "identity: per_principal\n      sslmode: require", "service orders-pg sslmode verify-ca"),
        ("identity: per_principal", "identity: shared", "service orders-pg identity shared"),
        ("address: \"localhost:", "address: \"127.0.0.1:", "database orders service"),
        ("identity: per_principal", "identity: per_principal\n      roles: { read-write: postgres }", "service orders-pg role read-write postgres"),
    ] {
        let text = front.world.read("realm/countersign.yaml");
        let name = if name.ends_with("verify-ca") { "service orders-pg sslmode require" } else { name };
        reloaded(&front, |text| text.replacen(from, to, 1), &["reload rejected: it would be weaker", name]);
        front.world.write("realm/countersign.yaml", text);
        front.psql("not_weaker", "orders", "SELECT current_user").succeeded().says("not_weaker");
    }
}
