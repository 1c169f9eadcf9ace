//! `verify` judges a chain exactly as the gateway would, and says why.

use testkit::World;
use testkit::certificate::{self, More};
use testkit::recipe;
use time::Duration;

fn town() -> World {
    let world = World::new();
    recipe::two_authorities(&world);
    world
}

/// A good chain is exit code 0; JSON tells the path and until when.
#[test]
fn a_good_chain_is_exit_code_0() {
    let world = town();
    world.countersign(&["verify", "--trust", "client-ca.crt", "analyst.crt"]).succeeded();
    let ran = world.countersign(&["verify", "--json", "--trust", "client-ca.crt", "analyst.crt"]).succeeded();
    assert_eq!(ran.json()["verified"], true, "{ran}");
    assert_eq!(ran.json()["path"][0]["subject"], "CN=analyst", "{ran}");
    assert_eq!(ran.json()["path"][1]["subject"], "CN=countersign client CA", "{ran}");
}

/// Each bad chain is exit code 1 with its stable code and what was seen.
#[test]
fn each_bad_chain_is_exit_code_1_with_its_code() {
    let world = town();
    let day = Duration::days(1);
    certificate::client_valid(&world, "client-ca", "expired", -day * 2, -day);
    certificate::client_valid(&world, "client-ca", "future", day, day * 2);
    certificate::leaf(
        &world,
        "client-ca",
        "weak",
        "/CN=weak",
        "extendedKeyUsage = clientAuth",
        &More { key: "-algorithm RSA -pkeyopt rsa_keygen_bits:1024", signing: "-sha256" },
    );
    world.write("broken.crt", "-----BEGIN CERTIFICATE-----\nMAo=\n-----END CERTIFICATE-----\n");
    for (trust, chain, purpose, code) in [
        ("server-ca.crt", "analyst.crt", "client", "unknown-issuer"),
        ("client-ca.crt", "expired.crt", "client", "certificate-expired"),
        ("client-ca.crt", "future.crt", "client", "certificate-not-yet-valid"),
        ("client-ca.crt", "analyst.crt", "server", "wrong-purpose"),
        ("client-ca.crt", "weak.crt", "client", "weak-certificate"),
    ] {
        let args = ["verify", "--json", "--trust", trust, "--purpose", purpose, chain];
        let ran = world.countersign(&args).exited(1);
        assert_eq!(ran.json()["verified"], false, "{ran}");
        assert_eq!(ran.json()["code"], code, "{ran}");
    }
    let ran = world.countersign(&["verify", "--trust", "client-ca.crt", "broken.crt"]);
    assert!(matches!(ran.code, Some(1 | 2)), "{ran}");
}

/// The moment to judge at can be given.
#[test]
fn a_chain_can_be_judged_at_another_moment() {
    let world = town();
    world
        .countersign(&["verify", "--trust", "client-ca.crt", "--at", "2001-01-01", "analyst.crt"])
        .exited(1)
        .says("certificate-not-yet-valid");
    let later = (time::OffsetDateTime::now_utc() + Duration::days(120)).unix_timestamp().to_string();
    world
        .countersign(&["verify", "--trust", "client-ca.crt", "--at", &later, "analyst.crt"])
        .exited(1)
        .says("certificate-expired");
}

/// X7: an unknown issuer names the issuer that was seen and the authorities that are held.
#[test]
fn an_unknown_issuer_names_what_was_seen_and_what_is_held() {
    let world = town();
    world
        .countersign(&["verify", "--trust", "server-ca.crt", "analyst.crt"])
        .exited(1)
        .says("countersign client CA")
        .says("countersign server CA");
}

/// X2: a wrong host name names the one wanted and those in the certificate; a common name is no host name.
#[test]
fn a_wrong_host_name_names_the_wanted_and_the_given() {
    let world = town();
    let verify = |name: &str, chain: &str| {
        world.countersign(&[
            "verify",
            "--trust",
            "server-ca.crt",
            "--purpose",
            "server",
            "--name",
            name,
            chain,
        ])
    };
    verify("other.example.com", "server.crt").exited(1).says("other.example.com").says("db.example.com");
    certificate::leaf(
        &world,
        "server-ca",
        "cn-only",
        "/CN=db.example.com",
        "extendedKeyUsage = serverAuth",
        &More::default(),
    );
    verify("db.example.com", "cn-only.crt").exited(1);
}

