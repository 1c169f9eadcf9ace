//! A TLS client that presents whatever it is told to, and believes every server: what is looked at is whom the server
//! believes.

mod believing;
mod unproven;

use std::sync::Arc;

use parking_lot::Mutex;
use rustls::client::ResolvesClientCert;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, Error, SignatureScheme, SupportedProtocolVersion};

use self::believing::Believing;
pub(crate) use self::unproven::Unproven;

/// What such a client is made of.
#[derive(Debug)]
pub struct Guest {
    /// How it shakes hands; sessions that it was given are kept in here and offered the next time.
    pub config: ClientConfig,
    /// What it presents, and may change from one handshake to the next.
    pub wardrobe: Arc<Wardrobe>,
}

impl Guest {
    /// A client that presents nothing yet, and speaks these versions of TLS.
    ///
    /// # Errors
    /// The provider speaks none of the versions.
    pub fn new(versions: &[&'static SupportedProtocolVersion]) -> Result<Self, Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let wardrobe = Arc::new(Wardrobe::default());
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Believing(provider)))
            .with_client_cert_resolver(Arc::<Wardrobe>::clone(&wardrobe));
        Ok(Self { config, wardrobe })
    }

    /// Offers these application protocols.
    #[must_use]
    pub fn offering(mut self, protocols: &[&str]) -> Self {
        self.config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        self
    }
}

/// What a [`Guest`] presents: a chain with its key, without a look at whether they belong together.
///
/// rustls resumes a session only with the resolver that it was earned with, so one wardrobe can hand out another
/// certificate while the session stays: what a thief of a session would do.
#[derive(Debug, Default)]
pub struct Wardrobe(Mutex<Option<Arc<CertifiedKey>>>);

impl Wardrobe {
    /// Presents this from now on; none: no certificate.
    pub fn wear(&self, presented: Option<Arc<CertifiedKey>>) {
        *self.0.lock() = presented;
    }
}

impl ResolvesClientCert for Wardrobe {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.lock().clone()
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// The cryptography that guests use.
#[must_use]
pub fn provider() -> CryptoProvider {
    aws_lc_rs::default_provider()
}
