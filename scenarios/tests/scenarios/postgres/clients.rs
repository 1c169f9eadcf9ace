//! The clients that people use, each a real one, with a certificate of its own and `verify-full` (B1).
//!
//! What is in `clients/` says a line for each thing that went as it should, and the last one is what it heard when it came
//! to a database that it may not enter.

use std::io::Cursor;
use std::path::PathBuf;
use std::pin::pin;

use testkit::{Ran, binary};
use tokio_postgres::AsyncMessage;
use tokio_postgres::error::SqlState;

use super::driver::{Driver, connected};
use super::front::Front;

/// What every client must be told.
fn refused(said: &Ran, client: &str) {
    let last = said.stdout.lines().last().unwrap_or_default();
    for part in ["refused:", "code no-grant, refusal "] {
        assert!(last.contains(part), "{client} was not told {part:?}: {last}\n{}", said.stderr);
    }
}

fn front(client: &str) -> Front {
    let front = Front::of_everybody(&[client.to_owned()]);
    front.client(client);
    front
}

fn script(name: &str) -> String {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/scenarios/postgres/clients")
        .join(name)
        .display()
        .to_string()
}

/// In the order of these lines, it said each of them.
fn said(ran: &Ran, client: &str, lines: &[&str]) {
    let seen = format!("seen: {client} true /cn={client}");
    let expected: Vec<&str> = std::iter::once(seen.as_str()).chain(lines.iter().copied()).collect();
    for (line, expected) in ran.stdout.lines().zip(&expected) {
        assert!(
            line.to_lowercase().starts_with(expected),
            "{line:?} instead of {expected:?}\n{}",
            ran.stderr
        );
    }
    assert_eq!(ran.stdout.lines().count(), expected.len() + 1, "{}\n{}", ran.stdout, ran.stderr);
}

