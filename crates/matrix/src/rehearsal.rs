//! Trying every cell on a running node.

mod about;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use config::Plan;
use fault::Fault;
use rustls::sign::CertifiedKey;
use time::OffsetDateTime;
use tokio::runtime::Builder;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::case::Case;
use crate::cast::Cast;
use crate::cell::Cell;
use crate::expected::{Expected, expected};
use crate::moment::{Moment, Stage, Way};
use crate::report::{About, Report};
use crate::rules::Row;
use crate::target::Target;
use crate::visit::{Visit, Visitor};

/// What is tried.
pub(crate) struct Rehearsal {
    pub(crate) cast: Cast,
    about: About,
    rows: Vec<Arc<Row>>,
    cases: Vec<Case>,
    stages: Vec<Stage>,
    now: OffsetDateTime,
}

/// A cell's place: its row and its case. The moment is the caller's.
type At = (usize, Case);

/// One client on its way to the door.
struct Errand {
    at: At,
    way: Way,
    visitor: Visitor,
    presents: Option<Arc<CertifiedKey>>,
}

impl Rehearsal {
    /// Everything that can be tried of a configuration.
    pub(crate) fn of(plan: &Plan, now: OffsetDateTime) -> Result<Self, Fault> {
        let sources = [];
        let (rows, not_covered) = about::rows(plan);
        let stand_ins = about::stand_ins(plan);
        Ok(Self {
            cast: Cast::of(plan, &sources, now)?,
            about: About { configuration: plan.file.clone(), stand_ins, not_covered },
            rows: rows.into_iter().map(Arc::new).collect(),
            cases: Case::all(&sources),
            stages: vec![Stage::Started],
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
            let sessions = runtime.block_on(self.earn(target, stage))?;
            match target.advance(stage) {
                Ok(()) => cells.extend(runtime.block_on(self.stage(target, stage, sessions))?),
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
        self.rows.iter().enumerate().flat_map(move |(row, _)| {
            Moment::of(stage).into_iter().flat_map(move |moment| {
                self.cases
                    .iter()
                    .map(move |case| Cell::new(row, *case, moment, self.expected(row, *case, stage)))
            })
        })
    }

    fn expected(&self, row: usize, case: Case, stage: Stage) -> Expected {
        let Some(row) = self.rows.get(row) else { return Expected::Impossible("there is no such row") };
        expected(&row.rules, row.wire.tls, case, self.cast.whose(case, stage))
    }

    /// Clients that are let in, and keep the session they are given for the moment after.
    async fn earn(&self, target: &dyn Target, stage: Stage) -> Result<HashMap<At, Visitor>, Fault> {
        let moment = Moment { stage, way: Way::Resumed };
        let mut errands = Vec::new();
        let mut visitors = HashMap::new();
        for cell in self.cells(stage).filter(|cell| cell.moment == moment && cell.is_possible()) {
            let at = (cell.row, cell.case);
            let visitor = self.visitor(cell.row)?;
            let earner = self.cast.earner(cell.case, moment);
            let presents = earner.map(|leaf| Arc::clone(&leaf.presented));
            visitors.insert(at, visitor.clone());
            errands.push(Errand { at, way: Way::Resumed, visitor, presents });
        }
        self.send(target, errands).await;
        Ok(visitors)
    }

    /// Every cell of a stage.
    async fn stage(
        &self,
        target: &dyn Target,
        stage: Stage,
        mut sessions: HashMap<At, Visitor>,
    ) -> Result<Vec<Cell>, Fault> {
        let mut errands = Vec::new();
        for cell in self.cells(stage).filter(Cell::is_possible) {
            let at = (cell.row, cell.case);
            let visitor = match cell.moment.way {
                Way::Fresh => self.visitor(cell.row)?,
                Way::Resumed => sessions.remove(&at).map_or_else(|| self.visitor(cell.row), Ok)?,
            };
            let leaf = self.cast.leaf(cell.case, stage);
            let presents = leaf.map(|leaf| Arc::clone(&leaf.presented));
            errands.push(Errand { at, way: cell.moment.way, visitor, presents });
        }
        let mut visits = self.send(target, errands).await;
        let seen = |cell: Cell| {
            let visit = visits.remove(&(cell.row, cell.case, cell.moment.way));
            match (visit, cell.is_possible()) {
                (Some(visit), _) => cell.saw(visit),
                (None, true) => cell.not_run("nobody came back"),
                (None, false) => cell,
            }
        };
        Ok(self.cells(stage).map(seen).collect())
    }

    fn visitor(&self, row: usize) -> Result<Visitor, Fault> {
        let row = self.rows.get(row).ok_or_else(|| Fault::ours("there is no such row"))?;
        Visitor::new(row)
    }

    /// Sends everybody, a few at a time.
    async fn send(&self, target: &dyn Target, errands: Vec<Errand>) -> HashMap<(usize, Case, Way), Visit> {
        let mut under_way = JoinSet::new();
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        for Errand { at: (number, case), way, visitor, presents } in errands {
            let Some(row) = self.rows.get(number).map(Arc::clone) else { continue };
            let Some(address) = target.address(&row.listener) else { continue };
            let turns = Arc::clone(&turns);
            under_way.spawn(async move {
                let _turn = turns.acquire_owned().await;
                ((number, case, way), visit(&visitor, address, &row, presents).await)
            });
        }
        under_way.join_all().await.into_iter().collect()
    }
}

async fn visit(
    visitor: &Visitor,
    address: SocketAddr,
    row: &Row,
    presents: Option<Arc<CertifiedKey>>,
) -> Visit {
    visitor.visit(address, row, presents).await
}

/// Enough to be quick on two cores, and fewer than any bound on connections of one address.
const AT_ONCE: usize = 8;

#[cfg(test)]
mod tests;
