//! `http`: HTTPS and its client certificates in Harper's spelling.

use super::revocation::Verification;
use crate::scalar::{Ground, Scalar, Wrong};
use crate::table::{Toggle, shapes, table};

table! {
    /// HTTPS in Harper's spelling: one listener, with the certificates that the one `tls` block names, or else
    /// `keys/certificate.pem`, `keys/privateKey.pem` and `keys/ca.pem` beside the file. It stands in the place of
    /// `listeners`.
    Http at "http" {
        /// Whether clients are asked for certificates; `true` asks, and lets them be left out.
        mtls: Toggle<HttpMtls> = "false";
        /// Where HTTPS is served: a port, or `HOST:PORT`.
        secure_port as "securePort": SecurePort = "9926";
        later "port" "http2" "cors" "corsAccessList" "timeout" "keepAliveTimeout" "headersTimeout" "sessionAffinity"
            "compressionThreshold" "maxHeaderSize" "requestQueueLimit" "threadRange";
    }
}

table! {
    /// How clients are asked for certificates. A verified certificate is the principal that its common name names.
    HttpMtls at "http.mtls" {
        /// Whether there is no handshake without one.
        required: bool = "false";
        /// Whether the authorities are asked if a certificate is revoked, as under
        /// [`tls.<profile>.revocation.verification`](#tlsprofilerevocationverification), in whose place it stands.
        certificate_verification as "certificateVerification": Toggle<Verification> = "false";
        later "user" "certificateAuthority";
    }
}

/// Where HTTPS is served: a port alone means every interface.
#[derive(Clone, Debug)]
pub(crate) struct SecurePort(pub(crate) String);

impl Scalar for SecurePort {
    fn kind() -> String {
        "port, or `HOST:PORT`".into()
    }

    fn parse(text: &str, _: &Ground) -> Result<Self, Wrong> {
        let alone = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        Ok(Self(if alone { format!(":{text}") } else { text.to_owned() }))
    }
}

shapes! { SecurePort }
