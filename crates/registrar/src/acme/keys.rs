//! Keys for external account binding: given out by the operator, each for some names.

use authority::HostPattern;
use aws_lc_rs::{hkdf, rand};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use fault::Fault;
use identity::Secret;
use ledger::{AuditEvent, AuditKind, Ledger, LedgerError, NewNote, Note, Shelf};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use wire::acme::Identifier;
use zeroize::Zeroizing;

use super::settings::covered;

/// What all keys of one record are derived from: the content of a file, which the nodes that share the ledger share as
/// well. The ledger holds which keys there are, and never a key.
pub struct Root(Secret);

impl Root {
    /// From the file's content.
    ///
    /// # Errors
    /// Where there is too little of it to be a secret.
    pub fn new(secret: Secret) -> Result<Self, Fault> {
        if secret.expose().len() < LENGTH {
            return Err(Fault::yours(format!("the secret of the ACME keys has less than {LENGTH} bytes"))
                .remedy("restore the file, or remove it: a new one is made, and keys that were given out end with the old"));
        }
        Ok(Self(secret))
    }

    /// A new one, as the file holds it.
    ///
    /// # Errors
    /// Where the machine has no randomness.
    pub fn made() -> Result<Zeroizing<String>, Fault> {
        random::<LENGTH>().map(|bytes| Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(bytes.as_slice())))
    }

    /// The key of this name.
    pub(crate) fn key(&self, id: &str) -> Result<Zeroizing<[u8; LENGTH]>, Fault> {
        let broken = |_| Fault::ours("a key could not be derived");
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, PURPOSE);
        let derived = salt.extract(self.0.expose());
        let mut key = Zeroizing::new([0; LENGTH]);
        let info = [id.as_bytes()];
        let expanded = derived.expand(&info, hkdf::HKDF_SHA256).map_err(broken)?;
        expanded.fill(key.as_mut_slice()).map_err(broken)?;
        Ok(key)
    }
}

/// What is on record of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// What it is called, for people.
    pub name: String,
    /// The names that it may be used for; none: those of the configuration.
    pub names: Vec<String>,
    /// When it was made, in seconds since 1970.
    pub made_at: i64,
    /// When it was withdrawn.
    pub withdrawn_at: Option<i64>,
    /// How many accounts were bound with it.
    pub accounts: u32,
}

impl Key {
    /// Whether it may be used for this name.
    pub(crate) fn covers(&self, name: &Identifier) -> bool {
        // What cannot be read covers nothing.
        let names: Vec<HostPattern> = self.names.iter().filter_map(|text| text.parse().ok()).collect();
        self.names.is_empty() || covered(&names, name)
    }

    /// In the words of the audit record.
    fn named(&self, id: &str) -> String {
        let names = if self.names.is_empty() { "all names".to_owned() } else { self.names.join(" ") };
        format!("the ACME key {id} ({:?}, for {names})", self.name)
    }
}

/// A key as its holder gets it, once.
pub struct Given {
    /// Its identifier (`kid`).
    pub id: String,
    /// The key, in base64url, as clients take it.
    pub hmac_key: Zeroizing<String>,
}

/// Makes a key and puts it on record, and in the audit record by whom: it decides who may get certificates.
///
/// # Errors
/// Where the ledger fails, or the machine has no randomness. Where the audit record cannot be written, nobody gets the key.
pub async fn make(
    ledger: &dyn Ledger,
    root: &Root,
    name: &str,
    names: &[HostPattern],
    by: &str,
    now: OffsetDateTime,
) -> Result<Given, Fault> {
    let id = BASE64_URL_SAFE_NO_PAD.encode(random::<12>()?.as_slice());
    let key = Key {
        name: name.to_owned(),
        names: names.iter().map(ToString::to_string).collect(),
        made_at: now.unix_timestamp(),
        withdrawn_at: None,
        accounts: 0,
    };
    let note = NewNote { key: id.clone(), text: written(&key)?, expires_at: None, seen: None };
    ledger.write_note(Shelf::AcmeKeys, note).await?;
    audit(ledger, format!("gave out {}, by {by}", key.named(&id)), now).await?;
    let hmac_key = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(root.key(&id)?.as_slice()));
    Ok(Given { id, hmac_key })
}

