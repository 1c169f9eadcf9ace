use serde_json::json;
use testkit::patience;

use super::house::House;

/// S3: one command on the other machine, which knows the server by its authority's fingerprint.
#[test]
fn an_invitation_gives_a_certificate_to_another_machine_that_trusts_nothing_blindly() {
    let house = House::new();
    let url = house.url();
    let invite =
        ["cert", "invite", "--cn", "analyst", "--san", "a.example.com", "--enrol-url", &url, "--json"];
    let made = house.administers(&invite).succeeded().json();
    let command = made["command"].as_str().unwrap();
    let secret = made["invitation"].as_str().unwrap();
    assert!(!command.contains(secret), "the secret is no part of the command: {command}");
    let mut args: Vec<&str> = command.split_whitespace().skip(1).collect();
    args.extend(["--out", "there"]);
    house.world.countersign_reading(&args, secret).succeeded();
    assert_eq!(house.world.mode("there/analyst.key"), 0o600);
    house
        .world
        .sh("openssl verify -CAfile there/server-ca.crt -untrusted there/analyst.crt there/analyst.crt");
    let text = house.world.sh("openssl x509 -in there/analyst.crt -noout -text").stdout;
    assert!(text.contains("DNS:a.example.com") && text.contains("CA:FALSE"), "{text}");
    let files = house.world.sh("ls -A there | sort | tr '\\n' ' '").stdout;
    assert_eq!(files, "analyst.crt analyst.key server-ca.crt ", "nothing else is left");
    let pair = (house.world.path("there/analyst.crt"), house.world.path("there/analyst.key"));
    house.stranger(house.node.port()).cert(&pair.0, &pair.1).sql("app", "SELECT 1").with_status(200);
    for found in [house.node.log(), house.world.sh("cat realm/state/ledger.db*").stdout] {
        assert!(!found.contains(secret.rsplit('_').next().unwrap()), "the secret is kept nowhere");
    }
    // Once is all: another key gets nothing.
    args.extend(["--name", "second"]);
    house.world.countersign_reading(&args, secret).exited(1).says("it has been used");
}

#[test]
fn whoever_runs_the_command_again_is_told_that_the_certificate_is_here_and_of_a_key_that_waits() {
    let house = House::new();
    let (url, wish) = (house.url(), json!({ "common_name": "robot" }));
    let pin =
        house.world.sh("openssl x509 -in realm/pki/issuers/server.crt -noout -fingerprint -sha256").stdout;
    let pin = pin.trim().rsplit('=').next().unwrap().replace(':', "");
    let args = ["cert", "request", "--url", &url, "--ca-sha256", &pin, "--invitation", "-", "--out", "there"];
    let secret = house.invited(&wish);
    house.world.countersign_reading(&args, &secret).succeeded();
    let before = house.world.read("there/robot.crt");
    house.world.countersign_reading(&args, &secret).succeeded().says("its certificate is here: CN=robot");
    assert_eq!((house.on_record("robot"), house.world.read("there/robot.crt")), (1, before));
    // A failure that may pass keeps the key, and says where.
    let lost = ["cert", "request", "--url", "https://localhost:1", "--ca-sha256", &pin, "--invitation", "-"];
    let other = house.invited(&wish);
    let said = house.world.countersign_reading(&[&lost[..], &["--out", "there"]].concat(), &other);
    let kept = house.world.sh("ls there/.invitation-*.key").stdout;
    said.exited(1).says("the same command asks with it again").says(kept.trim());
    house.world.countersign_reading(&[&args[..], &["--name", "other"]].concat(), &other).succeeded();
    let files = house.world.sh("ls -A there | sort | tr '\\n' ' '").stdout;
    assert_eq!(files, "other.crt other.key robot.crt robot.key server-ca.crt ");
}

