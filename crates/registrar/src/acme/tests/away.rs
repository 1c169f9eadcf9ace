use serde_json::json;
use time::Duration;

use super::client::{Client, Heard, csr, path};
use super::world::World;
use crate::watched::Connection;

async fn finalized(client: &Client<'_>, order: &Heard) -> Heard {
    let csr = csr(&["a.localhost"]).0;
    client.post(&format!("{}/finalize", path(&order.location)), &json!({ "csr": csr })).await
}

/// The authority cannot now, and says when to try again.
#[track_caller]
fn is_later(heard: Heard) {
    assert!(heard.is(503, "serverInternal").retry_after > 0);
}

#[tokio::test]
async fn while_the_ledger_is_away_orders_are_put_off_and_none_is_lost() {
    let world = World::new().await;
    let client = Client::registered(&world).await;
    let order = client.ready(&[("dns", "a.localhost")]).await;
    world.ledger.is(Connection::Down);
    is_later(Client::new(&world).by_key("new-account", &json!({})).await);
    is_later(client.order(&[("dns", "b.localhost")]).await);
    is_later(client.read(&path(&order.location)).await);
    is_later(finalized(&client, &order).await);
    world.ledger.is(Connection::Up);
    assert_eq!(client.read(&path(&order.location)).await.ok().body["status"], "ready");
    assert_eq!(finalized(&client, &order).await.ok().body["status"], "valid");
}

/// Whatever it was that could not be written: the draft, the certificate, whose it is, or what came of the order.
#[tokio::test]
async fn an_order_whose_certificate_could_not_be_recorded_is_ready_again() {
    let world = World::new().await;
    let client = Client::registered(&world).await;
    for verb in ["record", "complete"] {
        let order = client.ready(&[("dns", "a.localhost")]).await;
        world.ledger.is(Connection::Fails(verb));
        is_later(finalized(&client, &order).await);
        assert_eq!(client.read(&path(&order.location)).await.ok().body["status"], "ready", "{verb}");
        assert_eq!(finalized(&client, &order).await.ok().body["status"], "valid", "{verb}");
    }
}

#[tokio::test]
async fn an_order_that_a_ledger_left_in_the_middle_is_ready_again_after_a_minute() {
    let world = World::new().await;
    let client = Client::registered(&world).await;
    for verb in ["record", "complete"] {
        let order = client.ready(&[("dns", "a.localhost")]).await;
        world.ledger.is(Connection::DownFrom(verb));
        is_later(finalized(&client, &order).await);
        world.ledger.is(Connection::Up);
        assert_eq!(client.read(&path(&order.location)).await.ok().body["status"], "processing", "{verb}");
        world.clock.advance(Duration::seconds(61));
        assert_eq!(client.read(&path(&order.location)).await.ok().body["status"], "ready", "{verb}");
        assert_eq!(finalized(&client, &order).await.ok().body["status"], "valid", "{verb}");
    }
}
