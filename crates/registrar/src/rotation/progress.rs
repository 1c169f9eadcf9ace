//! How far the rotation is, as a node last heard.

use arc_swap::ArcSwapOption;

use super::record::{Of, Phase, Rotation};

/// What is being rotated and how far it is; nothing where nothing is.
#[derive(Debug, Default)]
pub struct Progress(ArcSwapOption<(Of, Phase)>);

impl Progress {
    /// What is being rotated, and its phase.
    #[must_use]
    pub fn now(&self) -> Option<(Of, Phase)> {
        self.0.load().as_deref().cloned()
    }

    pub(super) fn becomes(&self, rotation: Option<&Rotation>) {
        let open = rotation.filter(|rotation| rotation.phase.is_open());
        let next = open.map(|rotation| (rotation.of.clone(), rotation.phase));
        if self.now() != next {
            self.0.store(next.map(Into::into));
        }
    }
}

impl Phase {
    /// Its place among the phases, from 1: for a gauge.
    #[must_use]
    pub const fn number(self) -> i64 {
        match self {
            Self::Begun => 1,
            Self::Distributed => 2,
            Self::Acknowledged => 3,
            Self::Moved => 4,
            Self::Removed => 5,
            Self::Aborted => 0,
        }
    }
}
