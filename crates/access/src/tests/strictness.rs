//! Where nothing is told to be weaker, nobody may do more: over made-up rules and real certificates.

use std::sync::LazyLock;

use identity::Verified;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::made::{authority, params, principal, who};
use crate::claim::Claim;
use crate::{Directory, GrantSpec, Grants, Level, MtlsMatch, PrincipalSpec, weaker};

/// Certificates of every combination of two names, two organizations and three sets of URIs.
static CERTIFICATES: LazyLock<Vec<Verified>> = LazyLock::new(|| {
    let authority = authority();
    let mut all = Vec::new();
    for name in ["a", "b"] {
        for organization in ["a", "b"] {
            for uris in [&["a:a"][..], &["a:b"], &["a:a", "a:b"]] {
                let mut params = params(name);
                params.distinguished_name.push(rcgen::DnType::OrganizationName, organization);
                let san = |uri: &&str| rcgen::SanType::URI((*uri).try_into().unwrap());
                params.subject_alt_names = uris.iter().map(san).collect();
                all.push(authority.verified(&params));
            }
        }
    }
    all
});

/// Rules as they are written, before they are checked. Names of principals are also common names of certificates.
#[derive(Clone, Debug)]
struct Written {
    by_common_name: bool,
    open: bool,
    principals: Vec<PrincipalSpec>,
    grants: Vec<GrantSpec>,
    admins: Vec<String>,
}

const NAMES: [&str; 4] = ["a", "b", "c", "d"];
const DATABASES: [&str; 3] = ["x", "y", "*"];

fn letter(prefix: &'static str) -> impl Strategy<Value = Option<String>> {
    prop_oneof![2 => Just(None), 1 => Just(Some(format!("{prefix}a"))), 1 => Just(Some(format!("{prefix}b")))]
}

fn entry() -> impl Strategy<Value = MtlsMatch> {
    (letter(""), letter(""), letter("a:"))
        .prop_map(|(subject_cn, subject_o, san_uri)| MtlsMatch {
            subject_cn,
            subject_o,
            san_uri,
            ..MtlsMatch::default()
        })
        .prop_filter("an entry needs a condition", |entry| !Claim::all_of(entry).is_empty())
}

fn a_principal() -> impl Strategy<Value = PrincipalSpec> {
    (select(&NAMES[..]), prop::collection::vec(entry(), 0..3), prop::bool::weighted(0.8))
        .prop_map(|(name, entries, active)| PrincipalSpec { active, ..principal(name, entries) })
}

fn grant() -> impl Strategy<Value = GrantSpec> {
    let whom = prop_oneof![4 => select(&NAMES[..]), 1 => Just("*")];
    (select(&DATABASES[..]), whom, select(Level::ALL))
        .prop_map(|(database, principal, level)| GrantSpec::new(database, principal, level))
}

fn written() -> impl Strategy<Value = Written> {
    use prop::collection::vec;
    let admins = vec(select(&NAMES[..]).prop_map(str::to_owned), 0..3);
    let odd = || prop::bool::weighted(0.1);
    (odd(), odd(), vec(a_principal(), 0..4), vec(grant(), 0..5), admins).prop_map(
        |(by_common_name, open, principals, grants, admins)| Written {
            by_common_name,
            open,
            principals,
            grants,
            admins,
        },
    )
}

