//! What a fetch may not do, and what is told about it.

use testkit::revocation::List;
use testkit::services::{Answer, Services};

use super::town::{Town, revoked, unknown};

/// R5: a server that keeps its answer to itself costs the timeout, and no more.
#[test]
fn a_service_that_keeps_silent_is_left_in_time() {
    let town = Town::new();
    town.services.set("silent.crl", Answer::Silence);
    town.client("client-ca", "waiting", &town.lists_at(&["silent.crl"]));
    let node = town.serve("ocsp: false, crl: { timeout: 1s }");
    assert_eq!(town.knock(&node, "waiting"), unknown());
    node.logged(&["silent.crl", "did not answer within 1.0 s"]);
}

/// R5: redirects are followed; to an address of this machine only where that is allowed, and so is each hop.
#[test]
fn a_redirect_to_a_private_address_is_refused_unless_allowed() {
    let town = Town::new();
    let inner = Services::start();
    let list = town.der(&List::of(town.world(), "client-ca"));
    inner.set("inner.crl", Answer::File(list));
    town.services.set("moved.crl", Answer::Elsewhere(inner.url("inner.crl")));
    town.client("client-ca", "sent", &town.lists_at(&["moved.crl"]));
    assert_eq!(town.knock(&town.serve("ocsp: false"), "sent"), Ok(()));
    assert_eq!(inner.asked("inner.crl"), 1);

    // The mirror may be asked, because the configuration names it; whatever it sends us to may not.
    let base = town.services.url("");
    let mirrored = town.written_exactly(&format!(
        "verification: {{ ocsp: false, url_rewrite: [ {{ from: \"http://pki.example/\", to: \"{base}\" }} ] }}"
    ));
    town.client("client-ca", "mirrored", "crlDistributionPoints = URI:http://pki.example/moved.crl");
    let node = town.production.serve_written(&mirrored);
    assert_eq!(town.knock(&node, "mirrored"), unknown());
    node.logged(&["moved.crl", "not asked unless allowed"]);
    assert_eq!(inner.asked("inner.crl"), 1);
}

/// X17: a mirror that the configuration names stands in for the address in the certificate.
#[test]
fn a_mirror_stands_in_for_the_address_in_the_certificate() {
    let town = Town::new();
    town.client("client-ca", "bad", "crlDistributionPoints = URI:http://pki.example/clients.crl");
    town.publish("mirror/clients.crl", &List::of(town.world(), "client-ca").revoking("bad", "superseded"));
    let base = town.services.url("mirror/");
    let yaml = town.written_exactly(&format!(
        "verification: {{ ocsp: false, url_rewrite: [ {{ from: \"http://pki.example/\", to: \"{base}\" }} ] }}"
    ));
    let node = town.production.serve_written(&yaml);
    assert_eq!(town.knock(&node, "bad"), revoked());
    assert_eq!(town.services.asked("mirror/clients.crl"), 1);
}

/// X15, X17: metrics and status tell which address was asked, with what result, and how fresh its answer is.
#[test]
fn metrics_and_status_tell_what_was_asked_and_what_came_of_it() {
    let town = Town::new();
    town.client("client-ca", "good", &town.lists_at(&["down.crl", "clients.crl"]));
    town.publish(
        "clients.crl",
        &List::of(town.world(), "client-ca").numbered(0x2a).revoking("reporting", "superseded"),
    );
    let yaml = town.written("ocsp: false") + "\ncontrol_plane: { enabled: true, admins: [analyst] }\n";
    let node = town.production.serve_written(&yaml);
    assert_eq!(town.knock(&node, "good"), Ok(()));
    let analyst = town.production.curl(&node, "good");
    let metrics = analyst.get("/_metrics").with_status(200).body;
    let (list, down) = (town.services.url("clients.crl"), town.services.url("down.crl"));
    for line in [
        format!("countersign_revocation_fetch_total{{url=\"{list}\",result=\"ok\"}} 1"),
        format!("countersign_revocation_fetch_total{{url=\"{down}\",result=\"http-error\"}} 1"),
        format!("countersign_revocation_fetch_duration_seconds_count{{url=\"{list}\"}} 1"),
        format!("countersign_revocation_good_until_seconds{{url=\"{list}\"}}"),
    ] {
        assert!(metrics.contains(&line), "{line}\n{metrics}");
    }
    let status = analyst.get("/_admin/status").with_status(200).json();
    let sources = status["revocation"].as_array().expect("sources");
    let of = |url: &str| sources.iter().find(|source| source["url"] == url).expect("a source");
    assert_eq!((of(&list)["number"].clone(), of(&list)["entries"].clone()), ("0x2A".into(), 1.into()));
    assert!(of(&down)["failure"].as_str().is_some_and(|why| why.contains("503")), "{status:#}");
}
