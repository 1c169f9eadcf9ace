//! A session does not outlive what it was let in by (S1-16, S1-17, A16, Z17): by an administrator's word, or with its
//! certificate.

use std::time::Duration;

use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};
use serde_json::Value;
use testkit::patience::wait_for;
use testkit::{Client, H2, Node, Ran, Wire, certificate};

use crate::production::{Production, replaced};

const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];
/// A statement that takes far longer than any test.
const ENDLESS: &str = "INSERT INTO notes(body) WITH RECURSIVE n(x) AS (SELECT 10 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n";
/// One second is the promise, and `bench/` measures it; this leaves a loaded machine its time.
const SOON: Duration = Duration::from_secs(4);

/// A node with both versions of TLS, an administrator, and a table `notes` with three rows.
struct Story {
    production: Production,
    node: Node,
}

impl Story {
    fn new() -> Self {
        let production = Production::new();
        // Our own commands come by a name that the server proves.
        let names = "subjectAltName = DNS:db.example.com, DNS:localhost\nextendedKeyUsage = serverAuth";
        certificate::leaf(
            &production.world,
            "server-ca",
            "server",
            "/CN=db.example.com",
            names,
            &certificate::More::default(),
        );
        let both = replaced(&production.written(), r#"min_version: "1.3""#, r#"min_version: "1.2""#);
        let admin = "control_plane: { enabled: true, admins: [reporting] }";
        let node = production.serve_written(&format!("{both}\n{admin}\n"));
        production.with_notes(&node);
        Self { production, node }
    }

    fn client(&self, name: &str, version: &'static SupportedProtocolVersion) -> Client {
        Client::new().presenting(&self.production.world, name).speaking(&[version])
    }

    fn h1(&self, name: &str, version: &'static SupportedProtocolVersion) -> Wire {
        self.client(name, version).offering(&["http/1.1"]).connect(&self.node).expect("a good client")
    }

    fn h2(&self, name: &str, version: &'static SupportedProtocolVersion) -> H2 {
        H2::over(self.client(name, version).offering(&["h2"]).connect(&self.node).expect("a good client"))
    }

    /// Our binary as the administrator.
    fn admin(&self, args: &[&str]) -> Ran {
        let url = format!("https://localhost:{}", self.node.port());
        let door =
            ["--url", &url, "--cert", "reporting.crt", "--key", "reporting.key", "--cacert", "server-ca.crt"];
        self.production.world.countersign(&[args, door.as_slice()].concat())
    }

    fn sessions(&self) -> Vec<Value> {
        let answer = self.production.curl(&self.node, "reporting").get("/_admin/sessions").with_status(200);
        answer.json()["sessions"].as_array().expect("a list").clone()
    }

    /// Waits until a session of this principal has sent so many requests and used its grant.
    fn in_flight(&self, principal: &str, requests: u64) -> Value {
        wait_for(
            "a request in flight",
            || format!("{:#?}", self.sessions()),
            || {
                self.sessions().into_iter().find(|session| {
                    session["principal"] == principal
                        && session["requests"] == requests
                        && session["permits"].as_array().is_some_and(|permits| !permits.is_empty())
                })
            },
        )
    }

    fn notes(&self) -> Value {
        let answer = self.production.curl(&self.node, "analyst").sql("app", "SELECT count(*) FROM notes");
        answer.with_status(200).json()["rows"][0][0].clone()
    }
}

#[test]
fn an_administrator_ends_a_session_in_the_middle_of_its_statement_and_nothing_of_it_stays() {
    let story = Story::new();
    let mut other = story.h1("reporting", &TLS13);
    other.ask("app", "SELECT 1");
    assert_eq!(other.answer().status, 200);
    for version in VERSIONS {
        let mut wire = story.h1("analyst", version);
        wire.ask("app", ENDLESS);
        let session = story.in_flight("analyst", 1);
        let id = session["id"].as_str().expect("an id");
        let said = story.admin(&["kill", id]).succeeded();
        assert!(said.stdout.contains("ended 1 session") && said.stdout.contains(id), "{said:?}");
        let reply = wire.answer();
        assert_eq!(reply.status, 401, "{version:?}: {reply:#?}");
        assert!(reply.body.contains(r#""code":"session-ended""#), "{reply:#?}");
        assert!(reply.body.contains(r#""refusal":"rf_"#), "{reply:#?}");
        assert!(!reply.body.contains("killed"), "the cause is not for the peer: {reply:#?}");
        assert!(reply.head.to_ascii_lowercase().contains("connection: close"), "{reply:#?}");
        wire.ends_within(SOON);
        story.node.logged(&[
            "session ended",
            id,
            "analyst",
            "killed by principal",
            "reporting",
            "milliseconds",
        ]);
        assert_eq!(story.notes(), 3, "the statement was rolled back");
    }
    other.ask("app", "SELECT 1");
    assert_eq!(other.answer().status, 200, "the session of another is not disturbed");
}

#[test]
fn http_2_says_goaway_and_answers_every_stream_that_is_in_flight() {
    let story = Story::new();
    let mut other = story.h2("reporting", &TLS13);
    for version in VERSIONS {
        let mut h2 = story.h2("analyst", version);
        let streams = [h2.ask("app", ENDLESS), h2.head("POST", "/app/query", false)];
        story.in_flight("analyst", 2);
        story.admin(&["kill", "--principal", "analyst"]).succeeded();
        let heard = h2.ends_within(SOON);
        assert!(heard.goaway, "{version:?}: {heard:?}");
        for stream in streams {
            assert_eq!(heard.answers[&stream].status, 401, "{version:?}: {heard:?}");
            assert!(heard.answers[&stream].body.contains("session-ended"), "{heard:?}");
        }
        let asked = other.ask("app", "SELECT 1");
        assert_eq!(other.answer(asked).status, 200);
        assert_eq!(story.notes(), 3);
    }
}

#[test]
fn curl_hears_that_its_session_has_ended() {
    let story = Story::new();
    for version in ["--http1.1", "--http2"] {
        let curl = story.production.curl(&story.node, "analyst").arg(version);
        let asking = std::thread::spawn(move || curl.sql("app", ENDLESS));
        story.in_flight("analyst", 1);
        story.admin(&["kill", "--principal", "analyst"]).succeeded();
        asking.join().expect("curl runs").is_refused(401, "the session has ended", "session-ended");
    }
}

#[test]
fn a_session_ends_with_its_certificate_whatever_it_does() {
    let story = Story::new();
    let world = &story.production.world;
    let short = |name: &str| {
        certificate::shaped(world, "client-ca", name, |params| {
            use certificate::rcgen::{DistinguishedName, DnType, ExtendedKeyUsagePurpose};
            params.distinguished_name = DistinguishedName::new();
            params.distinguished_name.push(DnType::CommonName, "analyst");
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            params.not_before = time::OffsetDateTime::now_utc() - time::Duration::hours(1);
            params.not_after = time::OffsetDateTime::now_utc() + time::Duration::seconds(5);
        });
    };
    short("short");
    let mut idle = story.h1("short", &TLS12);
    idle.ask("app", "SELECT 1");
    assert_eq!(idle.answer().status, 200);
    let mut busy = story.h1("short", &TLS13);
    busy.ask("app", ENDLESS);
    let mut h2 = story.h2("short", &TLS13);
    let stream = h2.head("POST", "/app/query", false);
    let mut lasting = story.h1("analyst", &TLS13);
    lasting.ask("app", "SELECT 1");
    assert_eq!(lasting.answer().status, 200);

    let reply = busy.answer();
    assert_eq!(reply.status, 401, "{reply:#?}");
    assert!(reply.body.contains("session-ended"), "{reply:#?}");
    busy.ends_within(SOON);
    idle.ends_within(SOON);
    let heard = h2.ends_within(SOON);
    assert!(heard.goaway && heard.answers[&stream].status == 401, "{heard:?}");
    story.node.logged(&["session ended", "expired", "analyst"]);
    assert_eq!(story.notes(), 3);
    lasting.ask("app", "SELECT 1");
    assert_eq!(lasting.answer().status, 200, "the same principal with a certificate that lasts");
    let metrics = story.production.curl(&story.node, "analyst").get("/_metrics").body;
    assert!(metrics.contains(r#"countersign_sessions_ended_total{reason="expired"} 3"#), "{metrics}");
}

#[test]
fn the_command_line_lists_sessions_and_ends_them_and_its_exit_code_tells() {
    let story = Story::new();
    let mut wire = story.h1("analyst", &TLS13);
    wire.ask("app", "SELECT 1");
    assert_eq!(wire.answer().status, 200);
    let said = story.admin(&["sessions"]).succeeded();
    for part in ["se_", "analyst", "app read-write", "reporting", "_admin admin"] {
        assert!(said.stdout.contains(part), "{part}: {said:?}");
    }
    let json: Value = serde_json::from_str(&story.admin(&["sessions", "--json"]).succeeded().stdout)
        .unwrap_or_else(|error| panic!("no JSON: {error}"));
    let session = json["sessions"]
        .as_array()
        .and_then(|sessions| sessions.iter().find(|session| session["principal"] == "analyst"))
        .expect("the session");
    let serial = session["certificate"]["serial"].as_str().expect("a serial");
    story.admin(&["kill", "--serial", serial, "--json"]).succeeded();
    wire.ends_within(SOON);
    let none = story.admin(&["kill", "--serial", serial]).exited(1);
    assert!(none.stdout.contains("there are no sessions with serial"), "{none:?}");
    for misused in [&["kill"][..], &["kill", "17"], &["kill", "--serial", "x y"]] {
        story.admin(misused).exited(2);
    }
    // Who is no administrator neither sees nor ends anything.
    let url = format!("https://localhost:{}", story.node.port());
    let stranger = story.production.world.countersign(&[
        "kill",
        "--principal",
        "reporting",
        "--url",
        &url,
        "--cert",
        "analyst.crt",
        "--key",
        "analyst.key",
        "--cacert",
        "server-ca.crt",
    ]);
    assert!(stranger.exited(1).said().contains("admin-only"));
}