/// Missing files and missing arguments are wrong use.
#[test]
fn missing_files_and_arguments_are_wrong_use() {
    let world = town();
    world.countersign(&["verify", "--trust", "client-ca.crt", "nowhere.crt"]).exited(2).says("nowhere.crt");
    world.countersign(&["verify", "analyst.crt"]).exited(2).says("--trust");
}

/// A revocation list of `ca`, by openssl: file `LIST.crl`, which names `revoked`.
fn list(world: &World, ca: &str, list: &str, revoked: &str, times: &str) {
    world.write(
        format!("{list}.cnf"),
        format!(
            "[ca]\ndefault_ca = a\n[a]\ndatabase = {list}.txt\ncrlnumber = {list}.number\ncertificate = {ca}.crt\n\
             private_key = {ca}.key\ndefault_md = sha256\ndefault_crl_days = 1\n"
        ),
    );
    world.write(format!("{list}.txt"), "");
    world.write(format!("{list}.number"), "01\n");
    let ca = format!("openssl ca -config {list}.cnf");
    if !revoked.is_empty() {
        world.sh(&format!("{ca} -revoke {revoked} -crl_reason keyCompromise"));
    }
    world.sh(&format!("{ca} -gencrl {times} -out {list}.crl"));
}

/// R4: `--crl` and `openssl verify -crl_check` agree about the valid, the revoked, an expired list and a wrong signer.
#[test]
fn verify_with_lists_agrees_with_openssl() {
    let world = town();
    list(&world, "client-ca", "now", "analyst.crt", "");
    list(&world, "client-ca", "old", "", "-crl_lastupdate 20260101000000Z -crl_nextupdate 20260102000000Z");
    certificate::authority(&world, "pretender", "countersign client CA");
    list(&world, "pretender", "forged", "", "");
    for (crl, chain, code, words) in [
        ("now", "reporting.crt", 0, "verified"),
        ("now", "analyst.crt", 1, "certificate-revoked"),
        ("old", "reporting.crt", 1, "revocation-unknown"),
        ("forged", "reporting.crt", 2, "is not one of its issuer"),
    ] {
        let theirs = world
            .try_sh(&format!("openssl verify -crl_check -CAfile client-ca.crt -CRLfile {crl}.crl {chain}"));
        assert_eq!(theirs.code == Some(0), code == 0, "{crl} {chain}: {theirs}");
        let file = format!("{crl}.crl");
        let ours = world.countersign(&["verify", "--trust", "client-ca.crt", "--crl", &file, chain]);
        ours.exited(code).says(words);
    }
}

/// Lists in DER and by pattern are read too; whoever none of them speaks of is named.
#[test]
fn verify_names_whom_no_list_speaks_of() {
    let world = town();
    list(&world, "client-ca", "clients", "analyst.crt", "");
    list(&world, "server-ca", "servers", "", "");
    world.sh("openssl crl -in clients.crl -outform DER -out clients.der.crl");
    let verify = |crls: &[&str], chain: &str| {
        let crls = crls.iter().flat_map(|crl| ["--crl", crl]);
        let args: Vec<&str> =
            ["verify", "--json", "--trust", "client-ca.crt"].into_iter().chain(crls).collect();
        world.countersign(&[&args[..], &[chain]].concat())
    };
    for crls in [&["*.crl"][..], &["clients.der.crl"], &["servers.crl", "clients.crl"]] {
        let refused = verify(crls, "analyst.crt").exited(1);
        assert_eq!(refused.json()["code"], "certificate-revoked", "{refused}");
        assert!(refused.json()["cause"].as_str().unwrap().contains("(keyCompromise)"), "{refused}");
        assert!(verify(crls, "reporting.crt").succeeded().json()["unanswered"].is_null());
    }
    let unasked = verify(&["servers.crl"], "analyst.crt").succeeded();
    assert_eq!(unasked.json()["unanswered"], serde_json::json!(["CN=analyst"]), "{unasked}");
}
