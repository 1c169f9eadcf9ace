//! Databases, compared by what they hold and not by what they are called.

#[cfg(test)]
mod tests;

use access::{Level, ServedBefore, Weakening};
use config::{Backend, DatabasePlan};

use crate::prepare::{Home, Prepared, is_read_only};

/// Under which names each database was served before: the names of its file, and otherwise its own.
pub(super) fn served_before<'a>(old: &'a Prepared, new: &'a Prepared) -> Vec<ServedBefore<'a>> {
    let was = |now: &'a DatabasePlan| -> Vec<ServedBefore<'a>> {
        let then = of_file(old, new.homes.database(&now.name));
        match then.is_empty() {
            true => old.plan.databases.iter().filter(|then| then.name == now.name).map(same_name).collect(),
            false => then.into_iter().map(|then| of_one_file(then, now)).collect(),
        }
    };
    new.plan.databases.iter().flat_map(was).collect()
}

fn same_name(database: &DatabasePlan) -> ServedBefore<'_> {
    ServedBefore::by_name(&database.name)
}

/// Under a name that was read-only nobody could write, whatever grants said; where that name itself can be written to
/// from now on, this is told by [`weaker`].
fn of_one_file<'a>(then: &'a DatabasePlan, now: &'a DatabasePlan) -> ServedBefore<'a> {
    let read = is_read_only(then) && !is_read_only(now) && then.name != now.name;
    let most = if read { Level::ReadOnly } else { Level::Admin };
    ServedBefore { now: &now.name, then: &then.name, most }
}

/// The databases that were kept in this file.
fn of_file<'a>(old: &'a Prepared, home: Option<&Home>) -> Vec<&'a DatabasePlan> {
    let Some(home) = home else { return Vec::new() };
    let in_it = |then: &&DatabasePlan| old.homes.database(&then.name).is_some_and(|was| was.is(home));
    old.plan.databases.iter().filter(in_it).collect()
}

/// Databases that hold what was not served before, or can be written to and could not be, whatever grants say.
pub(super) fn weaker(old: &Prepared, new: &Prepared) -> Vec<Weakening> {
    let mut found = Vec::new();
    for database in &new.plan.databases {
        found.extend(moved(old, new, database));
        found.extend(writable(old, new, database));
        found.extend(unveiled(old, new, database));
    }
    found
}

/// A name by which something else is reached now, and the ledger under whichever name.
fn moved(old: &Prepared, new: &Prepared, database: &DatabasePlan) -> Option<Weakening> {
    let name = &database.name;
    let home = new.homes.database(name).filter(|home| of_file(old, Some(home)).is_empty())?;
    if new.homes.is_ledger(home) {
        let what = format!("database {name:?} serves this node's own ledger");
        return Some(Weakening::new(format!("database {name} ledger"), what));
    }
    old.plan.databases.iter().any(|then| then.name == *name).then(|| {
        let what = format!("whoever may use database {name:?} reaches another file by it");
        Weakening::new(format!("database {name} path"), what)
    })
}

/// The ledger, where its views were served before and all of it is now.
fn unveiled(old: &Prepared, new: &Prepared, database: &DatabasePlan) -> Option<Weakening> {
    let name = &database.name;
    let of_file = of_file(old, new.homes.database(name));
    let veiled = !of_file.is_empty() && of_file.iter().all(|then| then.backend == Backend::Ledger);
    (veiled && database.backend != Backend::Ledger).then(|| {
        let what = format!("database {name:?} serves every table of this node's own ledger");
        Weakening::new(format!("database {name} ledger"), what)
    })
}

/// A database whose file could not be written to before.
fn writable(old: &Prepared, new: &Prepared, database: &DatabasePlan) -> Option<Weakening> {
    let (name, mode) = (&database.name, database.mode.as_str());
    let by_name = old.plan.databases.iter().any(|then| then.name == *name && is_read_only(then));
    let of_file = of_file(old, new.homes.database(name));
    let by_file = !of_file.is_empty() && of_file.into_iter().all(is_read_only);
    (!is_read_only(database) && (by_name || by_file)).then(|| {
        Weakening::new(format!("database {name} {mode}"), format!("database {name:?} can be written to"))
    })
}
