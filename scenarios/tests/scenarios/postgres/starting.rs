//! Who is let in to what, and as whom; and what whoever is not let in hears.

use testkit::{Client, Node, Wire, certificate};

use super::House;
use super::house::verified;
use super::unprotected::{start_up, start_up_of};
use crate::hostile::{SHORT, SOON};

/// A client within TLS that has said nothing yet.
pub fn within_tls(house: &House, node: &Node, name: &str) -> Wire {
    let client = Client::new().presenting(&house.world, name).offering(&["postgresql"]);
    client.connect(node).expect("a handshake")
}

#[test]
fn a_principal_reaches_the_server_by_its_certificate_and_is_itself_there() {
    let house = House::new();
    let node = house.serve();
    let who = "SELECT current_user, session_user, current_database()";
    house.psql_as(&node, "analyst", who).succeeded().says("analyst|analyst|orders");
    house.psql_as(&node, "reporting", who).succeeded().says("reporting|reporting|orders");
    let tables = house.psql_as(&node, "reporting", "SELECT count(*) FROM lines").succeeded();
    tables.says("100");
}

#[test]
fn whoever_asks_to_be_somebody_else_is_refused() {
    let house = House::new();
    let node = house.serve();
    for other in ["reporting", "postgres", "Analyst"] {
        let settings = format!("{} dbname=orders user={other}", verified("analyst"));
        let ran = house.psql(&node, &settings, "SELECT 1").exited(2);
        ran.says("FATAL:  forbidden: not as this user")
            .says("DETAIL:  code role-not-allowed, refusal rf_")
            .says("HINT:  ask for your own name");
    }
    node.logged(&["request refused", "role-not-allowed", "asks to be \\\"postgres\\\""]);
}

#[test]
fn whoever_has_no_grant_hears_the_same_of_every_database_and_whoever_has_one_learns_what_is_missing() {
    let house = House::new();
    let node = house.serve();
    let ask = |who: &str, database: &str| {
        house.psql(&node, &format!("{} dbname={database} user={who}", verified(who)), "SELECT 1").exited(2)
    };
    for database in ["notes", "no_such"] {
        let ran = ask("reporting", database);
        ran.says("FATAL:  forbidden: no access to this database")
            .says("DETAIL:  code no-grant, refusal rf_")
            .says("HINT:  add a grant for the principal to the database");
    }
    ask("analyst", "notes").says("FATAL:  database \"notes\" is served over HTTP alone");
    let unnamed = format!("{} user=analyst", verified("analyst"));
    house.psql(&node, &unnamed, "SELECT 1").exited(2).says("code no-grant");
}

#[test]
fn a_stranger_hears_why_within_its_own_protocol() {
    let house = House::new();
    let node = house.serve();
    let settings = format!("{} dbname=orders user=nobody", verified("nobody"));
    let ran = house.psql(&node, &settings, "SELECT 1").exited(2);
    ran.says("FATAL:  authentication required")
        .says("DETAIL:  code unmapped-certificate, refusal rf_")
        .says("HINT:  add a principal with a matching mtls entry");
}

#[test]
fn whoever_presents_no_certificate_or_a_bad_one_ends_in_the_handshake() {
    let house = House::new();
    let node = house.serve();
    let bare = "sslmode=verify-full sslrootcert=server-ca.crt sslcert=/nonexistent sslkey=/nonexistent";
    let ran = house.psql(&node, &format!("{bare} dbname=orders user=analyst"), "SELECT 1").exited(2);
    ran.says("alert certificate required");
    certificate::authority(&house.world, "other-ca", "another authority");
    certificate::client(&house.world, "other-ca", "foreign");
    let settings = format!("{} dbname=orders user=analyst", verified("foreign"));
    house.psql(&node, &settings, "SELECT 1").exited(2).says("unknown ca");
    node.logged(&["handshake refused", "unknown-issuer"]);
}

#[test]
fn a_revoked_certificate_does_not_start_a_session() {
    let house = House::new();
    let serial = house.world.sh("openssl x509 -in analyst.crt -noout -serial | sed 's/serial=//'").stdout;
    let denied = format!(
        "    client_ca: client-ca.crt\n    revocation: {{ revoked_serials: [\"{}\"] }}",
        serial.trim()
    );
    let node = house.serve_written(&house.written().replace("    client_ca: client-ca.crt", &denied));
    let ran = house.psql_as(&node, "analyst", "SELECT 1").exited(2);
    ran.says("certificate revoked");
    node.logged(&["handshake refused", "certificate-revoked"]);
    house.psql_as(&node, "reporting", "SELECT 1").succeeded().says("1");
}

#[test]
fn the_host_that_a_client_connects_to_may_name_the_database_and_then_no_other_is_meant() {
    let house = House::new();
    let node = house.serve();
    let by_host = |more: &str| {
        house.psql(
            &node,
            &format!("{} host=orders.db.internal user=analyst {more}", verified("analyst")),
            "SELECT current_database()",
        )
    };
    by_host("").succeeded().says("orders");
    by_host("dbname=orders").succeeded().says("orders");
    let other = by_host("dbname=notes").exited(2);
    other.says("FATAL:  forbidden: the host is another database's").says("code no-grant");
}