#[test]
fn nobody_is_invited_to_a_listener_that_lets_no_stranger_in() {
    let house = House::new();
    let invite = ["cert", "invite", "--cn", "robot"];
    house
        .administers(&invite)
        .exited(2)
        .says("answers nobody without a certificate")
        .says("serves: [enrolment]");
    let listed = house.curl("admin").get("/api/admin/security/certificates/invitations").with_status(200);
    assert_eq!(listed.json()["open"], 0, "nothing was made");
    house.administers(&[&invite[..], &["--enrol-url", &house.url()]].concat()).succeeded();
}

#[test]
fn a_server_that_presents_another_authority_is_told_nothing() {
    let house = House::new();
    let secret = house.invited(&json!({ "common_name": "robot" }));
    let (url, pin) = (house.url(), "ab".repeat(32));
    let args = ["cert", "request", "--url", &url, "--ca-sha256", &pin, "--invitation", "-"];
    house.world.countersign_reading(&args, &secret).exited(1).says("is not the server that was meant");
    assert!(!house.node.has_logged(&["/api/enrolment/sign"]));
    // Nor is a secret taken from where everybody sees it.
    let args = ["cert", "request", "--url", &url, "--ca-sha256", &pin, "--invitation", &secret];
    house.world.countersign(&args).exited(2).says("stands on the command line");
}

#[test]
fn whoever_asks_again_with_the_same_key_is_given_the_same_certificate() {
    let house = House::new();
    let body = json!({
        "invitation": house.invited(&json!({ "common_name": "robot" })),
        "csr": house.csr("robot", "-subj /CN=robot"),
    });
    let first = house.sign(&body).with_status(200).json();
    let again = house.sign(&body).with_status(200).json();
    assert_eq!((&first["serial"], &again["again"]), (&again["serial"], &json!(true)));
    let other = json!({ "invitation": body["invitation"], "csr": house.csr("other", "-subj /CN=robot") });
    house.sign(&other).is_refused(
        403,
        "the invitation cannot be used: it has been used",
        "invitation-invalid",
    );
    assert_eq!(house.on_record("robot"), 1);
}

#[test]
fn of_twenty_who_use_an_invitation_at_once_one_gets_a_certificate() {
    let house = House::new();
    let secret = house.invited(&json!({ "common_name": "robot" }));
    let bodies: Vec<String> = (0..20)
        .map(|n| {
            json!({ "invitation": secret, "csr": house.csr(&format!("r{n}"), "-subj /CN=robot") }).to_string()
        })
        .collect();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let asked: Vec<_> = bodies
            .iter()
            .map(|body| {
                scope.spawn(|| house.stranger(house.enrol).body(body).get("/api/enrolment/sign").status)
            })
            .collect();
        asked.into_iter().map(|asked| asked.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 403).count(), 19, "{statuses:?}");
    assert_eq!(house.on_record("robot"), 1);
}

/// Wherever a crash comes, the invited asks again with the same key, and there is one certificate in the end.
#[test]
fn a_node_that_is_killed_while_an_invitation_is_used_gives_the_certificate_when_it_is_back() {
    let house = House::new();
    let body = json!({
        "invitation": house.invited(&json!({ "common_name": "robot" })),
        "csr": house.csr("robot", "-subj /CN=robot"),
    });
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| house.sign(&body).status);
        // Under way, or done, or not begun: whichever it is when the signal comes.
        house.node.signal("KILL");
        let status = asked.join().unwrap();
        assert!(matches!(status, 0 | 200), "{status}");
    });
    let House { world, node, .. } = house;
    drop(node);
    let house = House::of(world);
    let given = patience::wait_for(
        "the certificate",
        || house.node.log(),
        || {
            let said = house.sign(&body);
            (said.status == 200).then(|| said.json())
        },
    );
    assert_eq!(given["subject"], "CN=robot,O=development");
    assert_eq!(house.on_record("robot"), 1);
}

