//! Where a walk stands: each moment after which something is different for whoever starts anew.

/// Tells of each step as it is taken; a test ends the walk there, as a crash would.
#[derive(Clone, Debug, Default)]
pub(crate) struct Steps {
    #[cfg(test)]
    pub(crate) cut: std::sync::Arc<parking_lot::Mutex<Cut>>,
}

/// Which step is the last.
#[cfg(test)]
#[derive(Debug, Default)]
pub(crate) struct Cut {
    pub(crate) taken: Vec<&'static str>,
    pub(crate) last: Option<usize>,
}

impl Steps {
    /// What was just done holds from now on, whatever happens.
    pub(crate) fn done(&self, service: &str, step: &'static str) {
        tracing::trace!(service, step, "service certificate");
        #[cfg(test)]
        {
            let mut cut = self.cut.lock();
            cut.taken.push(step);
            if cut.last.is_some_and(|last| cut.taken.len() == last) {
                drop(cut);
                std::panic::panic_any("the process died here");
            }
        }
    }
}
