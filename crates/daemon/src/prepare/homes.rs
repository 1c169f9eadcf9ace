//! Which file a database is kept in, whatever its path is called.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use config::{Backend, DatabasePlan, LedgerPlan, OpenMode, Plan};
use fault::{Fault, Faults};

/// A file, however many paths lead to it.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    /// Without links; where the file is not there yet, the path that it will have.
    path: PathBuf,
    /// Its device and its number there, which all its hard links share.
    node: Option<(u64, u64)>,
}

impl Home {
    pub(crate) fn of(path: &Path) -> Self {
        let path = resolved(path);
        let node = path.metadata().ok().map(|found| (found.dev(), found.ino()));
        Self { path, node }
    }

    /// Whether both are one file.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.path == other.path || (self.node.is_some() && self.node == other.node)
    }
}

/// The files of a Plan's databases and of its ledger, as the paths led to them when it was prepared.
#[derive(Clone, Debug, Default)]
pub(crate) struct Homes {
    databases: BTreeMap<String, Home>,
    ledger: Option<Home>,
}

impl Homes {
    pub(super) fn of(plan: &Plan) -> Self {
        let home = |database: &DatabasePlan| Some((database.name.clone(), Home::of(database.path.as_ref()?)));
        let ledger = match &plan.ledger {
            Some(LedgerPlan::Sqlite { path }) => Some(Home::of(path)),
            Some(LedgerPlan::Postgres(_)) | None => None,
        };
        Self { databases: plan.databases.iter().filter_map(home).collect(), ledger }
    }

    /// The file of a database; none for one in memory.
    pub(crate) fn database(&self, name: &str) -> Option<&Home> {
        self.databases.get(name)
    }

    /// Whether this is the node's own ledger.
    pub(crate) fn is_ledger(&self, home: &Home) -> bool {
        self.ledger.as_ref().is_some_and(|ledger| ledger.is(home))
    }

    /// Databases that share a file, and those whose file is the ledger.
    pub(super) fn shared(&self, plan: &Plan, faults: &mut Faults, warnings: &mut Vec<Fault>) {
        for (n, database) in plan.databases.iter().enumerate() {
            let Some(home) = self.database(&database.name) else { continue };
            let earlier = plan.databases.iter().take(n);
            for other in earlier.filter(|other| self.database(&other.name).is_some_and(|it| it.is(home))) {
                match is_read_only(database) == is_read_only(other) {
                    true => warnings.push(one_file(other, database, home)),
                    false => faults
                        .push(one_file(other, database, home).because("one is read-only, the other is not")),
                }
            }
            match (self.is_ledger(home) && database.backend != Backend::Ledger, is_read_only(database)) {
                (false, _) => {}
                (true, true) => warnings.push(own_ledger(database, home)),
                (true, false) => faults.push(own_ledger(database, home).because("it could be written to")),
            }
        }
    }
}

pub(crate) fn is_read_only(database: &DatabasePlan) -> bool {
    database.mode == OpenMode::Ro
}

fn one_file(one: &DatabasePlan, other: &DatabasePlan, home: &Home) -> Fault {
    Fault::yours(format!("databases {:?} and {:?} are one file", one.name, other.name))
        .in_file(&home.path)
        .remedy("keep one of them: whoever may use either reaches the same rows")
}

fn own_ledger(database: &DatabasePlan, home: &Home) -> Fault {
    let remedy = match is_read_only(database) {
        true => "grant it to auditors alone: it says who signed in, and what was issued and refused",
        false => "open it with mode: ro, or name another file",
    };
    Fault::yours(format!("database {:?} is this node's own ledger", database.name))
        .in_file(&home.path)
        .remedy(remedy)
}

/// The path without links. What is not there yet is looked for where its links lead.
fn resolved(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        if let Ok(whole) = path.canonicalize() {
            return whole;
        }
        let folder = path.parent().and_then(|folder| folder.canonicalize().ok());
        let (Some(folder), Some(name)) = (folder, path.file_name()) else { return path };
        let here = folder.join(name);
        match here.read_link() {
            Ok(target) => path = folder.join(target),
            Err(_) => return here,
        }
    }
    path
}

/// As many as the kernel follows.
const MOST_LINKS: usize = 40;
