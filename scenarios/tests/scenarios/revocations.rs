//! `cert revoke` and `ca crl`: what our authority takes back, and the list that tells others (R17, R18).

use testkit::{Node, World, openssl};

/// A realm that is not served.
fn realm() -> World {
    let world = World::new();
    assert_eq!(Node::up(&world).interrupted().code, Some(0));
    world
}

/// Whether openssl accepts a client of the realm by the realm's list.
fn checked(world: &World, name: &str) -> testkit::Ran {
    world.try_sh(&format!(
        "openssl verify -crl_check -partial_chain -trusted realm/pki/client-ca.crt \
         -CRLfile realm/pki/client.crl realm/clients/{name}.crt"
    ))
}

fn revoke(world: &World, name: &str, reason: &str) {
    let certificate = format!("realm/clients/{name}.crt");
    world.countersign(&["cert", "revoke", &certificate, "--reason", reason]).succeeded();
}

/// The number of the client issuer's list, by openssl.
fn number(world: &World) -> u64 {
    let said = world.sh("openssl crl -in realm/pki/client.crl -noout -crlnumber").stdout;
    let hex = said.trim().trim_start_matches("crlNumber=0x").to_owned();
    u64::from_str_radix(&hex, 16).unwrap_or_else(|_| panic!("{said}"))
}

/// R18: openssl verifies the list, refuses who is on it, and accepts who is not.
#[test]
fn openssl_agrees_with_our_list_about_who_is_revoked() {
    let world = realm();
    world.countersign(&["ca", "crl"]).succeeded().says("realm/pki/client.crl").says("realm/pki/server.crl");
    checked(&world, "analyst").succeeded();
    revoke(&world, "analyst", "keyCompromise");
    world.countersign(&["ca", "crl"]).succeeded().says("1 revoked");
    let list = world.sh("openssl crl -in realm/pki/client.crl -CAfile realm/pki/client-ca.crt -noout -text");
    assert!(list.said().contains("verify OK"), "{list}");
    let serial = openssl::serial(&world, "realm/clients/analyst.crt");
    for words in ["Version 2", "X509v3 Authority Key Identifier", "Key Compromise", &serial] {
        assert!(list.stdout.contains(words), "{words}: {list}");
    }
    checked(&world, "analyst").exited(2).says("error 23 at 0 depth lookup: certificate revoked");
    checked(&world, "admin").succeeded();
}

/// R18: the number of a list grows with each, and the list promises the next one by its lifetime.
#[test]
fn the_number_of_a_list_grows_and_its_lifetime_is_kept() {
    let world = realm();
    world.countersign(&["ca", "crl"]).succeeded();
    let first = number(&world);
    world.countersign(&["ca", "crl", "--issuer", "client", "--lifetime", "36h"]).succeeded();
    assert_eq!(number(&world), first + 1);
    let until = |world: &World| {
        let said = world
            .sh("date +%s -d \"$(openssl crl -in realm/pki/client.crl -noout -nextupdate | cut -d= -f2)\"");
        said.stdout.trim().parse::<i64>().expect("a moment")
            - time::OffsetDateTime::now_utc().unix_timestamp()
    };
    assert!((until(&world) - 36 * 3600).abs() < 60);
    let yaml = world.read("realm/countersign.yaml");
    assert!(yaml.contains("\nauthority:\n"), "{yaml}");
    world.write(
        "realm/countersign.yaml",
        yaml.replacen("\nauthority:\n", "\nauthority:\n  crl: { lifetime: 2h }\n", 1),
    );
    world.countersign(&["ca", "crl", "--issuer", "client"]).succeeded();
    assert!((until(&world) - 2 * 3600).abs() < 60);
    assert_eq!(number(&world), first + 2);
}

/// R17: what was revoked stays so, with its first moment and reason, and `cert list` and `cert show` say it.
#[test]
fn a_certificate_is_revoked_once_and_for_good() {
    let world = realm();
    let serial = openssl::serial(&world, "realm/clients/analyst.crt");
    let revoke = |args: &[&str]| {
        let args: Vec<&str> =
            ["cert", "revoke", &serial, "--json"].into_iter().chain(args.iter().copied()).collect();
        world.countersign(&args).succeeded().json()
    };
    let first = revoke(&["--reason", "superseded"]);
    assert_eq!((&first["reason"], &first["already"]), (&"superseded".into(), &false.into()), "{first}");
    assert_eq!(
        (&first["serial"], &first["subject"]),
        (&serial.clone().into(), &"CN=analyst,O=development".into())
    );
    let again = revoke(&["--reason", "key-compromise"]);
    assert_eq!(again["already"], true, "{again}");
    for kept in ["reason", "revoked_at", "serial", "subject"] {
        assert_eq!(again[kept], first[kept], "{again}");
    }
    world.countersign(&["cert", "revoke", &serial]).succeeded().says("already revoked").says("superseded");
    let listed = world.countersign(&["cert", "list", "--state", "revoked", "--json"]).succeeded().json();
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
    assert_eq!((&listed[0]["revoked_at"], &listed[0]["reason"]), (&first["revoked_at"], &first["reason"]));
    world.countersign(&["cert", "list"]).succeeded().says("superseded");
    for certificate in [serial.as_str(), "realm/clients/analyst.crt"] {
        let shown = world.countersign(&["cert", "show", certificate, "--json"]).succeeded().json();
        assert_eq!(shown[0]["revoked"]["at"], first["revoked_at"], "{shown}");
        world.countersign(&["cert", "show", certificate]).succeeded().says("revoked      ");
    }
    let other = world.countersign(&["cert", "show", "realm/clients/admin.crt"]).succeeded();
    assert!(!other.stdout.contains("revoked"), "{other}");
}

