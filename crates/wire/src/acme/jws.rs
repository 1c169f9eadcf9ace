use super::envelope::Envelope;
use super::jwk::{ALGORITHMS, Jwk};
use super::object::Object;
use super::problem::{Problem, Trouble};

/// A signed request that was read and not yet believed: what it says is only to be had from [`verify`](Self::verify).
#[derive(Clone, Debug)]
pub struct Jws {
    envelope: Envelope,
    signer: Signer,
    url: String,
    nonce: Option<String>,
    algorithm: String,
}

/// By which key a request says that it is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signer {
    /// A key that comes with it.
    Key(Jwk),
    /// The key of the account with this address.
    Account(String),
}

/// A request whose signature holds. [`Jws::verify`] is its one maker.
#[derive(Clone, Debug)]
pub struct Signed {
    key: Jwk,
    payload: Vec<u8>,
}

impl Jws {
    /// Reads the body of a POST (RFC 8555 §6.2).
    ///
    /// # Errors
    /// What is wrong with it: its form, an algorithm that is not taken, a key that is not, no nonce, both a key and an
    /// account or neither.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        let jws = Self::of(Envelope::parse(body)?)?;
        match jws.nonce {
            Some(_) => Ok(jws),
            None => Err(Problem::new(Trouble::BadNonce, "the protected header has no nonce")),
        }
    }

    /// Reads the inner request of a change of keys (RFC 8555 §7.3.5), the payload of the outer one: it carries the new
    /// key itself and no nonce.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), and where it does not keep that.
    pub fn parse_inner(payload: &[u8]) -> Result<Self, Problem> {
        let jws = Self::of(Envelope::parse(payload)?)?;
        match (&jws.nonce, &jws.signer) {
            (None, Signer::Key(_)) => Ok(jws),
            (Some(_), _) => Err(Problem::malformed("the inner request has a nonce")),
            (None, Signer::Account(_)) => {
                Err(Problem::malformed("the inner request does not carry the new key"))
            }
        }
    }

    fn of(envelope: Envelope) -> Result<Self, Problem> {
        let header = &envelope.protected;
        let algorithm = header.text("alg")?.to_owned();
        if !ALGORITHMS.contains(&algorithm.as_str()) {
            return Err(Problem::new(
                Trouble::BadSignatureAlgorithm,
                format!("the algorithm \"{}\" is not taken", algorithm.escape_debug()),
            ));
        }
        let signer = signer(header)?;
        let url = header.text("url")?.to_owned();
        let nonce = header.optional_text("nonce")?.map(str::to_owned);
        Ok(Self { envelope, signer, url, nonce, algorithm })
    }

    /// By which key it says that it is signed.
    #[must_use]
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// The address that it was signed for.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The nonce; empty for an inner request.
    #[must_use]
    pub fn nonce(&self) -> &str {
        self.nonce.as_deref().unwrap_or_default()
    }

    /// Checks the signature by this key, in the one algorithm that goes with the key.
    ///
    /// # Errors
    /// [`Trouble::BadSignatureAlgorithm`] where the request names another algorithm, [`Trouble::Malformed`] where the
    /// signature is not this key's.
    pub fn verify(self, key: &Jwk) -> Result<Signed, Problem> {
        if self.algorithm != key.algorithm() {
            let said = format!("the key signs with {}, and not with {}", key.algorithm(), self.algorithm);
            return Err(Problem::new(Trouble::BadSignatureAlgorithm, said));
        }
        let payload = self.envelope.opened(|message, signature| key.signed(message, signature));
        let payload = payload.ok_or_else(|| Problem::malformed("the signature is not by this key"))?;
        Ok(Signed { key: key.clone(), payload })
    }
}

impl Signed {
    /// The key that it is signed by.
    #[must_use]
    pub fn key(&self) -> &Jwk {
        &self.key
    }

    /// What was signed; empty where something is only read (POST-as-GET).
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }
}

fn signer(header: &Object) -> Result<Signer, Problem> {
    match (header.object("jwk")?, header.optional_text("kid")?) {
        (Some(jwk), None) => Jwk::read(&jwk).map(Signer::Key),
        (None, Some(account)) => Ok(Signer::Account(account.to_owned())),
        _ => Err(Problem::malformed("the protected header needs either \"jwk\" or \"kid\", and not both")),
    }
}

#[cfg(test)]
mod tests;
