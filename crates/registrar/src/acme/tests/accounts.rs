use http::Method;
use ledger::{AuditFilter, AuditKind, Ledger as _};
use serde_json::json;
use time::Duration;

use super::client::{Client, path, url};
use super::world::{Wanted, World};
use crate::acme::keys;

#[tokio::test]
async fn a_nonce_is_good_for_one_request() {
    let world = World::new().await;
    let client = Client::registered(&world).await;
    let request = client.signed(&client.header("new-order").await, r#"{"identifiers":[]}"#);
    client.send("new-order", &request).await.is(400, "malformed");
    client.send("new-order", &request).await.is(400, "badNonce");
    let mut header = client.header("new-order").await;
    header["nonce"] = "AAAA".into();
    let heard = world.call(Method::POST, "new-order", client.signed(&header, "{}").to_string()).await;
    assert!(heard.headers().contains_key("replay-nonce"), "the next try can be made at once");
}

#[tokio::test]
async fn a_request_is_good_at_the_address_that_it_was_signed_for() {
    let world = World::new().await;
    let client = Client::registered(&world).await;
    let request = client.signed(&client.header("new-order").await, "{}");
    client.send("key-change", &request).await.is(403, "unauthorized");
    let mut header = client.header("new-order").await;
    header["url"] = "https://other.example/acme/new-order".into();
    client.send("new-order", &client.signed(&header, "{}")).await.is(403, "unauthorized");
}

#[tokio::test]
async fn an_account_is_who_holds_its_key() {
    let world = World::new().await;
    let (one, other) = (Client::registered(&world).await, Client::registered(&world).await);
    let mut header = one.header("new-order").await;
    header["kid"] = other.account.clone().into();
    one.send("new-order", &one.signed(&header, "{}")).await.is(400, "malformed");
    header = one.header("new-order").await;
    header["alg"] = "HS256".into();
    one.send("new-order", &one.signed(&header, "{}")).await.is(400, "badSignatureAlgorithm");
    header = one.header("new-order").await;
    header["kid"] = url("account/nobody").into();
    one.send("new-order", &one.signed(&header, "{}")).await.is(400, "accountDoesNotExist");
    one.read(&path(&other.account)).await.is(403, "unauthorized");
}

#[tokio::test]
async fn a_key_has_one_account_which_is_found_again_changed_and_ended() {
    let world = World::new().await;
    let client = Client::registered(&world).await;
    let again = client.by_key("new-account", &json!({ "onlyReturnExisting": true })).await;
    assert_eq!((again.status, &again.location), (200, &client.account));
    let nobody = Client::new(&world);
    nobody.by_key("new-account", &json!({ "onlyReturnExisting": true })).await.is(400, "accountDoesNotExist");
    let at = path(&client.account);
    let changed = client.post(&at, &json!({ "contact": ["mailto:a@example.com"] })).await.ok();
    assert_eq!(changed.body["contact"][0], "mailto:a@example.com");
    client.post(&at, &json!({ "contact": ["tel:1"] })).await.is(400, "unsupportedContact");
    let ended = client.post(&at, &json!({ "status": "deactivated" })).await.ok();
    assert_eq!(ended.body["status"], "deactivated");
    client.read(&at).await.is(401, "unauthorized");
    client.by_key("new-account", &json!({})).await.is(401, "unauthorized");
}

#[tokio::test]
async fn an_account_gets_another_key_that_signs_the_change_and_the_old_one_is_good_for_nothing() {
    let world = World::new().await;
    let (mut client, mut next) = (Client::registered(&world).await, Client::new(&world));
    let inner = |with: &Client<'_>, old: serde_json::Value, account: &str| {
        let header = json!({ "alg": "ES256", "jwk": with.jwk(), "url": url("key-change") });
        with.signed(&header, &json!({ "account": account, "oldKey": old }).to_string())
    };
    let taken = Client::registered(&world).await;
    let change = inner(&taken, client.jwk(), &client.account);
    let heard = client.post("key-change", &change).await.is(409, "malformed");
    assert_eq!(heard.location, taken.account, "whose it is");
    client.post("key-change", &inner(&next, next.jwk(), &client.account)).await.is(400, "malformed");
    client.post("key-change", &inner(&next, client.jwk(), &taken.account)).await.is(400, "malformed");
    let mut forged = inner(&next, client.jwk(), &client.account);
    forged["signature"] = client.signed(&json!({}), "")["signature"].clone();
    client.post("key-change", &forged).await.is(400, "malformed");
    client.post("key-change", &inner(&next, client.jwk(), &client.account)).await.ok();
    next.account = client.account.clone();
    next.read(&path(&next.account)).await.ok();
    client.read(&path(&client.account)).await.is(400, "malformed");
    client.by_key("new-account", &json!({})).await.is(403, "unauthorized");
    // And once more: an account is found by the key that it has now.
    client = Client::new(&world);
    next.post("key-change", &inner(&client, next.jwk(), &next.account)).await.ok();
    let found = client.by_key("new-account", &json!({})).await.ok();
    assert_eq!(found.location, next.account);
}

