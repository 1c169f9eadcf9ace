//! What strangers may fetch of our authority, and what they make of it: R18, L16.

use testkit::patience::wait_for;
use testkit::{Node, Ran, World, openssl};

mod peers;

/// A realm with a listener in clear text for what is published. Its certificates name that listener.
struct Office {
    world: World,
    node: Node,
    /// `http://127.0.0.1:PORT`.
    base: String,
}

impl Office {
    fn open() -> Self {
        Self::with("")
    }

    /// With further keys of `authority`, a line each.
    fn with(keys: &str) -> Self {
        let world = World::new();
        world.countersign(&["init", "realm"]).succeeded();
        // The root's own list, by hand, while its key is at hand.
        world.sh(&format!("countersign ca crl {ROOT} --days 30 --out realm/pki/root.crl"));
        // And who answers for it.
        world.countersign(&["ca", "init-responder"]).succeeded();
        let yaml = world.read("realm/countersign.yaml");
        let yaml =
            replaced(&yaml, "\nauthority:\n", &format!("\nauthority:\n  root_crl: ./pki/root.crl\n{keys}"));
        let listener =
            "\nlisteners:\n  - { name: pki, transport: h1, address: \"127.0.0.1:0\", serves: [published] }\n";
        let yaml = replaced(&yaml, "\nlisteners:\n", listener).replace("127.0.0.1:7777", "127.0.0.1:0");
        world.write("realm/countersign.yaml", &yaml);
        let node = Node::serve(&world, "realm/countersign.yaml");
        let base = published_at(&node);
        let office = Self { world, node, base };
        // The address is known only now; certificates carry it from the next reload on.
        let line = format!("\nauthority:\n  distribution_url: \"{}\"\n", office.base);
        office.world.write("realm/countersign.yaml", replaced(&yaml, "\nauthority:\n", &line));
        office.node.signal("HUP");
        office.node.logged(&["reload", "applied"]);
        office
    }

    /// Issues a client certificate to `realm/clients/NAME.crt`.
    fn client(&self, name: &str) {
        self.world.countersign(&["cert", "issue", "--cn", name]).succeeded();
    }

    fn revoke(&self, name: &str) {
        let certificate = format!("realm/clients/{name}.crt");
        self.world.countersign(&["cert", "revoke", &certificate, "--reason", "keyCompromise"]).succeeded();
    }

    /// Fetches a path to a file.
    fn fetch(&self, path: &str, file: &str) -> Ran {
        self.world.sh(&format!("curl -sS -f -o {file} '{}{path}'", self.base))
    }

    /// Fetches the client issuer's list until it names so many.
    fn list_with(&self, revoked: usize) -> u64 {
        wait_for(
            &format!("a list with {revoked} revoked"),
            || self.node.log(),
            || {
                self.fetch("/pki/crl.der", "crl.der");
                let said =
                    self.world.sh("openssl crl -inform DER -in crl.der -noout -text -crlnumber").stdout;
                (said.matches("Serial Number:").count() == revoked).then(|| number(&said))
            },
        )
    }

    /// The port for those who have a certificate.
    fn port(&self) -> String {
        let line = self.node.logged(&["countersign HTTPS listening on"]);
        let address = line.split_whitespace().nth(4).and_then(|at| at.rsplit_once(':'));
        address.map(|(_, port)| port.to_owned()).unwrap_or_else(|| panic!("{}", self.node.log()))
    }

    /// Asks about a certificate as `openssl ocsp` does; `more` are further arguments.
    fn ocsp(&self, name: &str, more: &str) -> Ran {
        self.world.try_sh(&format!(
            "openssl ocsp {more} -issuer realm/pki/issuers/client.crt -cert realm/clients/{name}.crt -url {}/pki/ocsp \
             -CAfile realm/pki/root.crt",
            self.base
        ))
    }
}

/// Where a node's listener in clear text is.
fn published_at(node: &Node) -> String {
    let line = node.logged(&["countersign HTTP listening on"]);
    let address = line.split_whitespace().nth(4).unwrap_or_default();
    format!("http://{address}")
}

fn number(said: &str) -> u64 {
    let hex = said.lines().find_map(|line| line.strip_prefix("crlNumber=0x")).unwrap_or_default();
    u64::from_str_radix(hex, 16).unwrap_or_else(|_| panic!("{said}"))
}

fn replaced(text: &str, piece: &str, replacement: &str) -> String {
    assert!(text.contains(piece), "{piece:?} is not in\n{text}");
    text.replacen(piece, replacement, 1)
}

const ROOT: &str = "--ca realm/pki/root --key realm/offline/root.key --ledger realm/state/ledger.db";

