//! `explain`: which principals and grants were considered, and what came of it.

use crate::production::Production;

fn production() -> Production {
    let production = Production::new();
    production.world.write("countersign.yaml", production.written());
    production
}

/// An admitted certificate: exit code 0, its principal, its level, and the grants considered.
#[test]
fn an_admitted_certificate_is_explained() {
    let production = production();
    let args = ["explain", "--config", "countersign.yaml", "--cert", "analyst.crt", "--on", "app"];
    let ran = production.world.countersign(&args).succeeded();
    for word in ["analyst", "read-write", "reporting"] {
        assert!(ran.stdout.contains(word), "{word}: {ran}");
    }
}

/// A certificate of nobody: exit code 1, with every entry that was compared and why it did not match.
#[test]
fn a_certificate_of_nobody_is_explained_entry_by_entry() {
    let production = production();
    let args = ["explain", "--config", "countersign.yaml", "--cert", "nobody.crt", "--on", "app", "--json"];
    let ran = production.world.countersign(&args).exited(1);
    let explained = ran.json().to_string();
    for word in ["unmapped-certificate", "analyst", "reporting", "subject_cn", "spki_sha256", "nobody"] {
        assert!(explained.contains(word), "{word}: {ran}");
    }
}

/// A certificate that does not verify is explained with the reason of the door.
#[test]
fn a_certificate_that_does_not_verify_is_explained() {
    let production = production();
    testkit::certificate::authority(&production.world, "other-ca", "another authority");
    testkit::certificate::client(&production.world, "other-ca", "stranger");
    let args = ["explain", "--config", "countersign.yaml", "--cert", "stranger.crt", "--on", "app"];
    production.world.countersign(&args).exited(1).says("unknown-issuer");
}

/// A missing grant is explained, and a database that does not exist looks no different to the peer.
#[test]
fn a_missing_grant_is_explained() {
    let production = production();
    let args = ["explain", "--config", "countersign.yaml", "--cert", "analyst.crt", "--on", "elsewhere"];
    production.world.countersign(&args).exited(1).says("no-grant");
}
