use aws_lc_rs::hmac;

use super::envelope::Envelope;
use super::jwk::Jwk;
use super::object::Object;
use super::problem::{Problem, Trouble};

/// An external account binding (RFC 8555 §7.3.4) that was read and not yet believed: an account's key, signed with a key
/// that the authority's operator gave out.
#[derive(Clone, Debug)]
pub struct Binding {
    envelope: Envelope,
    key_id: String,
    url: String,
}

impl Binding {
    pub(super) fn read(object: &Object) -> Result<Self, Problem> {
        let envelope = Envelope::read(object)?;
        let header = &envelope.protected;
        let algorithm = header.text("alg")?;
        if algorithm != "HS256" {
            let said = format!("an external account binding is signed with HS256, and not \"{algorithm}\"");
            return Err(Problem::malformed(said));
        }
        if header.has("nonce") || header.has("jwk") {
            return Err(Problem::malformed(
                "an external account binding has a \"kid\", and no nonce or \"jwk\"",
            ));
        }
        let (key_id, url) = (header.text("kid")?.to_owned(), header.text("url")?.to_owned());
        Ok(Self { envelope, key_id, url })
    }

    /// The name of the key that it says it is signed with.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Checks it: signed with `secret`, for the address and the account key of the request around it. The comparison
    /// takes the same time wherever it fails.
    ///
    /// # Errors
    /// [`Trouble::Malformed`] where it speaks of another address or key, [`Trouble::Unauthorized`] where the secret is
    /// another one.
    pub fn verify(self, secret: &[u8], url: &str, account: &Jwk) -> Result<(), Problem> {
        if self.url != url {
            return Err(Problem::malformed("the external account binding was made for another address"));
        }
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let signed = |message: &[u8], tag: &[u8]| hmac::verify(&key, message, tag).is_ok();
        let payload = self.envelope.opened(signed).ok_or_else(Self::refused)?;
        if Jwk::parse(&payload)? != *account {
            return Err(Problem::malformed("the external account binding is of another account key"));
        }
        Ok(())
    }

    /// What is said of a wrong secret, and has to be said of an unknown key as well.
    #[must_use]
    pub fn refused() -> Problem {
        Problem::new(
            Trouble::Unauthorized,
            "the external account binding is not signed with a key that is good here: ask the authority's operator for one",
        )
    }
}
