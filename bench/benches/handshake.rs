//! A full handshake with a client certificate over loopback: our listener's half and a client's half together, on one
//! thread. Where only our half counts, measure with the load program.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot be set up has nothing to measure")]

#[expect(dead_code, reason = "each benchmark uses a part of the PKI")]
mod pki;

use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_bench::stopwatch::Stopwatch;
use pki::Signer;
use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, NamedGroup, RootCertStore};
use rustls_pki_types::{PrivatePkcs8KeyDer, ServerName};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio_rustls::TlsConnector;
use transport::{ClientAuth, Door, DoorSpec, Memories, SystemClock, TlsVersion};

fn main() {
    let stopwatch = Stopwatch::start();
    let (servers, clients) = (Signer::root(), Signer::root());
    let door = Door::new(DoorSpec {
        credentials: vec![Arc::new(servers.server().credential())],
        client_auth: ClientAuth::Require(Arc::new(clients.trust())),
        min_version: TlsVersion::Tls13,
        alpn: Vec::new(),
        handshake_timeout: Duration::from_secs(10),
        clock: Arc::new(SystemClock),
        memories: Memories::default(),
        online: None,
    })
    .unwrap();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let cases = [("X25519", Some(NamedGroup::X25519)), ("the key exchange that rustls prefers", None)];
    for (name, only) in cases {
        let connector = TlsConnector::from(client(&servers, &clients, only));
        let case = format!("handshake, both halves, {name}");
        stopwatch.until(&case, |end| runtime.block_on(work(&door, &listener, &connector, end)));
    }
}

async fn work(door: &Door, listener: &TcpListener, connector: &TlsConnector, end: Instant) -> u64 {
    let address = listener.local_addr().unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut count = 0;
    while Instant::now() < end {
        let theirs = async {
            let tcp = TcpStream::connect(address).await.unwrap();
            tcp.set_nodelay(true).unwrap();
            connector.connect(name.clone(), tcp).await.unwrap()
        };
        let ours = async {
            let (tcp, _) = listener.accept().await.unwrap();
            door.accept(tcp).await.unwrap()
        };
        let (theirs, ours) = tokio::join!(theirs, ours);
        assert!(matches!(ours.verdict, Ok(Some(_))));
        // Both ends go without a farewell; closing is not what is measured.
        drop((theirs, ours));
        count += 1;
    }
    count
}

fn client(servers: &Signer, clients: &Signer, only: Option<NamedGroup>) -> Arc<ClientConfig> {
    let mut provider = aws_lc_rs::default_provider();
    provider.kx_groups.retain(|group| only.is_none_or(|only| group.name() == only));
    let mut roots = RootCertStore::empty();
    roots.add(servers.certificate.der().clone()).unwrap();
    let leaf = clients.client("analyst", &[]);
    let key = PrivatePkcs8KeyDer::from(leaf.key.serialize_der());
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(leaf.chain, key.into())
        .unwrap();
    config.resumption = Resumption::disabled();
    Arc::new(config)
}
