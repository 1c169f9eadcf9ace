//! Lists from distribution points.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use testkit::certificate::{self, More};
use testkit::patience::wait_for;
use testkit::revocation::List;
use testkit::services::Answer;
use testkit::{Node, World};

use super::town::{Town, revoked, unknown};

/// R8: off unless it is switched on; and `true` is enough.
#[test]
fn nobody_is_asked_unless_the_configuration_says_so() {
    let town = Town::new();
    town.client("client-ca", "bad", &town.lists_at(&["clients.crl"]));
    town.publish("clients.crl", &List::of(town.world(), "client-ca").revoking("bad", "superseded"));
    let node = town.production.serve();
    assert_eq!(town.knock(&node, "bad"), Ok(()));
    assert_eq!(town.services.asked("clients.crl"), 0);
}

/// R9: with nobody to answer it is let in with a warning; whoever is known to be revoked stays out, answer or none.
#[test]
fn failing_open_lets_in_with_a_warning_and_never_whom_somebody_revoked() {
    let town = Town::new();
    town.client("client-ca", "good", &town.lists_at(&["clients.crl"]));
    town.client("client-ca", "bad", &town.lists_at(&["clients.crl"]));
    town.publish("clients.crl", &List::of(town.world(), "client-ca").revoking("bad", "superseded"));
    let node = town
        .serve("failure_mode: fail-open, crl: { cache_ttl: 1s, grace: 0s }, ocsp: { error_cache_ttl: 1s }");
    assert_eq!(town.knock(&node, "bad"), revoked());
    town.services.set("clients.crl", Answer::Down);
    node.logged(&["WARN", "clients.crl", "503"]);
    assert_eq!(town.knock(&node, "bad"), revoked());

    let fresh = town.serve("failure_mode: fail-open");
    assert_eq!(town.knock(&fresh, "good"), Ok(()));
    fresh.logged(&["WARN", "let in unasked", "clients.crl"]);
}

/// R11: many first handshakes at the same moment make one request.
#[test]
fn many_first_handshakes_share_one_request() {
    const CLIENTS: usize = 24;
    let town = Town::new();
    town.client("client-ca", "one", &town.lists_at(&["clients.crl"]));
    town.client("client-ca", "two", &town.lists_at(&["clients.crl"]));
    let list = town.der(&List::of(town.world(), "client-ca").revoking("two", "superseded"));
    town.services.set("clients.crl", Answer::Slow(list, Duration::from_millis(500)));
    let node = town.serve("ocsp: false");
    let together = Barrier::new(CLIENTS);
    thread::scope(|scope| {
        for n in 0..CLIENTS {
            let (town, node, together) = (&town, &node, &together);
            scope.spawn(move || {
                together.wait();
                let (name, verdict) = if n % 2 == 0 { ("one", Ok(())) } else { ("two", revoked()) };
                assert_eq!(town.knock(node, name), verdict);
            });
        }
    });
    assert_eq!(town.services.asked("clients.crl"), 1);
}

/// R5: in PEM as well.
#[test]
fn a_list_may_be_in_pem() {
    let town = Town::new();
    town.client("client-ca", "bad", &town.lists_at(&["clients.pem"]));
    List::of(town.world(), "client-ca").revoking("bad", "superseded").write("clients.pem");
    town.services.set("clients.pem", Answer::File(town.world().read("clients.pem").into_bytes()));
    let node = town.serve("ocsp: false");
    assert_eq!(town.knock(&node, "bad"), revoked());
}

/// R5: over https as well, from a server that the machine's own roots vouch for and from no other.
#[test]
fn a_list_may_be_fetched_over_https_from_a_server_that_the_machine_trusts() {
    let town = Town::new();
    let world = town.world();
    let web = "subjectAltName = DNS:localhost\nextendedKeyUsage = serverAuth";
    certificate::leaf(world, "server-ca", "web", "/CN=localhost", web, &More::default());
    let server = FileServer::start(world);
    let url = format!("https://localhost:{}/clients.crl", server.port);
    town.client("client-ca", "bad", &format!("crlDistributionPoints = URI:{url}"));
    List::of(world, "client-ca").revoking("bad", "superseded").write("clients.crl");
    world.write("countersign.yaml", town.written("ocsp: false"));
    let serve = |roots: &str| {
        let roots = world.path(roots).display().to_string();
        Node::start(world, &["serve", "--config", "countersign.yaml"], &[("SSL_CERT_FILE", &roots)])
    };
    assert_eq!(town.knock(&serve("server-ca.crt"), "bad"), revoked());
    let distrusting = serve("client-ca.crt");
    assert_eq!(town.knock(&distrusting, "bad"), unknown());
    distrusting.logged(&["revocation-unknown", "unknown authority"]);
}

