//! Certificates of minutes in principals' names, by which a server behind the door sees who comes.
//!
//! - [`kept`]: those that were made, each until near its end.
//! - [`walk`]: how one is made.
//! - [`metrics`]: counters of what was made.
//! - [`threads`](mod@threads): where they are made.
//!
//! Only the door asks, and it asks for whoever it has admitted. The key of such a certificate is never written anywhere, so
//! nothing is left of it but its record when the node stops.

mod kept;
mod metrics;
#[cfg(test)]
mod tests;
mod threads;
mod walk;

use std::collections::BTreeMap;
use std::sync::Arc;

use authority::{Authority, Names, Profile};
use fault::Fault;
use gateway::{Minting, Pending};
use identity::{Credential, Fingerprint, KeyKind, Usage};
use ledger::{Ledger, MINTED};
use parking_lot::Mutex;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::registrar::Registrar;
use kept::{Kept, Look};
pub use metrics::DESCRIBED;
pub(crate) use metrics::Metrics;
use threads::Threads;

/// The longest life of one, below which a certificate says that nobody need ask about it.
const LONGEST: Duration = Duration::hours(12);

/// What was made, for each lifetime: a reload that leaves a lifetime as it was finds it again.
#[derive(Default)]
pub(crate) struct Minted {
    lives: Mutex<BTreeMap<Duration, Arc<Kept>>>,
    /// The issuer that the ledger let stand, and when that was.
    stood: Mutex<Option<(Fingerprint, OffsetDateTime)>>,
    metrics: Metrics,
    threads: Threads,
}

impl Minted {
    fn kept(&self, life: Duration) -> Arc<Kept> {
        Arc::clone(self.lives.lock().entry(life).or_insert_with(|| Arc::new(Kept::new(life, MOST))))
    }

    /// Lets go of what has ended, keys and all.
    pub(crate) fn sweep(&self, now: OffsetDateTime) {
        let mut lives = self.lives.lock();
        lives.retain(|_, kept| kept.sweep(now) > 0 || Arc::strong_count(kept) > 1);
    }

    /// That the issuer itself was not taken back. The ledger is asked once a second, whoever else asks meanwhile.
    async fn standing(
        &self,
        issuer: &Authority,
        ledger: &dyn Ledger,
        now: OffsetDateTime,
    ) -> Result<(), Fault> {
        let this = issuer.certificate().fingerprint();
        let stood =
            |(issuer, at): (Fingerprint, OffsetDateTime)| issuer == this && at <= now && now < at + BELIEVED;
        if self.stood.lock().is_some_and(stood) {
            return Ok(());
        }
        issuer.check_standing(ledger).await?;
        *self.stood.lock() = Some((this, now));
        Ok(())
    }

    /// Who goes on without the authority, and who does not; nothing where nobody mints.
    fn status(&self, now: OffsetDateTime) -> Option<Value> {
        let lives: Vec<_> = self.lives.lock().values().cloned().collect();
        // One is the map's own and one is ours: with no other nothing in the configuration mints any more.
        let used = lives.iter().any(|kept| Arc::strong_count(kept) > 2);
        let ends: Vec<_> = lives.iter().flat_map(|kept| kept.ends()).filter(|end| *end > now).collect();
        let first = ends.iter().min().and_then(|end| end.format(&Rfc3339).ok());
        let waits = "sessions to a service with identity per_principal, of principals that have no certificate of minutes";
        used.then(|| json!({ "breaks_at_once": waits, "kept": ends.len(), "first_ends": first }))
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}

/// Makes credentials of one lifetime.
struct Mint {
    registrar: Arc<Registrar>,
    profile: Profile,
    kept: Arc<Kept>,
}

impl Registrar {
    /// What depends on minting at this moment, for the node's status: whoever has no certificate of minutes when the authority
    /// goes away gets none.
    #[must_use]
    pub fn minting_status(&self) -> Option<Value> {
        self.minted.status(self.clock.now())
    }

    /// Makes credentials that live this long.
    ///
    /// # Errors
    /// Where the lifetime is shorter than a minute, or so long that somebody would have to be asked about them.
    pub fn minting(self: &Arc<Self>, life: Duration) -> Result<Arc<dyn Minting>, Fault> {
        let profile = profile(life)?;
        let kept = self.minted.kept(life);
        Ok(Arc::new(Mint { registrar: Arc::clone(self), profile, kept }))
    }
}

fn profile(life: Duration) -> Result<Profile, Fault> {
    if life > LONGEST {
        return Err(Fault::yours("a certificate in a principal's name would live for more than 12 hours")
            .because("it says that nobody need ask whether it was revoked, so it has to end soon")
            .remedy("set certificate_lifetime to minutes: 5m"));
    }
    Profile::new(MINTED, vec![Usage::ClientAuth])?.with_keys(vec![KeyKind::EcdsaP256])?.with_lifetime(life)
}

impl Minting for Mint {
    fn mint<'a>(&'a self, principal: &'a str) -> Pending<'a, Result<Arc<Credential>, Fault>> {
        Box::pin(self.credential(principal))
    }

    fn keep_only(&self, known: &dyn Fn(&str) -> bool) {
        self.kept.keep_only(known);
    }
}

impl Mint {
    async fn credential(&self, principal: &str) -> Result<Arc<Credential>, Fault> {
        let names = Names::common(principal);
        names.check().map_err(|fault| nameless(principal, &fault))?;
        let now = self.registrar.clock.now();
        let issuer = walk::issuer(&self.registrar.issuing())?.key_id();
        match self.kept.look(principal, issuer, now)? {
            Look::Good(credential) => Ok(credential),
            Look::Awaited(flight) => flight.landed().await,
            Look::Due(credential, flight) => {
                self.start(names, flight);
                Ok(credential)
            }
            Look::Missing(flight) => self.start(names, flight).landed().await,
        }
    }

    /// Makes one beside whoever asked: one who no longer waits leaves nothing half done, and the next one finds it.
    fn start(&self, names: Names, flight: kept::Flight) -> kept::Landing {
        let landing = flight.landing();
        let walk = walk::Walk {
            registrar: Arc::clone(&self.registrar),
            profile: self.profile.clone(),
            names,
            flight,
        };
        self.registrar.minted.threads.spawn(walk.go());
        landing
    }
}

fn nameless(principal: &str, fault: &Fault) -> Fault {
    let shown: String = principal.chars().take(64).collect();
    Fault::yours(format!("principal \"{}\" cannot be shown to a server by a certificate", shown.escape_debug()))
        .because(fault.what())
        .remedy(
            "a name in a certificate has 1 to 64 characters, no control characters and no space at either end: give the \
             principal a shorter name, or let the service know everybody by one credential (identity: shared)",
        )
}

/// How many are kept for each lifetime; with the chain's certificates shared, one takes some 4 KB.
const MOST: usize = 8192;
/// How long it is believed that an issuer stands.
const BELIEVED: Duration = Duration::SECOND;
