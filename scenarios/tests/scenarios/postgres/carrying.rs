//! What passes between a client and the server, unchanged and seen by the administrators (B1, B6).

use super::street::Street;

#[test]
fn copy_large_rows_and_long_results_pass_unchanged_in_both_directions() {
    let street = Street::new();
    let ran = street.psql(
        "analyst",
        "copied",
        r"CREATE TEMP TABLE copied (n int, word text);
          \copy copied FROM PROGRAM 'seq 1 200000 | sed s/$/,word/' WITH (FORMAT csv)
          SELECT 'in', count(*), sum(n) FROM copied;
          \copy copied TO 'copied.csv' WITH (FORMAT csv)
          \o large
          SELECT repeat('x', 64 * 1024 * 1024);
          \o long
          SELECT n, repeat('y', 100) FROM generate_series(1, 300000) n;
          \o
          SELECT 'done';",
    );
    ran.succeeded().says("in|200000|20000100000");
    street.world.sh("seq 1 200000 | sed s/$/,word/ | cmp - copied.csv");
    street.world.sh("test $(wc -c < large) = 67108865 && test $(tr -d 'x\\n' < large | wc -c) = 0");
    street.world.sh("test $(wc -l < long) = 300000");
}

#[test]
fn pgbench_runs_with_prepared_and_simple_statements_and_new_connections() {
    let street = Street::new();
    let settings = street.settings("analyst", "pgbench");
    let bench = |arguments: &str| {
        let ran = street.world.sh(&format!("pgbench {arguments} '{settings}' 2>&1"));
        ran.says("number of failed transactions: 0 (0.000%)");
    };
    street.world.sh(&format!("pgbench -i -q -s 1 '{settings}' 2>&1"));
    bench("-n -S -M prepared -c 4 -t 200");
    bench("-n -N -M simple -c 2 -t 50");
    bench("-n -S -C -c 2 -t 10");
}

#[test]
fn an_interrupt_in_psql_stops_its_statement_on_the_server() {
    let street = Street::new();
    let mut psql = street.begin("analyst", "interrupted");
    psql.give("SELECT pg_sleep(600);");
    street.runs("interrupted");
    psql.signal("INT");
    street.said(&psql, "err", "canceling statement due to user request");
    street.rests("interrupted");
    // Without a terminal it leaves then.
    psql.ends();
}

#[test]
fn a_session_that_is_only_quiet_lasts_and_hears_what_it_listens_for() {
    let street = Street::with(|yaml| yaml.replace("idle_timeout: 3s", "idle_timeout: 1s"));
    let mut psql = street.begin("analyst", "quiet");
    psql.give("LISTEN news; SELECT 'listening';");
    street.said(&psql, "out", "listening");
    // Longer than any request over HTTP may be waited for.
    street.psql("analyst", "sleeping", "SELECT pg_sleep(2.5);").succeeded();
    street.server.sql("orders", "NOTIFY news, 'hello'");
    psql.give("SELECT 'looked';");
    street.said(&psql, "out", r#"Asynchronous notification "news" with payload "hello" received"#);
    psql.ends();
}

#[test]
fn administrators_see_who_is_whom_on_which_server_and_how_much_passes() {
    let street = Street::new();
    let mut psql = street.begin("reporting", "seen");
    psql.give("SELECT current_user, repeat('z', 5000);");
    street.said(&psql, "out", "orders_ro|zzz");
    let sessions = street.sessions("reporting");
    let [session] = sessions.as_slice() else { panic!("{sessions:#?}") };
    let upstream = &session["upstream"];
    for (name, value) in
        [("database", "orders"), ("service", "orders-pg"), ("role", "orders_ro"), ("level", "read-only")]
    {
        assert_eq!(upstream[name], value, "{upstream}");
    }
    assert!(upstream["sent"].as_u64() > Some(5000), "{upstream}");
    assert!((Some(30)..Some(500)).contains(&upstream["received"].as_u64()), "{upstream}");
    let metrics = street.admin("/_metrics", "").stdout;
    for line in [
        r#"countersign_postgres_sessions{db="orders",level="read-only"} 1"#,
        r#"countersign_postgres_sessions_started_total{db="orders",level="read-only"} 1"#,
        r#"countersign_postgres_bytes_total{db="orders",level="read-only",direction="sent"} "#,
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    street.node.logged(&["audit", "sign-in", "reporting", "orders", "as role", "orders_ro", "orders-pg"]);
    psql.ends();
    street.node.logged(&["audit", "session-end", "reporting", "orders", "bytes received"]);
    assert!(street.sessions("reporting").is_empty());
}

#[test]
fn a_kept_link_is_handed_on_only_where_the_client_before_left_nothing_under_way() {
    let street = Street::with(|yaml| {
        yaml.replace("      identity: shared\n", "      identity: shared\n      keep_warm: true\n")
    });
    let pid = |more: &str| {
        let said = street.psql("analyst", "warm", &format!("SELECT pg_backend_pid(); {more}"));
        said.succeeded().stdout.lines().next().expect("a number").to_owned()
    };
    let first = pid("CREATE TEMP TABLE left_over AS SELECT 1; SET search_path = nowhere; LISTEN news;");
    let second = pid("SELECT count(*) FROM pg_class WHERE relname = 'left_over';");
    assert_eq!(first, second, "the link was kept");
    // A transaction is left open: whatever that server process had, nobody is given it.
    let third = pid("BEGIN;");
    assert_eq!(second, third);
    let fourth = pid("\\copy (SELECT 1) TO STDOUT\nSELECT 1;");
    assert_ne!(third, fourth, "a link with an open transaction was handed on");
    assert_eq!(fourth, pid("SELECT 1"), "after COPY the link was kept");
}
