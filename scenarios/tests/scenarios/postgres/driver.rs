//! tokio-postgres over rustls, as a program in Rust uses it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::config::SslNegotiation;
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_postgres::{AsyncMessage, Client, Config, Error, Socket};
use tokio_rustls::TlsConnector;

use super::front::Front;

/// Who comes, and how.
#[derive(Clone)]
pub struct Driver {
    tls: Tls,
    config: Config,
}

impl Driver {
    /// As this client of the front.
    pub fn of(front: &Front, client: &str) -> Self {
        let mut roots = RootCertStore::empty();
        let ours = front.world.path("realm/pki/server-ca.crt");
        for root in CertificateDer::pem_file_iter(ours).expect("our authority") {
            roots.add(root.expect("a certificate")).expect("an anchor");
        }
        let file = |ending: &str| front.world.path(format!("{client}.{ending}"));
        let chain = CertificateDer::pem_file_iter(file("crt")).expect("a chain").collect::<Result<_, _>>();
        let key = PrivateKeyDer::from_pem_file(file("key")).expect("a key");
        let tls = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_client_auth_cert(chain.expect("a chain"), key)
            .expect("key and certificate fit");
        let mut config = Config::new();
        config.host("localhost").port(front.port).user(client);
        Self { tls: Tls(Arc::new(tls)), config }
    }

    /// Begins with TLS at once, as PostgreSQL 17 allows.
    pub fn direct(mut self) -> Self {
        let mut tls = ClientConfig::clone(&self.tls.0);
        tls.alpn_protocols = vec![b"postgresql".to_vec()];
        self.tls = Tls(Arc::new(tls));
        self.config.ssl_negotiation(SslNegotiation::Direct);
        self
    }

    /// A session, and what the server says without being asked.
    pub async fn open(&self, database: &str) -> Result<(Client, Heard), Error> {
        let mut config = self.config.clone();
        config.dbname(database).ssl_mode(tokio_postgres::config::SslMode::Require);
        let (client, mut connection) = config.connect(self.tls.clone()).await?;
        let (told, heard) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(said) = std::future::poll_fn(|cx| connection.poll_message(cx)).await {
                // Asked again, a connection that is broken says so again, for ever.
                let broken = said.is_err();
                if told.send(said).is_err() || broken {
                    return;
                }
            }
        });
        Ok((client, heard))
    }

    /// Asks that whatever this client waits for be given up.
    pub async fn cancel(&self, client: &Client) -> Result<(), Error> {
        client.cancel_token().cancel_query(self.tls.clone()).await
    }
}

/// What a server says without being asked.
pub type Heard = tokio::sync::mpsc::UnboundedReceiver<Result<AsyncMessage, Error>>;

/// Runs a client to its end.
pub fn connected<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        tokio::time::timeout(testkit::patience::PATIENCE, work).await.expect("an answer in time")
    })
}

/// TLS as the driver wants it given.
#[derive(Clone)]
pub struct Tls(Arc<ClientConfig>);

/// TLS to one name.
pub struct Named(Arc<ClientConfig>, ServerName<'static>);

/// A stream that is protected.
pub struct Protected(tokio_rustls::client::TlsStream<Socket>);

impl MakeTlsConnect<Socket> for Tls {
    type Stream = Protected;
    type TlsConnect = Named;
    type Error = rustls::pki_types::InvalidDnsNameError;

    fn make_tls_connect(&mut self, domain: &str) -> Result<Named, Self::Error> {
        Ok(Named(Arc::clone(&self.0), ServerName::try_from(domain.to_owned())?))
    }
}

impl TlsConnect<Socket> for Named {
    type Stream = Protected;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Protected>> + Send>>;

    fn connect(self, stream: Socket) -> Self::Future {
        Box::pin(async move { TlsConnector::from(self.0).connect(self.1, stream).await.map(Protected) })
    }
}

impl TlsStream for Protected {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Protected {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, into)
    }
}

impl AsyncWrite for Protected {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
