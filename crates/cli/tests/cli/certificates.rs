//! `cert issue`, `show`, `spki`, `list`.

use crate::folder::Folder;

#[test]
fn an_authority_made_with_openssl_issues_what_openssl_verifies() {
    let folder = Folder::with_openssl_pki();
    let args = ["cert", "issue", "--ca", "client-ca", "--cn", "carol", "--days", "90"];
    folder.countersign(&args).succeeded().says(&["carol.crt", "carol.key"]);
    folder.sh("openssl verify -purpose sslclient -CAfile client-ca.crt carol.crt");
    assert_eq!(folder.mode("carol.key"), 0o600);
    let hash = "openssl sha256 | sed 's/.*= //'";
    let certificate = folder.sh(&format!("openssl x509 -in carol.crt -pubkey -noout | {hash}"));
    let key = folder.sh(&format!("openssl pkey -in carol.key -pubout | {hash}"));
    assert_eq!(certificate, key);
}

#[test]
fn an_issued_certificate_is_on_record() {
    let folder = Folder::with_issuers();
    let args = [
        "cert",
        "issue",
        "--ca",
        "realm/pki/issuers/client",
        "--ledger",
        "realm/state/ledger.db",
        "--cn",
        "carol",
    ];
    folder.countersign(&args).succeeded();
    let serial = folder.sh("openssl x509 -in carol.crt -noout -serial | sed 's/serial=//'");
    let listed = folder.countersign(&["cert", "list", "--name", "carol", "--json"]).succeeded().json();
    assert_eq!(listed[0]["serial"], serial.trim());
    assert_eq!(listed[0]["state"], "issued");
    folder
        .countersign(&["cert", "show", &serial.trim().to_lowercase()])
        .succeeded()
        .says(&["CN=carol", serial.trim()]);
    let soon = folder.countersign(&["cert", "list", "--expires-within", "30d", "--json"]).succeeded();
    assert_eq!(soon.json().as_array().map(Vec::len), Some(0));
}

#[test]
fn a_request_is_certified_without_its_key() {
    let folder = Folder::with_openssl_pki();
    let args = ["cert", "issue", "--ca", "client-ca.crt", "--csr", "analyst.csr", "--out", "new", "--json"];
    let issued = folder.countersign(&args).succeeded().json();
    assert_eq!(issued["subject"], "CN=analyst");
    assert_eq!(issued["key"], serde_json::Value::Null);
    assert!(!folder.path("new/analyst.key").exists());
    let spki = folder.countersign(&["cert", "spki", "analyst.crt"]).succeeded().out;
    assert_eq!(issued["spki_sha256"], spki.trim());
}

#[test]
fn files_are_replaced_only_when_told_to() {
    let folder = Folder::with_openssl_pki();
    let before = folder.read("analyst.key");
    let args = ["cert", "issue", "--ca", "client-ca", "--cn", "analyst"];
    folder.countersign(&args).exited(2).says(&["analyst.crt", "analyst.key", "--force"]);
    assert_eq!(folder.read("analyst.key"), before);
    folder.countersign(&[&args[..], &["--force"]].concat()).succeeded();
    assert_ne!(folder.read("analyst.key"), before);
}

#[test]
fn the_hash_is_openssls_for_every_kind_of_key() {
    let folder = Folder::new();
    for kind in ["-algorithm EC -pkeyopt ec_paramgen_curve:P-384", "-algorithm ED25519", "-algorithm RSA"] {
        folder.sh(&format!(
            "openssl genpkey {kind} -out k.key; openssl req -x509 -new -key k.key -subj /CN=x -out k.crt"
        ));
        let openssl =
            "openssl x509 -in k.crt -pubkey -noout | openssl pkey -pubin -outform DER | openssl dgst -sha256";
        let expected = folder.sh(&format!("{openssl} | sed 's/.*= //'"));
        assert_eq!(folder.countersign(&["cert", "spki", "k.crt"]).succeeded().out, expected, "{kind}");
    }
}

#[test]
fn what_is_shown_is_what_openssl_shows() {
    let folder = Folder::with_openssl_pki();
    let shown = folder.countersign(&["cert", "show", "server.crt", "--json"]).succeeded().json();
    let shown = &shown[0];
    let fingerprint =
        folder.sh("openssl x509 -in server.crt -noout -fingerprint -sha256 | sed 's/.*=//; s/://g'");
    assert_eq!(shown["sha256"], fingerprint.trim().to_lowercase());
    let serial = folder.sh("openssl x509 -in server.crt -noout -serial | sed 's/.*=//'");
    assert_eq!(shown["serial"], serial.trim());
    assert_eq!(shown["sans"], serde_json::json!(["DNS:db.example.com", "IP:203.0.113.10"]));
    assert_eq!(shown["days_left"], 89);
    let pin = folder.sh("openssl x509 -in server.crt -pubkey -noout | openssl pkey -pubin -outform DER | openssl dgst -sha256 -binary | base64");
    assert_eq!(shown["pin"], format!("sha256//{}", pin.trim()));
}

#[test]
fn what_deserves_a_look_is_said() {
    let folder = Folder::new();
    folder.sh(
        "openssl req -x509 -newkey rsa:1024 -nodes -keyout w.key -subj /CN=w -days 3 -out w.crt 2>/dev/null",
    );
    folder
        .countersign(&["cert", "show", "w.crt"])
        .succeeded()
        .says(&["RSA key of 1024 bits", "ends in 2 days"]);
}

#[test]
fn a_file_that_is_not_there_is_wrong_use_and_a_serial_that_is_unknown_is_not() {
    let folder = Folder::with_issuers();
    folder.countersign(&["cert", "show", "nowhere.crt"]).exited(2).says(&["nowhere.crt"]);
    folder.countersign(&["cert", "show", "0123456789"]).exited(1).says(&["0123456789", "cert list"]);
}
