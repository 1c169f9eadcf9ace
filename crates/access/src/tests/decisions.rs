use fault::Refusal;
use identity::{Purpose, Verified};
use time::Duration;

use super::made::{END, NOW, authority, by_name, directory, params, peer, principal, who};
use crate::{Accepted, Directory, GrantSpec, Grants, Level, Peer, admit, admit_admin, recognize};

pub(super) fn refused(directory: &Directory, verified: &Verified) -> Refusal {
    recognize(directory, &[Accepted::Mtls], Some(verified), NOW).unwrap_err()
}

/// A directory of principals that are known by their common names.
pub(super) fn known(names: &[&str]) -> Directory {
    directory(names.iter().map(|name| principal(name, vec![by_name(name)])).collect())
}

fn code(result: Result<Peer, Refusal>) -> &'static str {
    match result {
        Ok(peer) => peer.method(),
        Err(refusal) => refusal.code().as_str(),
    }
}

#[test]
fn what_a_listener_accepts_decides_what_a_missing_or_unmapped_certificate_is() {
    let directory = known(&["alice"]);
    let authority = authority();
    let (alice, nobody) = (authority.named("alice"), authority.named("nobody"));
    let (mtls, none) = (Accepted::Mtls, Accepted::None);
    let table: [(&[Accepted], &str, &str, &str); 5] = [
        (&[mtls], "mtls", "unmapped-certificate", "certificate-required"),
        (&[mtls, none], "mtls", "none", "none"),
        (&[none, mtls], "mtls", "none", "none"),
        (&[none], "none", "none", "none"),
        (&[], "credentials-required", "credentials-required", "credentials-required"),
    ];
    for (accepted, mapped, unmapped, missing) in table {
        let ask = |verified| code(recognize(&directory, accepted, verified, NOW));
        assert_eq!(
            (ask(Some(&alice)), ask(Some(&nobody)), ask(None)),
            (mapped, unmapped, missing),
            "{accepted:?}"
        );
    }
}

#[test]
fn a_certificate_that_somebody_still_has_to_be_asked_about_is_nobody() {
    let directory = known(&["alice"]);
    let alice = authority().unanswered("alice");
    for accepted in [&[Accepted::Mtls][..], &[Accepted::None], &[Accepted::Mtls, Accepted::None]] {
        let refusal = recognize(&directory, accepted, Some(&alice), NOW).unwrap_err();
        assert_eq!(refusal.code().as_str(), "revocation-unknown", "{accepted:?}");
    }
}

#[test]
fn a_peer_carries_its_evidence_and_ends_with_it() {
    let directory = known(&["alice"]);
    let authority = authority();
    let peer = peer(&authority, &directory, "alice");
    assert_eq!((peer.principal(), peer.method(), peer.until()), (Some("alice"), "mtls", Some(END)));
    assert!(peer.verified().is_some());
    let verified = authority.named("nobody");
    let anonymous = recognize(&directory, &[Accepted::None], Some(&verified), NOW).unwrap();
    assert_eq!((anonymous.principal(), anonymous.until()), (None, Some(END)));
    let bare = recognize(&directory, &[Accepted::None], None, NOW).unwrap();
    assert_eq!((bare.principal(), bare.until()), (None, None));
}

#[test]
fn a_certificate_that_cannot_decide_is_refused_even_where_anonymous_peers_may_enter() {
    let mut off = principal("off", vec![by_name("off")]);
    off.active = false;
    let directory = directory(vec![off]);
    let authority = authority();
    let both = [Accepted::Mtls, Accepted::None];
    let ask = |verified: &Verified, now| code(recognize(&directory, &both, Some(verified), now));
    assert_eq!(ask(&authority.named("off"), NOW), "principal-inactive");
    assert_eq!(ask(&authority.named("x"), END + Duration::SECOND), "certificate-expired");
    assert_eq!(ask(&authority.named("x"), END), "none");
    let server = authority.verified_as(&params("off"), Purpose::Server);
    assert_eq!(ask(&server, NOW), "wrong-purpose");
}

#[test]
fn the_highest_of_all_grants_that_speak_of_a_peer_counts() {
    let directory = known(&["alice", "bob", "root"]);
    let authority = authority();
    let grant = GrantSpec::new;
    let grants = Grants::new(
        vec![
            grant("app", "alice", Level::ReadWrite),
            grant("app", "*", Level::ReadOnly),
            grant("app", "bob", Level::None),
            grant("own", "bob", Level::ReadWrite),
            grant("*", "root", Level::Admin),
        ],
        &directory,
    )
    .unwrap();
    let anonymous = recognize(&directory, &[Accepted::None], None, NOW).unwrap();
    let level = |peer: &Peer, database: &str| match admit(peer, &grants, database, NOW) {
        Ok(permit) => permit.level().as_str(),
        Err(refusal) => refusal.code().as_str(),
    };
    let [alice, bob, root] = ["alice", "bob", "root"].map(|name| peer(&authority, &directory, name));
    assert_eq!(
        ["app", "own", "none"].map(|name| level(&alice, name)),
        ["read-write", "no-grant", "no-grant"]
    );
    assert_eq!(["app", "own", "none"].map(|name| level(&bob, name)), ["read-only", "read-write", "no-grant"]);
    assert_eq!(["app", "own", "none"].map(|name| level(&root, name)), ["admin", "admin", "admin"]);
    assert_eq!(
        ["app", "own", "none"].map(|name| level(&anonymous, name)),
        ["read-only", "no-grant", "no-grant"]
    );
}