/// L16: the root and the issuers, each of them alone, and the lists, for everybody, each by the name that certificates give.
#[test]
fn authorities_and_lists_are_published_where_certificates_say() {
    let office = Office::open();
    let world = &office.world;
    office.client("alice");
    office.fetch("/pki/ca.pem", "ca.pem");
    let said =
        world.sh("openssl crl2pkcs7 -nocrl -certfile ca.pem | openssl pkcs7 -print_certs -noout").stdout;
    for name in ["Root CA", "Client Issuer", "Server Issuer"] {
        assert!(said.contains(name), "{name}: {said}");
    }
    let text = world.sh("openssl x509 -in realm/clients/alice.crt -noout -text").stdout;
    let uris: Vec<&str> =
        text.lines().filter_map(|line| line.split_once("URI:")).map(|(_, uri)| uri).collect();
    let [list, responder, issuer] = ["/pki/crl/", "/pki/ocsp", "/pki/issuers/"]
        .map(|part| *uris.iter().find(|uri| uri.contains(part)).unwrap_or_else(|| panic!("{part}: {text}")));
    assert!(uris.iter().all(|uri| uri.starts_with(&office.base)), "{text}");
    assert_eq!(responder, format!("{}/pki/ocsp", office.base));
    world.sh(&format!("curl -sS -f -o issuer.der '{issuer}' -o list.der '{list}'"));
    world.sh("openssl x509 -inform DER -in issuer.der -noout -subject").says("Client Issuer");
    world
        .sh("openssl crl -inform DER -in list.der -noout -CAfile realm/pki/issuers/client.crt")
        .says("verify OK");
    for (path, kind) in [
        ("/pki/crl/client.crl", "application/pkix-crl"),
        ("/pki/crl/server.crl", "application/pkix-crl"),
        ("/pki/crl/root.crl", "application/pkix-crl"),
        ("/pki/issuers/client.crt", "application/pkix-cert"),
        ("/pki/crl.pem", "application/x-pem-file"),
    ] {
        world
            .sh(&format!("curl -sS -f -o /dev/null -w '%{{content_type}}' '{}{path}'", office.base))
            .says(kind);
    }
    for path in ["/pki", "/pki/", "/pki/crl/nobody.crl", "/pki/crl/client.key", "/pki/../state/ledger.db"] {
        let status =
            format!("curl -sS --path-as-is -o /dev/null -w '%{{http_code}}' '{}{path}'", office.base);
        assert_eq!(world.sh(&status).stdout, "404", "{path}");
    }
}

/// RFC 5019 §6.2: whoever has a list is told so, and for how long it counts.
#[test]
fn a_list_comes_with_its_tag_and_counts_until_the_next_one() {
    let office = Office::open();
    let world = &office.world;
    let head = world.sh(&format!("curl -sS -f -I {}/pki/crl.der", office.base)).stdout;
    let field = |name: &str| {
        let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:")));
        line.and_then(|line| line.split_once(": "))
            .unwrap_or_else(|| panic!("{name}: {head}"))
            .1
            .trim()
            .to_owned()
    };
    for name in ["last-modified", "expires", "content-length"] {
        field(name);
    }
    let age: u64 = field("cache-control")
        .split(", ")
        .find_map(|part| part.strip_prefix("max-age="))
        .and_then(|seconds| seconds.parse().ok())
        .unwrap_or_else(|| panic!("{head}"));
    assert!((23 * 3600..=24 * 3600).contains(&age), "{head}");
    let again = |tag: &str| {
        let line = "curl -sS -o again -w '%{http_code} %{size_download}' -H 'If-None-Match: TAG' URL";
        let line = line.replace("TAG", tag).replace("URL", &format!("{}/pki/crl.der", office.base));
        world.sh(&line).stdout
    };
    assert_eq!(again(&field("etag")), "304 0");
    assert!(again("\"other\"").starts_with("200 "));
    office.client("alice");
    office.revoke("alice");
    office.list_with(1);
    assert!(again(&field("etag")).starts_with("200 "), "another list has another tag");
}

/// R18: `openssl verify -crl_check_all` takes our lists, those of the root and of the issuer.
#[test]
fn openssl_judges_a_whole_chain_by_the_published_lists() {
    let office = Office::open();
    let world = &office.world;
    office.client("alice");
    office.client("bob");
    let check = |name: &str| {
        office.fetch("/pki/crl.pem", "crl.pem");
        world.try_sh(&format!(
            "openssl verify -crl_check_all -CAfile realm/pki/root.crt -untrusted realm/pki/issuers/client.crt \
             -CRLfile crl.pem realm/clients/{name}.crt"
        ))
    };
    check("alice").succeeded();
    office.revoke("alice");
    office.list_with(1);
    check("alice").exited(2).says("certificate revoked");
    check("bob").succeeded();
}

