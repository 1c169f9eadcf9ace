//! What is to be told of a rotation.

use fault::Fault;
use ledger::Ledger;
use time::{Duration, OffsetDateTime};

use super::below::{Below, below};
use super::evidence::{Waiting, in_the_way, unheld};
use super::record::{Phase, Rotation, on_record};
use super::report::{Report, reports};

/// The rotation on record, what it waits for, and who would be left behind.
#[derive(Clone, Debug)]
pub struct Status {
    /// The rotation, also one that is over; none where there never was one.
    pub rotation: Option<Rotation>,
    /// What every node last said.
    pub reports: Vec<Report>,
    /// What it waits for before the next step.
    pub waiting: Vec<Waiting>,
    /// Whose certificates stand below the old one alone.
    pub below: Below,
}

impl Status {
    /// Reads it.
    ///
    /// # Errors
    /// The ledger fails, or what it holds cannot be read.
    pub async fn read(ledger: &dyn Ledger, quiet: Duration, now: OffsetDateTime) -> Result<Self, Fault> {
        let reports = reports(ledger).await?;
        let Some(rotation) = on_record(ledger).await?.map(|held| held.rotation) else {
            return Ok(Self { rotation: None, reports, waiting: Vec::new(), below: Below::default() });
        };
        let waiting = match rotation.phase {
            Phase::Begun | Phase::Distributed | Phase::Acknowledged => unheld(&rotation, &reports),
            Phase::Moved => in_the_way(&rotation, &reports, quiet, now),
            Phase::Removed | Phase::Aborted => Vec::new(),
        };
        let below = match rotation.phase.is_open() {
            true => below(ledger, &rotation, &reports, now).await?,
            false => Below::default(),
        };
        Ok(Self { rotation: Some(rotation), reports, waiting, below })
    }
}
