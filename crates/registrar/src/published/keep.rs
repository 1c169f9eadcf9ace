//! Keeps what is published true: lists are signed again when something was taken back and before they end, responders are
//! appointed again before theirs do.

use std::sync::Arc;
use std::time::Duration as Patience;

use authority::{Listing, Shard, SignedCrl};
use fault::Fault;
use ledger::{Ledger, LedgerError};
use time::{Duration, OffsetDateTime};
use tokio_util::sync::CancellationToken;

use super::issuer::{Issuer, List};
use super::taken::listed;
use super::{Desk, Published};
use crate::registrar::Registrar;

/// How far the ledger has been followed.
#[derive(Default)]
pub(super) struct Followed {
    /// Its revision when everything up to it had been read.
    seen: u64,
    /// The revision of the last revocation that was read.
    told: u64,
    /// For which issuers; those who come later have to hear of everything.
    desk: Option<Arc<Desk>>,
}

/// Keeps it until `stop`, or until the ledger is closed.
pub(crate) async fn keep(registrar: &Registrar, ledger: &dyn Ledger, stop: &CancellationToken) {
    let published = &registrar.published;
    let mut followed = Followed::default();
    let mut pause = FIRST_PAUSE;
    loop {
        let now = registrar.clock.now();
        let next = match published.round(ledger, &mut followed, now).await {
            Ok(next) => {
                pause = FIRST_PAUSE;
                published.recovered();
                next
            }
            Err(fault) => {
                published.failed(&fault);
                let next = pause;
                pause = (pause * 2).min(LONGEST_PAUSE);
                next
            }
        };
        let wait = tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(next) => continue,
            () = published.changed.notified() => continue,
            changed = ledger.changed(followed.seen) => match changed {
                // What is revoked at once is signed at once.
                Ok(_) => TOGETHER,
                Err(LedgerError::Closed) => return,
                // It will not say when it is back: it is asked again soon, however long nothing else is due.
                Err(_) => pause,
            }
        };
        if stop.run_until_cancelled(tokio::time::sleep(wait)).await.is_none() {
            return;
        }
    }
}

impl Published {
    /// Reads what is new and signs what has to be signed. Says when to look again, if nothing happens before.
    pub(super) async fn round(
        &self,
        ledger: &dyn Ledger,
        followed: &mut Followed,
        now: OffsetDateTime,
    ) -> Result<Patience, Fault> {
        let desk = self.desk.load_full();
        if followed.desk.as_ref().is_none_or(|before| !Arc::ptr_eq(before, &desk)) {
            *followed = Followed { desk: Some(Arc::clone(&desk)), ..Followed::default() };
        }
        let seen = ledger.revision().await?;
        read(ledger, &desk, &mut followed.told).await?;
        followed.seen = seen;
        let mut failed = None;
        for issuer in &desk.issuers {
            if let Err(fault) = self.keep_issuer(ledger, &desk, issuer, now).await {
                failed = Some(fault);
            }
        }
        failed.map_or_else(|| Ok(until_next(&desk, now)), Err)
    }

    async fn keep_issuer(
        &self,
        ledger: &dyn Ledger,
        desk: &Desk,
        issuer: &Arc<Issuer>,
        now: OffsetDateTime,
    ) -> Result<(), Fault> {
        // An issuer that may not sign lists can still be asked, and the other way round.
        let appointed = appoint(ledger, desk, issuer, now).await;
        self.keep_lists(ledger, desk, issuer, now).await.and(appointed)
    }

    async fn keep_lists(
        &self,
        ledger: &dyn Ledger,
        desk: &Desk,
        issuer: &Arc<Issuer>,
        now: OffsetDateTime,
    ) -> Result<(), Fault> {
        spread(desk, issuer);
        for shard in issuer.due(now) {
            let list = sign(ledger, desk, issuer, shard, now).await.inspect_err(|_| issuer.failed(shard))?;
            if let Err(fault) = desk.kept.write(issuer, shard, &list.signed) {
                tracing::error!(%fault, "a list that was signed is published, and is not kept for the next start");
            }
            let (number, revoked) = (list.signed.number(), list.signed.entries());
            // A part is named; the whole list is not.
            let part = (!shard.is_whole()).then(|| format!("{}{shard}", issuer.name));
            tracing::info!(issuer = issuer.name, part, number, revoked, "revocation list signed");
            if shard.is_whole() {
                self.metrics.published(issuer, &list);
            }
        }
        // Only now, so that no certificate points to a part that is not there.
        issuer.authority.load().spread_over(issuer.parts());
        Ok(())
    }

    fn failed(&self, fault: &Fault) {
        self.metrics.failed(fault);
        let said = fault.to_string();
        let mut trouble = self.trouble.lock();
        if trouble.as_ref() != Some(&said) {
            tracing::error!(%fault, "revocation lists or OCSP answers cannot be signed; those from before stay published");
        }
        *trouble = Some(said);
    }