/// A few edits of rules: the changes that people make.
#[derive(Clone, Debug)]
enum Edit {
    Remove(Index),
    Add(PrincipalSpec),
    Switch(Index),
    Enter(Index, Box<MtlsMatch>),
    Leave(Index),
    Grant(GrantSpec),
    Ungrant(Index),
    Promote(&'static str),
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = any::<Index>;
    prop_oneof![
        at().prop_map(Edit::Remove),
        a_principal().prop_map(Edit::Add),
        at().prop_map(Edit::Switch),
        (at(), entry()).prop_map(|(at, entry)| Edit::Enter(at, Box::new(entry))),
        at().prop_map(Edit::Leave),
        grant().prop_map(Edit::Grant),
        at().prop_map(Edit::Ungrant),
        select(&NAMES[..]).prop_map(Edit::Promote),
    ]
}

fn edited(mut rules: Written, edits: Vec<Edit>) -> Written {
    for edit in edits {
        let count = rules.principals.len();
        match edit {
            Edit::Add(spec) => rules.principals.push(spec),
            Edit::Grant(spec) => rules.grants.push(spec),
            Edit::Promote(name) => rules.admins.push(name.to_owned()),
            Edit::Ungrant(at) if !rules.grants.is_empty() => {
                drop(rules.grants.remove(at.index(rules.grants.len())));
            }
            Edit::Remove(at) if count > 0 => drop(rules.principals.remove(at.index(count))),
            Edit::Switch(at) if count > 0 => rules.principals[at.index(count)].active ^= true,
            Edit::Enter(at, entry) if count > 0 => {
                rules.principals[at.index(count)].methods.push(crate::Method::Mtls(*entry));
            }
            Edit::Leave(at) if count > 0 => drop(rules.principals[at.index(count)].methods.pop()),
            _ => {}
        }
    }
    rules
}

/// The rules, where they can be loaded; what speaks of nobody is left out first, as an operator would.
fn loaded(rules: &Written) -> Option<(Directory, Grants)> {
    let directory = match rules.by_common_name {
        true => Directory::common_name_is_principal(),
        false => Directory::new(rules.principals.clone()).ok()?,
    };
    let mut seen = std::collections::HashSet::new();
    let mut specs = rules.grants.clone();
    specs.sort_by_key(|grant| std::cmp::Reverse(grant.level));
    specs.retain(|grant| {
        let fresh = seen.insert((grant.database.clone(), grant.principal.clone()));
        fresh && (grant.principal == "*" || directory.knows(&grant.principal))
    });
    let grants = if rules.open { Grants::open() } else { Grants::new(specs, &directory).ok()? };
    let admins = rules.admins.iter().filter(|name| directory.knows(name)).cloned().collect();
    let grants = grants.with_admins(admins, &directory).ok()?;
    Some((directory, grants))
}

type Rules = (Directory, Grants);

/// That nobody may do more by the new rules than by the old; `y` was served whether or not grants spoke of it.
fn nobody_gains(old: &Rules, new: &Rules) -> Result<(), TestCaseError> {
    for verified in CERTIFICATES.iter() {
        match (who(&old.0, verified), who(&new.0, verified)) {
            (Ok(before), Ok(after)) => prop_assert_eq!(before, after),
            (Err(code), Ok(after)) if code != "ambiguous-identity" => prop_assert!(!old.0.knows(&after)),
            _ => {}
        }
    }
    let known = NAMES.iter().copied().filter(|name| old.0.knows(name)).map(Some);
    for whom in known.chain([None]) {
        prop_assert!(new.1.everywhere(whom) <= old.1.everywhere(whom));
        let existed = |database: &&str| old.1.speak_of(database) || *database == "y" || whom.is_none();
        for database in DATABASES.into_iter().filter(existed) {
            prop_assert!(
                new.1.level(whom, database) <= old.1.level(whom, database),
                "{:?} {}",
                whom,
                database
            );
        }
    }
    for admin in new.1.admins() {
        prop_assert!(old.1.admins().any(|was| was == admin) || !old.0.knows(admin));
    }
    Ok(())
}

fn found(old: &Rules, new: &Rules) -> Vec<crate::Weakening> {
    weaker((&old.0, &old.1), (&new.0, &new.1), &[crate::ServedBefore::by_name("y")])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn nobody_may_do_more_where_nothing_is_weaker(
        old in written(),
        edits in prop::collection::vec(edit(), 0..4),
    ) {
        let new = edited(old.clone(), edits);
        if let (Some(old), Some(new)) = (loaded(&old), loaded(&new))
            && found(&old, &new).is_empty()
        {
            nobody_gains(&old, &new)?;
        }
    }

    #[test]
    fn nobody_may_do_more_where_rules_without_a_history_are_not_weaker(old in written(), new in written()) {
        if let (Some(old), Some(new)) = (loaded(&old), loaded(&new))
            && found(&old, &new).is_empty()
        {
            nobody_gains(&old, &new)?;
        }
    }

    #[test]
    fn no_rules_are_weaker_than_themselves(rules in written()) {
        if let (Some(old), Some(new)) = (loaded(&rules), loaded(&rules)) {
            prop_assert_eq!(found(&old, &new), []);
        }
    }

    #[test]
    fn taking_away_is_never_weaker(rules in written(), gone in prop::collection::vec((0..4_usize, any::<Index>()), 0..5)) {
        let mut fewer = rules.clone();
        for (what, at) in gone {
            match what {
                0 if !fewer.principals.is_empty() => drop(fewer.principals.remove(at.index(fewer.principals.len()))),
                1 if !fewer.grants.is_empty() => drop(fewer.grants.remove(at.index(fewer.grants.len()))),
                2 if !fewer.principals.is_empty() => {
                    let count = fewer.principals.len();
                    drop(fewer.principals[at.index(count)].methods.pop());
                }
                3 if !fewer.principals.is_empty() => {
                    let count = fewer.principals.len();
                    fewer.principals[at.index(count)].active = false;
                }
                _ => {}
            }
        }
        if let (Some(old), Some(new)) = (loaded(&rules), loaded(&fewer)) {
            prop_assert_eq!(found(&old, &new), []);
        }
    }
}