#[test]
fn psql_works_through_the_door_as_before_the_server_itself() {
    let front = front("via_psql");
    let all = r"
        CREATE TEMP TABLE copied (n int, word text);
        \copy copied FROM PROGRAM 'seq 1 10000 | sed s/$/,word/' WITH (FORMAT csv)
        \copy (SELECT * FROM copied ORDER BY n DESC LIMIT 1) TO stdout
        PREPARE sum (int) AS SELECT $1 + 1;
        EXECUTE sum(41);
        LISTEN news;
        NOTIFY news, 'hello';
        SELECT count(*) FROM generate_series(1, 100000);
        \connect
        SELECT current_user;
    ";
    let ran = front.psql("via_psql", "orders", all).succeeded();
    for part in [
        "10000\tword",
        "42",
        "Asynchronous notification \"news\" with payload \"hello\"",
        "100000",
        "via_psql",
    ] {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
    let ran = front.psql("via_psql", "hidden", "SELECT 1");
    ran.exited(2).says("FATAL:  ").says("DETAIL:  code no-grant, refusal ").says("HINT:  ");
}

#[test]
fn psycopg_3_works_through_the_door_as_before_the_server_itself() {
    let front = front("via_psycopg_3");
    let (own, hidden) = (front.libpq("via_psycopg_3", "orders"), front.libpq("via_psycopg_3", "hidden"));
    let program = script("psycopg_3.py");
    let ran = front.world.sh(&format!("/usr/bin/python3 {program} '{own}' '{hidden}'"));
    said(&ran, "via_psycopg_3", &["extended", "copied", "notified", "pipelined", "cancelled"]);
    refused(&ran, "psycopg 3");
}

#[test]
fn psycopg_2_works_through_the_door_as_before_the_server_itself() {
    let front = front("via_psycopg_2");
    let (own, hidden) = (front.libpq("via_psycopg_2", "orders"), front.libpq("via_psycopg_2", "hidden"));
    let program = script("psycopg_2.py");
    let ran = front.world.sh(&format!("/usr/bin/python3 {program} '{own}' '{hidden}'"));
    said(&ran, "via_psycopg_2", &["copied", "notified", "cancelled"]);
    refused(&ran, "psycopg 2");
}

#[test]
fn node_postgres_works_through_the_door_as_before_the_server_itself() {
    let front = front("via_node");
    let file = |name: &str| front.file(name);
    let (ca, cert, key) = (file("realm/pki/server-ca.crt"), file("via_node.crt"), file("via_node.key"));
    let (program, port) = (script("node.js"), front.port);
    let modules = binary::target_folder().join("peers/node_modules").display().to_string();
    let ran = front.world.sh(&format!(
        "NODE_PATH={modules}:/usr/share/nodejs node {program} localhost {port} {ca} {cert} {key} via_node orders hidden"
    ));
    said(&ran, "via_node", &["extended", "copied", "notified", "queued", "cancelled"]);
    refused(&ran, "node-postgres");
}

#[test]
fn jdbc_works_through_the_door_as_before_the_server_itself() {
    let front = front("via_jdbc");
    // The driver reads keys as PKCS#8 in DER.
    front.world.sh("openssl pkcs8 -topk8 -nocrypt -in via_jdbc.key -outform DER -out via_jdbc.pk8");
    let file = |name: &str| front.file(name);
    let (ca, cert, key) = (file("realm/pki/server-ca.crt"), file("via_jdbc.crt"), file("via_jdbc.pk8"));
    let url = |database: &str| {
        format!(
            "jdbc:postgresql://localhost:{}/{database}?user=via_jdbc&sslmode=verify-full&sslrootcert={ca}&sslcert={cert}&sslkey={key}",
            front.port
        )
    };
    let (own, hidden, program) = (url("orders"), url("hidden"), script("Jdbc.java"));
    // One compiler is enough for a program of one page.
    let java = "java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC";
    let ran =
        front.world.sh(&format!("{java} -cp /usr/share/java/postgresql.jar {program} '{own}' '{hidden}'"));
    said(&ran, "via_jdbc", &["extended", "copied", "notified", "pipelined", "cancelled"]);
    refused(&ran, "JDBC");
}

#[test]
fn tokio_postgres_works_through_the_door_as_before_the_server_itself() {
    let front = front("via_tokio");
    for driver in [Driver::of(&front, "via_tokio"), Driver::of(&front, "via_tokio").direct()] {
        connected(async {
            seen_and_extended(&driver).await;
            copied(&driver).await;
            notified(&driver).await;
            cancelled(&driver).await;
            let refused = driver.open("hidden").await.expect_err("a refusal");
            let refused = refused.as_db_error().unwrap_or_else(|| panic!("{refused:?}"));
            assert!(refused.detail().unwrap_or_default().contains("code no-grant"), "{refused:?}");
            assert!(refused.hint().is_some_and(|hint| !hint.is_empty()), "{refused:?}");
        });
    }
}

async fn seen_and_extended(driver: &Driver) {
    let (client, _heard) = driver.open("orders").await.expect("a session");
    let seen = "SELECT current_user::text, client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let row = client.query_one(seen, &[]).await.expect("a row");
    assert_eq!((row.get(0), row.get(1)), ("via_tokio", "/CN=via_tokio/O=development"));
    let sum = client.prepare("SELECT $1::int4 + 1").await.expect("prepared");
    // The driver sends what is polled at once without waiting for answers in between.
    let pipelined =
        (client.query_one(&sum, &[&1]), client.query_one(&sum, &[&2]), client.query_one(&sum, &[&3]));
    let (first, second, third) = tokio::join!(pipelined.0, pipelined.1, pipelined.2);
    let number = |row: Result<tokio_postgres::Row, _>| row.map(|row| row.get::<_, i32>(0)).expect("a sum");
    assert_eq!([number(first), number(second), number(third)], [2, 3, 4]);
}

async fn copied(driver: &Driver) {
    let (client, _heard) = driver.open("orders").await.expect("a session");
    client.batch_execute("CREATE TEMP TABLE copied (n int, word text)").await.expect("a table");
    let lines: String = (0..10_000).map(|n| format!("{n}\tword {n}\n")).collect();
    let mut sink = pin!(client.copy_in::<_, Cursor<String>>("COPY copied FROM STDIN").await.expect("a copy"));
    futures_util::SinkExt::send(&mut sink, Cursor::new(lines.clone())).await.expect("copied in");
    assert_eq!(sink.finish().await.expect("copied in"), 10_000);
    let out = client.copy_out("COPY (SELECT * FROM copied ORDER BY n) TO STDOUT").await.expect("a copy");
    let parts: Vec<_> = futures_util::TryStreamExt::try_collect(out).await.expect("copied out");
    assert_eq!(parts.concat(), lines.as_bytes());
}

async fn notified(driver: &Driver) {
    let (client, mut heard) = driver.open("orders").await.expect("a session");
    client.batch_execute("LISTEN news").await.expect("listening");
    let (other, _heard) = driver.open("orders").await.expect("another session");
    other.batch_execute("NOTIFY news, 'hello'").await.expect("told");
    match heard.recv().await {
        Some(Ok(AsyncMessage::Notification(heard))) => {
            assert_eq!((heard.channel(), heard.payload()), ("news", "hello"));
        }
        other => panic!("{other:?}"),
    }
}

async fn cancelled(driver: &Driver) {
    let (client, _heard) = driver.open("orders").await.expect("a session");
    let mut sleeping = pin!(client.batch_execute("SELECT pg_sleep(60)"));
    // Again and again: one that comes before the statement has begun is heard by nobody.
    let ended = loop {
        tokio::select! {
            ended = &mut sleeping => break ended,
            () = tokio::time::sleep(std::time::Duration::from_millis(200)) => {
                driver.cancel(&client).await.expect("a request to cancel");
            }
        }
    };
    let ended = ended.expect_err("cancelled");
    assert_eq!(ended.code(), Some(&SqlState::QUERY_CANCELED), "{ended:?}");
    let row = client.query_one("SELECT 1", &[]).await.expect("the session goes on");
    assert_eq!(row.get::<_, i32>(0), 1);
}
