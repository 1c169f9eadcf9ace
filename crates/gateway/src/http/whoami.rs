//! Who the door takes the caller for: answers every question about mapping by curl.

use access::Peer;
use identity::Verified;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

/// The caller's principal, the method and the certificate.
pub(crate) fn whoami(peer: &Peer, verified: Option<&Verified>) -> Value {
    json!({
        "principal": peer.principal(),
        "method": peer.method(),
        "cert": verified.map(certificate),
    })
}

fn certificate(verified: &Verified) -> Value {
    let leaf = verified.leaf();
    let identity = leaf.identity();
    json!({
        "subject": identity.subject().to_string(),
        "serial": identity.serial().to_string(),
        "sha256": leaf.fingerprint().to_string(),
        "spki_sha256": identity.spki_sha256().to_string(),
        "not_after": identity.not_after().format(&Rfc3339).unwrap_or_default(),
        "issuer": identity.issuer().to_string(),
    })
}
