//! Judging a server's chain.

use std::sync::Arc;

use fault::{Code, Refusal};
use identity::{Certificate, Pin, Purpose, Verified};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::ServerTrust;
use crate::Clock;
use crate::tls::{error_for, notes, proof};

/// What a server's chain must stand up to.
#[derive(Debug)]
pub(super) struct Check {
    trust: ServerTrust,
    pins: Vec<Pin>,
    clock: Arc<dyn Clock>,
}

impl Check {
    pub(super) fn new(trust: ServerTrust, pins: Vec<Pin>, clock: Arc<dyn Clock>) -> Self {
        Self { trust, pins, clock }
    }

    /// Judges a chain now; `None` where the caller wants none judged.
    pub(super) fn judge(
        &self,
        chain: &[CertificateDer<'_>],
        server: &ServerName<'_>,
    ) -> Result<Option<Verified>, Refusal> {
        let name = server.to_str();
        let verified = match &self.trust {
            ServerTrust::Full(trust) => {
                Some(identity::verify(chain, trust, Purpose::Server, Some(&name), self.clock.now())?)
            }
            ServerTrust::Chain(trust) => {
                Some(identity::verify(chain, trust, Purpose::Server, None, self.clock.now())?)
            }
            ServerTrust::Nothing => None,
        };
        self.pinned(chain)?;
        Ok(verified)
    }

    fn pinned(&self, chain: &[CertificateDer<'_>]) -> Result<(), Refusal> {
        let Some(leaf) = chain.first().filter(|_| !self.pins.is_empty()) else { return Ok(()) };
        let leaf = Certificate::from_der(leaf.clone().into_owned())
            .map_err(|why| Refusal::new(Code::MalformedCertificate, why.to_string()))?;
        let key = leaf.identity().spki_sha256();
        if self.pins.contains(&key) {
            return Ok(());
        }
        let cause = format!("server public key does not match any pin: it is sha256 {key}");
        Err(Refusal::new(Code::NameNotAllowed, cause))
    }
}

impl ServerCertVerifier for Check {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        server: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain: Vec<CertificateDer<'_>> =
            std::iter::once(leaf).chain(others).map(|certificate| certificate.as_ref().into()).collect();
        match self.judge(&chain, server) {
            Ok(_) => Ok(ServerCertVerified::assertion()),
            Err(refusal) => {
                let error = error_for(&refusal);
                notes::refused(refusal);
                Err(error)
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        proof::tls12(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        proof::tls13(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        identity::handshake_schemes()
    }
}
