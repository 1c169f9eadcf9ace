//! What is wrong with an issuer or a request has its own words, and the state stays as it was.

use testkit::certificate::{self, More, rcgen};
use time::Duration;

use super::estate::Estate;

/// Each way in which the issuer of services is none, by the files that the configuration names.
#[test]
fn an_issuer_that_cannot_issue_stops_the_start_in_its_own_words() {
    let estate = Estate::new();
    drop(estate.serve());
    let before = estate.on_record();
    let world = &estate.world;
    world.sh("cp r/pki/issuers/service.crt good.crt; cp r/pki/issuers/service.key good.key");
    let serve = |cert: &str, key: &str| {
        world.sh(&format!("cp {cert} r/pki/issuers/service.crt; cp {key} r/pki/issuers/service.key"));
        world.countersign(&["serve", "--config", "r/countersign.yaml"]).exited(2)
    };
    world.sh("openssl ecparam -name prime256v1 -genkey -noout -out other.key; chmod 600 *.key");
    serve("good.crt", "other.key").says("key values mismatch");
    certificate::authority(world, "another", "Another root");
    serve("another.crt", "another.key").says("is a root, and an issuer should be here");
    let dated = |name: &str, from: Duration, until: Duration| {
        certificate::shaped(world, "another", name, |params| {
            params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(0));
            params.not_before = time::OffsetDateTime::now_utc() + from;
            params.not_after = time::OffsetDateTime::now_utc() + until;
        });
    };
    dated("expired", Duration::days(-2), Duration::days(-1));
    serve("expired.crt", "expired.key").says("expired on");
    dated("early", Duration::days(1), Duration::days(2));
    serve("early.crt", "early.key").says("is not valid before").says("clock");
    certificate::client(world, "another", "leaf");
    serve("leaf.crt", "leaf.key").says("is not an authority's");
    let ca = "basicConstraints = critical,CA:TRUE\nkeyUsage = critical,keyCertSign";
    certificate::leaf(world, "good", "minted", "/CN=minted", ca, &More::default());
    world.sh("cat minted.crt good.crt > chain.crt");
    serve("chain.crt", "minted.key").says("allows no issuer below it").says("path length");
    assert_eq!(estate.on_record(), before, "nothing was issued");
}
