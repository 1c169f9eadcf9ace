//! Which certificate was given in exchange for which.
//!
//! Whoever has a stolen key may have renewed with it before it was missed. What was given for a certificate is noted before
//! it is signed, and the certificate is looked at once more after that: either whoever revokes it finds the note, or the
//! renewal finds the revocation.

use std::collections::VecDeque;

use fault::Fault;
use identity::{Pin, RevocationReason};
use ledger::{CertificateId, CertificateRecord, Ledger, LedgerError, NewNote, Shelf, State};
use time::OffsetDateTime;

use crate::authority::Authority;
use crate::issue::settle;
use crate::profile::Profile;
use crate::request::Request;
use crate::revoke::revoke;
use crate::sign::Issued;

impl Authority {
    /// Issues what takes the place of another certificate, in exchange for it, and puts on record that it does.
    ///
    /// # Errors
    /// As [`issue`](Self::issue), and where the other one is not, or no longer, on record as issued.
    pub async fn renew(
        &self,
        ledger: &dyn Ledger,
        held: &CertificateId,
        request: &Request,
        profile: &Profile,
        now: OffsetDateTime,
    ) -> Result<Issued, Fault> {
        let recorded = self.draft(request, profile, now)?.record(ledger).await?;
        let noted = noted(ledger, held, &recorded.summary().id()).await;
        settle(
            ledger,
            recorded,
            now,
            |recorded| noted.and_then(|()| self.sign(recorded)),
            |issued| issued.certificate().der().to_vec(),
        )
        .await
    }
}

/// Notes the exchange; where the certificate was taken back meanwhile, nothing is given for it.
async fn noted(ledger: &dyn Ledger, held: &CertificateId, successor: &CertificateId) -> Result<(), Fault> {
    let key = format!("{}{} {}", below(held), successor.issuer, successor.serial);
    // For as long as the record of the certificate itself: a line that is cut hides all that is behind the cut.
    let note = NewNote { key, text: "{}".to_owned(), expires_at: None, seen: None };
    ledger.write_note(Shelf::Lineage, note).await?;
    match ledger.certificate(held.clone()).await?.map(|record| record.state) {
        Some(State::Issued) => Ok(()),
        Some(State::Revoked) => {
            Err(Fault::yours(format!("the certificate {} has been revoked", held.serial))
                .remedy("ask for an invitation"))
        }
        Some(State::Drafted | State::Abandoned) | None => {
            Err(Fault::yours(format!("the certificate {} was not issued here", held.serial))
                .remedy("ask for an invitation"))
        }
    }
}

/// What was given in exchange for a certificate, and for that, and so on: everything on record that was signed or may be yet,
/// the nearest first.
///
/// # Errors
/// Where the ledger does not answer, or a note of it cannot be read.
pub async fn successors(ledger: &dyn Ledger, of: &CertificateId) -> Result<Vec<CertificateRecord>, Fault> {
    let (mut found, mut open) = (Vec::new(), VecDeque::from([of.clone()]));
    while let Some(next) = open.pop_front() {
        for id in directly(ledger, &next).await? {
            // A number is drawn after the certificate that it follows was issued, so that nothing follows itself.
            open.push_back(id.clone());
            let record = ledger.certificate(id).await?;
            found.extend(record.filter(|record| record.state != State::Abandoned));
        }
    }
    Ok(found)
}

/// Which successors are taken back with a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taking {
    /// All of them.
    All,
    /// Those for this key: whoever has it has them too.
    OfKey(Pin),
}

/// Takes back what was given in exchange for a certificate, and says what it was. What is not signed yet never will be.
///
/// The certificate itself is revoked before: from then on nothing is given for it.
///
/// # Errors
/// As [`revoke`](crate::revoke()); what was taken back until then stays so, and the same can be asked again.
pub async fn revoke_successors(
    ledger: &dyn Ledger,
    of: &CertificateId,
    taking: Taking,
    (reason, by): (RevocationReason, &str),
    now: OffsetDateTime,
) -> Result<Vec<CertificateRecord>, Fault> {
    let (mut taken, mut open) = (Vec::new(), VecDeque::from([of.clone()]));
    // Each is taken back before what was given for it is looked for.
    while let Some(next) = open.pop_front() {
        for id in directly(ledger, &next).await? {
            if is_meant(ledger, &id, taking).await? && stop(ledger, &id, now).await? {
                let by = format!("{by}, with {}", of.serial);
                revoke(ledger, id.clone(), reason, &by, now).await?;
                taken.extend(ledger.certificate(id.clone()).await?);
            }
            open.push_back(id);
        }
    }
    Ok(taken)
}

async fn is_meant(ledger: &dyn Ledger, id: &CertificateId, taking: Taking) -> Result<bool, Fault> {
    match taking {
        Taking::All => Ok(true),
        Taking::OfKey(key) => {
            let record = ledger.certificate(id.clone()).await?;
            Ok(record.is_some_and(|record| record.draft.spki == key))
        }
    }
}

/// Ends a draft; says whether there is a certificate to take back instead.
async fn stop(ledger: &dyn Ledger, id: &CertificateId, now: OffsetDateTime) -> Result<bool, Fault> {
    let why = "what it was to take the place of was revoked".to_owned();
    match ledger.abandon(id.clone(), why, now).await {
        Ok(()) | Err(LedgerError::Unknown(_)) => Ok(false),
        Err(LedgerError::NotDrafted { .. }) => {
            let state = ledger.certificate(id.clone()).await?.map(|record| record.state);
            Ok(state.is_some_and(State::was_issued))
        }
        Err(error) => Err(error.into()),
    }
}

async fn directly(ledger: &dyn Ledger, of: &CertificateId) -> Result<Vec<CertificateId>, Fault> {
    let first = below(of);
    let (mut found, mut after) = (Vec::new(), first.clone());
    loop {
        let page = ledger.notes(Shelf::Lineage, Some(after.clone()), AT_ONCE).await?;
        let whole = page.len() == AT_ONCE;
        for note in page {
            let Some(successor) = note.key.strip_prefix(&first) else { return Ok(found) };
            found.push(read(successor)?);
            after = note.key;
        }
        if !whole {
            return Ok(found);
        }
    }
}

fn read(successor: &str) -> Result<CertificateId, Fault> {
    let read = successor.split_once(' ').and_then(|(issuer, serial)| {
        Some(CertificateId { issuer: issuer.parse().ok()?, serial: serial.parse().ok()? })
    });
    read.ok_or_else(|| Fault::ours("a renewal on record cannot be read").because(successor))
}

/// How the keys of all notes begin that name a successor of this certificate.
fn below(of: &CertificateId) -> String {
    format!("{} {} ", of.issuer, of.serial)
}

/// Notes that are read together.
const AT_ONCE: usize = 100;
