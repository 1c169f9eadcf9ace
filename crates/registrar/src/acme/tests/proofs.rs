use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{CertificateParams, CustomExtension, KeyPair, SanType};
use rustls::ServerConfig;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use wire::acme::Identifier;
use wire::acme::challenge::{ALPN, WELL_KNOWN, key_authorization, key_authorization_digest};

use super::client::{Client, path};
use super::world::{Wanted, World, answering};
use crate::acme::validating::Validator;

/// What becomes of a challenge of this kind for a name on loopback, once the client has said that it is ready.
async fn outcome(
    client: &Client<'_>,
    method: &str,
    name: (&str, &str),
    prepare: impl AsyncFn(&str),
) -> Value {
    let order = client.order(&[name]).await.ok();
    let authorization = path(order.body["authorizations"][0].as_str().unwrap());
    let shown = client.read(&authorization).await.ok();
    let challenges = shown.body["challenges"].as_array().unwrap().clone();
    let challenge = challenges.iter().find(|challenge| challenge["type"] == method).unwrap();
    prepare(challenge["token"].as_str().unwrap()).await;
    let at = path(challenge["url"].as_str().unwrap());
    client.post(&at, &json!({})).await.ok();
    for _ in 0..2000 {
        let now = client.read(&at).await.ok().body;
        if now["status"] != "processing" {
            return now;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("the challenge was never over");
}

fn ok(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn to(location: &str) -> Vec<u8> {
    format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n").into_bytes()
}

/// A name on loopback whose web server answers so to http-01, for a challenge with this token.
async fn proved(
    allow: &'static [&'static str],
    answer: fn(SocketAddr, &str) -> Vec<u8>,
) -> Result<(), String> {
    let address = answering(move |address| answer(address, "TOKEN")).await;
    let wanted = Wanted { allow, http_port: address.port(), ..Wanted::default() };
    let world = World::with(wanted).await;
    let settings = world.registrar.issuing().acme.clone().unwrap();
    let name = Identifier::parse("dns", "a.localhost").unwrap();
    let method = wire::acme::challenge::Method::Http01;
    let proof = Validator::new(&settings).prove(method, &name, "TOKEN", "TOKEN.thumb").await;
    proof.map_err(|problem| problem.to_string())
}

#[tokio::test]
async fn a_web_server_answers_with_the_key_authorization_and_with_nothing_else() {
    let loopback: &[&str] = &["127.0.0.0/8"];
    proved(loopback, |_, _| ok("TOKEN.thumb")).await.unwrap();
    proved(loopback, |_, _| ok("TOKEN.thumb\r\n")).await.unwrap();
    for answer in [
        (|_, _| ok("TOKEN.thumbs")) as fn(SocketAddr, &str) -> Vec<u8>,
        |_, _| ok("TOKEN"),
        |_, _| ok(" TOKEN.thumb"),
        |_, _| ok(""),
        |_, _| ok(&format!("TOKEN.thumb{}", " ".repeat(70_000))),
        |_, _| b"HTTP/1.1 404 Not Found\r\ncontent-length: 11\r\n\r\nTOKEN.thumb".to_vec(),
    ] {
        let why = proved(loopback, answer).await.unwrap_err();
        assert!(why.starts_with("incorrectResponse"), "{why}");
        assert!(!why.contains("thumbs"), "what was answered is told to nobody: {why}");
    }
    let why = proved(loopback, |_, _| b"nonsense\r\n\r\n".to_vec()).await.unwrap_err();
    assert!(why.starts_with("connection"), "{why}");
}

#[tokio::test]
async fn this_machine_is_not_asked_unless_that_is_allowed_not_even_by_a_redirect() {
    let why = proved(&[], |_, _| ok("TOKEN.thumb")).await.unwrap_err();
    assert!(why.contains("an address of this machine"), "{why}");
    let elsewhere: fn(SocketAddr, &str) -> Vec<u8> =
        |at, token| to(&format!("http://127.0.0.2:{}{WELL_KNOWN}{token}", at.port()));
    let why = proved(&["127.0.0.1"], elsewhere).await.unwrap_err();
    assert!(why.contains("127.0.0.2, an address of this machine"), "{why}");
    let metadata: fn(SocketAddr, &str) -> Vec<u8> =
        |_, token| to(&format!("http://169.254.169.254{WELL_KNOWN}{token}"));
    let why = proved(&["127.0.0.1"], metadata).await.unwrap_err();
    assert!(why.contains("clouds keep their metadata"), "{why}");
}

#[tokio::test]
async fn redirects_go_round_ten_times_at_most_and_to_the_challenge_alone() {
    let why =
        proved(&["127.0.0.1"], |at, token| to(&format!("http://127.0.0.1:{}{WELL_KNOWN}{token}", at.port())));
    let why = why.await.unwrap_err();
    assert!(why.contains("redirects more than 10 times"), "{why}");
    let why = proved(&["127.0.0.1"], |at, _| to(&format!("http://127.0.0.1:{}/admin", at.port()))).await;
    assert!(why.unwrap_err().contains("another path"));
}

#[tokio::test]
async fn a_proof_that_fails_ends_the_order_and_says_why() {
    let address = answering(|_| ok("something else")).await;
    let world = World::with(Wanted { http_port: address.port(), ..Wanted::default() }).await;
    let client = Client::registered(&world).await;
    let failed = outcome(&client, "http-01", ("dns", "a.localhost"), async |_| {}).await;
    assert_eq!(failed["status"], "invalid");
    assert_eq!(failed["error"]["type"], "urn:ietf:params:acme:error:incorrectResponse");
    let listed = client.read(&format!("{}/orders", path(&client.account))).await.ok();
    let order = client.read(&path(listed.body["orders"][0].as_str().unwrap())).await.ok();
    assert_eq!(order.body["status"], "invalid");
    assert_eq!(order.body["error"]["type"], "urn:ietf:params:acme:error:incorrectResponse");
}

/// What a certificate for tls-alpn-01 is made from.
struct Shown {
    names: Vec<SanType>,
    digest: [u8; 32],
    critical: bool,
    alpn: &'static [u8],
}

impl Shown {
    fn good(expected: &str) -> Self {
        let names = vec![SanType::IpAddress([127, 0, 0, 1].into())];
        Self { names, digest: key_authorization_digest(expected), critical: true, alpn: ALPN }
    }

    /// The TLS server that shows it; its port.
    async fn serve(self) -> u16 {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.subject_alt_names = self.names;
        let content = [&[0x04, 0x20][..], &self.digest].concat();
        let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 31], content);
        extension.set_criticality(self.critical);
        params.custom_extensions = vec![extension];
        let certificate = params.self_signed(&key).unwrap();
        serve(certificate.der().clone(), &key, self.alpn).await
    }
}