/// `openssl s_server`, serving the files of a world's folder over https.
struct FileServer {
    child: Child,
    port: u16,
    /// Open as long as the server says something.
    _said: BufReader<ChildStdout>,
}

impl FileServer {
    fn start(world: &World) -> Self {
        let args = ["s_server", "-accept", "127.0.0.1:0", "-cert", "web.crt", "-key", "web.key", "-WWW"];
        let mut command = Command::new("openssl");
        command.args(args).current_dir(world.folder()).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::null()).spawn().expect("openssl");
        let mut said = BufReader::new(child.stdout.take().expect("stdout was piped"));
        let port = |line: String| line.strip_prefix("ACCEPT ")?.rsplit_once(':')?.1.trim().parse().ok();
        let port = said.by_ref().lines().map_while(Result::ok).find_map(port).expect("a port");
        Self { child, port, _said: said }
    }
}

impl Drop for FileServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A newer list's word stands against an older list that somebody serves later (rollback).
#[test]
fn an_older_list_never_takes_the_place_of_a_newer_one() {
    let town = Town::new();
    town.client("client-ca", "bad", &town.lists_at(&["clients.crl"]));
    town.client("client-ca", "good", &town.lists_at(&["clients.crl"]));
    town.publish(
        "clients.crl",
        &List::of(town.world(), "client-ca").numbered(9).revoking("bad", "superseded"),
    );
    let node = town.serve("ocsp: false, crl: { cache_ttl: 1s }");
    assert_eq!(town.knock(&node, "bad"), revoked());
    town.publish("clients.crl", &List::of(town.world(), "client-ca").numbered(8));
    node.logged(&["clients.crl", "older than one that was fetched there before"]);
    assert_eq!(town.knock(&node, "bad"), revoked());
    assert_eq!(town.knock(&node, "good"), Ok(()), "the newer list still counts");
}

/// X16: a list that is prefetched keeps not even the first client waiting.
#[test]
fn a_list_that_is_prefetched_is_there_before_the_first_client() {
    let town = Town::new();
    town.client("client-ca", "bad", &town.lists_at(&["clients.crl"]));
    town.publish("clients.crl", &List::of(town.world(), "client-ca").revoking("bad", "superseded"));
    let url = town.services.url("clients.crl");
    let node = town.serve(&format!("ocsp: false, prefetch: [\"{url}\"]"));
    wait_for("the list", || node.log(), || (town.services.asked("clients.crl") == 1).then_some(()));
    town.services.set("clients.crl", Answer::Down);
    assert_eq!(town.knock(&node, "bad"), revoked());
    assert_eq!(town.services.asked("clients.crl"), 1);
}

/// R13: a certificate that names nobody to ask: the failure mode; a list at hand counts.
#[test]
fn a_certificate_that_names_nobody_to_ask_needs_a_list_at_hand() {
    let town = Town::new();
    town.client("client-ca", "mute", "");
    assert_eq!(town.knock(&town.serve(""), "mute"), unknown());
    assert_eq!(town.knock(&town.serve("failure_mode: fail-open"), "mute"), Ok(()));
    List::of(town.world(), "client-ca").write("at-hand.crl");
    let at_hand = town.written_exactly("crl_files: [at-hand.crl], verification: true");
    assert_eq!(town.knock(&town.production.serve_written(&at_hand), "mute"), Ok(()));
}

/// R21: a delta list, an indirect list, a list with an unknown critical extension: none of them is an answer.
#[test]
fn a_list_of_a_kind_that_cannot_be_followed_is_no_answer() {
    let town = Town::new();
    let kinds = [
        ("delta", "2.5.29.27 = critical, DER:02:01:01", "delta"),
        ("indirect", "2.5.29.28 = critical, DER:30:03:84:01:FF", "indirect"),
        ("odd", "1.2.3.4 = critical, DER:05:00", "1.2.3.4"),
    ];
    for (name, extension, _) in kinds {
        town.client("client-ca", name, &town.lists_at(&[name]));
        town.publish(name, &List::of(town.world(), "client-ca").extended(extension));
    }
    let node = town.serve("ocsp: false");
    for (name, _, words) in kinds {
        assert_eq!(town.knock(&node, name), unknown(), "{name}");
        node.logged(&["revocation-unknown", words]);
    }
}
