//! One reload, all or nothing.

use std::collections::HashSet;
use std::sync::Arc;

use access::Weakening;
use config::{Plan, Sources};
use fault::{Fault, Faults};
use gateway::{AllowWeaker, Difference};
use time::OffsetDateTime;

use super::changes::changes;
use super::outcome::{Applied, Rejected};
use super::{Reloader, restart, trial};
use crate::announce::announcement;
use crate::issuing;
use crate::prepare::upstreams::asks_a_program;
use crate::prepare::{Earlier, Prepared, prepare_after};
use crate::rotating;
use crate::serving::{self, Serving};
use crate::upstreams::Means;
use crate::watch::{Digests, Unchanged};
use crate::weaker::weaker;

impl Reloader {
    /// Reads, checks, compares, and only then changes anything.
    pub(super) async fn attempt(&mut self, allow: &AllowWeaker) -> Result<Applied, Rejected> {
        let digests = self.watch.look().await;
        // What a program says is in no file.
        let asking = self.serving.prepared.plan.upstreams.iter().any(asks_a_program);
        if !asking && self.watch.is_applied(&digests) {
            return Ok(Applied::Unchanged { generation: self.gateway.snapshot().generation });
        }
        let (prepared, read) = self.prepare(digests.clone()).await?;
        let outcome = self.serve(Arc::clone(&prepared), read.clone(), allow).await;
        if outcome.is_err() {
            // This was told, and is not tried again until something changes.
            self.watch.refused(Some(&prepared.plan), digests.and(read));
        }
        outcome
    }

    /// Serves by what was read, where that is possible and not weaker.
    async fn serve(
        &mut self,
        prepared: Arc<Prepared>,
        digests: Digests,
        allow: &AllowWeaker,
    ) -> Result<Applied, Rejected> {
        restart::needed(&self.serving, &prepared).map_err(Rejected::Restart)?;
        let differences = self.differences(&prepared).await;
        let mut found = weaker(&self.serving.prepared, &prepared);
        found.extend(trial::weakenings(&self.serving.prepared, &found, &differences));
        let brought = rotating::brought(self.keeper.ledger(), &prepared).await;
        let (allowed, refused) = sorted(found, allow, &prepared.plan.allow_weaker, &brought);
        if !refused.is_empty() {
            return Err(Rejected::Weaker { refused, differences });
        }
        let next = self.open(prepared).await?;
        let applied = self.publish(next, allowed, differences).await?;
        self.watch.applied(&self.serving.prepared.plan, digests);
        Ok(applied)
    }

    /// Reads the configuration and every file that it names, beside the work of serving.
    async fn prepare(&mut self, looked: Digests) -> Result<(Arc<Prepared>, Digests), Rejected> {
        let (sources, before) = (Arc::clone(&self.sources), Arc::clone(&self.serving.prepared));
        let (made_of, now) = (self.watch.made_of(), self.clock.now());
        let read = tokio::task::spawn_blocking(move || read(&sources, &before, &made_of, now));
        match read.await {
            Ok(Read::Prepared(prepared, digests)) => Ok((Arc::new(*prepared), digests)),
            Ok(Read::Unprepared(plan, digests, faults)) => {
                // What it names and is not there yet may come.
                self.watch.refused(Some(&plan), looked.and(digests));
                Err(Rejected::Faults(faults))
            }
            Ok(Read::Unread(faults)) => {
                self.watch.refused(None, looked);
                Err(Rejected::Faults(faults))
            }
            Err(error) => Err(Rejected::Faults(
                Fault::ours("the configuration could not be read").because(error).into(),
            )),
        }
    }

    /// Binds and opens what is new; where something cannot be had, what was opened is closed again.
    async fn open(&self, prepared: Arc<Prepared>) -> Result<Serving, Rejected> {
        let (plan, held) = (&prepared.plan, &self.serving);
        let listeners = serving::bind(plan, &held.listeners).map_err(Rejected::Faults)?;
        let means = Means { registrar: &self.registrar, clock: &self.clock };
        let opened = serving::open(&prepared, (&held.databases, &held.upstreams), &means, &self.metrics);
        let (databases, upstreams) = opened.map_err(Rejected::Faults)?;
        let next =
            Serving { prepared: Arc::clone(&prepared), listeners, databases, upstreams, ..held.clone() };
        match self.keeper.credentials(&prepared).await {
            Ok(credentials) => Ok(Serving { credentials, ..next }),
            Err(faults) => {
                self.abandon(&next);
                Err(Rejected::Faults(faults))
            }
        }
    }

