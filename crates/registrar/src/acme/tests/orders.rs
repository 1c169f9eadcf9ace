use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use http::Method;
use identity::Certificate;
use ledger::{Ledger as _, Shelf};
use serde_json::{Value, json};
use time::Duration;

use super::client::{Client, Heard, csr, encode, path};
use super::world::{Wanted, World};

/// The certificate of an order that is ready, and the order's address.
async fn issued(client: &Client<'_>, name: &str) -> (Certificate, String) {
    let order = client.ready(&[("dns", name)]).await;
    let at = path(&order.location);
    let done = client.post(&format!("{at}/finalize"), &json!({ "csr": csr(&[name]).0 })).await.ok();
    assert_eq!(done.body["status"], "valid");
    let pem = client.read(&path(done.body["certificate"].as_str().unwrap())).await.ok().text;
    let chain = identity::certificates_from_pem(pem.as_bytes()).unwrap();
    assert_eq!(chain.len(), 2, "the leaf and its issuer");
    (chain[0].clone(), at)
}

fn cert_id(certificate: &Certificate) -> String {
    let serial = certificate.identity().serial().bytes();
    // A DER integer that would be negative has a zero in front.
    let serial = if serial[0] & 0x80 == 0 { serial.to_vec() } else { [&[0], serial].concat() };
    format!("{}.{}", encode(certificate.authority_key_id().unwrap()), encode(serial))
}

#[tokio::test]
async fn a_name_that_is_not_certified_is_refused_and_named() {
    let world = World::new().await;
    let client = Client::registered(&world).await;
    let no =
        client.order(&[("dns", "a.localhost"), ("dns", "a.example.com")]).await.is(400, "rejectedIdentifier");
    assert_eq!(no.body["subproblems"][0]["identifier"]["value"], "a.example.com");
    assert_eq!(no.body["subproblems"].as_array().unwrap().len(), 1);
    client.order(&[("ip", "10.0.0.1")]).await.is(400, "rejectedIdentifier");
    client.order(&[("dns", "*.localhost")]).await.is(400, "rejectedIdentifier");
    client.order(&[("email", "a@localhost")]).await.is(400, "unsupportedIdentifier");
    client.order(&[("dns", "127.0.0.1")]).await.is(400, "malformed");
    client.order(&[]).await.is(400, "malformed");
    client.order(&[("ip", "127.0.0.1"), ("dns", "LOCALHOST")]).await.ok();
}

#[tokio::test]
async fn a_certificate_is_for_exactly_the_names_of_the_order() {
    let world = World::new().await;
    let client = Client::registered(&world).await;
    let order = client.ready(&[("dns", "a.localhost"), ("dns", "b.localhost")]).await;
    let finalize = format!("{}/finalize", path(&order.location));
    let mut bad = Vec::new();
    for names in [
        &["a.localhost", "b.localhost", "c.localhost"][..],
        &["a.localhost"],
        &["a.localhost", "c.localhost"],
        &["a.localhost", "b.localhost", "127.0.0.1"],
    ] {
        bad.push(csr(names).0);
    }
    bad.extend(["", "AAAA", "!"].map(str::to_owned));
    for csr in bad {
        client.post(&finalize, &json!({ "csr": csr })).await.is(400, "badCSR");
    }
    let done = client.post(&finalize, &json!({ "csr": csr(&["b.localhost", "A.localhost"]).0 })).await.ok();
    assert_eq!(done.body["status"], "valid");
    client
        .post(&finalize, &json!({ "csr": csr(&["a.localhost", "b.localhost"]).0 }))
        .await
        .is(403, "orderNotReady");
}

