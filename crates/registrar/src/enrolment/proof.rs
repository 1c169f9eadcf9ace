//! A certificate that has ended, or that is no client's, shows outside of a handshake that its key is held.

use std::collections::BTreeMap;

use aws_lc_rs::{hmac, rand};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use fault::{Code, Fault, Refusal, Tag};
use identity::{Certificate, Proof, Purpose, Strictness, Trust, Usage, Verified};
use parking_lot::Mutex;
use rustls_pki_types::CertificateDer;
use serde::Deserialize;
use time::{Duration, OffsetDateTime};

use super::no::No;

/// What a certificate's key is asked to sign: the number that the node gave, and the request.
#[must_use]
pub fn renewal_message(nonce: &str, csr: &str) -> Vec<u8> {
    [nonce.as_bytes(), b"\0", csr.as_bytes()].concat()
}

/// What a renewal's proof is for.
pub const RENEWAL: &str = "renewal";

/// A chain with the proof that its leaf's key is held, as it is written in a request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Written {
    /// The chain, PEM, leaf first.
    chain: String,
    nonce: String,
    scheme: u16,
    /// In base 64.
    signature: String,
}

/// A number that was given here and is not too old; whether it came back before is asked when it is [spent](Nonces::spend).
#[derive(Debug)]
struct Fresh {
    nonce: String,
    until: OffsetDateTime,
}

/// The numbers that this node gave and takes back once each. Nothing is kept of one before it comes back.
pub(crate) struct Nonces {
    /// None where the machine gave no randomness for one.
    key: Option<hmac::Key>,
    /// Those that came back, until they would end by themselves.
    spent: Mutex<BTreeMap<String, OffsetDateTime>>,
}

impl Nonces {
    /// With a key that dies with the process.
    pub(crate) fn new() -> Self {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &rand::SystemRandom::new()).ok();
        Self { key, spent: Mutex::default() }
    }

    /// A new one: when it was given, and what shows that we gave it.
    pub(crate) fn give(&self, now: OffsetDateTime) -> Result<String, Fault> {
        let mut random = [0; Tag::BYTES];
        let none = || Fault::theirs("the machine gave no randomness");
        rand::fill(&mut random).map_err(|_| none())?;
        let head = format!("{}.{}", now.unix_timestamp(), Tag::new(random));
        let seal = self.seal(&head).ok_or_else(none)?;
        Ok(format!("{head}.{seal}"))
    }

    /// Whether one was given here, lately.
    fn check(&self, nonce: &str, now: OffsetDateTime) -> Result<Fresh, Refusal> {
        let (head, seal) = nonce.rsplit_once('.').ok_or_else(|| not("the nonce is none of ours"))?;
        let own = self.seal(head).ok_or_else(|| not("this node gives no nonces"))?;
        let ours = aws_lc_rs::constant_time::verify_slices_are_equal(own.as_bytes(), seal.as_bytes());
        ours.map_err(|_| not("the nonce is none of ours"))?;
        let given: Option<i64> = head.split_once('.').and_then(|(given, _)| given.parse().ok());
        let given = given.and_then(|given| OffsetDateTime::from_unix_timestamp(given).ok());
        let until = given.ok_or_else(|| not("the nonce is none of ours"))? + GOOD_FOR;
        if now > until {
            return Err(not("the nonce is too old"));
        }
        Ok(Fresh { nonce: nonce.to_owned(), until })
    }

    /// Uses it up: this works the first time, and never again.
    fn spend(&self, Fresh { nonce, until }: Fresh, now: OffsetDateTime) -> Result<(), Refusal> {
        let mut spent = self.spent.lock();
        spent.retain(|_, until| now <= *until);
        if spent.len() >= MOST_SPENT {
            return Err(not("too many nonces were used of late"));
        }
        match spent.insert(nonce, until) {
            None => Ok(()),
            Some(_) => Err(not("the nonce was used before")),
        }
    }

    /// 80 bits that only this process can put behind a head.
    fn seal(&self, head: &str) -> Option<String> {
        let key = self.key.as_ref()?;
        Some(Tag::first_of(hmac::sign(key, head.as_bytes()).as_ref()).to_string())
    }
}