    /// Serves by `next` from here on.
    async fn publish(
        &mut self,
        next: Serving,
        allowed: Vec<Weakening>,
        differences: Vec<Difference>,
    ) -> Result<Applied, Rejected> {
        let generation = match self.publisher.publish(&self.gateway, &next) {
            Ok(generation) => generation,
            Err(faults) => {
                self.abandon(&next);
                return Err(Rejected::Faults(faults));
            }
        };
        self.adjusted.to(&next.prepared.plan);
        self.registrar.replace(issuing::issuing(&next.prepared));
        let before = std::mem::replace(&mut self.serving, next);
        for listener in self.serving.beyond(&before).listeners {
            self.gateway.open(Arc::clone(listener));
        }
        let gone = before.beyond(&self.serving);
        for listener in gone.listeners {
            self.gateway.close(listener.address()).await;
        }
        self.close(&gone.databases);
        self.shown.store(Arc::new(announcement(&self.serving)));
        let warnings = new_warnings(&before.prepared, &self.serving.prepared);
        let changed = changes(&before, &self.serving);
        Ok(Applied::Anew { generation, changed, allowed, differences, warnings })
    }

    /// Closes what was opened for a configuration that does not come to be; listeners close when they are dropped.
    fn abandon(&self, next: &Serving) {
        self.close(&next.beyond(&self.serving).databases);
    }

    /// Closes databases when what waits for them is done.
    fn close(&self, databases: &[&Arc<database::Database>]) {
        for database in databases {
            let database = Arc::clone(database);
            self.closing.spawn(async move { database.close().await });
        }
    }
}

/// How far reading came.
enum Read {
    Prepared(Box<Prepared>, Digests),
    Unprepared(Box<Plan>, Digests, Faults),
    Unread(Faults),
}

/// Looks at each file before it is read, so that one which changes in between is seen to have changed.
fn read(sources: &Sources, before: &Prepared, made_of: &Digests, now: OffsetDateTime) -> Read {
    let digests = Digests::of_file(sources.file.as_deref());
    let (plan, warnings) = match config::read(sources) {
        Ok(read) => read,
        Err(faults) => return Read::Unread(faults),
    };
    let digests = digests.and_of(&plan);
    let unchanged = Unchanged { before: made_of, now: &digests };
    let earlier = Earlier { prepared: before, unchanged: &unchanged };
    match prepare_after(plan.clone(), Some(earlier), now) {
        Ok(mut prepared) => {
            prepared.warnings.splice(0..0, warnings);
            Read::Prepared(Box::new(prepared), digests)
        }
        Err(faults) => Read::Unprepared(Box::new(plan), digests, faults),
    }
}

/// What may become weaker, and what may not.
fn sorted(
    found: Vec<Weakening>,
    asked: &AllowWeaker,
    written: &config::AllowWeaker,
    brought: &HashSet<String>,
) -> (Vec<Weakening>, Vec<Weakening>) {
    let asked = |name: &str| match asked {
        AllowWeaker::Nothing => false,
        AllowWeaker::Everything => true,
        AllowWeaker::Named(names) => names.iter().any(|allowed| allowed == name),
    };
    let written = |name: &str| match written {
        config::AllowWeaker::Nothing => false,
        config::AllowWeaker::Everything => true,
        config::AllowWeaker::Named(names) => names.iter().any(|allowed| allowed == name),
    };
    found
        .into_iter()
        .partition(|Weakening { name, .. }| asked(name) || written(name) || brought.contains(name))
}

/// Warnings are told once, not with each reload.
fn new_warnings(before: &Prepared, now: &Prepared) -> Vec<Fault> {
    now.warnings.iter().filter(|warning| !before.warnings.contains(warning)).cloned().collect()
}
