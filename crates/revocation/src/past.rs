use crate::high_water::HighWater;
use crate::taken_back::TakenBack;

/// What no change of settings makes a process forget: who is revoked, and how new the newest lists were.
#[derive(Debug, Default)]
pub struct Past {
    pub(crate) taken_back: TakenBack,
    pub(crate) high_water: HighWater,
}