#[tokio::test]
async fn what_is_not_proved_is_not_certified() {
    let world = World::new().await;
    let client = Client::registered(&world).await;
    let order = client.order(&[("dns", "a.localhost")]).await.ok();
    let finalize = format!("{}/finalize", path(&order.location));
    client.post(&finalize, &json!({ "csr": csr(&["a.localhost"]).0 })).await.is(403, "orderNotReady");
    let ready = client.ready(&[("dns", "b.localhost")]).await;
    let authorization = path(ready.body["authorizations"][0].as_str().unwrap());
    client.post(&authorization, &json!({ "status": "deactivated" })).await.ok();
    let finalize = format!("{}/finalize", path(&ready.location));
    client.post(&finalize, &json!({ "csr": csr(&["b.localhost"]).0 })).await.is(403, "orderNotReady");
    let late = client.ready(&[("dns", "c.localhost")]).await;
    world.clock.advance(Duration::hours(25));
    let finalize = format!("{}/finalize", path(&late.location));
    client.post(&finalize, &json!({ "csr": csr(&["c.localhost"]).0 })).await.is(403, "orderNotReady");
    assert_eq!(client.read(&path(&late.location)).await.ok().body["status"], "invalid");
}

#[tokio::test]
async fn an_order_is_its_accounts_alone() {
    let world = World::new().await;
    let (one, other) = (Client::registered(&world).await, Client::registered(&world).await);
    let order = one.ready(&[("dns", "a.localhost")]).await;
    let at = path(&order.location);
    other.read(&at).await.is(403, "unauthorized");
    other.read(&path(order.body["authorizations"][0].as_str().unwrap())).await.is(403, "unauthorized");
    let request = json!({ "csr": csr(&["a.localhost"]).0 });
    other.post(&format!("{at}/finalize"), &request).await.is(403, "unauthorized");
    other.read(&format!("{at}/certificate")).await.is(403, "unauthorized");
    // With the other's account in the path nothing is found.
    let own = at.replace(&path(&one.account)["account/".len()..], &path(&other.account)["account/".len()..]);
    other.read(&own).await.is(404, "malformed");
    let listed = one.read(&format!("{}/orders", path(&one.account))).await.ok();
    assert_eq!(listed.body["orders"], json!([order.location]));
    let none = other.read(&format!("{}/orders", path(&other.account))).await.ok();
    assert_eq!(none.body["orders"], json!([]));
}

#[tokio::test]
async fn open_orders_of_an_account_are_bounded() {
    let world = World::new().await;
    let client = Client::registered(&world).await;
    for _ in 0..100 {
        client.order(&[("dns", "a.localhost")]).await.ok();
    }
    client.order(&[("dns", "a.localhost")]).await.is(429, "rateLimited");
    let listed = client.read(&format!("{}/orders", path(&client.account))).await.ok();
    assert_eq!(listed.body["orders"].as_array().unwrap().len(), 100);
    world.clock.advance(Duration::hours(25));
    client.order(&[("dns", "a.localhost")]).await.ok();
}

/// How many orders are on record.
async fn on_record(world: &World) -> usize {
    let notes = world.ledger.notes(Shelf::AcmeOrders, None, 0).await.unwrap();
    notes.iter().filter(|note| note.key.starts_with("order.")).count()
}

#[tokio::test]
async fn an_account_that_gives_up_what_it_ordered_has_no_more_on_record_for_that() {
    let world = World::new().await;
    let client = Client::registered(&world).await;
    for _ in 0..130 {
        let order = client.order(&[("dns", "a.localhost")]).await.ok();
        let authorization = path(order.body["authorizations"][0].as_str().unwrap());
        client.post(&authorization, &json!({ "status": "deactivated" })).await.ok();
        // For the sake of the requests that one address may make.
        world.clock.advance(Duration::SECOND);
        assert!(on_record(&world).await <= 100);
    }
    // What a certificate came of is no order of that kind, and stays.
    let (_, at) = issued(&client, "b.localhost").await;
    for _ in 0..100 {
        client.order(&[("dns", "a.localhost")]).await.ok();
        world.clock.advance(Duration::SECOND);
    }
    client.read(&at).await.ok();
}

