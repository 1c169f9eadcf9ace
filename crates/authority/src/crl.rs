//! An authority's list of what it has taken back (RFC 5280 §5), made from the ledger and signed.

mod encode;
mod own;

use std::fmt;

use fault::Fault;
use identity::Crl;
use ledger::{Ledger, RevocationRecord};
use time::{Duration, OffsetDateTime};

use self::encode::{Entries, Heading};
use self::own::Own;
use crate::authority::Authority;
use crate::sign::pem;

/// A signed list of revoked certificates, as others read it: version 2, complete for its issuer.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedCrl {
    der: Vec<u8>,
    issuer: String,
    number: u64,
    this_update: OffsetDateTime,
    next_update: OffsetDateTime,
    entries: usize,
}

impl SignedCrl {
    /// The list as DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The list as PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        pem("X509 CRL", &self.der)
    }

    /// The name of the authority that signed it.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Its number; of two lists of one issuer the one with the higher number is the newer.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// From when on it counts: a little before it was signed, for clocks that are behind.
    #[must_use]
    pub fn this_update(&self) -> OffsetDateTime {
        self.this_update
    }

    /// By when there will be a newer one.
    #[must_use]
    pub fn next_update(&self) -> OffsetDateTime {
        self.next_update
    }

    /// How many certificates are on it.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.entries
    }
}

impl fmt::Debug for SignedCrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignedCrl({}, number {}, {} entries)", self.issuer, self.number, self.entries)
    }
}

impl Authority {
    /// Signs the list of everything that this authority has revoked, valid for so long.
    ///
    /// Its number is drawn before its entries are read, so that a list holds every revocation that was on record when
    /// a list with a lower number was begun. A certificate whose life is over stays on the list for one lifetime more,
    /// so that at least one regular list has told of it (RFC 5280 §3.3), and is then left out.
    ///
    /// # Errors
    /// Where the authority's own certificate does not let it sign lists, the lifetime is none, or the ledger or the
    /// key fails.
    pub async fn sign_crl(
        &self,
        ledger: &dyn Ledger,
        lifetime: Duration,
        now: OffsetDateTime,
    ) -> Result<SignedCrl, Fault> {
        let own = Own::of(self.certificate())?;
        let (this_update, next_update) = self.span(lifetime, now)?;
        let number = ledger.next_crl_number(self.key_id()).await?;
        let mut entries = Entries::default();
        let mut since = 0;
        loop {
            let page = ledger.revocations(since, 0).await?;
            let Some(last) = page.last() else { break };
            since = last.revision;
            for record in page.iter().filter(|record| self.lists(record, lifetime, now)) {
                entries.push(record)?;
            }
        }
        let heading = Heading { this_update, next_update, number };
        let der = encode::signed(self, &own, &heading, &entries)?;
        self.look_at(&der, entries.count())?;
        let issuer = self.certificate().identity().subject().to_string();
        Ok(SignedCrl { der, issuer, number, this_update, next_update, entries: entries.count() })
    }

    /// A last look with the eyes of who will read it: that it is a list, ours, and whole.
    fn look_at(&self, der: &[u8], entries: usize) -> Result<(), Fault> {
        let failed = || Fault::ours("the signed list failed its lint, and is not handed out");
        let list = Crl::from_der(der).map_err(|error| failed().because(error))?;
        list.verify_issuer(self.certificate()).map_err(|error| failed().because(error))?;
        if list.len() == entries { Ok(()) } else { Err(failed().because("entries are missing")) }
    }

    fn lists(&self, record: &RevocationRecord, lifetime: Duration, now: OffsetDateTime) -> bool {
        record.issuer == self.key_id()
            && record
                .not_after
                .and_then(|end| end.checked_add(lifetime))
                .is_none_or(|forgotten| now <= forgotten)
    }

    fn span(
        &self,
        lifetime: Duration,
        now: OffsetDateTime,
    ) -> Result<(OffsetDateTime, OffsetDateTime), Fault> {
        if lifetime < Duration::SECOND {
            return Err(Fault::yours("a revocation list needs a lifetime").remedy("24h is usual"));
        }
        let now = now.replace_nanosecond(0).unwrap_or(now);
        let early = now.checked_sub(BACKDATED).unwrap_or(now);
        let next = now.checked_add(lifetime).filter(|next| next.year() <= 9999).ok_or_else(|| {
            Fault::yours(format!("a lifetime of {} days is too long", lifetime.whole_days()))
                .remedy("24h is usual")
        })?;
        Ok((early.max(self.certificate().identity().not_before()), next))
    }
}

/// As certificates are backdated: a list from the future is refused by a verifier whose clock is behind.
const BACKDATED: Duration = Duration::minutes(5);
