//! Whose request it is: form, address, nonce and signature, in that order.

use http::header::CONTENT_TYPE;
use wire::acme::{Jwk, Jws, Problem, Signed, Signer, Trouble};

use super::account::Account;
use super::address::Address;
use super::call::Call;
use super::clerk::Clerk;
use super::keys;
use super::reply::internal;

/// A request of an account. Only [`Clerk::by_account`] and [`Clerk::by_anyone`] make one, from a signature that holds.
pub(super) struct Posted {
    pub(super) account: Account,
    signed: Signed,
}

impl Posted {
    pub(super) fn payload(&self) -> &[u8] {
        self.signed.payload()
    }

    /// Nothing but reading is asked (POST-as-GET).
    pub(super) fn only_reads(&self) -> Result<(), Problem> {
        match self.payload().is_empty() {
            true => Ok(()),
            false => Err(Problem::malformed("this is only read: send an empty payload (POST-as-GET)")),
        }
    }
}

/// Who signed a request that accounts and others may make.
pub(super) enum Anyone {
    Account(Box<Posted>),
    Key(Signed),
}

impl Clerk {
    /// The request of an account in good standing, which must be this one where an address names it.
    pub(super) async fn by_account(&self, call: &Call<'_>, named: Option<&str>) -> Result<Posted, Problem> {
        match self.by_anyone(call).await? {
            Anyone::Account(posted) if named.is_some_and(|named| named != posted.account.id) => {
                Err(Problem::new(Trouble::Unauthorized, "this is another account's"))
            }
            Anyone::Account(posted) => {
                self.in_good_standing(&posted.account).await?;
                Ok(*posted)
            }
            Anyone::Key(_) => Err(Problem::malformed("sign this with the account: \"kid\", and no \"jwk\"")),
        }
    }

    /// The request of whoever holds the key that comes with it.
    pub(super) async fn by_key(&self, call: &Call<'_>) -> Result<Signed, Problem> {
        match self.by_anyone(call).await? {
            Anyone::Key(signed) => Ok(signed),
            Anyone::Account(_) => {
                Err(Problem::malformed("sign this with the key itself: \"jwk\", and no \"kid\""))
            }
        }
    }

    /// A request whose signature holds, by an account that is not deactivated or by a key of its own.
    pub(super) async fn by_anyone(&self, call: &Call<'_>) -> Result<Anyone, Problem> {
        let jws = self.read(call)?;
        let fresh = self.desk.nonces.check(jws.nonce(), self.now).ok_or_else(bad_nonce)?;
        let anyone = match jws.signer().clone() {
            Signer::Key(key) => Anyone::Key(jws.verify(&key)?),
            Signer::Account(url) => {
                let account = self.account_at(&url).await?;
                let signed = jws.verify(&account.key)?;
                Anyone::Account(Box::new(Posted { account, signed }))
            }
        };
        // Only a good signature uses a nonce up: who makes none cannot make us forget those of others.
        if !self.desk.nonces.spend(fresh) {
            return Err(bad_nonce());
        }
        match &anyone {
            // RFC 8555 §7.3.6.
            Anyone::Account(posted) if posted.account.said.deactivated => {
                Err(Problem::new(Trouble::Unauthorized, "the account is deactivated").with_status(401))
            }
            Anyone::Account(_) | Anyone::Key(_) => Ok(anyone),
        }
    }

    fn read(&self, call: &Call<'_>) -> Result<Jws, Problem> {
        let kind = call.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/jose+json") {
            return Err(Problem::malformed("the content type must be application/jose+json").with_status(415));
        }
        if call.body.len() > MOST_BYTES {
            let said = format!("a request has at most {MOST_BYTES} bytes");
            return Err(Problem::malformed(said).with_status(413));
        }
        let jws = Jws::parse(call.body)?;
        // RFC 8555 §6.4: what was signed for one address is good at no other.
        if jws.url() != self.asked(call) {
            return Err(Problem::new(
                Trouble::Unauthorized,
                format!("\"url\" is not the address that this came to, {}", self.asked(call)),
            ));
        }
        Ok(jws)
    }

    /// The address that was asked.
    pub(super) fn asked(&self, call: &Call<'_>) -> String {
        let path = self.base_of(call.path);
        match call.query {
            Some(query) => format!("{path}?{query}"),
            None => path,
        }
    }

    async fn account_at(&self, url: &str) -> Result<Account, Problem> {
        let unknown = || Problem::new(Trouble::AccountDoesNotExist, "no account has the address in \"kid\"");
        let Some(Address::Account(id)) = self.resource(url) else { return Err(unknown()) };
        Account::load(self.ledger.as_ref(), &id).await?.ok_or_else(unknown)
    }

    /// Whether the account may still do things: the operator's key that it is bound to is good.
    pub(super) async fn in_good_standing(&self, account: &Account) -> Result<Option<keys::Key>, Problem> {
        let Some(id) = &account.said.bound else {
            return match self.settings.external_account_required {
                false => Ok(None),
                true => Err(Problem::new(
                    Trouble::ExternalAccountRequired,
                    "accounts are bound to a key of the authority's operator by now: make a new one",
                )),
            };
        };
        match keys::find(self.ledger.as_ref(), id).await.map_err(|fault| internal(&fault))? {
            Some((_, key)) if key.withdrawn_at.is_none() => Ok(Some(key)),
            _ => Err(Problem::new(
                Trouble::Unauthorized,
                "the key that this account is bound to was withdrawn: ask the authority's operator for another",
            )),
        }
    }

    /// What one account key may not be: also the key of the certificate.
    pub(super) fn is_key_of(key: &Jwk, spki: &[u8]) -> bool {
        key.spki().is_some_and(|own| own == spki)
    }
}

fn bad_nonce() -> Problem {
    Problem::new(
        Trouble::BadNonce,
        "the nonce is used, too old, or another node's: use the one in this answer",
    )
}

/// Far more than a certificate request of a hundred names.
const MOST_BYTES: usize = 128 * 1024;
