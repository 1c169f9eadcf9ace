//! What counts as weaker, one case at a time.

use super::decisions::known;
use super::made::{by_name, directory, principal};
use crate::{Directory, GrantSpec, Grants, Level, MtlsMatch, PrincipalSpec, ServedBefore, weaker};

fn entry(set: impl FnOnce(&mut MtlsMatch)) -> MtlsMatch {
    let mut entry = MtlsMatch::default();
    set(&mut entry);
    entry
}

fn text(word: &str) -> Option<String> {
    Some(word.to_owned())
}

/// The names of what is weaker between two lists of principals.
fn entries(old: &[PrincipalSpec], new: &[PrincipalSpec]) -> Vec<String> {
    let [old, new] = [old, new].map(|specs| directory(specs.to_vec()));
    names((&old, &Grants::default()), (&new, &Grants::default()), &[])
}

fn names(old: (&Directory, &Grants), new: (&Directory, &Grants), served: &[ServedBefore<'_>]) -> Vec<String> {
    weaker(old, new, served).into_iter().map(|weakening| weakening.name).collect()
}

/// The names of what is weaker between two lists of grants to alice, bob and everyone; `carol` is new.
fn grants(old: &[(&str, &str, Level)], new: &[(&str, &str, Level)]) -> Vec<String> {
    granted(old, new, &[ServedBefore::by_name("served")])
}

fn granted(
    old: &[(&str, &str, Level)],
    new: &[(&str, &str, Level)],
    served: &[ServedBefore<'_>],
) -> Vec<String> {
    let (before, after) = (known(&["alice", "bob"]), known(&["alice", "bob", "carol"]));
    let made = |specs: &[(&str, &str, Level)], directory: &Directory| {
        let specs =
            specs.iter().map(|(database, principal, level)| GrantSpec::new(*database, *principal, *level));
        Grants::new(specs.collect(), directory).unwrap()
    };
    names((&before, &made(old, &before)), (&after, &made(new, &after)), served)
}

#[test]
fn the_kill_switch_needs_no_permission() {
    let (alice, bob) = (principal("alice", vec![by_name("alice")]), principal("bob", vec![by_name("bob")]));
    let both = [alice.clone(), bob.clone()];
    assert_eq!(entries(&both, std::slice::from_ref(&bob)), [""; 0]);
    let without_method = PrincipalSpec { methods: Vec::new(), ..alice.clone() };
    assert_eq!(entries(&both, &[without_method, bob.clone()]), [""; 0]);
    let switched_off = PrincipalSpec { active: false, ..alice.clone() };
    assert_eq!(entries(&both, &[switched_off, bob.clone()]), [""; 0]);
    let overlapping = principal("bob", vec![entry(|e| e.san_uri = text("spiffe://x/alice"))]);
    assert_eq!(entries(&[alice, overlapping.clone()], &[overlapping]), [""; 0]);
}

#[test]
fn a_new_principal_with_one_identity_is_an_addition_and_one_with_a_crowd_is_not() {
    let alice = principal("alice", vec![by_name("alice")]);
    let carol = principal("carol", vec![by_name("carol"), entry(|e| e.san_dns = text("carol.example"))]);
    assert_eq!(entries(std::slice::from_ref(&alice), &[alice.clone(), carol]), [""; 0]);
    let crowd = |name: &str| principal(name, vec![entry(|e| e.subject_o = text("Acme"))]);
    assert_eq!(
        entries(std::slice::from_ref(&alice), &[alice.clone(), crowd("staff")]),
        ["entry staff subject_o=Acme"]
    );
    let asleep = PrincipalSpec { active: false, ..crowd("staff") };
    assert_eq!(entries(std::slice::from_ref(&alice), &[alice.clone(), asleep.clone()]), [""; 0]);
    assert_eq!(entries(&[asleep], &[crowd("staff")]), ["active staff"]);
}

#[test]
fn an_entry_added_or_broadened_is_weaker_and_one_narrowed_is_not() {
    let narrow = || MtlsMatch { subject_o: text("Acme"), ..by_name("alice") };
    let alice = |entries| [principal("alice", entries)];
    let (wide, tight) = (alice(vec![by_name("alice")]), alice(vec![narrow()]));
    assert_eq!(entries(&wide, &tight), [""; 0]);
    assert_eq!(entries(&tight, &wide), ["entry alice subject_cn=alice"]);
    let two = alice(vec![by_name("alice"), by_name("alicia")]);
    assert_eq!(entries(&wide, &two), ["entry alice subject_cn=alicia"]);
    assert_eq!(entries(&two, &wide), [""; 0]);
}

#[test]
fn a_certificate_that_would_become_another_principal_s_is_told() {
    let alice = principal("alice", vec![by_name("alice")]);
    let renamed = principal("alicia", vec![by_name("alice")]);
    let found = weaker(
        (&directory(vec![alice.clone()]), &Grants::default()),
        (&directory(vec![renamed]), &Grants::default()),
        &[],
    );
    assert_eq!(found[0].name, "entry alicia subject_cn=alice");
    assert_eq!(found[0].what, "certificates that belonged to principal \"alice\" may belong to \"alicia\"");
    let other = principal("bob", vec![by_name("bob")]);
    assert_eq!(
        entries(std::slice::from_ref(&alice), &[other]),
        [""; 0],
        "nobody is both CN=alice and CN=bob"
    );
    let acme = || MtlsMatch { subject_o: text("Acme"), ..MtlsMatch::default() };
    let claimed_still = principal("alice", vec![MtlsMatch { subject_cn: text("alice"), ..acme() }]);
    let rival = principal("carol", vec![MtlsMatch { san_uri: text("a:b"), ..acme() }]);
    assert_eq!(entries(&[alice], &[claimed_still, rival]), [""; 0], "both claim it, so it is refused");
}

#[test]
fn rules_for_nobody_in_particular_are_weaker_than_any_list() {
    let (listed, by_name) = (known(&["alice"]), Directory::common_name_is_principal());
    let none = Grants::default();
    assert_eq!(names((&listed, &none), (&by_name, &none), &[]), ["common-name-is-principal"]);
    assert_eq!(names((&by_name, &none), (&listed, &none), &[]), [""; 0]);
    assert_eq!(names((&by_name, &none), (&by_name, &none), &[]), [""; 0]);
    let other = directory(vec![principal("bob", vec![super::made::by_name("alice")])]);
    assert_eq!(names((&by_name, &none), (&other, &none), &[]), ["entry bob subject_cn=alice"]);
    let open = Grants::open();
    assert_eq!(names((&listed, &none), (&listed, &open), &[]), ["open"]);
    assert_eq!(names((&listed, &open), (&listed, &none), &[]), [""; 0]);
}

#[test]
fn a_grant_that_is_raised_is_weaker_and_one_that_is_lowered_is_not() {
    use Level::{Admin, None, ReadOnly, ReadWrite};
    let weak = grants;
    assert_eq!(weak(&[("app", "bob", ReadOnly)], &[("app", "bob", ReadWrite)]), ["grant app bob read-write"]);
    assert_eq!(weak(&[("app", "bob", ReadWrite)], &[("app", "bob", ReadOnly)]), [""; 0]);
    assert_eq!(weak(&[("app", "bob", ReadWrite)], &[("app", "bob", None)]), [""; 0]);
    assert_eq!(weak(&[("app", "bob", ReadWrite)], &[]), [""; 0]);
    assert_eq!(weak(&[("app", "*", ReadOnly)], &[("app", "bob", ReadOnly)]), [""; 0]);
    assert_eq!(weak(&[("*", "bob", Admin)], &[("app", "bob", ReadWrite)]), [""; 0]);
    assert_eq!(weak(&[("app", "bob", ReadOnly)], &[("*", "bob", ReadOnly)]), ["grant * bob read-only"]);
    assert_eq!(weak(&[("app", "bob", Admin)], &[("app", "*", ReadOnly)]), ["grant app * read-only"]);
}

#[test]
fn what_is_new_may_be_granted_to_those_who_are_named() {
    use Level::{Admin, ReadOnly};
    assert_eq!(grants(&[], &[("new", "bob", Admin)]), [""; 0]);
    assert_eq!(
        grants(&[("app", "bob", ReadOnly)], &[("app", "carol", Admin), ("*", "carol", Admin)]),
        [""; 0]
    );
    assert_eq!(grants(&[], &[("served", "bob", ReadOnly)]), ["grant served bob read-only"]);
    assert_eq!(grants(&[], &[("new", "*", ReadOnly)]), ["grant new * read-only"], "a stranger gains");
}

#[test]
fn who_existed_becomes_no_administrator_unasked() {
    let (before, after) = (known(&["alice", "bob"]), known(&["alice", "bob", "carol"]));
    let admins = |names: &[&str], directory: &Directory| {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Grants::default().with_admins(names, directory).unwrap()
    };
    let old = admins(&["alice"], &before);
    assert_eq!(names((&before, &old), (&after, &admins(&["alice", "carol"], &after)), &[]), [""; 0]);
    assert_eq!(names((&before, &old), (&after, &admins(&["bob"], &after)), &[]), ["admin bob"]);
    assert_eq!(names((&before, &old), (&after, &admins(&[], &after)), &[]), [""; 0]);
}

#[test]
fn a_database_under_another_name_is_what_it_was_under_the_old_one() {
    let old = [("app", "bob", Level::ReadOnly), ("app", "alice", Level::ReadWrite)];
    let under = |now, most| ServedBefore { now, then: "app", most };
    let served = [under("app", Level::Admin), under("app2", Level::Admin)];
    let new = |who, level| {
        let mut new = old.to_vec();
        new.push(("app2", who, level));
        granted(&old, &new, &served)
    };
    assert_eq!(new("bob", Level::Admin), ["grant app2 bob admin"]);
    assert_eq!(new("bob", Level::ReadOnly), [""; 0]);
    assert_eq!(new("*", Level::ReadOnly), ["grant app2 * read-only"]);
    assert_eq!(new("carol", Level::Admin), [""; 0], "a new principal is an addition");
    // The name was another database's, of which bob could do everything.
    let swapped = [("app", "bob", Level::ReadOnly), ("other", "bob", Level::Admin)];
    assert_eq!(granted(&swapped, &swapped, &[under("other", Level::Admin)]), ["grant other bob admin"]);
    let alice = [("app2", "alice", Level::ReadWrite)];
    assert_eq!(granted(&old, &alice, &[under("app2", Level::ReadOnly)]), ["grant app2 alice read-write"]);
}