async fn serve(certificate: CertificateDer<'static>, key: &KeyPair, alpn: &'static [u8]) -> u16 {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    // Handed over as it is: rustls would not take one with a critical extension that it does not know.
    let certified =
        CertifiedKey::new(vec![certificate], provider.key_provider.load_private_key(key).unwrap());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    config.alpn_protocols = vec![alpn.to_vec()];
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // The client hangs up after the handshake.
            let _ = acceptor.accept(stream).await;
        }
    });
    port
}

async fn shown(shown: Shown) -> Result<(), String> {
    let tls_port = shown.serve().await;
    let world = World::with(Wanted { tls_port, ..Wanted::default() }).await;
    let settings = world.registrar.issuing().acme.clone().unwrap();
    let name = Identifier::parse("ip", "127.0.0.1").unwrap();
    let method = wire::acme::challenge::Method::TlsAlpn01;
    let proof = Validator::new(&settings).prove(method, &name, "T", "T.thumb").await;
    proof.map_err(|problem| problem.to_string())
}

#[tokio::test]
async fn a_tls_server_shows_exactly_the_certificate_that_proves_the_name() {
    let good = || Shown::good("T.thumb");
    shown(good()).await.unwrap();
    let other = SanType::IpAddress([127, 0, 0, 2].into());
    let name = SanType::DnsName("a.localhost".try_into().unwrap());
    for (wrong, why) in [
        (Shown { names: vec![other], ..good() }, "exactly this name"),
        (Shown { names: vec![name.clone()], ..good() }, "exactly this name"),
        (Shown { names: [good().names, vec![name]].concat(), ..good() }, "exactly this name"),
        (Shown { names: Vec::new(), ..good() }, "exactly this name"),
        (Shown { critical: false, ..good() }, "not critical"),
        (Shown::good("T.other"), "another key authorization"),
        (Shown { alpn: b"http/1.1", ..good() }, "handshake failed"),
    ] {
        let said = shown(wrong).await.unwrap_err();
        assert!(said.contains(why), "{why}: {said}");
    }
}

#[tokio::test]
async fn a_name_that_was_proved_makes_its_order_ready() {
    // The port has to be known before the token: a web server that answers whatever was put there last.
    let answer = Arc::new(parking_lot::Mutex::new(String::new()));
    let held = Arc::clone(&answer);
    let address = answering(move |_| ok(&held.lock())).await;
    let world = World::with(Wanted { http_port: address.port(), ..Wanted::default() }).await;
    let client = Client::registered(&world).await;
    let prepare = async |token: &str| *answer.lock() = key_authorization(token, &client.key());
    let proved = outcome(&client, "http-01", ("ip", "127.0.0.1"), prepare).await;
    assert_eq!(proved["status"], "valid", "{proved}");
    let listed = client.read(&format!("{}/orders", path(&client.account))).await.ok();
    let order = client.read(&path(listed.body["orders"][0].as_str().unwrap())).await.ok();
    assert_eq!(order.body["status"], "ready");
}