    fn recovered(&self) {
        if self.trouble.lock().take().is_some() {
            tracing::info!("revocation lists and OCSP answers are signed again");
        }
    }
}

/// Takes in what was revoked since.
async fn read(ledger: &dyn Ledger, desk: &Desk, told: &mut u64) -> Result<(), Fault> {
    loop {
        let page = ledger.revocations(*told, 0).await?;
        let Some(last) = page.last() else { return Ok(()) };
        *told = last.revision;
        for issuer in &desk.issuers {
            issuer.learn(&page);
        }
        desk.root_voice.iter().for_each(|root| drop(root.learn(&page)));
    }
}

/// Spreads later certificates over more parts where a part would hold more than the configuration allows.
fn spread(desk: &Desk, issuer: &Issuer) {
    if issuer.authority.load().distribution().is_none() {
        return;
    }
    let parts = issuer.voice.taken.read().len() / desk.issuing.shard_entries.max(1);
    let parts = u16::try_from(parts).unwrap_or(Shard::MOST).min(Shard::MOST - 1);
    issuer.set_parts((parts + 1).next_power_of_two());
}

async fn sign(
    ledger: &dyn Ledger,
    desk: &Desk,
    issuer: &Arc<Issuer>,
    shard: Shard,
    now: OffsetDateTime,
) -> Result<List, Fault> {
    let number = number(ledger, issuer, shard).await?;
    let listing = Listing { number, shard, lifetime: desk.issuing.crl_lifetime, now };
    let of = Arc::clone(issuer);
    let signing = move || {
        of.begin(shard);
        if shard.is_whole() {
            of.voice.taken.write().forget(listing.lifetime, now);
        }
        // Copied, so that nobody waits for the signature who only wants to know who is revoked.
        let revoked = of.voice.taken.read().part(shard);
        of.authority.load().sign_list(&listing, revoked.iter().map(|(key, row)| listed(key, row)))
    };
    let signed: SignedCrl = tokio::task::spawn_blocking(signing)
        .await
        .map_err(|error| Fault::ours("a revocation list was not signed").because(error))??;
    let list = List::of(signed);
    issuer.publish(shard, list.clone());
    Ok(list)
}

/// The next number. A ledger that was restored from an old copy gives numbers that were given before; they are raised above
/// what was published, because who has seen a list takes no lower one for newer.
async fn number(ledger: &dyn Ledger, issuer: &Issuer, shard: Shard) -> Result<u64, Fault> {
    let published = issuer.list(shard).map_or(0, |list| list.signed.number());
    let number = ledger.next_crl_number(issuer.key).await?;
    if number > published {
        return Ok(number);
    }
    tracing::warn!(
        issuer = issuer.name,
        number,
        published,
        "the ledger gives a number that a list had before, as one does that was restored from an old copy; numbers go on from there"
    );
    ledger.raise_crl_number(issuer.key, published).await?;
    Ok(ledger.next_crl_number(issuer.key).await?)
}

/// Appoints a responder where there is none, or where half of its life has passed.
async fn appoint(
    ledger: &dyn Ledger,
    desk: &Desk,
    issuer: &Issuer,
    now: OffsetDateTime,
) -> Result<(), Fault> {
    if issuer.voice.responder.load().as_ref().is_some_and(|responder| now < renew_at(responder)) {
        return Ok(());
    }
    // Whatever it signed last still counts when it ends.
    let lifetime = RESPONDER.max(desk.issuing.ocsp_lifetime * 4);
    let authority = issuer.authority.load_full();
    let responder = authority.appoint_responder(ledger, lifetime, now).await?;
    let identity = responder.certificate().identity();
    tracing::info!(
        issuer = issuer.name, serial = %identity.serial(), until = %identity.not_after(), "OCSP responder appointed"
    );
    issuer.voice.responder.store(Some(Arc::new(responder)));
    Ok(())
}

fn renew_at(responder: &authority::Responder) -> OffsetDateTime {
    let identity = responder.certificate().identity();
    identity.not_before() + (identity.not_after() - identity.not_before()) / 2
}

fn until_next(desk: &Desk, now: OffsetDateTime) -> Patience {
    let lists = desk.issuers.iter().filter_map(|issuer| issuer.next_due());
    let responders =
        desk.issuers.iter().filter_map(|issuer| issuer.voice.responder.load().as_deref().map(renew_at));
    let next = lists.chain(responders).min().map_or(Duration::MINUTE, |next| next - now);
    Patience::try_from(next).unwrap_or(SHORTEST).clamp(SHORTEST, LONGEST)
}

/// What is revoked within so short a time is told by one list.
const TOGETHER: Patience = Patience::from_millis(150);
/// Looked at least so often, because clocks jump,
const LONGEST: Patience = Patience::from_secs(60);
/// and never more often than this.
const SHORTEST: Patience = Patience::from_millis(250);
const FIRST_PAUSE: Patience = Patience::from_millis(250);
const LONGEST_PAUSE: Patience = Patience::from_secs(15);
/// How long a responder lives at least.
const RESPONDER: Duration = Duration::days(3);
