//! Who vouches for a server, as the server itself presents it: found by a fingerprint where nobody is trusted yet.

use std::sync::Arc;

use fault::{Code, Fault};
use identity::{Certificate, Fingerprint, Strictness, Trust};
use rustls_pki_types::CertificateDer;
use transport::{Clock, Dial, DialSpec, Dialled, ServerTrust, TlsVersion};

use super::{CONNECT, Connector, H2};
use crate::Endpoint;

/// The certificate with this fingerprint among those that a server presents. Nothing is sent to the server, and nothing that
/// it says is believed beyond that: whoever trusts what this finds connects anew, and judges then.
///
/// # Errors
/// Where the server cannot be reached, or presents no such certificate: it is another one than was meant.
pub async fn authority_of(
    endpoint: &Endpoint,
    fingerprint: Fingerprint,
    clock: Arc<dyn Clock>,
) -> Result<Certificate, Fault> {
    let dialled = dial(endpoint, ServerTrust::Nothing, clock).await?;
    let presented = presented(&dialled);
    presented.into_iter().find(|certificate| certificate.fingerprint() == fingerprint).ok_or_else(|| {
        Fault::theirs(format!("{endpoint} is not the server that was meant"))
            .because(format!("it presents no certificate with the SHA-256 {fingerprint}"))
            .because(Code::UnknownIssuer.as_str())
            .remedy("compare the URL and the fingerprint with what the inviting side printed; if they are the same, somebody else answers")
    })
}

impl Connector {
    /// The certificate that vouches for the server and that the server presents itself: what others can know it by.
    ///
    /// # Errors
    /// Where the server cannot be reached or is not trusted.
    pub async fn authority(&self, endpoint: &Endpoint) -> Result<Certificate, Fault> {
        let trust = Arc::new(Trust::new(self.anchors.clone(), Strictness::default()));
        let dialled = dial(endpoint, ServerTrust::Full(trust), Arc::clone(&self.clock)).await?;
        let path = dialled.verified.as_ref().map(|verified| verified.chain().to_vec()).unwrap_or_default();
        let found = presented(&dialled).into_iter().rfind(|certificate| path.contains(certificate));
        found.ok_or_else(|| Fault::ours(format!("{endpoint} was trusted and presented nothing")))
    }
}

async fn dial(endpoint: &Endpoint, trust: ServerTrust, clock: Arc<dyn Clock>) -> Result<Dialled, Fault> {
    let spec = DialSpec {
        trust,
        pins: Vec::new(),
        credential: None,
        alpn: vec![H2.to_vec()],
        min_version: TlsVersion::Tls12,
        timeout: CONNECT,
        clock,
    };
    Dial::new(spec)?.connect(endpoint.host(), endpoint.port()).await
}

fn presented(dialled: &Dialled) -> Vec<Certificate> {
    let (_, connection) = dialled.stream.get_ref();
    let chain = connection.peer_certificates().unwrap_or_default();
    let read = |der: &CertificateDer<'_>| Certificate::from_der(der.clone().into_owned()).ok();
    chain.iter().filter_map(read).collect()
}
