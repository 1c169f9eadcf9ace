use std::collections::BTreeMap;

use super::world::{DAY, World};
use crate::rotation::{Done, Of, Phase};

type Files = BTreeMap<String, Vec<u8>>;

#[derive(Clone, Copy, Debug)]
enum Step {
    Begin,
    Move,
    Finish,
}

async fn take(world: &World, of: &Of, step: Step) -> Done {
    let done = match step {
        Step::Begin => world.begin(of).await,
        Step::Move => world.hands().await.advance(&[]).await,
        Step::Finish => world.hands().await.finish(DAY, &[], &["time".to_owned()]).await,
    };
    done.unwrap_or_else(|fault| panic!("{of} {step:?}: {fault}"))
}

/// The states that a crash can leave: the first file changed, the first two, and so on.
fn in_between(before: &Files, after: &Files, done: &Done, world: &World) -> Vec<Files> {
    let mut state = before.clone();
    let mut states = vec![state.clone()];
    for path in &done.files {
        let name = path.strip_prefix(world.folder.path()).unwrap().to_string_lossy().into_owned();
        match after.get(&name) {
            Some(content) => {
                // What was moved is not where it was any more.
                state.retain(|was, held| held != content || after.contains_key(was));
                state.insert(name, content.clone());
            }
            None => drop(state.remove(&name)),
        }
        states.push(state.clone());
    }
    states
}

async fn each_step_goes_on_where_it_was_cut_off(of: Of) {
    let mut world = World::new().await;
    for step in [Step::Begin, Step::Move, Step::Finish] {
        let before = world.files();
        let done = take(&world, &of, step).await;
        let (after, note) = (world.files(), world.note().await.unwrap());
        assert!(!done.files.is_empty());
        // The new keys are written before anything is on record, and stay.
        let mut before = before;
        for (name, content) in after.iter().filter(|(name, _)| name.ends_with(".next.key")) {
            before.insert(name.clone(), content.clone());
        }
        for state in in_between(&before, &after, &done, &world) {
            world.restore(&state);
            for name in ["server", "client"] {
                world.issuer(name);
            }
            if let Step::Begin = step {
                world.rewrite(&note.replacen("\"distributed\"", "\"begun\"", 1)).await;
            }
            let again = take(&world, &of, step).await;
            assert_eq!(again.rotation.phase, done.rotation.phase);
            assert_eq!(differing(&world.files(), &after), Vec::<String>::new(), "{of} {step:?}");
            let third = take(&world, &of, step).await;
            assert!(third.files.is_empty(), "{step:?}: nothing is left to do: {:?}", third.files);
        }
        world.now += DAY;
    }
}

/// The files that differ: their contents are keys, and long.
fn differing(one: &Files, other: &Files) -> Vec<String> {
    let names = one.keys().chain(other.keys());
    names.filter(|name| one.get(*name) != other.get(*name)).cloned().collect()
}

#[tokio::test]
async fn each_step_of_an_issuers_rotation_goes_on_where_it_was_cut_off() {
    each_step_goes_on_where_it_was_cut_off(Of::Issuer("client".to_owned())).await;
    each_step_goes_on_where_it_was_cut_off(Of::Issuer("server".to_owned())).await;
}

#[tokio::test]
async fn each_step_of_a_roots_rotation_goes_on_where_it_was_cut_off() {
    each_step_goes_on_where_it_was_cut_off(Of::Root).await;
}

#[tokio::test]
async fn until_the_leaves_are_moved_everything_can_be_as_it_was_before() {
    for of in [Of::Root, Of::Issuer("client".to_owned())] {
        let world = World::new().await;
        let before = world.files();
        world.begin(&of).await.unwrap();
        let new = world.begin(&of).await.unwrap().rotation.changes[0].new_one().unwrap();
        let done = world.hands().await.abort().await.unwrap();
        assert_eq!(done.rotation.phase, Phase::Aborted);
        let mut after = world.files();
        // The root's new key is where an operator has put it; it certifies nothing that anybody believes.
        after.remove("offline/root.next.key");
        assert_eq!(differing(&after, &before), Vec::<String>::new());
        assert!(
            !done.rotation.brings(&new.fingerprint()),
            "what was given up is not believed by its name any more"
        );
        let fault = world.hands().await.advance(&[]).await.unwrap_err().to_string();
        assert!(fault.contains("nothing is being rotated"), "{fault}");
    }
}

#[tokio::test]
async fn one_rotation_after_the_other_leaves_one_of_each() {
    let mut world = World::new().await;
    for of in [Of::Issuer("client".to_owned()), Of::Root, Of::Issuer("server".to_owned()), Of::Root] {
        for step in [Step::Begin, Step::Move, Step::Finish] {
            take(&world, &of, step).await;
            world.now += DAY;
        }
    }
    let held = |name: &str| super::world::certificates(&world.path(name)).len();
    assert_eq!((held("pki/root.crt"), held("pki/server-ca.crt"), held("pki/client-ca.crt")), (1, 2, 1));
    let root = world.root();
    assert_eq!(root.certificate().identity().subject().to_string(), "CN=countersign Root CA 3 (test)");
    for name in ["server", "client"] {
        world.issuer(name).check_below(root.certificate()).unwrap();
    }
    let names: Vec<String> =
        world.files().into_keys().filter(|name| name.starts_with("pki/issuers")).collect();
    assert_eq!(names.len(), 4, "{names:?}");
}