/// A revocation needs no key: it works with the issuer's key away, and while the node serves.
#[test]
fn a_revocation_needs_no_key_and_no_standstill() {
    let world = World::new();
    let node = Node::up(&world);
    world.sh("mv realm/pki/issuers/client.key away");
    revoke(&world, "analyst", "cessationOfOperation");
    world.sh("mv away realm/pki/issuers/client.key");
    world.countersign(&["ca", "crl"]).succeeded().says("1 revoked");
    assert_eq!(node.interrupted().code, Some(0));
    checked(&world, "analyst").exited(2);
}

/// What is not on record is not revoked, and the answer helps to find what was meant.
#[test]
fn what_cannot_be_revoked_is_said_with_a_remedy() {
    let world = realm();
    let serial = openssl::serial(&world, "realm/clients/analyst.crt");
    let say = |args: &[&str], code: i32, words: &str| {
        let args: Vec<&str> = ["cert", "revoke"].into_iter().chain(args.iter().copied()).collect();
        world.countersign(&args).exited(code).says(words);
    };
    say(&["ABCD"], 1, "countersign cert list");
    say(&[&serial[..8]], 1, &format!("did you mean {serial}?"));
    say(&[&serial, "--reason", "lost"], 2, "keyCompromise");
    say(&[&serial, "--reason", "removeFromCRL"], 2, "is no reason to revoke");
    say(&["nothing-here.crt"], 2, "cannot read");
    say(&[&serial, "--realm", "elsewhere"], 2, "no ledger");
    world.sh("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout s.key -out s.crt -subj /CN=stranger");
    say(&["s.crt"], 1, "is not on record here");
    let listed = world.countersign(&["cert", "list", "--state", "revoked", "--json"]).succeeded().json();
    assert_eq!(listed, serde_json::json!([]));
}

/// A mistaken file name must not lock everybody out, and a root that is "revoked" would be trusted as before.
#[test]
fn an_authority_is_revoked_only_where_it_is_meant_and_a_root_never() {
    let world = realm();
    let revoke = |args: &[&str]| {
        let args: Vec<&str> = ["cert", "revoke"].into_iter().chain(args.iter().copied()).collect();
        world.countersign(&args)
    };
    let issuer = "realm/pki/client-ca.crt";
    let serial = openssl::serial(&world, issuer);
    for named in [issuer, &serial] {
        revoke(&[named]).exited(2).says("every certificate below it").says("--authority");
    }
    for root in ["realm/pki/server-ca.crt", "realm/pki/root.crt"] {
        revoke(&[root]).exited(2).says("a root cannot be revoked by itself").says("client_ca");
        revoke(&[root, "--authority"]).exited(2).says("a root cannot be revoked by itself");
    }
    revoke(&["realm/clients/analyst.crt", "--authority"]).exited(2).says("is no authority's certificate");
    let listed = world.countersign(&["cert", "list", "--state", "revoked", "--json"]).succeeded().json();
    assert_eq!(listed, serde_json::json!([]));
    revoke(&[issuer, "--authority"]).succeeded().says("everybody below it");
    let warning = "is revoked in the ledger: it vouches for nobody";
    world.countersign(&["check", "realm/countersign.yaml"]).succeeded().says(warning);
    world.countersign(&["cert", "issue", "--cn", "late"]).exited(2).says(warning);
    world.countersign(&["cert", "issue", "--profile", "server", "--cn", "other"]).succeeded();
    Node::up(&world).logged(&[warning]);
}

/// A backup that was put in place under a running node is not what the node reads: it says so, and records nothing more.
#[test]
fn a_ledger_that_was_replaced_under_a_running_node_is_said_by_status_and_log() {
    let world = realm();
    world.sh("cp realm/state/ledger.db backup.db");
    let node = Node::up(&world);
    let url = format!("https://localhost:{}", node.port());
    let as_admin = |args: &[&str]| {
        let args: Vec<&str> = args.iter().copied().chain(["--url", &url, "--as", "admin"]).collect();
        world.countersign(&args)
    };
    assert!(!as_admin(&["status"]).succeeded().said().contains("not followed"));
    world.sh("mv backup.db realm/state/ledger.db");
    node.logged(&["the ledger does not say what was revoked", "state/ledger.db", "restart the node"]);
    as_admin(&["status"]).succeeded().says("ledger      not followed since");
    let status = as_admin(&["status", "--json"]).succeeded().json();
    assert_eq!(status["node"]["ledger"]["followed"], false);
    as_admin(&["cert", "deny", "realm/clients/analyst.crt"]).exited(1).says("replaced");
}

