//! Keys that were given up: what is certified with one may be anybody's.
//!
//! They are kept by themselves, because a certificate's record is found by its serial, never by its key.

use fault::Fault;
use identity::{Pin, RevocationReason};
use ledger::{Ledger, LedgerError, NewNote, Shelf};

/// Whether this key (SHA-256 of its SPKI) was given up with some certificate that was revoked as compromised.
///
/// # Errors
/// Where the ledger does not answer.
pub async fn is_compromised(ledger: &dyn Ledger, key: Pin) -> Result<bool, Fault> {
    Ok(ledger.note(Shelf::CompromisedKeys, key.to_string()).await?.is_some())
}

/// Gives a key up for good, where the reason says that others may have it.
pub(crate) async fn give_up(ledger: &dyn Ledger, key: Pin, reason: RevocationReason) -> Result<(), Fault> {
    if !reason.is_compromise() {
        return Ok(());
    }
    let note = NewNote { key: key.to_string(), text: "{}".to_owned(), expires_at: None, seen: None };
    match ledger.write_note(Shelf::CompromisedKeys, note).await {
        Ok(_) | Err(LedgerError::Changed { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// That a key may be certified.
pub(crate) async fn check(ledger: &dyn Ledger, key: Pin) -> Result<(), Fault> {
    match is_compromised(ledger, key).await? {
        false => Ok(()),
        true => Err(Fault::yours("the key was given up as compromised, with a certificate that was revoked")
            .because("whoever else has the key would have the new certificate too")
            .remedy("make a new key")),
    }
}