/// R18: above the configured size certificates name a part of the list, and openssl finds them in it.
#[test]
fn openssl_judges_by_the_part_of_the_list_that_a_certificate_names() {
    let office = Office::with("  crl: { shard_entries: 1 }\n");
    let world = &office.world;
    for name in ["a", "b"] {
        office.client(name);
        office.revoke(name);
    }
    office.list_with(2);
    office.node.logged(&["revocation list signed", "part=\"client-4-3\""]);
    office.client("late");
    let uri = world.sh("openssl x509 -in realm/clients/late.crt -noout -ext crlDistributionPoints").stdout;
    let part = uri.lines().find_map(|line| line.split_once("URI:")).map(|(_, uri)| uri.trim().to_owned());
    let part = part.filter(|part| part.contains("-4-")).unwrap_or_else(|| panic!("no part of four: {uri}"));
    let judged = || {
        world.sh(&format!(
            "curl -sS -f -o part.der '{part}' && openssl crl -inform DER -in part.der -out part.pem"
        ));
        world.try_sh(
            "openssl verify -crl_check -partial_chain -trusted realm/pki/issuers/client.crt -CRLfile part.pem \
             realm/clients/late.crt",
        )
    };
    judged().succeeded();
    world
        .sh("openssl crl -in part.pem -noout -text")
        .says("Issuing Distribution Point: critical")
        .says(&part);
    office.revoke("late");
    wait_for(
        "late on its part of the list",
        || office.node.log(),
        || Some(judged()).filter(|ran| ran.said().contains("certificate revoked")),
    );
}

/// L16: a root that takes another's place leaves list and responder of the old one behind; a node starts all the same, says so,
/// and publishes neither.
#[test]
fn what_another_root_has_signed_is_warned_of_and_not_published() {
    let office = Office::with("  root_ocsp: { cert: ./pki/root-ocsp.crt, key: ./pki/root-ocsp.key }\n");
    let world = &office.world;
    world.countersign(&["ca", "init-root", "--out", "other"]).succeeded();
    world.countersign(&["ca", "init-responder", "--root", "other"]).succeeded();
    world.sh(&format!("countersign ca crl {} --days 30 --out other.crl", ROOT.replace("realm/", "other/")));
    let check = ["check", "realm/countersign.yaml"];
    let said = world.countersign(&check).succeeded().said();
    assert!(!said.contains("root-ocsp") && !said.contains("root.crl"), "{said}");
    world.sh("cp other/pki/root-ocsp.* realm/pki/ && cp other.crl realm/pki/root.crl");
    let said = world.countersign(&check).succeeded();
    said.says("root.crl").says("there is no list of").says("root-ocsp.crt").says("nobody answers for it");
    office.node.logged(&["WARN", "nobody answers for it"]);
    let status = format!("curl -sS -o /dev/null -w '%{{http_code}}' {}/pki/crl/root.crl", office.base);
    wait_for(
        "no list of the root",
        || office.node.log(),
        || Some(world.sh(&status)).filter(|ran| ran.stdout == "404"),
    );
    let issuer = "openssl ocsp -issuer realm/pki/root.crt -cert realm/pki/issuers/client.crt";
    world.try_sh(&format!("{issuer} -noverify -url {}/pki/ocsp", office.base)).says("unauthorized");
}

/// R18: a revocation is on the list within a second, whose number is the next one.
#[test]
fn a_list_is_signed_again_as_soon_as_something_is_revoked() {
    let office = Office::open();
    office.client("alice");
    let first = office.list_with(0);
    office.revoke("alice");
    assert!(office.list_with(1) > first);
    office.node.logged(&["revocation list signed", "issuer=\"client\"", "revoked=1"]);
}

/// R18: what was published before is published again before anything is signed.
#[test]
fn a_node_that_starts_again_publishes_no_older_list() {
    let office = Office::open();
    office.client("alice");
    office.revoke("alice");
    let before = office.list_with(1);
    let Office { world, node, .. } = office;
    node.interrupted();
    let node = Node::serve(&world, "realm/countersign.yaml");
    world.sh(&format!("curl -sS -f -o crl.der {}/pki/crl.der", published_at(&node)));
    let said = world.sh("openssl crl -inform DER -in crl.der -noout -text -crlnumber").stdout;
    assert!(number(&said) >= before && said.matches("Serial Number:").count() == 1, "{said}");
}

