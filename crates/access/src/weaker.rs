//! Whether new rules let anybody do more than old ones did.

mod entries;

use fault::Place;
use serde::Serialize;

use crate::grants::{EVERY_DATABASE, EVERYONE};
use crate::{Directory, GrantSpec, Grants, Level};

/// One thing by which new rules are weaker than old ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Weakening {
    /// Names exactly this weakening, so that it can be allowed without allowing another: `grant app bob read-write`.
    pub name: String,
    /// What would become possible, for a person.
    pub what: String,
    /// Where it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

impl Weakening {
    /// A weakening, written nowhere in particular.
    #[must_use]
    pub fn new(name: impl Into<String>, what: impl Into<String>) -> Self {
        Self { name: name.into(), what: what.into(), place: None }
    }

    /// Says where it was written, where that is known.
    #[must_use]
    pub fn written(self, place: Option<&Place>) -> Self {
        Self { place: place.cloned(), ..self }
    }
}

/// What the database `now` holds was served under the name `then`, to nobody for more than `most`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServedBefore<'a> {
    /// Its name from now on.
    pub now: &'a str,
    /// A name that it had.
    pub then: &'a str,
    /// The most that could be done under that name, whatever grants said.
    pub most: Level,
}

impl<'a> ServedBefore<'a> {
    /// A database that keeps its name.
    #[must_use]
    pub const fn by_name(name: &'a str) -> Self {
        Self { now: name, then: name, most: Level::Admin }
    }
}

/// Everything by which the new rules are weaker; `served` says what was served under the old ones. A database is
/// compared by what it holds: under a new name everybody may do what they might under the old one, and no more.
///
/// Where nothing is found, then for every certificate and every peer:
///
/// - whoever was recognized is the same principal, or is refused;
/// - whoever was refused is refused, or is a principal that did not exist before. A certificate that two principals
///   claimed is the exception: taking one of them away must work without asking, and leaves it to the other;
/// - no principal that existed before, and nobody else, may do more on any database that was served or had grants;
/// - no principal that existed before has become an administrator.
///
/// A new principal whose entries name one identity each (a common name, a key, a name of the certificate, the
/// certificate) is therefore an addition, with all its grants; one that is known by its issuer or organization alone is not.
#[must_use]
pub fn weaker(
    old: (&Directory, &Grants),
    new: (&Directory, &Grants),
    served: &[ServedBefore<'_>],
) -> Vec<Weakening> {
    let mut found = entries::weaker(old.0, new.0);
    found.extend(opened(old.1, new.1));
    found.extend(new.1.written().iter().filter_map(|grant| raised(old, grant, served)));
    found.extend(promoted(old, new.1));
    found
}

fn opened(old: &Grants, new: &Grants) -> Option<Weakening> {
    (new.is_open() && !old.is_open())
        .then(|| Weakening::new("open", "everyone may read and write every database: nobody is configured"))
}

/// A grant that allows whom it speaks of more than all old grants together did. What is about everyone counts on new
/// databases too: a stranger gains there.
fn raised(old: (&Directory, &Grants), grant: &GrantSpec, served: &[ServedBefore<'_>]) -> Option<Weakening> {
    let (directory, grants) = old;
    let GrantSpec { database, principal, level, place } = grant;
    let named = Some(principal.as_str()).filter(|name| *name != EVERYONE);
    let (was, existed) = match database.as_str() {
        EVERY_DATABASE => (grants.everywhere(named), true),
        database => before(grants, named, database, served),
    };
    let is_new = named.is_some_and(|name| !directory.knows(name) || !existed);
    if is_new || *level <= was {
        return None;
    }
    let who = named.map_or_else(|| "everyone".to_owned(), |name| format!("principal {name:?}"));
    let on = match database.as_str() {
        EVERY_DATABASE => "every database".to_owned(),
        database => format!("database {database:?}"),
    };
    let before = match was {
        Level::None => "nothing".to_owned(),
        level => level.to_string(),
    };
    Some(
        Weakening::new(
            format!("grant {database} {principal} {level}"),
            format!("{who} has {level} on {on}; before: {before}"),
        )
        .written(place.as_ref()),
    )
}

/// What somebody could do with what a database holds, and whether it was served or spoken of at all.
fn before(
    grants: &Grants,
    named: Option<&str>,
    database: &str,
    served: &[ServedBefore<'_>],
) -> (Level, bool) {
    let then = served.iter().filter(|served| served.now == database);
    let most = then.map(|served| grants.level(named, served.then).min(served.most)).max();
    match most {
        Some(level) => (level, true),
        None => (grants.level(named, database), grants.speak_of(database)),
    }
}

fn promoted(old: (&Directory, &Grants), new: &Grants) -> Vec<Weakening> {
    let (directory, grants) = old;
    let mut admins: Vec<&str> = new.admins().collect();
    admins.sort_unstable();
    let risen = |name: &&str| directory.knows(name) && !grants.admins().any(|admin| admin == *name);
    let told = |name| {
        Weakening::new(format!("admin {name}"), format!("principal {name:?} may use the control plane"))
    };
    admins.into_iter().filter(risen).map(told).collect()
}