#[test]
fn an_invitation_that_expired_was_withdrawn_or_is_being_guessed_gives_nothing() {
    let house = House::new();
    let csr = house.csr("robot", "-subj /CN=robot");
    let asked = |secret: &str| house.sign(&json!({ "invitation": secret, "csr": csr }));
    let expiring = house.invited(&json!({ "common_name": "robot", "ttl": "1s" }));
    let withdrawn = house.invited(&json!({ "common_name": "robot" }));
    let guessed = house.invited(&json!({ "common_name": "robot" }));
    let id = |secret: &str| secret.split('_').nth(1).unwrap().to_owned();
    house.administers(&["cert", "invitations", "--withdraw", &id(&withdrawn)]).succeeded();
    let unknown = "forbidden: the invitation cannot be used";
    asked(&withdrawn).is_refused(403, unknown, "invitation-invalid");
    asked("nonsense").is_refused(403, unknown, "invitation-invalid");
    for _ in 0..5 {
        let wrong = format!("invite_{}_{}", id(&guessed), "0".repeat(32));
        asked(&wrong).is_refused(403, unknown, "invitation-invalid");
    }
    asked(&guessed).is_refused(403, unknown, "invitation-invalid");
    patience::wait_for(
        "the invitation's end",
        || house.node.log(),
        || {
            let listed = house
                .curl("admin")
                .get("/api/admin/security/certificates/invitations")
                .with_status(200)
                .json();
            listed["invitations"].as_array()?.iter().any(|held| held["state"] == "expired").then_some(())
        },
    );
    asked(&expiring).is_refused(403, "the invitation cannot be used: it has expired", "invitation-invalid");
    assert_eq!(house.on_record("robot"), 0);
}

/// The draft goes on record before the invitation says what it was used for. Where it is not there, nobody can tell whether
/// a slow node still signs it.
#[test]
fn an_invitation_that_was_used_for_what_is_not_on_record_gives_nothing_however_long_ago_that_was() {
    let house = House::new();
    let secret = house.invited(&json!({ "common_name": "robot" }));
    let csr = house.csr("robot", "-subj /CN=robot");
    let digest = "openssl pkey -in robot.key -pubout -outform DER | sha256sum | cut -d' ' -f1";
    let key = house.world.sh(digest).stdout.trim().to_owned();
    let used =
        json!({ "spki_sha256": key, "issuer_spki_sha256": "ab".repeat(32), "serial": "1769F7D6A", "at": 1 });
    house.world.write("used.json", used.to_string());
    house.world.sh(USED);
    let said = house.sign(&json!({ "invitation": secret, "csr": csr }));
    said.is_refused(
        403,
        "the invitation cannot be used: what it was used for is not on record; ask for another",
        "invitation-invalid",
    );
    assert_eq!(house.on_record("robot"), 0);
}

#[test]
fn only_administrators_invite_and_only_to_what_could_be_issued() {
    let house = House::new();
    let path = "/api/admin/security/certificates/invitations";
    let wish = json!({ "common_name": "robot" }).to_string();
    let said = house.curl("analyst").body(&wish).get(path);
    assert_eq!(said.with_status(403).json()["error"]["code"], "admin-only");
    house.stranger(house.enrol).body(&wish).get(path).with_status(404);
    for (wish, words) in [
        (json!({ "common_name": "robot", "profile": "cleint" }), "did you mean \"client\"?"),
        (json!({ "common_name": "robot", "profile": "named" }), "does not allow these names: CN=robot"),
        (json!({ "common_name": "robot", "ttl": "8d" }), "would last too long"),
        (json!({ "common_name": "robot", "sans": ["a b"] }), "cannot stand in a certificate"),
        (json!({ "profile": "client" }), "no common name"),
    ] {
        let said = house.office("invitations", &wish).with_status(400).body;
        assert!(said.replace("\\\"", "\"").contains(words), "{wish}: {said}");
    }
}

/// Writes a use into every invitation of the ledger.
const USED: &str = r#"python3 - <<'END'
import sqlite3
ledger = sqlite3.connect('realm/state/ledger.db')
change = "text = json_set(text, '$.used', json(?)), version = version + 1"
ledger.execute(f"UPDATE notes SET {change} WHERE shelf = 'invitations'", [open('used.json').read()])
ledger.commit()
END"#;