#[test]
fn an_unknown_database_is_refused_in_the_same_words_as_one_without_a_grant() {
    let directory = known(&["alice", "bob"]);
    let grants = Grants::new(vec![GrantSpec::new("app", "bob", Level::Admin)], &directory).unwrap();
    let alice = peer(&authority(), &directory, "alice");
    let [known, unknown] = ["app", "zzz"].map(|name| admit(&alice, &grants, name, NOW).unwrap_err());
    assert_eq!((known.code(), known.sentence()), (unknown.code(), unknown.sentence()));
    assert_eq!(known.sentence(), "forbidden: no access to this database");
    assert_eq!(known.cause(), "no grant on database \"app\" speaks of principal \"alice\"");
}

#[test]
fn a_permit_says_what_it_is_for_and_ends_with_the_peer() {
    let directory = known(&["alice"]);
    let grants = Grants::new(vec![GrantSpec::new("app", "alice", Level::ReadOnly)], &directory).unwrap();
    let alice = peer(&authority(), &directory, "alice");
    let permit = admit(&alice, &grants, "app", NOW).unwrap();
    assert_eq!((permit.principal(), permit.database(), permit.until()), (Some("alice"), "app", Some(END)));
    let late = admit(&alice, &grants, "app", END + Duration::SECOND).unwrap_err();
    assert_eq!(late.code().as_str(), "session-ended");
}

#[test]
fn open_grants_let_everyone_read_and_write_and_nobody_administer() {
    let directory = Directory::new(Vec::new()).unwrap();
    let anonymous = recognize(&directory, &[Accepted::None], None, NOW).unwrap();
    let permit = admit(&anonymous, &Grants::open(), "anything", NOW).unwrap();
    assert_eq!((permit.level(), permit.database()), (Level::ReadWrite, "anything"));
    assert_eq!(admit_admin(&anonymous, &Grants::open(), NOW).unwrap_err().code().as_str(), "admin-only");
}

#[test]
fn only_named_administrators_may_use_the_control_plane() {
    let directory = known(&["alice", "root"]);
    let specs = vec![GrantSpec::new("app", "alice", Level::Admin)];
    let grants =
        Grants::new(specs, &directory).unwrap().with_admins(vec!["root".into()], &directory).unwrap();
    let authority = authority();
    let [alice, root] = ["alice", "root"].map(|name| peer(&authority, &directory, name));
    assert!(grants.is_admin(&root) && !grants.is_admin(&alice));
    assert_eq!(admit_admin(&root, &grants, NOW).unwrap().level(), Level::Admin);
    let refusal = admit_admin(&alice, &grants, NOW).unwrap_err();
    assert_eq!(refusal.to_string(), "admin-only: principal \"alice\" is not among control_plane.admins");
    let faults = Grants::default().with_admins(vec!["*".into(), "x".into()], &directory).unwrap_err();
    let said: Vec<&str> = faults.iter().map(fault::Fault::what).collect();
    assert_eq!(
        said,
        [
            "config: control_plane admin \"*\" is not a configured principal",
            "config: control_plane admin \"x\" is not a configured principal"
        ]
    );
}

#[test]
fn grants_are_checked_at_load() {
    let directory = known(&["alice"]);
    let specs = vec![
        GrantSpec::new("app", "alice", Level::ReadOnly),
        GrantSpec::new("app", "alice", Level::Admin),
        GrantSpec::new("app", "bob", Level::ReadOnly),
        GrantSpec::new("app", "*", Level::ReadOnly),
    ];
    let faults = Grants::new(specs, &directory).unwrap_err();
    let said: Vec<&str> = faults.iter().map(fault::Fault::what).collect();
    assert_eq!(
        said,
        [
            "config: database \"app\" grants to principal \"alice\" twice",
            "config: database \"app\" grants to unknown principal \"bob\""
        ]
    );
}

#[test]
fn a_principal_without_entries_is_nobody_s_certificate() {
    let directory = directory(vec![principal("alice", vec![])]);
    assert_eq!(who(&directory, &authority().named("alice")), Err("unmapped-certificate".to_owned()));
}
