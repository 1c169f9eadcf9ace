//! Each refusal as the alert that a client of OpenSSL's reads.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign_transport::{ClientAuth, FailureKind};
use fault::Code;
use identity::Strictness;
use rcgen::{CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::pki::{Leaf, Pki, client, now, server};
use crate::server::{Server, requiring, run, spec, start, text};

/// The authority, its server, and the certificate of that server.
async fn realm() -> (Pki, Server) {
    let pki = Pki::new("test ca");
    let leaf = pki.issue("server", server(&["localhost"]));
    let server = requiring(&leaf.credential, pki.trust()).await;
    (pki, server)
}

/// Presents `leaf` over both versions of TLS; both must hear `alert`, and the door must refuse with `code`.
async fn refused(door: &mut Server, (cert, key): (&Path, &Path), alert: &str, code: Code, cause: &str) {
    for version in ["-tls1_2", "-tls1_3"] {
        let arguments = [version, "-cipher", "DEFAULT@SECLEVEL=0", "-cert", text(cert), "-key", text(key)];
        let said = door.openssl(&arguments).await;
        assert!(said.contains(alert), "{version}: wanted \"{alert}\" in: {said}");
        let failure = door.failure().await;
        assert_eq!(failure.kind(), FailureKind::Refused, "{failure}");
        assert_eq!(failure.refusal().unwrap().code(), code, "{failure}");
        assert!(failure.cause().contains(cause), "wanted \"{cause}\" in: {failure}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_without_a_certificate_hears_certificate_required() {
    let (_pki, mut door) = realm().await;
    for version in ["-tls1_2", "-tls1_3"] {
        let said = door.openssl(&[version]).await;
        assert!(said.contains("alert certificate required") || said.contains("alert number 116"), "{said}");
        let failure = door.failure().await;
        assert_eq!(failure.refusal().unwrap().code(), Code::CertificateRequired);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_another_authority_hears_unknown_ca_and_the_log_names_both() {
    let (_pki, mut door) = realm().await;
    let cause = "\"CN=mallory\" was issued by \"CN=strange ca\"; trusted are \"CN=test ca\"";
    let strange = Pki::new("strange ca");
    let leaf = strange.issue("mallory", client("mallory"));
    refused(&mut door, leaf.files(), "alert unknown ca", Code::UnknownIssuer, cause).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_namesake_of_our_authority_is_an_unknown_ca() {
    let (_pki, mut door) = realm().await;
    let namesake = Pki::new("test ca");
    let leaf = namesake.issue("mallory", client("mallory"));
    refused(&mut door, leaf.files(), "alert unknown ca", Code::UnknownIssuer, "was not signed by the key")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expired_client_hears_certificate_expired_and_the_log_has_both_clocks() {
    let (pki, mut door) = realm().await;
    let mut params = client("late");
    params.not_after = now() - Duration::days(1);
    let leaf = pki.issue("late", params);
    refused(
        &mut door,
        leaf.files(),
        "alert certificate expired",
        Code::CertificateExpired,
        "; our clock says 2",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_the_future_hears_bad_certificate() {
    let (pki, mut door) = realm().await;
    let mut params = client("early");
    params.not_before = now() + Duration::days(1);
    let leaf = pki.issue("early", params);
    refused(&mut door, leaf.files(), "alert bad certificate", Code::CertificateNotYetValid, "our clock says")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_certificate_as_a_client_hears_unsupported_certificate() {
    let (pki, mut door) = realm().await;
    let mut params = client("server");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let leaf = pki.issue("wrong", params);
    let cause = "unsupported certificate purpose: \"CN=server\": extended key usage is serverAuth, clientAuth is needed";
    refused(&mut door, leaf.files(), "alert unsupported certificate", Code::WrongPurpose, cause).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_of_another_environment_hears_bad_certificate() {
    let pki = Pki::new("test ca");
    let leaf = pki.issue("server", server(&["localhost"]));
    let strictness = Strictness { environment: Some("production".to_owned()), ..Strictness::default() };
    let mut door = requiring(&leaf.credential, pki.strict(strictness)).await;
    let mut params = client("worker");
    params.distinguished_name.push(DnType::OrganizationName, "staging");
    params.distinguished_name.push(DnType::OrganizationalUnitName, "countersign-internal");
    let leaf = pki.issue("staging", params);
    let cause = "certificate is for environment \"staging\"";
    refused(&mut door, leaf.files(), "alert bad certificate", Code::NameNotAllowed, cause).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_rsa_key_hears_bad_certificate() {
    let (pki, mut door) = realm().await;
    let (cert, key) = by_openssl(&pki, &["-newkey", "rsa:1024", "-sha256"], &[]).await;
    refused(&mut door, (&cert, &key), "alert bad certificate", Code::WeakCertificate, "RSA key of 1024 bits")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sha1_signature_hears_bad_certificate() {
    let (pki, mut door) = realm().await;
    let (cert, key) = by_openssl(&pki, &["-newkey", "rsa:2048", "-sha256"], &["-sha1"]).await;
    refused(&mut door, (&cert, &key), "alert bad certificate", Code::WeakCertificate, "is signed with SHA-1")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_breaks_the_rules_hears_bad_certificate() {
    let (pki, mut door) = realm().await;
    let mut params: CertificateParams = client("odd");
    let mut identifier = CustomExtension::from_oid_content(&[2, 5, 29, 14], vec![4, 1, 7]);
    identifier.set_criticality(true);
    params.custom_extensions.push(identifier);
    let leaf = pki.issue("odd", params);
    refused(
        &mut door,
        leaf.files(),
        "alert bad certificate",
        Code::MalformedCertificate,
        "critical key identifier",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_certificate_is_refused_where_one_is_only_requested_and_none_is_let_through() {
    let pki = Pki::new("test ca");
    let leaf = pki.issue("server", server(&["localhost"]));
    let mut door = start(spec(&leaf.credential, ClientAuth::Request(pki.trust()))).await;
    let strange = Pki::new("strange ca");
    let mallory = strange.issue("mallory", client("mallory"));
    refused(&mut door, mallory.files(), "alert unknown ca", Code::UnknownIssuer, "CN=strange ca").await;
    for version in ["-tls1_2", "-tls1_3"] {
        let said = door.openssl(&[version]).await;
        assert!(said.contains("hello"), "{said}");
        assert!(door.outcome().await.unwrap().verdict.unwrap().is_none());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curl_reads_the_alert_and_with_a_certificate_the_answer() {
    let (pki, mut door) = realm().await;
    let ca = pki.path("ca.crt");
    let said = door.curl("https", &["--cacert", text(&ca)]).await;
    assert!(said.contains("alert certificate required") && said.ends_with("exit 56"), "{said}");
    assert_eq!(door.failure().await.refusal().unwrap().code(), Code::CertificateRequired);
    let alice = pki.issue("alice", client("alice"));
    let identity =
        ["--http1.1", "--cacert", text(&ca), "--cert", text(&alice.cert), "--key", text(&alice.key)];
    let said = door.curl("https", &identity).await;
    assert!(said.contains("hello"), "{said}");
    let accepted = door.outcome().await.unwrap();
    assert_eq!(accepted.verdict.unwrap().unwrap().leaf(), alice.credential.leaf());
    assert_eq!(accepted.alpn.as_deref(), Some(b"http/1.1".as_slice()));
    assert_eq!(accepted.sni.as_deref(), Some("localhost"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_trust_us_is_told_apart() {
    let (_pki, mut door) = realm().await;
    let said = door.curl("https", &[]).await;
    assert!(said.ends_with("exit 60"), "{said}");
    let failure = door.failure().await;
    assert_eq!(failure.kind(), FailureKind::Alert);
    assert!(failure.cause().contains("unknown ca"), "{failure}");
    assert_eq!(failure.sni(), Some("localhost"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_without_its_key_opens_nothing() {
    let (pki, mut door) = realm().await;
    let (alice, mallory) = (pki.issue("alice", client("alice")), pki.issue("mallory", client("mallory")));
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let said = knock_with(&pki, &door, version, &alice, &mallory).await;
        assert!(said.contains("DecryptError"), "{said}");
        let failure = door.failure().await;
        assert_eq!(failure.kind(), FailureKind::Unproven, "{failure}");
        let said = knock_with(&pki, &door, version, &alice, &alice).await;
        assert!(said.contains("hello"), "{said}");
        assert!(door.outcome().await.is_ok());
    }
}

/// Presents the certificate of one with the key of another; what the server answered.
async fn knock_with(
    pki: &Pki,
    door: &Server,
    version: &'static rustls::SupportedProtocolVersion,
    certificate: &Leaf,
    key: &Leaf,
) -> String {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(pki.certificate().der().clone()).unwrap();
    let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(key.credential.key().der()).unwrap();
    let chain = vec![certificate.credential.leaf().der().clone()];
    let both = CertifiedKey::new(chain, key);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(both)));
    let tcp = tokio::net::TcpStream::connect(("127.0.0.1", door.port)).await.unwrap();
    let name = "localhost".try_into().unwrap();
    match tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, tcp).await {
        Err(error) => error.to_string(),
        Ok(mut stream) => {
            let mut said = String::new();
            stream.write_all(b"GET").await.unwrap();
            stream.read_to_string(&mut said).await.map_or_else(|error| error.to_string(), |_| said)
        }
    }
}

/// A leaf that `openssl` makes, where rcgen is too careful to.
async fn by_openssl(pki: &Pki, request: &[&str], sign: &[&str]) -> (PathBuf, PathBuf) {
    let (csr, key, cert) = (pki.path("weak.csr"), pki.path("weak.key"), pki.path("weak.crt"));
    let (ca, ca_key, ext) = (pki.path("ca.crt"), pki.path("ca.key"), pki.path("weak.ext"));
    std::fs::write(&ext, "extendedKeyUsage = clientAuth\n").unwrap();
    let mut all =
        vec!["req", "-new", "-nodes", "-subj", "/CN=weak", "-keyout", text(&key), "-out", text(&csr)];
    all.extend(request);
    let said = run("openssl", &all).await;
    assert!(said.ends_with("exit 0"), "{said}");
    let mut all = vec!["x509", "-req", "-in", text(&csr), "-CA", text(&ca), "-CAkey", text(&ca_key)];
    all.extend(["-set_serial", "7", "-days", "5", "-extfile", text(&ext), "-out", text(&cert)]);
    all.extend(sign);
    let said = run("openssl", &all).await;
    assert!(said.ends_with("exit 0"), "{said}");
    (cert, key)
}
