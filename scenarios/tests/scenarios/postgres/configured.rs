//! What is behind the door is configured, shown, and changed while it is used.

use std::sync::OnceLock;

use testkit::postgres::Setting;
use testkit::revocation::List;
use testkit::{Postgres, certificate};

use super::driver::{Driver, connected};
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

#[test]
fn a_service_that_cannot_be_is_told_with_its_line_before_anything_is_served() {
    let front = one("told_before");
    let text = front.world.read("realm/countersign.yaml");
    for (from, to, words) in [
        ("service: orders-pg", "service: orders-gp", "is on the unknown service \"orders-gp\""),
        (
            "level: read-write",
            "level: read-only",
            "grants read-only, and nothing on service \"orders-pg\" would enforce it",
        ),
        ("identity: per_principal", "password: env:NONE", "password is for identity shared"),
        (
            "identity: per_principal",
            "identity: shared\n      sslmode: prefer",
            "ssl_rootcert judges nobody with sslmode prefer",
        ),
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
    let ran =
        ran.says("Which servers are behind the door").says("each principal's own certificate, of 5 minutes");
    let row = |line: &str| {
        ["whom_asked", "orders", "read-write", "orders-pg"].iter().all(|part| line.contains(part))
    };
    assert!(ran.stdout.lines().any(row), "{ran}");
    let judged = ["explain", "--cert", "whom_asked.crt", "--on", "orders", "--listener", "people"];
    let config = ["--config", "realm/countersign.yaml"];
    let ran = front.world.countersign(&[&judged[..], &config].concat());
    ran.exited(0).says("on service orders-pg: whom_asked (read-write)");
}

#[test]
fn a_service_is_changed_while_it_is_used_and_what_is_there_already_stays() {
    let front = one("changed_live");
    let driver = Driver::of(&front, "changed_live");
    connected(async {
        let (kept, _heard) = driver.open("orders").await.expect("a session");
        let said = |text: &str| format!("{text}logging: {{ level: debug }}\n");
        reloaded(&front, said, &["reload applied", "logging"]);
        kept.batch_execute("SELECT 1").await.expect("the session goes on");
        let lower = |text: &str| text.replace("max_connections: 150", "max_connections: 1");
        reloaded(&front, lower, &["reload applied", "service orders-pg limits"]);
        // A limit is for those who come next: there is one place for them now.
        kept.batch_execute("SELECT 1").await.expect("the session goes on");
        let (_one, _heard) = driver.open("orders").await.expect("a session in the one place");
        let full = driver.open("orders").await.expect_err("no second place");
        let full = full.as_db_error().unwrap_or_else(|| panic!("{full:?}"));
        assert!(full.detail().unwrap_or_default().starts_with("code too-many-connections"), "{full:?}");
    });
}

/// Where a server asks for a password, it is kept outside of the configuration, and asked for again with each reload.
#[test]
fn a_password_comes_from_where_it_is_kept_and_another_one_is_taken_without_a_restart() {
    static SERVER: OnceLock<Postgres> = OnceLock::new();
    let hba = "hostssl all shared_rw 0.0.0.0/0 scram-sha-256";
    let server = SERVER.get_or_init(|| Postgres::with(Setting { hba, ..Setting::default() }));
    server.sql("postgres", "CREATE ROLE shared_rw LOGIN PASSWORD 'the first one'");
    let front = Front::configured(server, &["by_password".to_owned()], |world, text| {
        // `cat` is given the secret's name, which is a file of the folder that the node runs in.
        world.write("orders", "the first one\n");
        let identity =
            "identity: shared\n      password: pass:orders\n      roles: { read-write: shared_rw }";
        let text = text.replacen("identity: per_principal", identity, 1);
        format!("{text}secrets: [ {{ name: pass, type: command, command: [cat] }} ]\n")
    });
    front.client("by_password");
    let who = || front.psql("by_password", "orders", "SELECT current_user");
    who().succeeded().says("shared_rw");
    server.sql("postgres", "ALTER ROLE shared_rw PASSWORD 'the second one'");
    let ran = who().exited(2).says("DETAIL:  code upstream-refused, refusal ");
    assert!(!ran.said().contains("password"), "what the server said is not for the client: {ran}");
    front.world.write("orders", "the second one\n");
    reloaded(&front, str::to_owned, &["reload applied", "service orders-pg files"]);
    who().succeeded().says("shared_rw");
    assert!(!front.node.log().contains("the first one") && !front.node.log().contains("the second one"));
}

#[test]
fn a_server_whose_certificate_was_taken_back_is_no_server_to_anybody() {
    let server = Postgres::shared();
    let front = Front::configured(server, &["countersign_user".to_owned()], |world, text| {
        for (file, from) in [("server-ca.key", "ca.key"), ("server.crt", "server.crt")] {
            world.write(file, std::fs::read(server.file(from)).expect("the server's files"));
        }
        List::of(world, "server-ca").write("server.crl");
        List::of(world, "server-ca").numbered(2).revoking("server", "keyCompromise").write("next.crl");
        let root = "ssl_rootcert: ../server-ca.crt";
        text.replacen(root, &format!("{root}\n      ssl_crl: ../server.crl"), 1)
    });
    front.client("countersign_user");
    let who = || front.psql("countersign_user", "orders", "SELECT current_user");
    who().succeeded().says("countersign_user");
    front.world.sh("mv next.crl server.crl");
    reloaded(&front, str::to_owned, &["reload applied", "service orders-pg files"]);
    who().exited(2).says("DETAIL:  code upstream-unreachable, refusal ");
    front.node.logged(&["upstream-unreachable", "revoked"]);
}

#[test]
fn a_credential_that_is_renewed_on_disk_is_what_the_server_sees_next() {
    let server = Postgres::shared();
    let front = Front::configured(server, &["renewed".to_owned()], |world, text| {
        world.write("ca.crt", std::fs::read(server.file("ca.crt")).expect("the server's authority"));
        world.write_secret("ca.key", std::fs::read(server.file("ca.key")).expect("its key"));
        certificate::client(world, "ca", "somebody_else");
        certificate::client(world, "ca", "countersign_user");
        world.sh("cp somebody_else.crt shared.crt; cp -p somebody_else.key shared.key");
        let identity = "identity: shared\n      ssl_cert: ../shared.crt\n      ssl_key: ../shared.key\n      \
                        roles: { read-write: countersign_user }";
        text.replacen("identity: per_principal", identity, 1)
    });
    front.client("renewed");
    let who = || front.psql("renewed", "orders", "SELECT current_user");
    who().exited(2).says("DETAIL:  code upstream-refused, refusal ");
    front.node.logged(&["upstream-refused", "certificate authentication failed"]);
    // Nobody tells the node: it looks at what it was told to read.
    front.world.sh("mv countersign_user.key shared.key; mv countersign_user.crt shared.crt");
    front.node.logged(&["reload applied", "service orders-pg"]);
    who().succeeded().says("countersign_user");
}

#[test]
fn a_reload_that_makes_the_server_less_sure_is_refused_by_name() {
    let front = one("not_weaker");
    for (from, to, name) in [
        (
            "identity: per_principal",
            "identity: per_principal\n      sslmode: require",
            "service orders-pg sslmode require",
        ),
        ("identity: per_principal", "identity: shared", "service orders-pg identity shared"),
        ("address: \"localhost:", "address: \"127.0.0.1:", "database orders service"),
        (
            "identity: per_principal",
            "identity: per_principal\n      roles: { read-write: postgres }",
            "service orders-pg role read-write postgres",
        ),
    ] {
        let text = front.world.read("realm/countersign.yaml");
        reloaded(&front, |text| text.replacen(from, to, 1), &["reload rejected: it would be weaker", name]);
        front.world.write("realm/countersign.yaml", text);
        front.psql("not_weaker", "orders", "SELECT current_user").succeeded().says("not_weaker");
    }
}
