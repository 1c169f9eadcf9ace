//! Who is whom on a server behind the door.

use std::collections::BTreeMap;

use fault::Code;

use super::decisions::known;
use super::made::{NOW, authority};
use crate::{Accepted, GrantSpec, Grants, Level, Mapping, MtlsMatch, RoleRules, admit, recognize};

/// The role, with its level, of whoever has this name and level and asks to be somebody; or the code of the refusal.
fn chosen(rules: &RoleRules, name: &str, level: Level, asked: &str) -> Result<(String, Level), Code> {
    let directory = known(&[name]);
    let verified = authority().named(name);
    let peer = recognize(&directory, &[Accepted::Mtls], Some(&verified), NOW).unwrap();
    let grants = Grants::new(vec![GrantSpec::new("app", name, level)], &directory).unwrap();
    let permit = admit(&peer, &grants, "app", NOW).unwrap();
    let role = rules.choose(&permit, Some(&verified), asked);
    role.map(|role| (role.name().to_owned(), role.level())).map_err(|refusal| refusal.code())
}

fn by_level(roles: &[(Level, &str)]) -> RoleRules {
    RoleRules::ByLevel(
        roles.iter().map(|(level, role)| (*level, (*role).to_owned())).collect::<BTreeMap<_, _>>(),
    )
}

fn mapped(entries: &[(&str, &str)]) -> RoleRules {
    let entry = |(name, role): &(&str, &str)| Mapping {
        when: MtlsMatch { subject_cn: Some((*name).to_owned()), ..MtlsMatch::default() },
        role: (*role).to_owned(),
    };
    RoleRules::Mapped(entries.iter().map(entry).collect())
}

fn is(role: &str, level: Level) -> Result<(String, Level), Code> {
    Ok((role.to_owned(), level))
}

const NO: Result<(String, Level), Code> = Err(Code::RoleNotAllowed);

#[test]
fn by_ones_own_name_nobody_is_anybody_else() {
    let own = RoleRules::OwnName;
    for asked in ["", "alice"] {
        assert_eq!(chosen(&own, "alice", Level::ReadWrite, asked), is("alice", Level::ReadWrite));
    }
    for asked in ["bob", "Alice", "postgres", "alice "] {
        assert_eq!(chosen(&own, "alice", Level::Admin, asked), NO, "{asked:?}");
    }
}

#[test]
fn a_name_that_the_server_would_cut_off_is_nobodys() {
    let longest = "a".repeat(63);
    assert_eq!(chosen(&RoleRules::OwnName, &longest, Level::Admin, ""), is(&longest, Level::Admin));
    let longer = "a".repeat(64);
    for asked in ["", &longer, &longest] {
        assert_eq!(chosen(&RoleRules::OwnName, &longer, Level::Admin, asked), NO, "{asked:?}");
    }
}

#[test]
fn a_grants_level_gives_its_role_and_those_below_and_none_above() {
    let rules = by_level(&[(Level::ReadOnly, "ro"), (Level::ReadWrite, "rw"), (Level::Admin, "owner")]);
    for asked in ["", "alice", "rw"] {
        assert_eq!(chosen(&rules, "alice", Level::ReadWrite, asked), is("rw", Level::ReadWrite), "{asked:?}");
    }
    assert_eq!(chosen(&rules, "alice", Level::ReadWrite, "ro"), is("ro", Level::ReadOnly));
    for asked in ["owner", "bob", "RW"] {
        assert_eq!(chosen(&rules, "alice", Level::ReadWrite, asked), NO, "{asked:?}");
    }
    // A level without a role is never served by another level's.
    assert_eq!(chosen(&by_level(&[(Level::ReadOnly, "ro")]), "alice", Level::ReadWrite, ""), NO);
    assert_eq!(chosen(&by_level(&[(Level::ReadWrite, "rw")]), "alice", Level::ReadOnly, ""), NO);
}

#[test]
fn a_map_gives_the_roles_of_the_entries_that_hold_and_the_first_to_whoever_asks_for_none() {
    let rules = mapped(&[("bob", "boss"), ("alice", "first"), ("alice", "second")]);
    for (asked, expected) in [("", "first"), ("alice", "first"), ("first", "first"), ("second", "second")] {
        assert_eq!(
            chosen(&rules, "alice", Level::ReadWrite, asked),
            is(expected, Level::ReadWrite),
            "{asked:?}"
        );
    }
    assert_eq!(chosen(&rules, "alice", Level::Admin, "boss"), NO);
    assert_eq!(chosen(&rules, "carol", Level::Admin, ""), NO);
    let everybody = RoleRules::Mapped(vec![Mapping { when: MtlsMatch::default(), role: "all".to_owned() }]);
    assert_eq!(
        chosen(&everybody, "alice", Level::Admin, ""),
        NO,
        "an entry that says nothing holds for nobody"
    );
}