#[tokio::test]
async fn new_orders_of_an_account_are_bounded_whatever_becomes_of_them() {
    let world = World::new().await;
    let client = Client::registered(&world).await;
    for _ in 0..300 {
        let order = client.order(&[("dns", "a.localhost")]).await.ok();
        let authorization = path(order.body["authorizations"][0].as_str().unwrap());
        client.post(&authorization, &json!({ "status": "deactivated" })).await.ok();
        world.clock.advance(Duration::milliseconds(100));
    }
    let heard = client.order(&[("dns", "a.localhost")]).await.is(429, "rateLimited");
    assert!((1..=36).contains(&heard.retry_after), "{heard:?}");
    Client::registered(&world).await.order(&[("dns", "a.localhost")]).await.ok();
    world.clock.advance(Duration::seconds(heard.retry_after.into()));
    client.order(&[("dns", "a.localhost")]).await.ok();
}

/// A hundred names, which all orders here may have.
fn hundred() -> Value {
    let name = |n| json!({ "type": "dns", "value": format!("n{n}.localhost") });
    json!({ "identifiers": (0..100).map(name).collect::<Vec<_>>() })
}

#[tokio::test]
async fn names_that_accounts_of_one_address_order_are_bounded_where_nobody_stands_for_them() {
    let world = World::new().await;
    let (one, other) = (Client::registered(&world).await, Client::registered(&world).await);
    for _ in 0..5 {
        one.post("new-order", &hundred()).await.ok();
        other.post("new-order", &hundred()).await.ok();
    }
    let heard = other.post("new-order", &hundred()).await.is(429, "rateLimited");
    assert_eq!(heard.retry_after, 360);
    let mut elsewhere = Client::new(&world);
    elsewhere.remote = "192.0.2.8:1234";
    elsewhere.account = elsewhere.by_key("new-account", &json!({})).await.ok().location;
    elsewhere.post("new-order", &hundred()).await.ok();
    world.clock.advance(Duration::seconds(360));
    one.post("new-order", &hundred()).await.ok();
}

#[tokio::test]
async fn names_that_accounts_of_one_key_order_are_bounded_wherever_they_ask_from() {
    let world = World::with(Wanted { external_account_required: true, ..Wanted::default() }).await;
    let bound = async |key: &(String, Vec<u8>), remote| {
        let mut client = Client::new(&world);
        client.remote = remote;
        let binding = json!({ "externalAccountBinding": client.binding(&key.0, &key.1) });
        client.account = client.by_key("new-account", &binding).await.ok().location;
        client
    };
    let key = world.key(&[]).await;
    let (one, other) = (bound(&key, "192.0.2.1:1").await, bound(&key, "192.0.2.2:1").await);
    for _ in 0..25 {
        one.post("new-order", &hundred()).await.ok();
        other.post("new-order", &hundred()).await.ok();
    }
    let heard = bound(&key, "192.0.2.3:1").await.post("new-order", &hundred()).await.is(429, "rateLimited");
    assert_eq!(heard.retry_after, 72);
    let others = bound(&world.key(&[]).await, "192.0.2.1:1").await;
    others.post("new-order", &hundred()).await.ok();
}

#[tokio::test]
async fn an_end_can_be_asked_for_within_the_profile_and_a_beginning_cannot() {
    let world = World::new().await;
    let client = Client::registered(&world).await;
    let order = |more: Value| {
        let mut payload = json!({ "identifiers": [{ "type": "dns", "value": "a.localhost" }] });
        payload.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        payload
    };
    for wrong in [
        json!({ "notBefore": "2026-05-02T00:00:00Z" }),
        json!({ "notAfter": "2027-05-02T00:00:00Z" }),
        json!({ "notAfter": "2026-05-01T12:01:00Z" }),
        json!({ "notAfter": "tomorrow" }),
    ] {
        client.post("new-order", &order(wrong)).await.is(400, "malformed");
    }
    let heard = client.post("new-order", &order(json!({ "notAfter": "2026-05-02T12:00:00Z" }))).await.ok();
    assert_eq!(heard.body["notAfter"], "2026-05-02T12:00:00Z");
}

