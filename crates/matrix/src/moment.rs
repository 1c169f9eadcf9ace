//! When a client presents it: the columns of the table.

use std::fmt;

use serde::{Serialize, Serializer};

/// What the node has been through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// It has just been started.
    Started,
    /// It has reloaded: a new server certificate, and more certificates revoked.
    Reloaded,
    /// It has reloaded again: another client authority in place of the one before.
    Swapped,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Self; 3] = [Self::Started, Self::Reloaded, Self::Swapped];
}

/// How the client begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// As one that was never here.
    Fresh,
    /// With the session of a client that was let in before, where the node gave one out.
    Resumed,
}

/// When a client comes, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment {
    /// What the node has been through.
    pub stage: Stage,
    /// How the client begins.
    pub way: Way,
}

impl Moment {
    /// Every moment of a stage.
    #[must_use]
    pub fn of(stage: Stage) -> [Self; 2] {
        [Way::Fresh, Way::Resumed].map(|way| Self { stage, way })
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.stage, self.way) {
            (Stage::Started, Way::Fresh) => "fresh",
            (Stage::Started, Way::Resumed) => "resumed",
            (Stage::Reloaded, Way::Fresh) => "after reload",
            (Stage::Reloaded, Way::Resumed) => "resumed after reload",
            (Stage::Swapped, Way::Fresh) => "after CA swap",
            (Stage::Swapped, Way::Resumed) => "resumed after CA swap",
        })
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