/// Who operates the node sees which lists it judges by, and until when they are good.
#[test]
fn status_prints_the_lists_from_files() {
    let world = realm();
    world.countersign(&["ca", "crl"]).succeeded();
    let yaml = world.read("realm/countersign.yaml");
    let profile = "client_ca: authority\n    revocation: { crl_files: [pki/client.crl] }\n";
    world.write("realm/countersign.yaml", yaml.replacen("client_ca: authority", profile, 1));
    let node = Node::up(&world);
    let url = format!("https://localhost:{}", node.port());
    let said = world.countersign(&["status", "--as", "admin", "--url", &url]).succeeded();
    said.says("next update").says("pki/client.crl").says("Client Issuer");
}

/// A list goes where it is told to, in the form it is told to, and never over a file that is no list.
#[test]
fn a_list_is_written_as_asked_and_never_over_a_key() {
    let world = realm();
    world.sh("cp realm/pki/issuers/client.key before");
    let refused = ["ca", "crl", "--issuer", "client", "--out", "realm/pki/issuers/client.key"];
    world.countersign(&refused).exited(2).says("is no revocation list");
    world.sh("cmp before realm/pki/issuers/client.key");
    world.countersign(&["ca", "crl", "--issuer", "client", "--der", "--out", "client.der"]).succeeded();
    world.sh("openssl crl -inform DER -in client.der -CAfile realm/pki/client-ca.crt -noout 2>&1 | grep 'verify OK'");
    let piped = world.countersign(&["ca", "crl", "--issuer", "client", "--out", "-"]).succeeded();
    assert!(piped.stdout.starts_with("-----BEGIN X509 CRL-----\n"), "{piped}");
    assert!(piped.stdout.ends_with("-----END X509 CRL-----\n"), "{piped}");
    world.countersign(&["ca", "crl", "--out", "one.crl"]).exited(2).says("--issuer client");
    world.countersign(&["ca", "crl", "--issuer", "clint"]).exited(2).says("did you mean \"client\"?");
    world.countersign(&["ca", "crl", "--lifetime", "0s"]).exited(2).says("lifetime");
    world.countersign(&["ca", "crl", "--realm", "elsewhere"]).exited(2).says("no realm here");
}

/// The root takes an issuer back, and openssl then refuses all that is below it.
#[test]
fn an_issuer_is_revoked_by_the_roots_list() {
    let world = realm();
    let root = ["ca", "crl", "--ca", "realm/pki/root", "--ledger", "realm/state/ledger.db", "--days", "30"];
    world.countersign(&root).exited(2).says("root.key");
    let root: Vec<&str> = root.into_iter().chain(["--key", "realm/offline/root.key"]).collect();
    world.countersign(&root).succeeded().says("0 revoked");
    world.countersign(&["ca", "crl"]).succeeded();
    let check = "cat realm/pki/root.crl realm/pki/client.crl > lists; openssl verify -crl_check_all -CAfile realm/pki/root.crt \
                 -untrusted realm/pki/issuers/client.crt -CRLfile lists realm/clients/analyst.crt";
    world.sh(check);
    world
        .countersign(&[
            "cert",
            "revoke",
            "realm/pki/issuers/client.crt",
            "--authority",
            "--reason",
            "caCompromise",
        ])
        .succeeded();
    world.countersign(&root).succeeded().says("1 revoked");
    world.try_sh(check).exited(2).says("error 23 at 1 depth lookup: certificate revoked");
}

/// The password of an encrypted issuer's key is taken from where the configuration, or the command line, says.
#[test]
fn an_encrypted_key_signs_a_list_with_its_password() {
    let world = World::new();
    world.write_secret("password", "correct horse\n");
    let args = ["up", "--listen", "127.0.0.1:0", "--key-password-file", "password"];
    assert_eq!(Node::start(&world, &args, &[]).interrupted().code, Some(0));
    revoke(&world, "analyst", "superseded");
    world.countersign(&["ca", "crl"]).succeeded();
    checked(&world, "analyst").exited(2).says("certificate revoked");
    let by_hand = ["ca", "crl", "--ca", "realm/pki/issuers/client", "--ledger", "realm/state/ledger.db"];
    world.countersign(&by_hand).exited(2).says("password");
    let with_password: Vec<&str> =
        by_hand.into_iter().chain(["--ca-key-password-file", "password"]).collect();
    world.countersign(&with_password).succeeded().says("1 revoked");
}

/// A ledger that never heard of the issuer is perhaps the wrong one: an empty list from it is not signed in silence.
#[test]
fn a_list_from_another_ledger_comes_with_a_warning() {
    let (world, other) = (realm(), realm());
    let ledger = other.path("realm/state/ledger.db");
    let args = ["ca", "crl", "--ca", "realm/pki/issuers/client", "--ledger", &ledger.display().to_string()];
    world.countersign(&args).succeeded().says("warning").says("holds no certificate");
    let missing = ["ca", "crl", "--ca", "realm/pki/issuers/client"];
    world.countersign(&missing).exited(2).says("no ledger");
}