#[test]
fn replication_is_for_whoever_is_granted_everything() {
    let house = House::new();
    let node = house.serve();
    let settings = |who: &str| format!("{} dbname=orders user={who} replication=database", verified(who));
    let refused = house.psql(&node, &settings("reporting"), "IDENTIFY_SYSTEM").exited(2);
    refused
        .says("FATAL:  forbidden: no replication of this database")
        .says("HINT:  raise the principal's grant");
    // Granted here, the server has the last word.
    let there = house.psql(&node, &settings("analyst"), "IDENTIFY_SYSTEM").exited(2);
    there.says("code upstream-refused");
    node.logged(&["upstream-refused", "replication"]);
}

#[test]
fn a_setting_that_the_server_does_not_take_is_told_to_whoever_sent_it_along() {
    let house = House::new();
    let node = house.serve();
    for setting in ["-cwork_mem=plenty", "-cnosuch=1", "-crole=postgres"] {
        let settings = format!("{} dbname=orders user=reporting options={setting}", verified("reporting"));
        let ran = house.psql(&node, &settings, "SELECT 1").exited(2);
        ran.says("FATAL:  the database's server refuses a setting of the start-up message")
            .says("DETAIL:  code upstream-refused, refusal rf_")
            .says("HINT:  leave out or correct what is set at the start: options");
    }
    node.logged(&[
        "upstream-refused",
        "permission denied to set role",
        "the client has sent that setting along",
    ]);
}

/// The certificate says who comes; the user need not be said once more.
#[test]
fn whoever_names_no_user_is_itself() {
    let house = House::new();
    let node = house.serve();
    let mut wire = within_tls(&house, &node, "reporting");
    wire.send(&start_up(&[("database", "orders")]));
    let messages = until_ready(&mut wire);
    let told = (b'S', b"session_authorization\0reporting\0".to_vec());
    assert!(messages.contains(&told), "{messages:?}");
}

#[test]
fn protocol_3_2_gets_a_long_secret_and_a_newer_one_is_told_what_is_spoken() {
    let house = House::new();
    let node = house.serve();
    let parameters = [("user", "analyst"), ("database", "orders")];
    for (version, secret) in [(0x0003_0000, 4), (0x0003_0002, 32)] {
        let mut wire = within_tls(&house, &node, "analyst");
        wire.send(&start_up_of(version, &parameters));
        let messages = until_ready(&mut wire);
        let key = messages.iter().find(|(tag, _)| *tag == b'K').expect("a key for cancelling");
        assert_eq!(key.1.len(), 4 + secret, "{version:x}");
        assert_eq!(messages[0].0, b'R');
    }
    let mut wire = within_tls(&house, &node, "analyst");
    wire.send(&start_up_of(0x0003_270f, &[("user", "analyst"), ("database", "orders"), ("_pq_.x", "1")]));
    let messages = until_ready(&mut wire);
    assert_eq!(messages[0], (b'v', b"\0\x03\0\x02\0\0\0\x01_pq_.x\0".to_vec()));
    assert!(messages.iter().any(|(tag, body)| *tag == b'K' && body.len() == 36));
}

#[test]
fn a_start_up_that_is_too_long_broken_or_of_another_age_is_told_so() {
    let house = House::new();
    let node = house.serve();
    let said = |bytes: &[u8]| {
        let mut wire = within_tls(&house, &node, "analyst");
        wire.send(bytes);
        String::from_utf8_lossy(&wire.rest()).into_owned()
    };
    let long = "x".repeat(10_000);
    let too_long = said(&start_up(&[("user", "analyst"), ("application_name", &long)]));
    assert!(
        too_long.contains("C08P01") && too_long.contains("invalid length of startup packet"),
        "{too_long}"
    );
    let twice = said(&start_up(&[("user", "analyst"), ("user", "postgres")]));
    assert!(twice.contains("twice"), "{twice}");
    let old = said(&start_up_of(0x0002_0000, &[("user", "analyst")]));
    assert!(old.contains("unsupported frontend protocol 2.0: server supports 3.0 to 3.2"), "{old}");
}

#[test]
fn a_client_that_says_nothing_within_tls_is_let_go() {
    let house = House::new();
    let node = house.serve_adding(SHORT);
    let mut silent = within_tls(&house, &node, "analyst");
    let mut half = within_tls(&house, &node, "analyst");
    half.send(&start_up(&[("user", "analyst")])[..12]);
    for wire in [&mut silent, &mut half] {
        let said = String::from_utf8_lossy(&wire.rest()).into_owned();
        assert!(said.contains("canceling authentication due to timeout"), "{said}");
    }
    silent.ends_within(SOON);
    node.logged(&["start-up failed", "did not come in time"]);
}

/// Every message until the server is ready, by tag and body.
pub fn until_ready(wire: &mut Wire) -> Vec<(u8, Vec<u8>)> {
    let mut messages = Vec::new();
    loop {
        let head = wire.exactly(5);
        let length = u32::from_be_bytes(head[1..].try_into().expect("four bytes"));
        let body = wire.exactly(usize::try_from(length).expect("a length") - 4);
        messages.push((head[0], body));
        match head[0] {
            b'Z' => return messages,
            b'E' => panic!("refused: {}", messages.last().expect("a message").1.escape_ascii()),
            _ => {}
        }
    }
}
