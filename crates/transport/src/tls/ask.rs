//! Asking a client for its certificate.

use std::sync::Arc;

use fault::Refusal;
use identity::{Trust, Verified};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, UnixTime};

use super::memory::{Memories, Memory};
use super::{error_for, notes, proof};
use crate::Clock;

/// How many bytes of authorities' names a client is told; with more it is told none, and any certificate may come.
const MOST_HINT_BYTES: usize = 8 * 1024;

/// A listener's question for a client certificate.
#[derive(Debug)]
pub(crate) struct Ask {
    trust: Arc<Trust>,
    memory: Arc<Memory>,
    mandatory: bool,
    hints: Vec<DistinguishedName>,
    clock: Arc<dyn Clock>,
}

impl Ask {
    pub(crate) fn new(
        trust: Arc<Trust>,
        memories: &Memories,
        mandatory: bool,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let mut hints: Vec<DistinguishedName> =
            trust.subjects_der().map(|name| DistinguishedName::from(name.to_vec())).collect();
        if hints.iter().map(|hint| hint.as_ref().len()).sum::<usize>() > MOST_HINT_BYTES {
            hints.clear();
        }
        Self { memory: memories.of(&trust), trust, mandatory, hints, clock }
    }

    pub(crate) fn is_mandatory(&self) -> bool {
        self.mandatory
    }

    /// Judges a client's chain now; a chain that was accepted before is a lookup.
    pub(crate) fn judge(&self, chain: &[CertificateDer<'_>]) -> Result<Verified, Refusal> {
        self.memory.verify(chain, &self.trust, self.clock.now())
    }
}

impl ClientCertVerifier for Ask {
    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let chain: Vec<CertificateDer<'_>> =
            std::iter::once(leaf).chain(others).map(|certificate| certificate.as_ref().into()).collect();
        match self.judge(&chain) {
            Ok(_) => Ok(ClientCertVerified::assertion()),
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
