//! `ca`: the tiers.

use crate::folder::Folder;

#[test]
fn the_root_and_its_issuers_pass_openssls_checks() {
    let folder = Folder::with_issuers();
    folder.sh(
        "openssl verify -CAfile realm/pki/root.crt realm/pki/issuers/server.crt realm/pki/issuers/client.crt",
    );
    let text = folder.sh("openssl x509 -in realm/pki/issuers/client.crt -noout -text");
    for part in ["CA:TRUE, pathlen:0", "TLS Web Client Authentication", "Certificate Sign, CRL Sign"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("TLS Web Server"), "{text}");
}

#[test]
fn keys_are_their_owners_alone_and_certificates_are_public() {
    let folder = Folder::with_issuers();
    for key in ["offline/root.key", "pki/issuers/server.key", "pki/issuers/client.key"] {
        assert_eq!(folder.mode(&format!("realm/{key}")), 0o600, "{key}");
    }
    assert_eq!(folder.mode("realm/pki/server-ca.crt"), 0o644);
}

#[test]
fn what_a_client_trusts_carries_the_root_and_what_a_server_trusts_does_not() {
    let folder = Folder::with_issuers();
    assert_eq!(folder.read("realm/pki/server-ca.crt").matches("BEGIN CERTIFICATE").count(), 2);
    assert_eq!(folder.read("realm/pki/client-ca.crt").matches("BEGIN CERTIFICATE").count(), 1);
}

#[test]
fn an_authority_is_never_overwritten() {
    let folder = Folder::with_issuers();
    let before = folder.read("realm/offline/root.key");
    folder.countersign(&["ca", "init-root"]).exited(2).says(&["realm/offline/root.key", "not overwritten"]);
    folder
        .countersign(&["ca", "init-issuer", "--kind", "server"])
        .exited(2)
        .says(&["pki/issuers/server.key"]);
    assert_eq!(folder.read("realm/offline/root.key"), before);
}

#[test]
fn an_authoritys_key_can_be_encrypted_and_used_again() {
    let folder = Folder::new();
    folder.sh("echo hunter22 > password; chmod 600 password");
    folder.countersign(&["ca", "init-root", "--key-password-file", "password"]).succeeded();
    assert!(folder.read("realm/offline/root.key").starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
    folder.sh("openssl pkey -in realm/offline/root.key -passin file:password -noout");
    folder.countersign(&["ca", "init-issuer", "--kind", "client"]).exited(2).says(&["encrypted"]);
    let args = ["ca", "init-issuer", "--kind", "client", "--root-key-password-file", "password"];
    folder.countersign(&args).succeeded();
}

#[test]
fn a_responder_of_the_root_is_certified_by_hand_and_again_with_the_same_key() {
    let folder = Folder::with_issuers();
    folder
        .countersign(&["ca", "init-responder", "--days", "30"])
        .succeeded()
        .says(&["root_ocsp", "root-ocsp.key"]);
    assert_eq!(folder.mode("realm/pki/root-ocsp.key"), 0o600);
    let text = folder.sh("openssl x509 -in realm/pki/root-ocsp.crt -noout -text");
    for part in ["OCSP Signing", "OCSP No Check", "CA:FALSE"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    folder.sh("openssl verify -CAfile realm/pki/root.crt -purpose ocsphelper realm/pki/root-ocsp.crt");
    let (key, certificate) = (folder.read("realm/pki/root-ocsp.key"), folder.read("realm/pki/root-ocsp.crt"));
    folder.countersign(&["ca", "init-responder", "--days", "99999"]).succeeded();
    assert_eq!(folder.read("realm/pki/root-ocsp.key"), key);
    assert_ne!(folder.read("realm/pki/root-ocsp.crt"), certificate);
    let end = |file: &str| folder.sh(&format!("openssl x509 -in realm/pki/{file}.crt -noout -enddate"));
    assert_eq!(end("root-ocsp"), end("root"), "never longer than its root");
}

#[test]
fn ca_show_tells_the_tiers_apart() {
    let folder = Folder::with_issuers();
    let shown = folder.countersign(&["ca", "show", "--json"]).succeeded().json();
    assert_eq!(shown["root"]["subject"], "CN=countersign Root CA (development)");
    assert_eq!(shown["client"]["path_length"], 0);
    assert_eq!(shown["server"]["usages"][0], "serverAuth");
    folder.countersign(&["ca", "show", "--realm", "nowhere"]).exited(2).says(&["nowhere/pki", "--realm"]);
}
