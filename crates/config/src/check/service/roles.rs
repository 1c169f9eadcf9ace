use std::collections::BTreeMap;

use access::{Level, Mapping, MtlsMatch, RoleRules};

use super::Asked;
use crate::check::principal;
use crate::reader::At;
use crate::section::service::{MapEntry, Roles};
use crate::table::Table;

impl Asked<'_, '_> {
    /// Who is whom there.
    pub(super) fn roles(&mut self) -> Option<RoleRules> {
        let written = &self.at.value;
        // What could not be read must not end as everybody's own name.
        if ["roles", "map"].iter().any(|key| written.unread().contains(key)) {
            return None;
        }
        match (&written.roles, &written.map) {
            (Some(_), Some(map)) => {
                self.refuse(map, "map and roles both say who is whom", "keep one of them");
                None
            }
            (Some(roles), None) => self.by_level(roles),
            (None, Some(map)) => self.mapped(map),
            (None, None) => Some(RoleRules::OwnName),
        }
    }

    fn by_level(&mut self, written: &At<Roles>) -> Option<RoleRules> {
        let roles = &written.value;
        let mut by_level = BTreeMap::new();
        for (level, role) in [
            (Level::ReadOnly, &roles.read_only),
            (Level::ReadWrite, &roles.read_write),
            (Level::Admin, &roles.admin),
        ] {
            let Some(role) = role else { continue };
            if self.is_a_name(&format!("roles.{level}"), role) {
                by_level.insert(level, role.value.clone());
            }
        }
        if by_level.is_empty() && roles.unread().is_empty() {
            self.refuse(written, "roles names none", "write roles: { read-only: ROLE, read-write: ROLE }");
        }
        self.refuse_one_for_all(roles);
        roles.unread().is_empty().then_some(RoleRules::ByLevel(by_level))
    }

    /// A role that may write enforces nothing for those who may not.
    fn refuse_one_for_all(&mut self, roles: &Roles) {
        let Some(reading) = &roles.read_only else { return };
        let same =
            [&roles.read_write, &roles.admin].into_iter().flatten().any(|role| role.value == reading.value);
        if same {
            let said = format!("roles.read-only {:?} is also the role of those who may write", reading.value);
            self.refuse(reading, &said, "name a role that has no right to write");
        }
    }

    fn mapped(&mut self, written: &At<Vec<At<MapEntry>>>) -> Option<RoleRules> {
        if written.value.is_empty() {
            self.refuse(written, "map has no entry", "write map: [ { subject_cn: NAME, role: ROLE } ]");
            return None;
        }
        let entries: Vec<Option<Mapping>> =
            written.value.iter().enumerate().map(|(n, entry)| self.entry(n, entry)).collect();
        entries.into_iter().collect::<Option<Vec<Mapping>>>().map(RoleRules::Mapped)
    }

    fn entry(&mut self, n: usize, written: &At<MapEntry>) -> Option<Mapping> {
        let entry = &written.value;
        let Some(role) = &entry.role else {
            if entry.lacks(&entry.role, "role") {
                self.refuse(
                    written,
                    &format!("map[{n}] gives no role"),
                    "write role: and the name that it has there",
                );
            }
            return None;
        };
        let named = self.is_a_name(&format!("map[{n}].role"), role);
        let called = self.called(&format!("map[{n}]"));
        let when = principal::entry(self.reader, &called, &entry.conditions(), written);
        let when = when.map(|when| MtlsMatch { place: None, ..when })?;
        if when == MtlsMatch::default() {
            let remedy = "write what the certificate must say, such as subject_cn: NAME";
            self.refuse(written, &format!("map[{n}] would hold for every certificate"), remedy);
            return None;
        }
        named.then(|| Mapping { when, role: role.value.clone() })
    }
}
