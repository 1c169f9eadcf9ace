//! X.509 version 1, as `openssl x509 -req` writes it without an extension file.

use countersign_transport::ClientAuth;
use fault::Code;
use identity::Strictness;

use crate::dialling::{dial, dial_with};
use crate::pki::{Leaf, Pki, credential, server};
use crate::server::{requiring, run, spec, start, text};

/// The recipe of an operator's manual: RSA-4096, no extensions.
async fn alice(pki: &Pki) -> Leaf {
    let (key, csr, cert) = (pki.path("alice.key"), pki.path("alice.csr"), pki.path("alice.crt"));
    let (ca, ca_key) = (pki.path("ca.crt"), pki.path("ca.key"));
    let subject = "/CN=alice@example.com/O=Acme Inc/C=US";
    let steps: [&[&str]; 3] = [
        &["genrsa", "-out", text(&key), "4096"],
        &["req", "-new", "-key", text(&key), "-out", text(&csr), "-subj", subject],
        &[
            "x509",
            "-req",
            "-in",
            text(&csr),
            "-CA",
            text(&ca),
            "-CAkey",
            text(&ca_key),
            "-CAcreateserial",
            "-out",
            text(&cert),
            "-days",
            "365",
        ],
    ];
    for step in steps {
        let said = run("openssl", step).await;
        assert!(said.ends_with("exit 0"), "{said}");
    }
    let credential = std::sync::Arc::new(credential(&cert, &key));
    assert_eq!(credential.leaf().version(), 1, "openssl wrote another version");
    Leaf { cert, key, credential }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_1_client_is_let_in_over_1_2_and_1_3() {
    let pki = Pki::new("test ca");
    let leaf = pki.issue("server", server(&["localhost"]));
    let alice = alice(&pki).await;
    let mut door = requiring(&leaf.credential, pki.trust()).await;
    for version in ["-tls1_2", "-tls1_3"] {
        let said = door.openssl(&[version, "-cert", text(&alice.cert), "-key", text(&alice.key)]).await;
        assert!(said.contains("hello"), "{said}");
        let verified = door.outcome().await.unwrap().verdict.unwrap().unwrap();
        assert_eq!(verified.leaf().identity().common_name().one(), Some("alice@example.com"));
    }
    let ca = pki.path("ca.crt");
    let said = door
        .curl(
            "https",
            &["--http1.1", "--cacert", text(&ca), "--cert", text(&alice.cert), "--key", text(&alice.key)],
        )
        .await;
    assert!(said.contains("200 OK"), "{said}");
    let strictness = Strictness { allow_x509_v1: false, ..Strictness::default() };
    let mut strict = requiring(&leaf.credential, pki.strict(strictness)).await;
    let said = strict.openssl(&["-cert", text(&alice.cert), "-key", text(&alice.key)]).await;
    assert!(said.contains("alert bad certificate"), "{said}");
    assert_eq!(strict.failure().await.refusal().unwrap().code(), Code::MalformedCertificate);
    // Our own client presents it too.
    let dialled = dial_with(&pki, Some(alice.credential)).connect("localhost", door.port).await.unwrap();
    assert!(dialled.verified.is_some());
    drop(dialled);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_1_server_is_served_and_has_no_name() {
    let pki = Pki::new("test ca");
    let alice = alice(&pki).await;
    let door = start(spec(&alice.credential, ClientAuth::Off)).await;
    assert!(door.openssl(&["-tls1_3"]).await.contains("hello"));
    assert!(door.openssl(&["-tls1_2"]).await.contains("hello"));
    let fault = dial(&pki).connect("localhost", door.port).await.unwrap_err().to_string();
    assert!(fault.contains("has no subject alternative name for a host"), "{fault}");
}
