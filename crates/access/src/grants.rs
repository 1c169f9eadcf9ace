use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use fault::{Fault, Faults, Place};

use crate::{Directory, Level, Peer};

/// The principal in a grant that stands for everyone, named and anonymous.
pub const EVERYONE: &str = "*";

/// The database in a grant that stands for every database.
pub const EVERY_DATABASE: &str = "*";

/// A rule as an operator writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantSpec {
    /// The database, or [`EVERY_DATABASE`].
    pub database: String,
    /// The principal, or [`EVERYONE`].
    pub principal: String,
    /// What it may do there.
    pub level: Level,
    /// Where it was written, for faults.
    pub place: Option<Place>,
}

impl GrantSpec {
    /// A grant, written nowhere in particular.
    #[must_use]
    pub fn new(database: impl Into<String>, principal: impl Into<String>, level: Level) -> Self {
        Self { database: database.into(), principal: principal.into(), level, place: None }
    }
}

/// All grants, and the administrators.
#[derive(Debug, Default)]
pub struct Grants {
    open: bool,
    databases: HashMap<Arc<str>, Rules>,
    everywhere: Rules,
    admins: HashSet<String>,
    written: Vec<GrantSpec>,
}

/// The grants on one database.
#[derive(Debug, Default)]
struct Rules {
    named: HashMap<String, Level>,
    everyone: Level,
}

impl Rules {
    fn level(&self, principal: Option<&str>) -> Level {
        let named = principal.filter(|_| !self.named.is_empty()).and_then(|name| self.named.get(name));
        named.copied().unwrap_or_default().max(self.everyone)
    }
}

impl Grants {
    /// Checks and indexes what was written; there are no administrators yet.
    ///
    /// # Errors
    /// All grants to principals that the directory does not know, and all that are written twice.
    pub fn new(specs: Vec<GrantSpec>, directory: &Directory) -> Result<Self, Faults> {
        let mut faults = Faults::new();
        let mut grants = Self::default();
        let mut seen = HashSet::new();
        for spec in &specs {
            if spec.principal != EVERYONE && !directory.knows(&spec.principal) {
                let said = format!(
                    "config: database {:?} grants to unknown principal {:?}",
                    spec.database, spec.principal
                );
                faults
                    .push(placed(Fault::yours(said), spec).remedy("add the principal under auth.principals"));
            }
            if !seen.insert((spec.database.as_str(), spec.principal.as_str())) {
                let said = format!(
                    "config: database {:?} grants to principal {:?} twice",
                    spec.database, spec.principal
                );
                faults.push(placed(Fault::yours(said), spec).remedy("keep the one that is meant"));
            }
            grants.add(spec);
        }
        grants.written = specs;
        faults.or(grants)
    }

    /// Nobody is configured: everyone may read and write every database.
    #[must_use]
    pub fn open() -> Self {
        Self { open: true, ..Self::default() }
    }

    /// Names the principals that may use the control plane.
    ///
    /// # Errors
    /// All names that the directory does not know.
    pub fn with_admins(mut self, admins: Vec<String>, directory: &Directory) -> Result<Self, Faults> {
        let mut faults = Faults::new();
        for admin in &admins {
            if admin == EVERYONE || !directory.knows(admin) {
                let said = format!("config: control_plane admin {admin:?} is not a configured principal");
                faults.push(Fault::yours(said).remedy("add the principal under auth.principals"));
            }
        }
        self.admins = admins.into_iter().collect();
        faults.or(self)
    }

    /// Whether the peer is one of the administrators; an anonymous peer never is.
    #[must_use]
    pub fn is_admin(&self, peer: &Peer) -> bool {
        peer.principal().is_some_and(|name| self.admins.contains(name))
    }

    /// Whether nobody is configured, see [`Self::open`].
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// What the principal may do on the database: the highest of all grants that speak of it.
    #[must_use]
    pub fn level(&self, principal: Option<&str>, database: &str) -> Level {
        self.lookup(principal, database).0
    }

    /// The level, and the database's name as the grants hold it, so that nobody copies it.
    pub(crate) fn lookup(&self, principal: Option<&str>, database: &str) -> (Level, Option<&Arc<str>>) {
        let named = self.databases.get_key_value(database);
        let here = named.map_or(Level::None, |(_, rules)| rules.level(principal));
        (here.max(self.everywhere(principal)), named.map(|(name, _)| name))
    }

    /// What the principal may do on a database that no grant names.
    pub(crate) fn everywhere(&self, principal: Option<&str>) -> Level {
        let open = if self.open { Level::ReadWrite } else { Level::None };
        self.everywhere.level(principal).max(open)
    }

    /// Whether a grant names the database.
    pub(crate) fn speak_of(&self, database: &str) -> bool {
        self.databases.contains_key(database)
    }

    /// The administrators' names, in no order.
    pub(crate) fn admins(&self) -> impl Iterator<Item = &str> {
        self.admins.iter().map(String::as_str)
    }

    /// Every grant as written.
    pub(crate) fn written(&self) -> &[GrantSpec] {
        &self.written
    }

    fn add(&mut self, spec: &GrantSpec) {
        let rules = if spec.database == EVERY_DATABASE {
            &mut self.everywhere
        } else {
            self.databases.entry(Arc::from(spec.database.as_str())).or_default()
        };
        let level = if spec.principal == EVERYONE {
            &mut rules.everyone
        } else {
            rules.named.entry(spec.principal.clone()).or_default()
        };
        *level = spec.level.max(*level);
    }
}

fn placed(fault: Fault, spec: &GrantSpec) -> Fault {
    match spec.place.clone() {
        Some(place) => fault.at(place),
        None => fault,
    }
}
