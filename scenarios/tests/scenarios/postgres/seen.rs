//! The database sees the person, and no password is anywhere.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::driver::{Driver, connected};
use super::front::Front;

const WHO: &str =
    "SELECT session_user, current_user, ssl, client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()";

/// N10, T38: the lines of the manual on both sides.
#[test]
fn psql_comes_through_the_door_and_a_server_set_up_as_the_manual_says_sees_its_name() {
    let user = "countersign_user";
    let front = Front::of_the_manual(&[user.to_owned()]);
    front.client(user);
    front.psql(user, "orders", WHO).succeeded().says(&format!("{user}|{user}|t|/CN={user}"));
    // What it did is its own, and what it was shown is ours: on record, and told from what anybody asked for.
    let recorded = |arguments: &[&str]| {
        let listed = ["cert", "list", "--realm", "realm", "--json"];
        front.world.countersign(&[&listed, arguments].concat()).succeeded().stdout
    };
    assert!(recorded(&["--profile", "minted"]).contains(user));
    assert!(!recorded(&["--name", user]).contains("minted"));
}

/// S0-7 and S0-8 from the other side: the server is what lets people in.
#[test]
fn a_principal_whom_the_server_does_not_know_hears_who_refused_and_how_to_let_it_in() {
    let front = Front::of_the_manual(&["somebody_else".to_owned()]);
    front.client("somebody_else");
    front
        .psql("somebody_else", "orders", WHO)
        .exited(2)
        .says("FATAL:  ")
        .says("DETAIL:  code upstream-refused")
        .says("HINT:  ");
    front.node.logged(&["upstream-refused"]);
}

/// The door comes first: whoever is refused there is shown to no server.
#[test]
fn nothing_is_made_for_a_client_whose_certificate_was_revoked() {
    let user = "person_revoked";
    let front = Front::of_everybody(&[user.to_owned()]);
    front.client(user);
    front.psql(user, "orders", WHO).succeeded().says(user);
    let before = front.minted();
    assert_eq!(before.len(), 1, "{before:?}");
    front.deny(user);
    front.psql(user, "orders", WHO).exited(2);
    front.node.logged(&["certificate-revoked"]);
    assert_eq!(front.minted(), before);
    // Another certificate of the same person is another matter.
    front.client(user);
    front.psql(user, "orders", WHO).succeeded().says(user);
}

/// 100 where everything else runs beside it. `COUNTERSIGN_PRINCIPALS=1000 COUNTERSIGN_AT_ONCE=100` tries as many as are promised,
/// and with `--nocapture` tells how long their certificates took.
#[test]
fn each_of_many_principals_is_seen_by_its_own_name() {
    let number = |name: &str, otherwise| {
        std::env::var(name).map_or(otherwise, |number| number.parse().expect("a number"))
    };
    let (many, at_once) = (number("COUNTERSIGN_PRINCIPALS", 100_usize), number("COUNTERSIGN_AT_ONCE", 8));
    let principals: Vec<String> = (0..many).map(|number| format!("person_{number}")).collect();
    let front = Front::of_everybody(&principals);
    principals.iter().for_each(|name| front.client(name));
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while let Some(name) = principals.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let seen = connected(async {
                        let (client, _) = Driver::of(&front, name)
                            .open("orders")
                            .await
                            .map_err(|error| format!("{error:?}"))?;
                        let row = client.query_one(WHO, &[]).await.map_err(|error| format!("{error:?}"))?;
                        Ok::<[String; 3], String>([row.get(0), row.get(1), row.get(3)])
                    });
                    let expected = [name.clone(), name.clone(), format!("/CN={name}/O=development")];
                    if seen.as_ref() != Ok(&expected) {
                        wrong.lock().expect("no one panics").push((name.clone(), seen));
                    }
                }
            });
        }
    });
    println!("{}", front.metrics("countersign_minted_"));
    let wrong = wrong.into_inner().expect("no one panics");
    assert!(wrong.is_empty(), "{} of {many} were seen as somebody else: {:?}", wrong.len(), wrong.first());
}
