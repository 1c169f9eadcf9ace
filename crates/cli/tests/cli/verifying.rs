//! `verify`: the verdict, and why.

use crate::folder::Folder;

#[test]
fn a_good_chain_is_verified_with_its_path() {
    let folder = Folder::with_openssl_pki();
    folder.countersign(&["verify", "--trust", "client-ca.crt", "analyst.crt"]).succeeded().says(&[
        "verified: CN=analyst as a client",
        "CN=countersign client CA",
        "(trusted)",
    ]);
    let verdict = folder
        .countersign(&["verify", "--json", "--trust", "client-ca.crt", "analyst.crt"])
        .succeeded()
        .json();
    assert_eq!(verdict["verified"], true);
    assert_eq!(verdict["path"][1]["subject"], "CN=countersign client CA");
}

#[test]
fn each_reason_to_refuse_has_its_code() {
    let folder = Folder::with_openssl_pki();
    let cases: [(&[&str], &str); 5] = [
        (&["--trust", "server-ca.crt", "analyst.crt"], "unknown-issuer"),
        (&["--trust", "client-ca.crt", "--purpose", "server", "analyst.crt"], "wrong-purpose"),
        (&["--trust", "client-ca.crt", "--at", "2090-01-01", "analyst.crt"], "certificate-expired"),
        (&["--trust", "client-ca.crt", "--at", "2001-01-01", "analyst.crt"], "certificate-not-yet-valid"),
        (
            &["--trust", "server-ca.crt", "--purpose", "server", "--name", "x.example.com", "server.crt"],
            "name-not-allowed",
        ),
    ];
    for (args, code) in cases {
        let ran = folder.countersign(&[&["verify", "--json"], args].concat()).exited(1);
        assert_eq!(ran.json()["code"], code);
        folder.countersign(&[&["verify"], args].concat()).exited(1).says(&[
            "refused: ",
            code,
            "cause: ",
            "try: ",
        ]);
    }
}

#[test]
fn every_name_of_a_server_verifies() {
    let folder = Folder::with_openssl_pki();
    for name in ["db.example.com", "203.0.113.10"] {
        let args =
            ["verify", "--trust", "server-ca.crt", "--purpose", "server", "--name", name, "server.crt"];
        folder.countersign(&args).succeeded();
    }
}

#[test]
fn a_version_1_leaf_is_taken_unless_it_is_told_not_to_be() {
    let folder = Folder::with_openssl_pki();
    folder.sh("openssl x509 -req -in analyst.csr -CA client-ca.crt -CAkey client-ca.key -CAcreateserial -days 9 -sha256 -out v1.crt");
    folder.countersign(&["verify", "--trust", "client-ca.crt", "v1.crt"]).succeeded();
    folder.countersign(&["verify", "--trust", "client-ca.crt", "--no-x509-v1", "v1.crt"]).exited(1);
}
