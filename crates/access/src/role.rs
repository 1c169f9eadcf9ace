//! Who may be whom on a server behind the door.

use std::collections::BTreeMap;

use fault::{Code, Refusal};
use identity::Verified;

use crate::claim::Claim;
use crate::{Level, MtlsMatch, Permit};

/// By what name a server behind the door knows whoever is admitted to it, as an operator writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RoleRules {
    /// By the principal's own name.
    #[default]
    OwnName,
    /// By one name for each level of a grant.
    ByLevel(BTreeMap<Level, String>),
    /// By what the certificate says, as `pg_ident.conf` maps names: each entry that holds gives a role, the first is the
    /// one for whoever asks for none.
    Mapped(Vec<Mapping>),
}

/// One entry of a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// What the certificate must say, all of it.
    pub when: MtlsMatch,
    /// The role.
    pub role: String,
}

/// Proof that a peer may be this role on the server behind a database, and as how much.
///
/// Only [`RoleRules::choose`] makes one.
#[derive(Debug, PartialEq, Eq)]
pub struct Role {
    name: Box<str>,
    level: Level,
}

impl Role {
    /// The name that the server knows it by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it may do; at most what the permit allows.
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }
}

impl RoleRules {
    /// The role for a peer that holds this permit and asks to be `asked`: its own name, or the name of a role that it may
    /// have; a role of a lower level than the permit's is one of them.
    ///
    /// # Errors
    /// `role-not-allowed` where it asks for another's, where there is none for it, and where it has no name.
    pub fn choose(&self, permit: &Permit, verified: Option<&Verified>, asked: &str) -> Result<Role, Refusal> {
        let own = permit.principal();
        let may = self.allowed(permit, verified);
        let no = |cause: String| Err(Refusal::new(Code::RoleNotAllowed, cause));
        let Some((first, level)) = may.first() else {
            return no(match own {
                None => "the peer has no name, and the service is entered by one's own".into(),
                Some(own) if own.len() > LONGEST_NAME => {
                    format!(
                        "the name of principal {own:?} is too long for the server, which would cut it off"
                    )
                }
                Some(own) => format!("nothing says which role principal {own:?} has there"),
            });
        };
        if asked.is_empty() || Some(asked) == own {
            return Ok(Role { name: (*first).into(), level: *level });
        }
        match may.iter().find(|(role, _)| *role == asked) {
            Some((role, level)) => Ok(Role { name: (*role).into(), level: *level }),
            None => no(format!("{} asks to be {asked:?}", shown(own))),
        }
    }

    /// Whether whoever has this name and a grant of this level may still be in a role that it had at that level, as far as
    /// that can be told without its certificate: where that decides, any role that the map gives to somebody may be its.
    #[must_use]
    pub fn may_give(&self, principal: Option<&str>, level: Level, role: &str) -> bool {
        match self {
            Self::OwnName => principal == Some(role),
            Self::ByLevel(roles) => roles.get(&level).is_some_and(|known| known == role),
            Self::Mapped(entries) => entries.iter().any(|entry| entry.role == role),
        }
    }

    /// Whether these rules give `role` as much as `before` did to whoever has it by them at this level. Where a map has changed, that
    /// cannot be told without asking again, and the answer is no.
    #[must_use]
    pub fn still_give(&self, before: &Self, role: &str, level: Level) -> bool {
        match (self, before) {
            (Self::OwnName, Self::OwnName) => true,
            (Self::ByLevel(now), Self::ByLevel(_)) => now.get(&level).is_some_and(|named| named == role),
            (Self::Mapped(now), Self::Mapped(before)) => now == before,
            (Self::OwnName | Self::ByLevel(_) | Self::Mapped(_), _) => false,
        }
    }

    /// Every role that it may have, best first.
    fn allowed<'a>(&'a self, permit: &'a Permit, verified: Option<&Verified>) -> Vec<(&'a str, Level)> {
        let level = permit.level();
        match self {
            Self::OwnName => {
                // A longer one would be cut off by the server, and be somebody else's.
                let own = permit.principal().filter(|own| own.len() <= LONGEST_NAME);
                own.map(|own| (own, level)).into_iter().collect()
            }
            Self::ByLevel(roles) if roles.contains_key(&level) => {
                roles.range(..=level).rev().map(|(level, role)| (role.as_str(), *level)).collect()
            }
            Self::ByLevel(_) => Vec::new(),
            Self::Mapped(entries) => {
                let Some(verified) = verified else { return Vec::new() };
                let holds = |entry: &&Mapping| {
                    let claims = Claim::all_of(&entry.when);
                    !claims.is_empty() && claims.iter().all(|claim| claim.holds(verified))
                };
                entries.iter().filter(holds).map(|entry| (entry.role.as_str(), level)).collect()
            }
        }
    }
}

/// What a PostgreSQL takes of a name, in bytes.
const LONGEST_NAME: usize = 63;

fn shown(own: Option<&str>) -> String {
    own.map_or_else(|| "the anonymous peer".to_owned(), |own| format!("principal {own:?}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Mapping, RoleRules};
    use crate::{Level, MtlsMatch};

    #[test]
    fn a_role_may_stay_somebodys_while_the_rules_give_it_at_that_level() {
        let own = RoleRules::OwnName;
        assert!(own.may_give(Some("ann"), Level::ReadWrite, "ann"));
        assert!(
            !own.may_give(Some("ann"), Level::ReadWrite, "bob")
                && !own.may_give(None, Level::ReadWrite, "ann")
        );
        let levels = RoleRules::ByLevel(BTreeMap::from([
            (Level::ReadOnly, "ro".into()),
            (Level::ReadWrite, "rw".into()),
        ]));
        assert!(levels.may_give(Some("ann"), Level::ReadOnly, "ro"));
        assert!(
            !levels.may_give(Some("ann"), Level::ReadOnly, "rw")
                && !levels.may_give(Some("ann"), Level::Admin, "rw")
        );
        let map = RoleRules::Mapped(vec![Mapping { when: MtlsMatch::default(), role: "app".into() }]);
        assert!(
            map.may_give(None, Level::ReadWrite, "app") && !map.may_give(None, Level::ReadWrite, "other")
        );
    }

    #[test]
    fn a_role_stays_where_the_rules_give_it_still_and_goes_where_that_cannot_be_told() {
        let by_level = |reads: &str, writes: &str| {
            let roles = [(Level::ReadOnly, reads.to_owned()), (Level::ReadWrite, writes.to_owned())];
            RoleRules::ByLevel(BTreeMap::from(roles))
        };
        let mapped = |role: &str| {
            RoleRules::Mapped(vec![Mapping { when: MtlsMatch::default(), role: role.to_owned() }])
        };
        let before = by_level("ro", "rw");
        assert!(by_level("ro", "other").still_give(&before, "ro", Level::ReadOnly));
        assert!(!by_level("ro", "other").still_give(&before, "rw", Level::ReadWrite));
        assert!(RoleRules::OwnName.still_give(&RoleRules::OwnName, "ann", Level::ReadOnly));
        assert!(mapped("ann").still_give(&mapped("ann"), "ann", Level::ReadOnly));
        assert!(!mapped("bob").still_give(&mapped("ann"), "ann", Level::ReadOnly));
        assert!(!RoleRules::OwnName.still_give(&before, "ro", Level::ReadOnly));
    }
}
