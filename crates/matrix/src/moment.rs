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
    /// On a connection that was open before.
    Open,
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
    pub fn of(stage: Stage) -> impl Iterator<Item = Self> + use<> {
        let ways = match stage {
            Stage::Started => &[Way::Fresh, Way::Resumed][..],
            Stage::Reloaded | Stage::Swapped => &[Way::Fresh, Way::Resumed, Way::Open][..],
        };
        ways.iter().map(move |way| Self { stage, way: *way })
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.way {
            Way::Fresh => "fresh",
            Way::Resumed => "resumed",
            Way::Open => "open before",
        };
        match self.stage {
            Stage::Started => f.write_str(how),
            Stage::Reloaded => write!(f, "{how}, after reload"),
            Stage::Swapped => write!(f, "{how}, after CA swap"),
        }
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
