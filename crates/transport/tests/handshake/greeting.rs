//! The id by which both ends of a handshake can speak of it.

use std::io::{self, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use countersign_transport::dial::trouble;
use countersign_transport::{ClientAuth, Heard, HelloId};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, SupportedProtocolVersion,
};
use tokio::io::AsyncReadExt as _;

use crate::dialling::{dial, dial_with};
use crate::pki::{Pki, client, server};
use crate::server::{requiring, spec, start};

/// Knocks with one version of TLS, offers a key exchange first of all, and sends no more than so many bytes at a time.
/// Returns the id that it knows the handshake by.
async fn knock(
    port: u16,
    version: &'static SupportedProtocolVersion,
    first: Option<&'static dyn SupportedKxGroup>,
    most: usize,
) -> HelloId {
    let mut provider = aws_lc_rs::default_provider();
    if let Some(first) = first {
        provider.kx_groups.retain(|group| group.name() == rustls::NamedGroup::secp256r1);
        provider.kx_groups.insert(0, first);
    }
    let config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[version])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(aws_lc_rs::default_provider())))
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let mut tls = ClientConnection::new(Arc::new(config), name).unwrap();
    let knocking = move || {
        let tcp = TcpStream::connect(("127.0.0.1", port)).unwrap();
        tcp.set_nodelay(true).unwrap();
        let mut stream = Dripping { tcp, most, said: Vec::new() };
        while tls.is_handshaking() && tls.complete_io(&mut stream).is_ok() {}
        let _ = tls.writer().write_all(b"GET");
        let _ = tls.complete_io(&mut stream);
        match Heard::of(&stream.said) {
            Heard::Hello(hello) => Some(hello),
            Heard::More | Heard::Nothing => None,
        }
    };
    tokio::task::spawn_blocking(knocking).await.unwrap().unwrap()
}

/// A connection that sends in small pieces and keeps what it sent.
struct Dripping {
    tcp: TcpStream,
    most: usize,
    said: Vec<u8>,
}

impl io::Read for Dripping {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.tcp.read(buffer)
    }
}

impl io::Write for Dripping {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.tcp.write(bytes.get(..self.most).unwrap_or(bytes))?;
        self.said.extend(bytes.iter().take(sent));
        Ok(sent)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.tcp.flush()
    }
}

#[derive(Debug)]
struct Anybody(CryptoProvider);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_accepted_handshake_has_one_id_at_both_ends_even_after_a_second_hello() {
    let pki = Pki::new("test ca");
    let leaf = pki.issue("server", server(&["localhost"]));
    let mut door = start(spec(&leaf.credential, ClientAuth::Off)).await;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let id = knock(door.port, version, None, usize::MAX).await;
        assert_eq!(door.outcome().await.unwrap().hello, Some(id), "{version:?}");
    }
    // The server does not speak the key exchange that is offered first, and asks for another hello.
    let retried = Some(aws_lc_rs::kx_group::MLKEM768);
    let id = knock(door.port, &rustls::version::TLS13, retried, usize::MAX).await;
    assert_eq!(door.outcome().await.unwrap().hello, Some(id));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hello_that_comes_byte_by_byte_is_served_and_has_its_id() {
    let pki = Pki::new("test ca");
    let leaf = pki.issue("server", server(&["localhost"]));
    let mut door = start(spec(&leaf.credential, ClientAuth::Off)).await;
    let id = knock(door.port, &rustls::version::TLS13, None, 1).await;
    assert_eq!(door.outcome().await.unwrap().hello, Some(id));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_handshake_has_one_id_at_both_ends_in_both_versions() {
    let pki = Pki::new("test ca");
    let leaf = pki.issue("server", server(&["localhost"]));
    let mut door = requiring(&leaf.credential, pki.trust()).await;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let id = knock(door.port, version, None, usize::MAX).await;
        let failure = door.failure().await;
        assert!(failure.refusal().is_some(), "{failure}");
        assert_eq!(failure.hello(), Some(id), "{version:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_client_names_the_id_of_a_handshake_that_was_refused_and_whom_to_ask() {
    let (ours, theirs) = (Pki::new("our ca"), Pki::new("their ca"));
    let leaf = ours.issue("server", server(&["localhost"]));
    let mut door = requiring(&leaf.credential, ours.trust()).await;
    let stranger = theirs.issue("stranger", client("stranger"));
    let mut dialled =
        dial_with(&ours, Some(stranger.credential)).connect("localhost", door.port).await.unwrap();
    let error = dialled.stream.read(&mut [0; 16]).await.unwrap_err();
    let hello = dialled.hello.unwrap();
    assert_eq!(door.failure().await.hello(), Some(hello));
    let fault = trouble::known_as(trouble::of_io("localhost", &error).unwrap(), Some(hello)).to_string();
    assert!(fault.contains(&format!("the server may know this handshake as {hello}")), "{fault}");
    assert!(fault.contains(&format!("countersign explain {hello}")), "{fault}");
    assert!(fault.contains("try: use a certificate from an authority"), "{fault}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_client_names_the_id_of_a_handshake_that_ended_at_once() {
    let pki = Pki::new("test ca");
    let leaf = pki.issue("server", server(&["localhost"]));
    let mut spec = spec(&leaf.credential, ClientAuth::Off);
    spec.alpn = vec![b"postgresql".to_vec()];
    let mut door = start(spec).await;
    let fault = dial(&pki).connect("localhost", door.port).await.unwrap_err().to_string();
    let hello = door.failure().await.hello().unwrap();
    assert!(fault.contains("none of the application protocols"), "{fault}");
    assert!(fault.contains(&format!("countersign explain {hello}")), "{fault}");
}
