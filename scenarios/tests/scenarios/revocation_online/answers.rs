//! OCSP, answered by openssl.

use testkit::certificate::{self, More};
use testkit::patience::wait_for;
use testkit::revocation::List;
use testkit::services::{Answer, Responder};

use super::town::{Town, revoked, unknown};

fn responder(town: &Town) -> Responder {
    Responder::of(town.world(), "client-ca", "client-ca")
}

/// R6: the authority itself signs; good comes in, revoked does not, unknown is no answer.
#[test]
fn ocsp_alone_tells_good_from_revoked_from_unknown() {
    let town = Town::new();
    for name in ["good", "bad", "strange"] {
        town.client("client-ca", name, &town.responders_at(&["ocsp"]));
    }
    let knows = responder(&town).good(&town.serial("good")).revoked(&town.serial("bad"));
    town.services.set("ocsp", Answer::Ocsp(knows));
    let node = town.serve("crl: false");
    assert_eq!(town.knock(&node, "good"), Ok(()));
    assert_eq!(town.knock(&node, "bad"), revoked());
    let line = node.logged(&["certificate-revoked", &town.serial("bad")]);
    assert!(line.contains("keyCompromise") && line.contains("/ocsp"), "reason and source: {line}");
    assert_eq!(town.knock(&node, "strange"), unknown());
    node.logged(&["revocation-unknown", "does not know the certificate"]);
    assert_eq!(town.knock(&town.serve("crl: false, failure_mode: fail-open"), "strange"), Ok(()));
}

/// R10: a good answer is remembered: the second handshake asks nobody.
#[test]
fn a_good_answer_is_asked_for_once() {
    let town = Town::new();
    town.client("client-ca", "good", &town.responders_at(&["ocsp"]));
    town.services.set("ocsp", Answer::Ocsp(responder(&town).good(&town.serial("good"))));
    let node = town.serve("");
    for _ in 0..3 {
        assert_eq!(town.knock(&node, "good"), Ok(()));
    }
    assert_eq!(town.services.asked("ocsp"), 1);
}

/// R7: the list is asked first, and where it answers, the responder is not.
#[test]
fn ocsp_is_asked_only_where_the_list_gives_no_answer() {
    let town = Town::new();
    let both = |list: &str| format!("{}\n{}", town.lists_at(&[list]), town.responders_at(&["ocsp"]));
    town.client("client-ca", "listed", &both("clients.crl"));
    town.client("client-ca", "listless", &both("down.crl"));
    town.publish("clients.crl", &List::of(town.world(), "client-ca"));
    town.services.set("ocsp", Answer::Ocsp(responder(&town).revoked(&town.serial("listless"))));
    let node = town.serve("");
    assert_eq!(town.knock(&node, "listed"), Ok(()));
    assert_eq!(town.services.asked("ocsp"), 0);
    assert_eq!(town.knock(&node, "listless"), revoked());
    assert_eq!((town.services.asked("down.crl"), town.services.asked("ocsp")), (1, 1));
}

/// R6: a delegate answers with the extended key usage for it and not without; another authority's key never does.
#[test]
fn only_the_authority_or_its_delegate_may_answer() {
    let town = Town::new();
    let delegate = |name: &str, usage: &str| {
        let extensions =
            format!("extendedKeyUsage = {usage}\nkeyUsage = critical, digitalSignature\nnoCheck = ignored");
        certificate::leaf(
            town.world(),
            "client-ca",
            name,
            &format!("/CN={name}"),
            &extensions,
            &More::default(),
        );
    };
    delegate("delegate", "OCSPSigning");
    delegate("pretender", "clientAuth");
    for (name, signer) in [("entitled", "delegate"), ("usurped", "pretender"), ("foreign", "server-ca")] {
        town.client("client-ca", name, &town.responders_at(&[name]));
        let responder = Responder::of(town.world(), "client-ca", signer).good(&town.serial(name));
        town.services.set(name, Answer::Ocsp(responder));
    }
    let node = town.serve("");
    assert_eq!(town.knock(&node, "entitled"), Ok(()));
    for name in ["usurped", "foreign"] {
        assert_eq!(town.knock(&node, name), unknown(), "{name}");
        let open = town.serve("failure_mode: fail-open");
        assert_eq!(town.knock(&open, name), unknown(), "fail-open is for silence, not for forgery: {name}");
    }
}

/// R6: an answer to another question is none.
#[test]
fn an_answer_that_was_given_to_another_question_is_none() {
    let town = Town::new();
    town.client("client-ca", "good", &town.responders_at(&["ocsp"]));
    let serial = town.serial("good");
    town.world().write("index", format!("V\t491231235959Z\t\t{serial}\tunknown\t/CN=good\n"));
    town.world().sh("openssl ocsp -issuer client-ca.crt -cert good.crt -reqout question && \
         openssl ocsp -index index -CA client-ca.crt -rsigner client-ca.crt -rkey client-ca.key -nmin 60 \
           -reqin question -respout answer");
    let replayed = std::fs::read(town.world().path("answer")).expect("an answer");
    town.services.set("ocsp", Answer::File(replayed));
    let node = town.serve("");
    assert_eq!(town.knock(&node, "good"), unknown());
    node.logged(&["revocation-unknown", "nonce"]);
}

/// R17: what a responder called revoked stays revoked while the responder is down, whatever the failure mode.
#[test]
fn what_a_responder_revoked_stays_revoked_while_it_is_down() {
    let town = Town::new();
    town.client("client-ca", "bad", &town.responders_at(&["ocsp"]));
    town.services.set("ocsp", Answer::Ocsp(responder(&town).revoked(&town.serial("bad"))));
    let node = town.serve("failure_mode: fail-open, ocsp: { cache_ttl: 1s, error_cache_ttl: 1s }");
    assert_eq!(town.knock(&node, "bad"), revoked());
    town.services.set("ocsp", Answer::Down);
    assert_eq!(town.knock(&node, "bad"), revoked());
    node.logged(&["WARN", "no OCSP answer was obtained", "503"]);
    assert_eq!(town.knock(&node, "bad"), revoked());
}

/// R7, R17: a list that was made before the responder revoked it does not let it back in; the responder's own later word does.
#[test]
fn a_list_from_before_a_revocation_does_not_undo_it() {
    let town = Town::new();
    let both = format!("{}\n{}", town.lists_at(&["clients.crl"]), town.responders_at(&["ocsp"]));
    town.client("client-ca", "bad", &both);
    let before = town.der(&List::of(town.world(), "client-ca"));
    town.services.set("ocsp", Answer::Ocsp(responder(&town).revoked(&town.serial("bad"))));
    let node = town.serve("ocsp: { cache_ttl: 1s, error_cache_ttl: 1s }");
    assert_eq!(town.knock(&node, "bad"), revoked());
    town.services.set("clients.crl", Answer::File(before));
    wait_for(
        "the list",
        || node.log(),
        || {
            assert_eq!(town.knock(&node, "bad"), revoked());
            node.has_logged(&["a revocation list was fetched"]).then_some(())
        },
    );
    assert_eq!(town.knock(&node, "bad"), revoked());
    town.services.set("ocsp", Answer::Ocsp(responder(&town).good(&town.serial("bad"))));
    wait_for("the later word", || node.log(), || town.knock(&node, "bad").ok());
}
