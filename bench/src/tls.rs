use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{CipherSuite, ClientConfig, DigitallySignedStruct, NamedGroup, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};

use crate::Failure;
use crate::options::{Offer, Target};

/// How far the client looks at the server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Chain, name and signature, as any client should.
    Verify,
    /// Not at all: two signature checks fewer, so that the load program's own core is not what is measured.
    Blind,
}

/// Client settings: TLS 1.3, the client certificate, no resumption.
pub(crate) fn settings(target: &Target, protocol: &str, look: Look) -> Result<Arc<ClientConfig>, Failure> {
    let provider = Arc::new(provider(target.offer));
    let versions = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&rustls::version::TLS13])?;
    let trusting = match look {
        Look::Verify => {
            let mut roots = RootCertStore::empty();
            for authority in read(&target.cacert, CertificateDer::pem_file_iter(&target.cacert))? {
                roots.add(read(&target.cacert, authority)?)?;
            }
            let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build()?;
            versions.dangerous().with_custom_certificate_verifier(verifier)
        }
        Look::Blind => {
            let schemes = provider.signature_verification_algorithms.supported_schemes();
            versions.dangerous().with_custom_certificate_verifier(Arc::new(Blind { schemes }))
        }
    };
    let chain: Result<Vec<_>, _> = read(&target.cert, CertificateDer::pem_file_iter(&target.cert))?.collect();
    let key = read(&target.key, PrivateKeyDer::from_pem_file(&target.key))?;
    let mut settings = trusting.with_client_auth_cert(read(&target.cert, chain)?, key)?;
    settings.resumption = Resumption::disabled();
    settings.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    Ok(Arc::new(settings))
}

fn provider(offer: Offer) -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    if offer == Offer::Pinned {
        provider.cipher_suites.retain(|suite| suite.suite() == CipherSuite::TLS13_AES_128_GCM_SHA256);
        provider.kx_groups.retain(|group| group.name() == NamedGroup::X25519);
    }
    provider
}

fn read<T, E: std::fmt::Display>(path: &std::path::Path, result: Result<T, E>) -> Result<T, Failure> {
    result.map_err(|cause| format!("{}: {cause}", path.display()).into())
}

/// Believes any server; never used before a connection with [`Look::Verify`] has succeeded.
#[derive(Debug)]
struct Blind {
    schemes: Vec<SignatureScheme>,
}

impl ServerCertVerifier for Blind {
    fn verify_server_cert(
        &self,
        _leaf: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _leaf: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _leaf: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }
}
