//! Servers that overlook something.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use fault::Fault;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::aws_lc_rs;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ProducesTickets, WebPkiClientVerifier};
use rustls::{
    DigitallySignedStruct, DistinguishedName, Error, RootCertStore, ServerConfig, ServerConnection,
    SignatureScheme, StreamOwned,
};
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer, UnixTime};

use crate::cast::Cast;
use crate::moment::Stage;
use crate::target::Target;

/// What is overlooked.
#[derive(Clone, Copy)]
pub(super) enum Server {
    /// Any certificate will do, and none as well.
    Blind,
    /// Certificates are verified, and whoever resumes a session is not.
    Forgetful,
}

/// A server that answers everybody whom its handshake lets in as if they were ann.
pub(super) struct Lax<'a> {
    cast: &'a Cast,
    server: Server,
    address: SocketAddr,
    config: Arc<Mutex<Arc<ServerConfig>>>,
    tickets: Arc<dyn ProducesTickets>,
}

impl<'a> Lax<'a> {
    pub(super) fn new(cast: &'a Cast, server: Server) -> Self {
        let tickets = aws_lc_rs::Ticketer::new().unwrap();
        let config = Arc::new(Mutex::new(config(cast, server, Stage::Started, &tickets)));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let current = Arc::clone(&config);
        // It ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let config = Arc::clone(&current.lock().unwrap());
                std::thread::spawn(move || answer(stream, config));
            }
        });
        Self { cast, server, address, config, tickets }
    }
}

impl Target for Lax<'_> {
    fn address(&self, _: &str) -> Option<SocketAddr> {
        Some(self.address)
    }

    fn advance(&mut self, stage: Stage) -> Result<(), Fault> {
        if stage == Stage::Reloaded {
            return Err(Fault::theirs("this server does not reload"));
        }
        *self.config.lock().unwrap() = config(self.cast, self.server, stage, &self.tickets);
        Ok(())
    }

    fn record(&mut self) -> Result<Option<HashMap<SocketAddr, String>>, Fault> {
        Ok(None)
    }
}

fn config(
    cast: &Cast,
    server: Server,
    stage: Stage,
    tickets: &Arc<dyn ProducesTickets>,
) -> Arc<ServerConfig> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier: Arc<dyn ClientCertVerifier> = match server {
        Server::Blind => Arc::new(Blind),
        Server::Forgetful => {
            let mut roots = RootCertStore::empty();
            roots.add(cast.trusted(stage).der().clone()).unwrap();
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .build()
                .unwrap()
        }
    };
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(own.signing_key.serialize_der()).into();
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![own.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.ticketer = Arc::clone(tickets);
    Arc::new(config)
}

/// Answers one question; a handshake that fails is told by its alert.
fn answer(tcp: TcpStream, config: Arc<ServerConfig>) {
    let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), tcp);
    let mut question = [0; 4096];
    let heard = stream.read(&mut question);
    let body = r#"{"principal":"ann"}"#;
    if heard.is_ok_and(|count| count > 0) {
        let _ = write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    }
    let _ = stream.flush();
    stream.conn.send_close_notify();
    let _ = stream.flush();
    // What the client still has to say is heard, so that the alert is not lost to a reset.
    let _ = stream.sock.shutdown(std::net::Shutdown::Write);
    let _ = std::io::copy(&mut stream.sock, &mut std::io::sink());
}

/// Takes every certificate, and every proof.
#[derive(Debug)]
struct Blind;

impl ClientCertVerifier for Blind {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
