//! Trying every cell on a running node.

mod about;
mod errand;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use config::Plan;
use fault::Fault;
use rustls::sign::CertifiedKey;
use time::OffsetDateTime;
use tokio::runtime::Builder;

use self::errand::{Before, Errands, PROMISED, visit};
use crate::case::{Case, Source};
use crate::cast::Cast;
use crate::cell::{At, Cell};
use crate::expected::{Expected, expected, kept};
use crate::moment::{Moment, Stage, Way};
use crate::report::{About, Report};
use crate::rules::Row;
use crate::stand_in::Leaf;
use crate::target::Target;
use crate::visit::{Callers, Visitor};

/// What is tried.
pub(crate) struct Rehearsal {
    pub(crate) cast: Cast,
    about: About,
    rows: Vec<Arc<Row>>,
    cases: Vec<Case>,
    stages: Vec<Stage>,
    callers: Arc<Callers>,
    now: OffsetDateTime,
}

impl Rehearsal {
    /// Everything that can be tried of a configuration.
    pub(crate) fn of(plan: &Plan, now: OffsetDateTime) -> Result<Self, Fault> {
        let (rows, not_covered) = about::rows(plan);
        let sources: Vec<Source> = about::sources(&rows);
        let stand_ins = about::stand_ins(plan);
        Ok(Self {
            cast: Cast::of(plan, &sources, now)?,
            about: About { configuration: plan.file.clone(), stand_ins, not_covered },
            rows: rows.into_iter().map(Arc::new).collect(),
            cases: Case::all(&sources),
            stages: Stage::ALL.to_vec(),
            callers: Arc::default(),
            now,
        })
    }

    /// Takes the node through the stages, tries every cell at each, and compares with the node's record.
    ///
    /// # Errors
    /// Nothing could be tried at all, or the record not be read. A stage that was not reached is cells that were not run.
    pub(crate) fn run(&self, target: &mut dyn Target) -> Result<Report, Fault> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Fault::theirs("cannot start the runtime").because(error))?;
        let mut cells = Vec::new();
        for stage in self.stages.iter().copied() {
            let before = runtime.block_on(self.before(target, stage))?;
            match target.advance(stage) {
                Ok(()) => cells.extend(runtime.block_on(self.stage(target, stage, before))?),
                Err(fault) => {
                    let why = fault.to_string();
                    let not_run = |cell: Cell| if cell.is_possible() { cell.not_run(&why) } else { cell };
                    cells.extend(self.cells(stage).map(not_run));
                }
            }
        }
        let record = target.record()?;
        cells.iter_mut().for_each(|cell| cell.look_up(record.as_ref()));
        Ok(Report::of(self.about.clone(), &self.rows, cells, self.now))
    }

    /// The cells of a stage, before anything was seen.
    fn cells(&self, stage: Stage) -> impl Iterator<Item = Cell> {
        let numbered = self.rows.iter().enumerate();
        numbered.flat_map(move |(number, row)| {
            Moment::of(stage).flat_map(move |moment| {
                let cell =
                    move |case: &Case| Cell::new(number, *case, moment, self.expected(row, *case, moment));
                self.cases.iter().map(cell)
            })
        })
    }

    fn expected(&self, row: &Row, case: Case, moment: Moment) -> Expected {
        let stage = moment.stage;
        let of = |case, whose| expected(&row.rules, row.wire.tls, case, whose);
        let now = of(case, self.cast.whose(case, stage));
        match (moment.way, case, &now) {
            (Way::Fresh | Way::Resumed, ..) | (_, _, Expected::Impossible(_)) => now,
            (Way::Open, Case::NoCertificate, _) => kept(case, stage, now),
            // Before it was revoked it was as good as any other of its names.
            (Way::Open, Case::Revoked(_), _) => {
                kept(case, stage, of(Case::Valid, self.cast.whose(case, stage)))
            }
            (Way::Open, ..) => {
                kept(case, stage, of(Case::Valid, self.cast.whose(Case::Valid, Stage::Started)))
            }
        }
    }

    /// Clients that are let in before a stage: one for each moment at which its session, or its connection, is used.
    async fn before(&self, target: &dyn Target, stage: Stage) -> Result<HashMap<At, Before>, Fault> {
        let mut errands = Errands::default();
        for cell in self.cells(stage).filter(|cell| cell.is_possible() && cell.moment.way != Way::Fresh) {
            let presents = presented(self.cast.welcome(cell.case, cell.moment));
            let Some((row, address)) = self.door(target, &cell) else { continue };
            let visitor = Visitor::new(&row, &self.callers)?;
            errands.send(cell.at(), async move {
                let mut arrived = visitor.arrive(address, &row, presents).await;
                let first = arrived.ask(&row).await;
                Before { visitor, arrived, first }
            });
        }
        Ok(errands.all().await)
    }

    /// Every cell of a stage.
    async fn stage(
        &self,
        target: &dyn Target,
        stage: Stage,
        mut before: HashMap<At, Before>,
    ) -> Result<Vec<Cell>, Fault> {
        let mut errands = Errands::default();
        for cell in self.cells(stage).filter(Cell::is_possible) {
            let Some((row, address)) = self.door(target, &cell) else { continue };
            let presents = presented(self.cast.leaf(cell.case, stage));
            let patience = patience(cell.case, stage);
            match (cell.moment.way, before.remove(&cell.at())) {
                (Way::Open, Some(before)) => {
                    let must_end = matches!(cell.expected, Expected::Ended(_));
                    errands.send(cell.at(), before.ask(row, must_end));
                }
                (_, before) => {
                    let fresh = || Visitor::new(&row, &self.callers);
                    let visitor = before.map_or_else(fresh, |before| Ok(before.visitor))?;
                    errands.send(cell.at(), visit(visitor, address, row, presents, patience));
                }
            }
        }
        let mut visits = errands.all().await;
        let seen = |cell: Cell| match (visits.remove(&cell.at()), cell.is_possible()) {
            (Some(visit), _) => cell.saw(visit),
            (None, true) => cell.not_run("the node does not say where the listener is"),
            (None, false) => cell,
        };
        Ok(self.cells(stage).map(seen).collect())
    }

    fn door(&self, target: &dyn Target, cell: &Cell) -> Option<(Arc<Row>, SocketAddr)> {
        let row = self.rows.get(cell.row)?;
        Some((Arc::clone(row), target.address(&row.listener)?))
    }
}

fn presented(leaf: Option<&Leaf>) -> Option<Arc<CertifiedKey>> {
    leaf.map(|leaf| Arc::clone(&leaf.presented))
}

/// How long somebody may still be let in: what another process puts on record counts within a second.
fn patience(case: Case, stage: Stage) -> Duration {
    match (case, stage) {
        (Case::Revoked(Source::Ledger), Stage::Reloaded | Stage::Swapped) => PROMISED,
        _ => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests;