fn not(why: &str) -> Refusal {
    Refusal::new(Code::RequestNotAllowed, format!("renewal: {why}"))
        .saying("the renewal's nonce cannot be used; get another one and ask again")
}

impl Written {
    /// The chain, whose leaf is proved to be held by whoever made this request, and once good by these authorities.
    ///
    /// It is judged as every certificate is, at its last moment where that has passed. Whether it was revoked, and for how
    /// long after its end it counts, the ledger and the profile say.
    pub(crate) fn prove(
        &self,
        csr: &str,
        anchors: Vec<Certificate>,
        environment: &str,
        nonces: &Nonces,
        now: OffsetDateTime,
    ) -> Result<Verified, No> {
        let chain = identity::certificates_from_pem(self.chain.as_bytes())
            .map_err(|error| bad("renewal.chain", &error))?;
        let leaf = chain.first().cloned().ok_or_else(|| bad("renewal.chain", &"it holds no certificate"))?;
        let signature =
            BASE64_STANDARD.decode(&self.signature).map_err(|error| bad("renewal.signature", &error))?;
        let fresh = nonces.check(&self.nonce, now)?;
        let proof = Proof { scheme: self.scheme, signature };
        proof.check(leaf.der(), RENEWAL, &renewal_message(&self.nonce, csr)).map_err(|error| {
            Refusal::new(
                Code::RequestNotAllowed,
                format!("renewal of {}: {error}", leaf.identity().subject()),
            )
            .saying("the renewal does not show that the certificate's key is held")
        })?;
        let at = now.min(leaf.identity().not_after());
        let strictness = Strictness { environment: Some(environment.to_owned()), ..Strictness::default() };
        let trust = Trust::new(anchors, strictness);
        let chain: Vec<CertificateDer<'_>> =
            chain.iter().map(|certificate| certificate.der().clone()).collect();
        let verified = identity::verify(&chain, &trust, purpose(&leaf), None, at)?;
        // Only a proof that holds uses a nonce up: who has no certificate of ours cannot use up everybody's.
        nonces.spend(fresh, now)?;
        Ok(verified)
    }
}

/// A certificate for both is judged as a client's.
fn purpose(leaf: &Certificate) -> Purpose {
    match leaf.usages() {
        Some(usages) if !usages.contains(&Usage::ClientAuth) => Purpose::Server,
        _ => Purpose::Client,
    }
}

fn bad(place: &str, why: &impl std::fmt::Display) -> No {
    No::bad(Fault::yours(format!("{place} cannot be read")).because(why))
}

const GOOD_FOR: Duration = Duration::minutes(5);
const MOST_SPENT: usize = 16_384;

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::{Duration, Nonces};

    #[test]
    fn a_nonce_is_taken_back_once_and_in_time() {
        let now = datetime!(2026-01-01 00:00 UTC);
        let nonces = Nonces::new();
        let nonce = nonces.give(now).unwrap();
        assert_ne!(nonce, nonces.give(now).unwrap());
        let soon = now + Duration::minutes(4);
        nonces.spend(nonces.check(&nonce, soon).unwrap(), soon).unwrap();
        assert!(nonces.spend(nonces.check(&nonce, soon).unwrap(), soon).is_err(), "twice");
        assert!(nonces.check(&nonces.give(now).unwrap(), now + Duration::minutes(6)).is_err(), "late");
        assert!(Nonces::new().check(&nonces.give(now).unwrap(), now).is_err(), "another process's");
    }

    #[test]
    fn a_text_that_we_did_not_give_is_no_nonce() {
        let now = datetime!(2026-01-01 00:00 UTC);
        let nonces = Nonces::new();
        let nonce = nonces.give(now).unwrap();
        for wrong in ["", ".", "a.b.c", &nonce[1..], &nonce[..nonce.len() - 1], &format!("9{nonce}")] {
            assert!(nonces.check(wrong, now).is_err(), "{wrong}");
        }
    }
}
