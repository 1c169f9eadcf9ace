//! A session of PostgreSQL does not outlive what it was let in by, and hears so in its own words (B5).

use testkit::certificate;
use time::Duration;

use super::street::Street;

const ENDLESS: &str = "SELECT pg_sleep(600);";
/// What whoever is ended hears, whatever the reason.
const FATAL: &str = "FATAL:  terminating connection: the session has ended";

/// A statement runs; `end` is what ends its session, for this reason.
fn ended_in_the_middle(name: &str, reason: &str, end: impl Fn(&Street)) {
    ends_in_the_middle(&Street::new(), name, reason, end);
}

fn ends_in_the_middle(street: &Street, name: &str, reason: &str, end: impl Fn(&Street)) {
    let mut psql = street.begin("analyst", name);
    psql.give(ENDLESS);
    street.runs(name);
    end(street);
    for part in [
        FATAL,
        &format!("DETAIL:  code session-ended, reason {reason}, refusal rf_"),
        &format!("HINT:  {}", remedy(reason)),
    ] {
        street.said(&psql, "err", part);
    }
    street.rests(name);
    street.node.logged(&["session ended", "analyst", &format!("reason={reason}"), "milliseconds"]);
    assert!(street.sessions("analyst").is_empty());
    psql.ends();
}

/// What it can do about it, which depends on the reason.
fn remedy(reason: &str) -> &'static str {
    match reason {
        "revoked" => "connect again with another certificate",
        "grant-lowered" => "connect again for what the grant still allows, or ask an operator for more",
        "expired" => "renew the certificate, and connect again with the new one",
        "principal-removed" => "ask an operator whose the certificate is to be",
        _ => "connect again",
    }
}

#[test]
fn a_session_that_is_killed_in_the_middle_of_a_statement_hears_so_and_the_server_stops() {
    ended_in_the_middle("killed", "killed", |street| {
        street.admin("/_admin/kill", r#"-d '{"principal":"analyst"}'"#).says("se_");
    });
}

#[test]
fn a_revocation_ends_a_session_in_the_middle_of_a_statement() {
    ended_in_the_middle("revoked", "revoked", |street| {
        let serial = street.world.sh("openssl x509 -in analyst.crt -noout -serial").stdout;
        let serial = serial.trim().trim_start_matches("serial=").to_owned();
        street.reload(|yaml| {
            let trust = "    client_ca: client-ca.crt\n";
            yaml.replace(trust, &format!("{trust}    revocation: {{ revoked_serials: [\"{serial}\"] }}\n"))
        });
    });
}

/// Nobody has to do anything for it.
#[test]
fn a_certificate_that_ends_takes_its_session_along_in_the_middle_of_a_statement() {
    let street = Street::new();
    let (from, until) = (Duration::minutes(-1), Duration::seconds(6));
    certificate::client_valid(&street.world, "client-ca", "analyst", from, until);
    ends_in_the_middle(&street, "expired", "expired", |_| {});
}

#[test]
fn a_grant_that_is_taken_away_by_a_reload_ends_the_sessions_that_use_it() {
    ended_in_the_middle("ungranted", "grant-lowered", |street| {
        street.reload(|yaml| yaml.replace("      - { principal: analyst, level: read-write }\n", ""));
    });
}

#[test]
fn a_principal_that_is_removed_by_a_reload_loses_its_sessions() {
    ended_in_the_middle("unknown", "principal-removed", |street| {
        street.reload(|yaml| {
            let grant = "      - { principal: analyst, level: read-write }\n";
            let principal = "    - name: analyst\n      methods: [ { mtls: { subject_cn: analyst } } ]\n";
            yaml.replace(grant, "").replace(principal, "")
        });
    });
}

#[test]
fn a_database_that_leads_elsewhere_after_a_reload_ends_the_sessions_on_what_it_led_to() {
    ended_in_the_middle("moved", "upstream-changed", |street| {
        street.change(|yaml| yaml.replace("      database: orders\n", "      database: elsewhere\n"));
        street.admin("/_admin/reload", r#"-d '{"allow_weaker":["database orders service"]}'"#);
    });
}

#[test]
fn a_session_that_a_reload_does_not_concern_goes_on_within_its_transaction() {
    let street = Street::new();
    let mut psql = street.begin("analyst", "untouched");
    psql.give(
        "BEGIN; CREATE TEMP TABLE kept ON COMMIT DROP AS SELECT 'still there' AS word; SELECT 'begun';",
    );
    street.said(&psql, "out", "begun");
    // Another's grant, and a limit of the same service for those who come next.
    street.reload(|yaml| {
        let yaml = yaml.replace("      - { principal: reporting, level: read-only }\n", "");
        yaml.replace("connect_timeout: 30s", "connect_timeout: 20s")
    });
    street.node.logged(&["generation=2"]);
    psql.give("SELECT word FROM kept; COMMIT;");
    street.said(&psql, "out", "still there");
    psql.ends();
}

#[test]
fn a_node_that_goes_down_ends_quiet_sessions_at_once_and_lets_a_transaction_finish() {
    let street = Street::new();
    let (mut quiet, mut busy) = (street.begin("analyst", "quiet"), street.begin("analyst", "busy"));
    quiet.give("SELECT 'here';");
    street.said(&quiet, "out", "here");
    busy.give("BEGIN; SELECT 'begun';");
    street.said(&busy, "out", "begun");
    street.node.signal("TERM");
    quiet.give("SELECT 'too late';");
    street.said(&quiet, "err", "FATAL:  terminating connection: the node is going down");
    street.said(&quiet, "err", "DETAIL:  code session-ended, reason shutdown");
    busy.give("SELECT 'finished'; COMMIT;");
    street.said(&busy, "out", "finished");
    let ran = street.node.ended();
    ran.exited(0);
}

#[test]
fn what_runs_when_the_node_cannot_wait_any_longer_is_told_so_and_stopped_on_the_server() {
    let street = Street::with(|yaml| yaml.replace("idle_timeout: 3s", "shutdown: 1s"));
    let mut psql = street.begin("analyst", "cut");
    psql.give(ENDLESS);
    street.runs("cut");
    street.node.signal("TERM");
    street.said(&psql, "err", FATAL);
    street.said(&psql, "err", "DETAIL:  code session-ended, reason shutdown, refusal rf_");
    street.said(&psql, "err", "HINT:  connect again in a moment");
    street.rests("cut");
}

#[test]
fn a_client_that_takes_nothing_of_its_result_is_cut_and_its_statement_is_stopped() {
    let street = Street::new();
    let mut psql = street.begin("analyst", "stalled");
    psql.give("SELECT 'ready';");
    street.said(&psql, "out", "ready");
    psql.signal("STOP");
    psql.give("SELECT repeat('x', 1000) FROM generate_series(1, 1000000);");
    psql.signal("CONT");
    street.runs("stalled");
    psql.signal("STOP");
    street.node.logged(&["session ended", "reason=stalled", "took nothing of what waited for it for 3 s"]);
    street.rests("stalled");
    psql.signal("CONT");
    psql.ends();
}
