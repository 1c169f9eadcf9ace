//! An authority's list of what it has taken back (RFC 5280 §5), made from the ledger and signed.

mod encode;
mod own;

use std::fmt;

use fault::Fault;
use identity::{Certificate, Crl, CrlNumber, RevocationReason};
use ledger::{Ledger, RevocationRecord};
use rustls_pki_types::CertificateRevocationListDer;
use rustls_pki_types::pem::PemObject as _;
use time::{Duration, OffsetDateTime};

pub(crate) use self::encode::signature_algorithm;
use self::encode::{Entries, Heading};
use self::own::Own;
use crate::authority::Authority;
use crate::distribution::Shard;
use crate::sign::pem;

/// A signed list of revoked certificates, as others read it: version 2, complete for its issuer or for a part of its certificates.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedCrl {
    der: Vec<u8>,
    issuer: String,
    number: u64,
    this_update: OffsetDateTime,
    next_update: OffsetDateTime,
    entries: usize,
}

/// What a list is to be.
#[derive(Clone, Copy, Debug)]
pub struct Listing {
    /// Its number, of which no other list of the issuer has had the like.
    pub number: u64,
    /// Which part of everything it is.
    pub shard: Shard,
    /// How long it is valid.
    pub lifetime: Duration,
    /// The moment.
    pub now: OffsetDateTime,
}

/// A revoked certificate, as a list tells of it.
#[derive(Clone, Copy, Debug)]
pub struct Listed<'a> {
    /// Its serial number, big-endian, without leading zero bytes.
    pub serial: &'a [u8],
    /// Why it was revoked.
    pub reason: RevocationReason,
    /// When.
    pub at: OffsetDateTime,
    /// Last second of its validity; `None` where nobody knows.
    pub not_after: Option<OffsetDateTime>,
}

impl<'a> Listed<'a> {
    fn of(record: &'a RevocationRecord) -> Self {
        let RevocationRecord { serial, reason, at, not_after, .. } = record;
        Self { serial: serial.bytes(), reason: *reason, at: *at, not_after: *not_after }
    }

    /// Whether a list of this lifetime still tells of it: until one lifetime after its end.
    #[must_use]
    pub fn is_remembered(&self, lifetime: Duration, now: OffsetDateTime) -> bool {
        self.not_after.and_then(|end| end.checked_add(lifetime)).is_none_or(|forgotten| now <= forgotten)
    }
}

impl SignedCrl {
    /// Reads a list of this authority that was signed before, with the eyes of whoever else will read it: that it is a
    /// list, and the authority's.
    ///
    /// # Errors
    /// Where it is none, or somebody else's.
    pub fn read(der: Vec<u8>, authority: &Certificate) -> Result<Self, Fault> {
        let list = Crl::from_der(&der).map_err(|error| failed().because(error))?;
        list.verify_issuer(authority).map_err(|error| failed().because(error))?;
        let number = list.number().and_then(CrlNumber::to_u64);
        let (Some(number), Some(next_update)) = (number, list.next_update()) else {
            return Err(failed().because("it has no number, or says nothing of the next one"));
        };
        let issuer = authority.identity().subject().to_string();
        Ok(Self { issuer, number, this_update: list.this_update(), next_update, entries: list.len(), der })
    }

    /// Reads the list of this authority out of a file that somebody else has written, in PEM or DER.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn from_pem_or_der(bytes: &[u8], authority: &Certificate) -> Result<Self, Fault> {
        let der = match CertificateRevocationListDer::from_pem_slice(bytes) {
            Ok(der) => der.to_vec(),
            Err(_) => bytes.to_vec(),
        };
        let unusable = |why: String| {
            let name = authority.identity().subject();
            Fault::yours(format!("there is no list of \"{name}\" in the file"))
                .because(why)
                .remedy("sign one: countersign ca crl --ca PATH --key KEY --ledger FILE --days 90 --out FILE")
        };
        let list = Crl::from_der(&der).map_err(|error| unusable(error.to_string()))?;
        list.verify_issuer(authority).map_err(|error| unusable(error.to_string()))?;
        Self::read(der, authority)
    }

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
        // A number is not drawn for a list that cannot be.
        Own::of(self.certificate())?;
        self.span(lifetime, now)?;
        let number = ledger.next_crl_number(self.key_id()).await?;
        let mut entries = Entries::default();
        let mut since = 0;
        loop {
            let page = ledger.revocations(since, 0).await?;
            let Some(last) = page.last() else { break };
            since = last.revision;
            let own = page.iter().filter(|record| record.issuer == self.key_id()).map(Listed::of);
            for listed in own.filter(|listed| listed.is_remembered(lifetime, now)) {
                entries.push(listed)?;
            }
        }
        self.finish(&Listing { number, shard: Shard::WHOLE, lifetime, now }, &entries)
    }

    /// Signs a list, or a part of one, of what is known to be revoked; what the part does not hold, and whose life has been
    /// over for one lifetime, is left out. A part names the address that it belongs to, which the authority must know.
    ///
    /// # Errors
    /// As [`sign_crl`](Self::sign_crl), except for the ledger.
    pub fn sign_list<'a>(
        &self,
        listing: &Listing,
        revoked: impl IntoIterator<Item = Listed<'a>>,
    ) -> Result<SignedCrl, Fault> {
        let mut entries = Entries::default();
        for listed in revoked {
            if listing.shard.holds(listed.serial) && listed.is_remembered(listing.lifetime, listing.now) {
                entries.push(listed)?;
            }
        }
        self.finish(listing, &entries)
    }

    fn finish(&self, listing: &Listing, entries: &Entries) -> Result<SignedCrl, Fault> {
        let own = Own::of(self.certificate())?;
        let &Listing { number, shard, lifetime, now } = listing;
        let (this_update, next_update) = self.span(lifetime, now)?;
        let point = match (shard.is_whole(), self.distribution()) {
            (true, _) => None,
            (false, Some(distribution)) => Some(distribution.list(self.key_id(), shard)),
            (false, None) => return Err(Fault::ours("a part of a list has no address that it belongs to")),
        };
        let heading = Heading { this_update, next_update, number, point };
        let der = encode::signed(self, &own, &heading, entries)?;
        let list = SignedCrl::read(der, self.certificate())?;
        if list.entries == entries.count() && list.number == number {
            Ok(list)
        } else {
            Err(failed().because("entries are missing"))
        }
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

fn failed() -> Fault {
    Fault::ours("a signed list failed its lint, and is not handed out")
}

/// As certificates are backdated: a list from the future is refused by a verifier whose clock is behind.
const BACKDATED: Duration = Duration::minutes(5);
