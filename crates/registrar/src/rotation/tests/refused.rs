use std::fs;

use fault::Fault;

use super::world::{DAY, World};
use crate::rotation::{Hands, Of, Phase, on_record};

fn client() -> Of {
    Of::Issuer("client".to_owned())
}

/// Tries, and expects that nothing has changed.
async fn refused(world: &World, of: &Of) -> String {
    let before = (world.files(), world.note().await);
    let fault: Fault = world.begin(of).await.unwrap_err();
    assert_eq!((world.files(), world.note().await), before, "{fault}");
    fault.to_string()
}

#[tokio::test]
async fn what_cannot_be_rotated_is_its_own_fault_and_changes_nothing() {
    let (world, other) = (World::new().await, World::new().await);
    assert!(
        refused(&world, &Of::Issuer("nobody".to_owned()))
            .await
            .contains("there is no issuer \"nobody\" in files")
    );
    // A root where an issuer should be.
    let (cert, _) = &world.places.issuers["client"];
    let own = fs::read(cert).unwrap();
    fs::copy(&world.places.root, cert).unwrap();
    for of in [client(), Of::Root] {
        let fault = refused(&world, &of).await;
        assert!(fault.contains("is a root") || fault.contains("was not signed by the root"), "{fault}");
    }
    // An issuer of another root.
    fs::copy(&other.places.issuers["client"].0, cert).unwrap();
    for of in [client(), Of::Root] {
        let fault = refused(&world, &of).await;
        assert!(fault.contains("was not signed by the root"), "{fault}");
    }
    files::write_public(cert, &own).unwrap();
    // What lies in the way.
    files::write_public(&files::next(cert), b"?").unwrap();
    assert!(refused(&world, &client()).await.contains("is in the way of a rotation"));
    fs::remove_file(files::next(cert)).unwrap();
    world.begin(&client()).await.unwrap();
}

#[tokio::test]
async fn there_is_one_rotation_at_a_time() {
    let world = World::new().await;
    world.begin(&client()).await.unwrap();
    let fault = refused(&world, &Of::Root).await;
    assert!(fault.contains("the rotation of issuer client is under way (distributed)"), "{fault}");
    // Whoever has seen an older state of it changes nothing.
    let mut stale = on_record(&world.ledger).await.unwrap().unwrap();
    world.hands().await.advance(&[]).await.unwrap();
    let late = stale.amend(&world.ledger, |rotation| rotation.reach(Phase::Aborted, world.now)).await;
    assert!(late.unwrap_err().to_string().contains("somebody else has changed the rotation"));
    assert_eq!(on_record(&world.ledger).await.unwrap().unwrap().rotation.phase, Phase::Moved);
}

#[tokio::test]
async fn no_step_is_left_out_and_none_is_taken_back_too_late() {
    let world = World::new().await;
    let nothing = "nothing is being rotated";
    assert!(world.hands().await.advance(&[]).await.unwrap_err().to_string().contains(nothing));
    assert!(world.hands().await.finish(DAY, &[], &[]).await.unwrap_err().to_string().contains(nothing));
    assert!(world.hands().await.abort().await.unwrap_err().to_string().contains(nothing));
    world.begin(&client()).await.unwrap();
    let early = world.hands().await.finish(DAY, &[], &["time".to_owned()]).await.unwrap_err().to_string();
    assert!(early.contains("the rotation is distributed"), "{early}");
    world.hands().await.advance(&[]).await.unwrap();
    let late = world.hands().await.abort().await.unwrap_err().to_string();
    assert!(late.contains("the leaves have moved"), "{late}");
}

#[tokio::test]
async fn a_folder_without_the_new_key_says_where_it_is_to_come_from() {
    let world = World::new().await;
    world.begin(&client()).await.unwrap();
    let next = files::next(&world.places.issuers["client"].1);
    let key = fs::read(&next).unwrap();
    fs::remove_file(&next).unwrap();
    let fault = world.hands().await.advance(&[]).await.unwrap_err().to_string();
    assert!(fault.contains("the key of the new issuer \"client\" is not here"), "{fault}");
    world.issuer("client");
    files::create_secret(&next, &key).unwrap();
    world.hands().await.advance(&[]).await.unwrap();
    let now = world.issuer("client").certificate().identity().subject().to_string();
    assert_eq!(now, "CN=countersign Client Issuer 2 (test)");
}

#[tokio::test]
async fn whoever_comes_while_a_step_is_taken_is_told_who_takes_it() {
    let world = World::new().await;
    let turn = world.hands().await;
    let other = Hands { by: "other", ..*turn };
    let fault = other.alone("another test").await.unwrap_err().to_string();
    for said in ["somebody else takes a step", "tester, since 2026-11-26T12:00:00Z: a test", "rotate status"]
    {
        assert!(fault.contains(said), "{fault}");
    }
    drop(turn);
    other.alone("another test").await.unwrap();
}
