//! What the authority answered to a request for a certificate.

use client::{Connector, Reply};
use fault::Fault;
use identity::{Certificate, Credential, PrivateKey, Purpose, Strictness, Trust, Usage};
use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;

/// A certificate, before it is believed.
#[derive(Deserialize)]
pub(super) struct Answered {
    chain: String,
    authorities: Option<String>,
}

/// A certificate that fits the key it was asked for, by the authority that it came from.
pub(super) struct Had {
    pub(super) credential: Credential,
    /// The root, PEM, where the authority names one.
    pub(super) root: Option<String>,
}

/// Asks, and again for a while where somebody is at the same request.
pub(super) async fn ask(connector: &mut Connector, wish: &Value) -> Result<Answered, Fault> {
    let mut reply = connector.tell(SIGN, wish.to_string()).await?;
    for _ in 0..MOST_TRIES {
        if reply.status() != UNAVAILABLE {
            break;
        }
        tokio::time::sleep(AGAIN).await;
        reply = connector.tell(SIGN, wish.to_string()).await?;
    }
    heard(connector, &reply)
}

/// The body of an answer, or why there is none.
pub(super) fn heard<T: serde::de::DeserializeOwned>(
    connector: &Connector,
    reply: &Reply,
) -> Result<T, Fault> {
    if !reply.is_success() {
        return Err(reply.refused(connector.endpoint()));
    }
    serde_json::from_slice(reply.body())
        .map_err(|error| Fault::theirs("the answer cannot be read").because(error))
}

impl Answered {
    /// Judges it: the chain is whole, valid now, and for this key.
    pub(super) fn judged(self, key: PrivateKey, now: OffsetDateTime) -> Result<Had, Fault> {
        let bad = |why: &dyn std::fmt::Display| {
            Fault::theirs("the certificate that was given cannot be used").because(why)
        };
        let read = |pem: &str| identity::certificates_from_pem(pem.as_bytes()).map_err(|error| bad(&error));
        let chain = read(&self.chain)?;
        let credential = Credential::new(chain, key).map_err(|error| bad(&error))?;
        let anchors = match &self.authorities {
            Some(root) => read(root)?,
            None => credential.chain().last().cloned().into_iter().collect(),
        };
        let trust = Trust::new(anchors, Strictness::default());
        let chain: Vec<_> = credential.chain().iter().map(|held| held.der().clone()).collect();
        identity::verify(&chain, &trust, purpose(credential.leaf()), None, now)
            .map_err(|refusal| bad(&refusal))?;
        Ok(Had { credential, root: self.authorities })
    }
}

impl Had {
    /// The chain as PEM, leaf first.
    pub(super) fn chain_pem(&self) -> String {
        self.credential.chain().iter().map(authority::to_pem).collect()
    }
}

fn purpose(leaf: &Certificate) -> Purpose {
    match is_clients(leaf) {
        true => Purpose::Client,
        false => Purpose::Server,
    }
}

/// Whether a certificate may be presented by a client.
pub(super) fn is_clients(leaf: &Certificate) -> bool {
    leaf.usages().is_none_or(|usages| usages.contains(&Usage::ClientAuth))
}

const SIGN: &str = "/api/enrolment/sign";
const UNAVAILABLE: u16 = 503;
const MOST_TRIES: usize = 4;
const AGAIN: std::time::Duration = std::time::Duration::from_secs(3);