#[tokio::test]
async fn a_certificate_is_taken_back_by_its_account_or_its_key_and_by_nobody_else() {
    let world = World::new().await;
    let (one, other) = (Client::registered(&world).await, Client::registered(&world).await);
    let (certificate, _) = issued(&one, "a.localhost").await;
    let asked = |reason: u64| json!({ "certificate": encode(certificate.der()), "reason": reason });
    other.post("revoke-cert", &asked(1)).await.is(403, "unauthorized");
    other.by_key("revoke-cert", &asked(1)).await.is(403, "unauthorized");
    one.post("revoke-cert", &asked(2)).await.is(400, "badRevocationReason");
    one.post("revoke-cert", &asked(7)).await.is(400, "badRevocationReason");
    one.post("revoke-cert", &json!({ "certificate": "AAAA" })).await.is(400, "malformed");
    assert_eq!(one.post("revoke-cert", &asked(1)).await.status, 200);
    one.post("revoke-cert", &asked(1)).await.is(400, "alreadyRevoked");
    let now = world.call(Method::GET, &format!("renewal-info/{}", cert_id(&certificate)), "").await;
    let window = Heard::of(&now).ok().body["suggestedWindow"]["end"].clone();
    assert_eq!(window, "2026-05-01T12:00:00Z", "renew at once");
}

#[tokio::test]
async fn the_certificates_own_key_takes_it_back() {
    let world = World::new().await;
    let client = Client::registered(&world).await;
    let order = client.ready(&[("dns", "a.localhost")]).await;
    let at = path(&order.location);
    let (request, key) = csr(&["a.localhost"]);
    let done = client.post(&format!("{at}/finalize"), &json!({ "csr": request })).await.ok();
    let pem = client.read(&path(done.body["certificate"].as_str().unwrap())).await.ok().text;
    let chain = identity::certificates_from_pem(pem.as_bytes()).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &key.serialize_der()).unwrap();
    assert!(!pair.public_key().as_ref().is_empty());
    let holder = Client::holding(&world, pair);
    let asked = json!({ "certificate": encode(chain[0].der()) });
    assert_eq!(holder.by_key("revoke-cert", &asked).await.status, 200);
}

#[tokio::test]
async fn the_accounts_key_is_not_the_certificates() {
    let world = World::new().await;
    let key = rcgen::KeyPair::generate().unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &key.serialize_der()).unwrap();
    let mut client = Client::holding(&world, pair);
    client.account = client.by_key("new-account", &json!({})).await.ok().location;
    let order = client.ready(&[("dns", "a.localhost")]).await;
    let mut params = rcgen::CertificateParams::new(vec!["a.localhost".to_owned()]).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    let csr = encode(params.serialize_request(&key).unwrap().der());
    client
        .post(&format!("{}/finalize", path(&order.location)), &json!({ "csr": csr }))
        .await
        .is(400, "badCSR");
}

#[tokio::test]
async fn a_renewal_names_what_it_replaces_and_nothing_is_replaced_twice() {
    let world = World::new().await;
    let (client, other) = (Client::registered(&world).await, Client::registered(&world).await);
    let (certificate, _) = issued(&client, "a.localhost").await;
    let id = cert_id(&certificate);
    let told = Heard::of(&world.call(Method::GET, &format!("renewal-info/{id}"), "").await).ok();
    let start = told.body["suggestedWindow"]["start"].as_str().unwrap().to_owned();
    assert!(start.starts_with("2026-07-"), "two weeks before its end: {start}");
    let order = |name: &str| json!({ "identifiers": [{ "type": "dns", "value": name }], "replaces": id });
    other.post("new-order", &order("a.localhost")).await.is(400, "malformed");
    client.post("new-order", &order("b.localhost")).await.is(400, "malformed");
    let renewal = client.post("new-order", &order("a.localhost")).await.ok();
    assert_eq!(renewal.body["replaces"], id.as_str());
    client.prove(&renewal).await;
    let at = path(&renewal.location);
    client.post(&format!("{at}/finalize"), &json!({ "csr": csr(&["a.localhost"]).0 })).await.ok();
    client.post("new-order", &order("a.localhost")).await.is(409, "alreadyReplaced");
}
