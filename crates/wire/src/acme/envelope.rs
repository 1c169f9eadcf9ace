//! A signed message taken apart: the flattened JSON form of RFC 7515, as RFC 8555 §6.2 restricts it.

use super::base64url;
use super::object::Object;
use super::problem::Problem;

/// The parts of a signed message, before anything about it is believed.
#[derive(Clone, Debug)]
pub(super) struct Envelope {
    pub(super) protected: Object,
    payload: Vec<u8>,
    /// What was signed: the two encoded parts as they came.
    signing_input: Vec<u8>,
    signature: Vec<u8>,
}

impl Envelope {
    pub(super) fn parse(body: &[u8]) -> Result<Self, Problem> {
        Self::read(&Object::parse(body, "the request")?)
    }

    pub(super) fn read(object: &Object) -> Result<Self, Problem> {
        // What is not under the signature could be anybody's, and several signatures could be several people's.
        if object.has("header") || object.has("signatures") {
            return Err(Problem::malformed(
                "the request has an unprotected header or several signatures; RFC 8555 §6.2 allows neither",
            ));
        }
        let (protected, payload) = (object.text("protected")?, object.text("payload")?);
        let signing_input = [protected.as_bytes(), b".", payload.as_bytes()].concat();
        let protected = Object::parse(&decoded("protected", protected)?, "the protected header")?;
        // Extensions that must be understood, and payloads that are not encoded (RFC 7797), are not.
        if protected.has("crit") || protected.has("b64") {
            return Err(Problem::malformed(
                "the protected header asks for extensions that are not known here",
            ));
        }
        Ok(Self {
            protected,
            payload: decoded("payload", payload)?,
            signing_input,
            signature: decoded("signature", object.text("signature")?)?,
        })
    }

    /// The payload, where `signed` says that the signature holds for what was signed.
    pub(super) fn opened(self, signed: impl FnOnce(&[u8], &[u8]) -> bool) -> Option<Vec<u8>> {
        signed(&self.signing_input, &self.signature).then_some(self.payload)
    }
}

fn decoded(name: &str, text: &str) -> Result<Vec<u8>, Problem> {
    base64url::decode(text).ok_or_else(|| Problem::malformed(format!("\"{name}\" is not base64url")))
}
