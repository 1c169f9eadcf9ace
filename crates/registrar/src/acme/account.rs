//! Accounts, as they are on record.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use fault::Fault;
use ledger::{Ledger, LedgerError, NewNote, Note, Shelf};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use wire::acme::{Jwk, Problem, Trouble};

use super::reply::{internal, unrecorded};

/// An account, and the version of it that was seen.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) id: String,
    pub(super) said: Said,
    pub(super) key: Jwk,
    seen: Option<u64>,
}

/// What is on record of an account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Said {
    /// Its public key, in the canonical form.
    key: String,
    pub(super) contacts: Vec<String>,
    pub(super) deactivated: bool,
    /// The operator's key that it is bound to.
    pub(super) bound: Option<String>,
    pub(super) made_at: i64,
    /// When it last did something, in seconds since 1970.
    pub(super) used_at: i64,
    /// The orders that were on record without a certificate when it was last looked, newest last.
    pub(super) open: Vec<String>,
}

impl Account {
    /// A new one, not on record yet. Its identifier follows from its first key: two requests for one account cannot make
    /// two.
    pub(super) fn new(key: Jwk, contacts: Vec<String>, bound: Option<String>, made_at: i64) -> Self {
        let said = Said {
            key: key.canonical(),
            contacts,
            deactivated: false,
            bound,
            made_at,
            used_at: made_at,
            open: Vec::new(),
        };
        Self { id: id_of(&key), said, key, seen: None }
    }

    /// The account with this identifier.
    pub(super) async fn load(ledger: &dyn Ledger, id: &str) -> Result<Option<Self>, Problem> {
        let note = ledger.note(Shelf::AcmeAccounts, account_key(id)).await.map_err(unrecorded)?;
        note.map(|note| Self::read(id, &note)).transpose()
    }

    /// The account that has this key now.
    ///
    /// # Errors
    /// [`Trouble::Unauthorized`] where an account had it and has another one since: a key that was put away comes back
    /// in nobody's hands.
    pub(super) async fn with_key(ledger: &dyn Ledger, key: &Jwk) -> Result<Option<Self>, Problem> {
        let index = ledger.note(Shelf::AcmeAccounts, index_key(key)).await.map_err(unrecorded)?;
        if let Some(index) = index
            && let Some(account) = Self::load(ledger, &index.text).await?
            && account.key == *key
        {
            return Ok(Some(account));
        }
        match Self::load(ledger, &id_of(key)).await? {
            Some(account) if account.key != *key => Err(Problem::new(
                Trouble::Unauthorized,
                "this key was an account's and has been replaced: make a new one",
            )),
            found => Ok(found),
        }
    }

    /// Puts it on record.
    ///
    /// # Errors
    /// [`LedgerError::Changed`] where another request changed it since it was read.
    pub(super) async fn save(&mut self, ledger: &dyn Ledger) -> Result<(), LedgerError> {
        let text =
            serde_json::to_string(&self.said).map_err(|error| LedgerError::Storage(error.to_string()))?;
        let note =
            NewNote { key: account_key(&self.id), text, expires_at: self.forgotten_at(), seen: self.seen };
        self.seen = Some(ledger.write_note(Shelf::AcmeAccounts, note).await?);
        Ok(())
    }

    /// Gives it another key. The new key leads to the account before the account has it, so that a crash in between
    /// leaves an account with its old key and nothing else.
    ///
    /// # Errors
    /// As [`save`](Self::save).
    pub(super) async fn change_key(&mut self, ledger: &dyn Ledger, key: Jwk) -> Result<(), LedgerError> {
        let index = index_key(&key);
        let seen = ledger.note(Shelf::AcmeAccounts, index.clone()).await?.map(|note| note.version);
        let note = NewNote { key: index, text: self.id.clone(), expires_at: self.forgotten_at(), seen };
        ledger.write_note(Shelf::AcmeAccounts, note).await?;
        self.said.key = key.canonical();
        self.key = key;
        self.save(ledger).await
    }

    /// What a stranger may leave behind without anybody's leave is not kept for ever.
    fn forgotten_at(&self) -> Option<OffsetDateTime> {
        let used_at = OffsetDateTime::from_unix_timestamp(self.said.used_at).ok()?;
        self.said.bound.is_none().then(|| used_at + UNBOUND_KEPT)
    }

    fn read(id: &str, note: &Note) -> Result<Self, Problem> {
        let broken = |why: String| {
            internal(
                &Fault::ours(format!("what is on record of the ACME account {id} cannot be read"))
                    .because(why),
            )
        };
        let said: Said = serde_json::from_str(&note.text).map_err(|error| broken(error.to_string()))?;
        let key = Jwk::parse(said.key.as_bytes()).map_err(|problem| broken(problem.to_string()))?;
        Ok(Self { id: id.to_owned(), said, key, seen: Some(note.version) })
    }
}

fn account_key(id: &str) -> String {
    format!("account.{id}")
}

fn index_key(key: &Jwk) -> String {
    format!("key.{}", key.thumbprint())
}

/// 128 bits of a hash of the first key, with a purpose in front: the identifier gives the thumbprint away to nobody.
fn id_of(key: &Jwk) -> String {
    let hashed = digest::digest(&digest::SHA256, format!("acme account {}", key.thumbprint()).as_bytes());
    BASE64_URL_SAFE_NO_PAD.encode(hashed.as_ref().get(..16).unwrap_or_default())
}

/// Longer than the certificates of most last.
const UNBOUND_KEPT: Duration = Duration::days(400);