/// R18: `openssl ocsp` believes our responder with and without a nonce, and hears what is so.
#[test]
fn openssl_is_told_who_is_good_and_who_is_revoked() {
    let office = Office::open();
    office.client("alice");
    for more in ["", "-no_nonce", "-sha256", "-no_nonce -sha256"] {
        let said = office.ocsp("alice", more).succeeded();
        let said = said.says("Response verify OK").says("alice.crt: good");
        assert!(!said.said().contains("WARNING: no nonce"), "{said}");
    }
    office.revoke("alice");
    office.list_with(1);
    for more in ["", "-no_nonce", "-sha256", "-no_nonce -sha256"] {
        office
            .ocsp("alice", more)
            .says("Response verify OK")
            .says("alice.crt: revoked")
            .says("keyCompromise");
    }
}

/// RFC 5019 §5, RFC 6960 §A.1: the question as a part of the address.
#[test]
fn a_question_may_be_a_part_of_the_address() {
    let office = Office::open();
    office.client("alice");
    let world = &office.world;
    world.sh(
        "openssl ocsp -no_nonce -issuer realm/pki/issuers/client.crt -cert realm/clients/alice.crt -reqout question.der",
    );
    let ask = |question: &str, options: &str| {
        world.sh(&format!("curl -sS {options} -o answer.der -D head {}/pki/ocsp/{question}", office.base));
    };
    let question = world.sh("base64 -w0 question.der | sed 's/+/%2B/g; s,/,%2F,g; s/=/%3D/g'").stdout;
    ask(&question, "");
    world.sh(
        "openssl ocsp -no_nonce -issuer realm/pki/issuers/client.crt -cert realm/clients/alice.crt -respin answer.der \
         -CAfile realm/pki/root.crt",
    )
    .says("alice.crt: good");
    let head = world.read("head").to_ascii_lowercase();
    for said in ["application/ocsp-response", "max-age=", "etag:", "last-modified:", "expires:"] {
        assert!(head.contains(said), "{said}: {head}");
    }
    // Bytes that are no question get an answer that says so.
    for nonsense in ["AAAA", "%zz", &"A".repeat(6000)] {
        ask(nonsense, "");
        world.try_sh("openssl ocsp -respin answer.der -noverify -text").says("malformedrequest");
    }
    world.sh(&format!(
        "head -c 9000 /dev/zero | curl -sS --data-binary @- -o answer.der {}/pki/ocsp",
        office.base
    ));
    world.try_sh("openssl ocsp -respin answer.der -noverify -text").says("malformedrequest");
}

/// RFC 6960 §2.3: about certificates of others nothing is said; a serial number that was never issued is unknown.
#[test]
fn nothing_is_said_about_certificates_of_others() {
    let office = Office::open();
    let world = &office.world;
    testkit::certificate::authority(world, "other", "other");
    testkit::certificate::client(world, "other", "mallory");
    let url = format!("-url {}/pki/ocsp -CAfile realm/pki/root.crt", office.base);
    world.try_sh(&format!("openssl ocsp -issuer other.crt -cert mallory.crt {url}")).says("unauthorized");
    let ours = "openssl ocsp -issuer realm/pki/issuers/client.crt -serial 0x1234";
    world.try_sh(&format!("{ours} {url}")).says("Response verify OK").says("unknown");
    // A revocation by another program than the node is heard of all the same.
    let serial = openssl::serial(world, "realm/clients/analyst.crt");
    office.revoke("analyst");
    office.list_with(1);
    let ours = format!("openssl ocsp -issuer realm/pki/issuers/client.crt -serial 0x{serial} {url}");
    world.try_sh(&ours).says("revoked");
}

/// Metrics and status say how fresh the lists are and what was answered.
#[test]
fn operators_see_how_fresh_what_is_published_is() {
    let office = Office::open();
    let world = &office.world;
    office.client("alice");
    office.ocsp("alice", "").says("good");
    office.revoke("alice");
    let number = office.list_with(1);
    let curl = "curl -sS -f --cacert realm/pki/server-ca.crt --cert realm/clients/admin.crt --key realm/clients/admin.key";
    let port = office.port();
    let metrics = world.sh(&format!("{curl} https://localhost:{port}/_metrics")).stdout;
    for line in [
        &*format!("countersign_crl_number{{issuer=\"client\"}} {number}"),
        "countersign_crl_entries{issuer=\"client\"} 1",
        "countersign_crl_next_update_seconds{issuer=\"server\"}",
        "countersign_crl_signing_failures_total 0",
        "countersign_ocsp_answers_total{result=\"good\"} 1",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    let status = world.sh(&format!("{curl} https://localhost:{port}/_admin/status")).json();
    let lists = status["published"]["lists"].as_array().map(Vec::len);
    assert_eq!((lists, &status["published"]["trouble"]), (Some(3), &serde_json::Value::Null), "{status}");
}
