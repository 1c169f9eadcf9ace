//! Which of our certificates answers to which name: exact, then wildcard, then the first.

use std::collections::HashMap;
use std::sync::Arc;

use fault::Fault;
use identity::{Credential, San};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::{notes, present};

/// Certificates by the names that they really cover. The names are a convenience, and no border: whoever asks for
/// another name gets the first certificate, as it would without SNI.
#[derive(Debug)]
pub(crate) struct ByName {
    first: Arc<CertifiedKey>,
    exact: HashMap<Box<str>, Arc<CertifiedKey>>,
    /// By what follows `*.`.
    wildcard: HashMap<Box<str>, Arc<CertifiedKey>>,
    alpn: Vec<Vec<u8>>,
}

impl ByName {
    /// The first credential to cover a name answers to it.
    pub(crate) fn new(credentials: &[Arc<Credential>], alpn: Vec<Vec<u8>>) -> Result<Self, Fault> {
        let keys = credentials
            .iter()
            .map(|credential| Ok((credential, present::certified_key(credential)?)))
            .collect::<Result<Vec<_>, Fault>>()?;
        let (_, first) = keys.first().ok_or_else(|| {
            Fault::yours("a TLS listener needs a certificate").remedy("give the tls profile a cert and a key")
        })?;
        let first = Arc::clone(first);
        let (mut exact, mut wildcard) = (HashMap::new(), HashMap::new());
        for (credential, key) in &keys {
            for san in credential.leaf().identity().sans() {
                let San::Dns(name) = san else { continue };
                let name = name.to_ascii_lowercase();
                let (names, name) = match name.strip_prefix("*.") {
                    Some(parent) => (&mut wildcard, parent.into()),
                    None => (&mut exact, name.into()),
                };
                names.entry(name).or_insert_with(|| Arc::clone(key));
            }
        }
        Ok(Self { first, exact, wildcard, alpn })
    }

    /// The application protocols that are spoken.
    pub(crate) fn alpn(&self) -> &[Vec<u8>] {
        &self.alpn
    }

    fn named(&self, name: &str) -> &Arc<CertifiedKey> {
        // rustls has already lower-cased the name.
        let below = || name.split_once('.').and_then(|(_, parent)| self.wildcard.get(parent));
        self.exact.get(name).or_else(below).unwrap_or(&self.first)
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        notes::greeted(&hello, &self.alpn);
        Some(Arc::clone(hello.server_name().map_or(&self.first, |name| self.named(name))))
    }
}
