//! Accounts: made, read, changed, ended, and given another key.

use ledger::LedgerError;
use wire::acme::asked::{AccountUpdate, KeyChange, NewAccount};
use wire::acme::{Binding, Jwk, Jws, Problem, Signer, Trouble, shown};

use super::account::Account;
use super::address::Address;
use super::call::Call;
use super::clerk::Clerk;
use super::desk::{KEY_CHANGES, STRANGERS, WRONG_KEYS};
use super::keys;
use super::reply::{self, Reply, internal, unrecorded};

impl Clerk {
    /// `newAccount` (RFC 8555 §7.3).
    pub(super) async fn new_account(&self, call: &Call<'_>) -> Result<Reply, Problem> {
        let signed = self.by_key(call).await?;
        let asked = NewAccount::parse(signed.payload())?;
        if let Some(account) = Account::with_key(self.ledger.as_ref(), signed.key()).await? {
            return self.existing(&account);
        }
        if asked.only_existing {
            return Err(Problem::new(Trouble::AccountDoesNotExist, "no account has this key"));
        }
        if let Some(terms) = self.settings.terms_of_service.as_ref().filter(|_| !asked.terms_agreed) {
            let said = format!("agree to the terms of service first: {terms}");
            return Err(Problem::new(Trouble::UserActionRequired, said));
        }
        let bound = match asked.binding {
            Some(binding) => Some(self.bound(binding, &self.asked(call), signed.key()).await?),
            None => self.unbound()?,
        };
        let mut account =
            Account::new(signed.key().clone(), asked.contacts, bound, self.now.unix_timestamp());
        match account.save(self.ledger.as_ref()).await {
            Ok(()) => {}
            // The same key asked twice at once: there is one account, and both get it.
            Err(LedgerError::Changed { .. }) => {
                let first = Account::with_key(self.ledger.as_ref(), signed.key()).await?;
                return self.existing(&first.ok_or_else(reply::changed)?);
            }
            Err(error) => return Err(unrecorded(error)),
        }
        tracing::info!(account = account.id, key = account.said.bound, "ACME account made");
        let mut reply = self.shown_account(&account)?;
        reply::created(&mut reply, &self.url(&Address::Account(account.id)));
        Ok(reply)
    }

    fn existing(&self, account: &Account) -> Result<Reply, Problem> {
        if account.said.deactivated {
            return Err(Problem::new(Trouble::Unauthorized, "the account is deactivated").with_status(401));
        }
        let mut reply = self.shown_account(account)?;
        reply::located(&mut reply, &self.url(&Address::Account(account.id.clone())));
        Ok(reply)
    }

    /// The identifier of the operator's key that vouches for an account.
    async fn bound(&self, binding: Binding, url: &str, account: &Jwk) -> Result<String, Problem> {
        let id = binding.key_id().to_owned();
        let too_often =
            |wait| reply::limited("too many wrong external account bindings from this address", wait);
        // Whoever was wrong too often is not even looked at: a right key would be told from a wrong one.
        self.desk.wrong_keys.look(WRONG_KEYS, &self.source, self.now).map_err(too_often)?;
        let wrong = |problem: Problem| match self.desk.wrong_keys.take(WRONG_KEYS, &self.source, 1, self.now)
        {
            Ok(()) => problem,
            Err(wait) => too_often(wait),
        };
        let key = self.settings.root.key(&id).map_err(|fault| internal(&fault))?;
        // Derived and checked whether the key is on record or not: both take the same time and are told the same.
        binding.verify(key.as_slice(), url, account).map_err(wrong)?;
        let counted =
            keys::count_account(self.ledger.as_ref(), &id).await.map_err(|fault| internal(&fault))?;
        if !counted {
            return Err(wrong(Binding::refused()));
        }
        Ok(id)
    }

    /// An account that nobody vouches for, where that is allowed.
    fn unbound(&self) -> Result<Option<String>, Problem> {
        if self.settings.external_account_required {
            return Err(Problem::new(
                Trouble::ExternalAccountRequired,
                "an account needs a key from the authority's operator (countersign acme key): give it as --eab-kid and \
                 --eab-hmac-key (certbot), --kid and --hmac (lego), or external_account (Caddy)",
            ));
        }
        match self.desk.strangers.take(STRANGERS, &self.source, 1, self.now) {
            Ok(()) => Ok(None),
            Err(wait) => Err(reply::limited("too many new accounts from this address", wait)),
        }
    }

    /// An account read, changed or ended (RFC 8555 §7.3.2, §7.3.6).
    pub(super) async fn account(&self, call: &Call<'_>, id: &str) -> Result<Reply, Problem> {
        let posted = self.by_account(call, Some(id)).await?;
        let update = AccountUpdate::parse(posted.payload())?;
        let mut account = posted.account;
        if update.contacts.is_some() || update.deactivate {
            account.said.contacts = update.contacts.unwrap_or(account.said.contacts);
            account.said.deactivated = update.deactivate;
            account.said.used_at = self.now.unix_timestamp();
            account.save(self.ledger.as_ref()).await.map_err(unrecorded)?;
            tracing::info!(account = account.id, deactivated = update.deactivate, "ACME account changed");
        }
        self.shown_account(&account)
    }

    /// `keyChange` (RFC 8555 §7.3.5): signed by the old key around, by the new key within.
    pub(super) async fn change_key(&self, call: &Call<'_>) -> Result<Reply, Problem> {
        let posted = self.by_account(call, None).await?;
        let inner = Jws::parse_inner(posted.payload())?;
        if inner.url() != self.asked(call) {
            return Err(Problem::malformed("the inner request was signed for another address"));
        }
        let Signer::Key(new) = inner.signer().clone() else {
            return Err(Problem::malformed("the inner request does not carry the new key"));
        };
        let change = KeyChange::parse(inner.verify(&new)?.payload())?;
        let mut account = posted.account;
        if self.resource(&change.account) != Some(Address::Account(account.id.clone())) {
            return Err(Problem::malformed("\"account\" is not the account that signed"));
        }
        if change.old_key != account.key {
            return Err(Problem::malformed("\"oldKey\" is not the account's key"));
        }
        if let Some(other) = Account::with_key(self.ledger.as_ref(), &new).await? {
            let mut reply = reply::problem(
                &Problem::malformed("an account has the new key already: make another").with_status(409),
            );
            reply::located(&mut reply, &self.url(&Address::Account(other.id)));
            return Ok(reply);
        }
        self.desk
            .key_changes
            .take(KEY_CHANGES, &account.id, 1, self.now)
            .map_err(|wait| reply::limited("the account was given too many keys", wait))?;
        account.said.used_at = self.now.unix_timestamp();
        account.change_key(self.ledger.as_ref(), new).await.map_err(unrecorded)?;
        tracing::info!(account = account.id, "ACME account has another key");
        self.shown_account(&account)
    }

    fn shown_account(&self, account: &Account) -> Result<Reply, Problem> {
        reply::object(&shown::Account {
            status: if account.said.deactivated { "deactivated" } else { "valid" },
            contact: account.said.contacts.clone(),
            orders: self.url(&Address::Orders(account.id.clone())),
        })
    }
}