#[tokio::test]
async fn an_account_needs_a_good_key_of_the_operator() {
    let world = World::with(Wanted { external_account_required: true, ..Wanted::default() }).await;
    let (id, secret) = world.key(&[]).await;
    let mut client = Client::new(&world);
    client.by_key("new-account", &json!({})).await.is(403, "externalAccountRequired");
    let with = |binding: serde_json::Value| json!({ "externalAccountBinding": binding });
    client.by_key("new-account", &with(client.binding(&id, b"wrong"))).await.is(403, "unauthorized");
    client.by_key("new-account", &with(client.binding("nobody", &secret))).await.is(403, "unauthorized");
    let others = Client::new(&world).binding(&id, &secret);
    client.by_key("new-account", &with(others)).await.is(400, "malformed");
    client.account = client.by_key("new-account", &with(client.binding(&id, &secret))).await.ok().location;
    client.order(&[("dns", "a.localhost")]).await.ok();
    keys::withdraw(world.ledger.as_ref(), &id, "a test", world.now()).await.unwrap();
    client.order(&[("dns", "b.localhost")]).await.is(403, "unauthorized");
    let late = Client::new(&world);
    late.by_key("new-account", &with(late.binding(&id, &secret))).await.is(403, "unauthorized");
}

#[tokio::test]
async fn who_is_wrong_about_keys_too_often_is_not_looked_at_even_with_a_right_one() {
    let world = World::with(Wanted { external_account_required: true, ..Wanted::default() }).await;
    let (id, secret) = world.key(&[]).await;
    let client = Client::new(&world);
    let wrong = json!({ "externalAccountBinding": client.binding("nobody", b"wrong") });
    for _ in 0..20 {
        client.by_key("new-account", &wrong).await.is(403, "unauthorized");
    }
    client.by_key("new-account", &wrong).await.is(429, "rateLimited");
    let right = json!({ "externalAccountBinding": client.binding(&id, &secret) });
    let heard = client.by_key("new-account", &right).await.is(429, "rateLimited");
    // Somebody elsewhere is not kept out by that.
    let mut elsewhere = Client::new(&world);
    elsewhere.remote = "192.0.2.8:1234";
    let binding = json!({ "externalAccountBinding": elsewhere.binding(&id, &secret) });
    elsewhere.by_key("new-account", &binding).await.ok();
    world.clock.advance(Duration::seconds(heard.retry_after.into()));
    client.by_key("new-account", &right).await.ok();
}

#[tokio::test]
async fn the_keys_that_an_account_was_given_are_bounded() {
    let world = World::new().await;
    let mut client = Client::registered(&world).await;
    let change = async |from: &Client<'_>, to: &Client<'_>| {
        let header = json!({ "alg": "ES256", "jwk": to.jwk(), "url": url("key-change") });
        let inner = json!({ "account": from.account, "oldKey": from.jwk() }).to_string();
        from.post("key-change", &to.signed(&header, &inner)).await
    };
    for _ in 0..10 {
        let mut next = Client::new(&world);
        change(&client, &next).await.ok();
        next.account = client.account.clone();
        client = next;
    }
    let heard = change(&client, &Client::new(&world)).await.is(429, "rateLimited");
    assert_eq!(heard.retry_after, 3600);
}

#[tokio::test]
async fn the_audit_record_says_which_keys_were_given_out_and_withdrawn_and_for_what() {
    let world = World::new().await;
    let (id, secret) = world.key(&[".web.localhost"]).await;
    for _ in 0..2 {
        // Withdrawing once more changes nothing, and is no event.
        keys::withdraw(world.ledger.as_ref(), &id, "a test", world.now()).await.unwrap();
    }
    let filter = AuditFilter { kind: Some(AuditKind::Admin), ..AuditFilter::default() };
    let events = world.ledger.audit_events(filter).await.unwrap().entries;
    let said: Vec<String> = events.into_iter().filter_map(|event| event.cause).collect();
    let key = format!("the ACME key {id} (\"test\", for .web.localhost)");
    assert_eq!(said, [format!("withdrew {key}, by a test"), format!("gave out {key}, by a test")]);
    assert!(!said.join("").contains(&super::client::encode(&secret)), "no key is on record");
}

#[tokio::test]
async fn what_is_too_large_or_of_another_type_or_method_is_refused() {
    let world = World::new().await;
    let client = Client::registered(&world).await;
    let large = client.signed(&client.header("new-order").await, &"x".repeat(128 * 1024));
    client.send("new-order", &large).await.is(413, "malformed");
    for path in ["new-account", "new-order", "revoke-cert", "key-change", "account/a", "order/a/b"] {
        assert_eq!(world.call(Method::GET, path, "").await.status(), 405, "{path}");
    }
    assert_eq!(world.call(Method::POST, "directory", "").await.status(), 405);
    assert_eq!(world.call(Method::GET, "nothing", "").await.status(), 404);
    assert_eq!(world.call(Method::GET, "new-nonce", "").await.status(), 204);
}