/// Every key on record, with its identifier.
///
/// # Errors
/// Where the ledger fails.
pub async fn all(ledger: &dyn Ledger) -> Result<Vec<(String, Key)>, Fault> {
    let mut keys = Vec::new();
    let mut after = None;
    loop {
        let page = ledger.notes(Shelf::AcmeKeys, after, PAGE).await?;
        let last = page.last().map(|note| note.key.clone());
        let full = page.len() == PAGE;
        for note in page {
            keys.push((note.key.clone(), read(&note)?));
        }
        match last {
            Some(last) if full => after = Some(last),
            _ => return Ok(keys),
        }
    }
}

/// Withdraws a key: no account can be bound with it any more, and those that were can do nothing but revoke. The audit record
/// says by whom.
///
/// # Errors
/// Where there is no such key, or the ledger fails. A fault of the audit record says that the key is withdrawn all the same.
pub async fn withdraw(ledger: &dyn Ledger, id: &str, by: &str, now: OffsetDateTime) -> Result<Key, Fault> {
    loop {
        let (note, mut key) = find(ledger, id).await?.ok_or_else(|| {
            Fault::theirs(format!("no ACME key \"{}\" is on record", id.escape_debug()))
                .remedy("countersign acme keys shows what there is")
        })?;
        if key.withdrawn_at.is_some() {
            return Ok(key);
        }
        key.withdrawn_at = Some(now.unix_timestamp());
        match ledger.write_note(Shelf::AcmeKeys, note.rewritten(written(&key)?)).await {
            Ok(_) => {}
            Err(LedgerError::Changed { .. }) => continue,
            Err(error) => return Err(error.into()),
        }
        return audit(ledger, format!("withdrew {}, by {by}", key.named(id)), now).await.map(|()| key);
    }
}

async fn audit(ledger: &dyn Ledger, done: String, now: OffsetDateTime) -> Result<(), Fault> {
    let event = AuditEvent { cause: Some(done.clone()), ..AuditEvent::new(AuditKind::Admin, now) };
    ledger.audit(vec![event]).await.map_err(|error| {
        Fault::theirs(format!("{done}; but the audit record does not say so"))
            .because(error)
            .remedy("see that the ledger's disk has room")
    })
}

/// Counts one account more; false where the key has bound as many as it may.
pub(crate) async fn count_account(ledger: &dyn Ledger, id: &str) -> Result<bool, Fault> {
    loop {
        let Some((note, mut key)) = find(ledger, id).await? else { return Ok(false) };
        if key.withdrawn_at.is_some() || key.accounts >= MOST_ACCOUNTS {
            return Ok(false);
        }
        key.accounts += 1;
        match ledger.write_note(Shelf::AcmeKeys, note.rewritten(written(&key)?)).await {
            Ok(_) => return Ok(true),
            Err(LedgerError::Changed { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// What is on record of this key.
pub(crate) async fn find(ledger: &dyn Ledger, id: &str) -> Result<Option<(Note, Key)>, Fault> {
    let Some(note) = ledger.note(Shelf::AcmeKeys, id.to_owned()).await? else { return Ok(None) };
    let key = read(&note)?;
    Ok(Some((note, key)))
}

fn read(note: &Note) -> Result<Key, Fault> {
    serde_json::from_str(&note.text)
        .map_err(|error| Fault::ours("what is on record of an ACME key cannot be read").because(error))
}

fn written(key: &Key) -> Result<String, Fault> {
    serde_json::to_string(key)
        .map_err(|error| Fault::ours("an ACME key cannot be put on record").because(error))
}

/// Bytes from the machine's generator.
pub(crate) fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, Fault> {
    let mut bytes = Zeroizing::new([0; N]);
    rand::fill(bytes.as_mut_slice()).map_err(|_| Fault::theirs("the machine gave no randomness"))?;
    Ok(bytes)
}

const LENGTH: usize = 32;
const PAGE: usize = 100;
/// A key may serve a fleet; one that does more has been given away.
const MOST_ACCOUNTS: u32 = 1000;
const PURPOSE: &[u8] = b"countersign: external account binding, version 1";

#[cfg(test)]
mod tests {
    use identity::Secret;

    use super::Root;

    #[test]
    fn keys_are_told_apart_by_their_name_and_their_secret() {
        let root = |text: &str| Root::new(Secret::new(text.to_owned())).unwrap();
        let (one, other) = (root(&"a".repeat(43)), root(&"b".repeat(43)));
        assert_eq!(*one.key("k1").unwrap(), *one.key("k1").unwrap());
        assert_ne!(*one.key("k1").unwrap(), *one.key("k2").unwrap());
        assert_ne!(*one.key("k1").unwrap(), *other.key("k1").unwrap());
        assert!(Root::new(Secret::new("short".to_owned())).is_err());
    }
}
