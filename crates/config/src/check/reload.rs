use std::time::Duration;

use crate::plan::{AllowWeaker, ReloadPlan};
use crate::reader::{At, Reader};
use crate::section::reload::{AllowWeaker as Written, Reload};

/// When files are looked at again.
pub(super) fn plan(reader: &mut Reader<'_>, written: &Reload) -> ReloadPlan {
    if written.poll.value < SHORTEST {
        let said = "config: reload.poll must be at least 1s";
        reader.refuse(&written.poll, said, "write a duration such as 60s; watch: false looks never");
    }
    ReloadPlan { watch: written.watch.value, poll: written.poll.value.max(SHORTEST) }
}

/// What a reload may weaken; everything is seldom meant.
pub(super) fn allow_weaker(reader: &mut Reader<'_>, written: &At<Written>) -> AllowWeaker {
    match &written.value {
        Written::All(false) => AllowWeaker::Nothing,
        Written::All(true) => {
            let fault = written.fault("allow_weaker is true: every reload may weaken what guards this node");
            reader
                .warnings
                .push(fault.remedy("list what may become weaker, by the names that a refused reload tells"));
            AllowWeaker::Everything
        }
        Written::Named(names) => AllowWeaker::Named(names.iter().map(|name| name.value.clone()).collect()),
    }
}

const SHORTEST: Duration = Duration::from_secs(1);
