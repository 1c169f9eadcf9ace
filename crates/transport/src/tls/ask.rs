//! Asking a client for its certificate.

use std::sync::Arc;

use fault::{Code, Refusal};
use identity::{Revocations, Trust, Verified};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, UnixTime};
use time::OffsetDateTime;

use super::memory::{Memories, Memory, presented};
use super::online::Online;
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
    hints: Arc<[DistinguishedName]>,
    online: Option<Arc<dyn Online>>,
    clock: Arc<dyn Clock>,
}

/// The authorities and the strictness by which a chain was accepted.
#[derive(Clone, Debug)]
pub struct Vouchers(Arc<Memory>);

impl Ask {
    pub(crate) fn new(
        trust: Arc<Trust>,
        memories: &Memories,
        mandatory: bool,
        online: Option<Arc<dyn Online>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let mut hints: Vec<DistinguishedName> =
            trust.subjects_der().map(|name| DistinguishedName::from(name.to_vec())).collect();
        if hints.iter().map(|hint| hint.as_ref().len()).sum::<usize>() > MOST_HINT_BYTES {
            hints.clear();
        }
        Self { memory: memories.of(&trust), trust, mandatory, hints: hints.into(), online, clock }
    }

    pub(crate) fn is_mandatory(&self) -> bool {
        self.mandatory
    }

    /// The same question by other revocations; what was remembered stays remembered.
    pub(crate) fn with_revocations(&self, revocations: Arc<Revocations>) -> Self {
        Self {
            trust: Arc::new(self.trust.with_revocations(revocations)),
            memory: Arc::clone(&self.memory),
            mandatory: self.mandatory,
            hints: Arc::clone(&self.hints),
            online: self.online.clone(),
            clock: Arc::clone(&self.clock),
        }
    }

    pub(crate) fn trust(&self) -> &Arc<Trust> {
        &self.trust
    }

    pub(crate) fn vouchers(&self) -> Vouchers {
        Vouchers(Arc::clone(&self.memory))
    }

    /// Judges a client's chain now, from memory: a chain that was accepted before is a lookup, and one whose authority
    /// has to be asked first comes back unanswered.
    pub(crate) fn judge(&self, chain: &[CertificateDer<'_>]) -> Result<Verified, Refusal> {
        let now = self.clock.now();
        self.recall(self.memory.verify(chain, &self.trust, now)?, now)
    }

    /// As [`judge`](Self::judge), for a chain that was accepted by these vouchers.
    pub(crate) fn judge_again(&self, client: &Verified, by: &Vouchers) -> Result<Verified, Refusal> {
        if !Arc::ptr_eq(&by.0, &self.memory) {
            return self.judge(&presented(client));
        }
        let now = self.clock.now();
        self.recall(self.memory.verify_again(client, &self.trust, now)?, now)
    }

    /// Asks the authorities' services about what is still unanswered.
    pub(crate) async fn settle(&self, verified: Verified) -> Result<Verified, Refusal> {
        match &self.online {
            Some(online) if !verified.unanswered().is_empty() => online.ask(&verified).await,
            _ => Ok(verified),
        }
    }

    fn recall(&self, verified: Verified, now: OffsetDateTime) -> Result<Verified, Refusal> {
        if verified.unanswered().is_empty() {
            return Ok(verified);
        }
        let Some(online) = &self.online else {
            let cause = "the policy wants its authority's word on it, and nobody is there to ask";
            return Err(Refusal::new(Code::RevocationUnknown, cause));
        };
        online.recall(&verified, now).unwrap_or(Ok(verified))
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
                notes::presented(&chain);
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
