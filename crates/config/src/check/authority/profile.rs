use std::time::Duration;

use authority::NameRules;

use crate::plan::ProfilePlan;
use crate::reader::{At, Reader};
use crate::section::authority::{AllowedNames, Profile};
use crate::table::Table;

/// Profiles that need not say everything, because we do.
const BUILT_IN: &[&str] = &["server", "client", "service"];

/// As the ledger has it.
const MINTED: &str = "minted";

/// The rules of one profile.
pub(super) fn plan(reader: &mut Reader<'_>, name: &At<String>, written: &Profile) -> ProfilePlan {
    let built_in = BUILT_IN.contains(&name.value.as_str());
    if name.value == MINTED {
        let said = format!(
            "config: authority profile {MINTED:?} is the node's own: it tells certificates of minutes from all others, and their records go"
        );
        reader.refuse(name, said, "give the profile another name");
    }
    if !built_in && (written.lacks(&written.lifetime, "lifetime") || written.lacks(&written.usages, "usages"))
    {
        let said = format!(
            "config: authority profile {:?} is not built in and needs lifetime and usages",
            name.value
        );
        reader.refuse(name, said, "write both, such as lifetime: 90d and usages: [client]");
    }
    if let Some(usages) = written.usages.as_ref().filter(|usages| usages.value.is_empty()) {
        let said = format!("config: authority profile {:?} may be used for nothing", name.value);
        reader.refuse(usages, said, "write usages: [client], [server], or both");
    }
    if let Some(lifetime) = written.lifetime.as_ref().filter(|lifetime| lifetime.value.is_zero()) {
        let said = format!("config: authority profile {:?} has no lifetime", name.value);
        reader.refuse(lifetime, said, "write a lifetime such as 90d");
    }
    if let Some(late) = written.renew_after_expiry.as_ref().filter(|late| late.value > LATEST) {
        let said = format!(
            "config: authority profile {:?} lets certificates be renewed too long after their end",
            name.value
        );
        reader.refuse(late, said, "write 90d or less; after that an invitation is the way");
    }
    if let Some(window) = written.renewal_window.as_ref().filter(|window| window.value.is_zero()) {
        let said = format!("config: authority profile {:?} suggests renewal when it is too late", name.value);
        reader.refuse(window, said, "write how long before the end, such as 14d");
    }
    ProfilePlan {
        lifetime: written.lifetime.as_ref().map(|at| at.value),
        usages: written.usages.as_ref().map(|at| at.value.iter().map(|usage| usage.value).collect()),
        keys: written.keys.as_ref().map(|at| at.value.iter().map(|key| key.value).collect()),
        no_rev_avail: written.no_rev_avail.value,
        names: written.names.as_ref().map(|at| names(&at.value)),
        renewal_window: written.renewal_window.as_ref().map(|at| at.value),
        renew_after_expiry: written.renew_after_expiry.as_ref().map(|at| at.value),
    }
}

/// A built-in profile of which nothing is written.
pub(super) fn unwritten() -> ProfilePlan {
    ProfilePlan {
        lifetime: None,
        usages: None,
        keys: None,
        no_rev_avail: true,
        names: None,
        renewal_window: None,
        renew_after_expiry: None,
    }
}

fn names(written: &AllowedNames) -> NameRules {
    NameRules {
        common_names: values(written.common_names.as_ref()),
        dns: values(written.dns.as_ref()),
        uris: values(written.uris.as_ref()),
        emails: values(written.emails.as_ref()),
        networks: values(written.ips.as_ref()),
    }
}

fn values<T: Clone>(written: Option<&At<Vec<At<T>>>>) -> Vec<T> {
    written.iter().flat_map(|at| &at.value).map(|at| at.value.clone()).collect()
}

/// Whoever comes later than this has been away so long that somebody should look.
const LATEST: Duration = Duration::from_secs(90 * 86_400);
