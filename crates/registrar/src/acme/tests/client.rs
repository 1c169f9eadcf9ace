//! An ACME client that does as it is told, also what it must not.

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Method, Response};
use serde_json::{Value, json};

use super::world::{HOST, World};

pub(super) fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// A key, and the address of the account that it has.
pub(super) struct Client<'a> {
    pub(super) world: &'a World,
    pair: EcdsaKeyPair,
    pub(super) account: String,
    /// Where it asks from.
    pub(super) remote: &'static str,
}

/// An answer taken apart.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) status: u16,
    pub(super) location: String,
    /// After how many seconds to come back; 0 where nothing is said.
    pub(super) retry_after: u32,
    pub(super) body: Value,
    pub(super) text: String,
}

impl Heard {
    pub(super) fn of(response: &Response<Bytes>) -> Self {
        let header = |name: &str| {
            response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
        };
        let text = String::from_utf8_lossy(response.body()).into_owned();
        let body = serde_json::from_str(&text).unwrap_or_default();
        let retry_after = header("retry-after").parse().unwrap_or_default();
        Self { status: response.status().as_u16(), location: header("location"), retry_after, body, text }
    }

    /// A problem of this kind, with this status.
    #[track_caller]
    pub(super) fn is(self, status: u16, trouble: &str) -> Self {
        assert_eq!(self.body["type"], format!("urn:ietf:params:acme:error:{trouble}"), "{self:?}");
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    #[track_caller]
    pub(super) fn ok(self) -> Self {
        assert!(self.status < 300, "{self:?}");
        self
    }
}

impl<'a> Client<'a> {
    /// A client without an account.
    pub(super) fn new(world: &'a World) -> Self {
        Self::holding(world, EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    /// A client with this key, and no account.
    pub(super) fn holding(world: &'a World, pair: EcdsaKeyPair) -> Self {
        Self { world, pair, account: String::new(), remote: "192.0.2.7:1234" }
    }

    /// A client with an account that is bound to nobody.
    pub(super) async fn registered(world: &'a World) -> Self {
        let mut client = Self::new(world);
        client.account = client.by_key("new-account", &json!({})).await.ok().location;
        client
    }

    pub(super) fn jwk(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        let (x, y) = point[1..].split_at(32);
        json!({ "kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y) })
    }

    pub(super) fn key(&self) -> wire::acme::Jwk {
        wire::acme::Jwk::parse(self.jwk().to_string().as_bytes()).unwrap()
    }

    pub(super) async fn nonce(&self) -> String {
        let response = self.world.call_from(self.remote, Method::HEAD, "new-nonce", Bytes::new()).await;
        response.headers()["replay-nonce"].to_str().unwrap().to_owned()
    }

    /// A request with this protected header, signed.
    pub(super) fn signed(&self, header: &Value, payload: &str) -> Value {
        let (protected, payload) = (encode(header.to_string()), encode(payload));
        let signature = self.pair.sign(&SystemRandom::new(), format!("{protected}.{payload}").as_bytes());
        json!({ "protected": protected, "payload": payload, "signature": encode(signature.unwrap()) })
    }

    /// The header of a request to this path, signed by the account.
    pub(super) async fn header(&self, path: &str) -> Value {
        json!({ "alg": "ES256", "kid": self.account, "nonce": self.nonce().await, "url": url(path) })
    }

    pub(super) async fn send(&self, path: &str, request: &Value) -> Heard {
        Heard::of(&self.world.call_from(self.remote, Method::POST, path, request.to_string()).await)
    }

    pub(super) async fn by_key(&self, path: &str, payload: &Value) -> Heard {
        let header =
            json!({ "alg": "ES256", "jwk": self.jwk(), "nonce": self.nonce().await, "url": url(path) });
        self.send(path, &self.signed(&header, &payload.to_string())).await
    }

    pub(super) async fn post(&self, path: &str, payload: &Value) -> Heard {
        let header = self.header(path).await;
        self.send(path, &self.signed(&header, &payload.to_string())).await
    }

    /// POST-as-GET.
    pub(super) async fn read(&self, path: &str) -> Heard {
        let header = self.header(path).await;
        self.send(path, &self.signed(&header, "")).await
    }

    pub(super) async fn order(&self, names: &[(&str, &str)]) -> Heard {
        let identifiers: Vec<Value> =
            names.iter().map(|(kind, value)| json!({ "type": kind, "value": value })).collect();
        self.post("new-order", &json!({ "identifiers": identifiers })).await
    }

    /// An order whose names count as proved.
    pub(super) async fn ready(&self, names: &[(&str, &str)]) -> Heard {
        let order = self.order(names).await.ok();
        self.prove(&order).await;
        order
    }

    /// Has the names of an order count as proved.
    pub(super) async fn prove(&self, order: &Heard) {
        let at = path(&order.location);
        let mut parts = at.split('/').skip(1).map(str::to_owned);
        let (account, number) = (parts.next().unwrap(), parts.next().unwrap());
        let at = crate::acme::address::OrderAt { account, order: number };
        let ledger = self.world.ledger.as_ref();
        let mut found = crate::acme::order::Order::load(ledger, &at).await.unwrap().unwrap();
        for name in &mut found.said.names {
            name.challenges[0].outcome =
                crate::acme::order::Outcome::Proved(self.world.now().unix_timestamp());
        }
        found.save(ledger).await.unwrap();
    }

    /// A binding of this client's key under an operator's key.
    pub(super) fn binding(&self, id: &str, secret: &[u8]) -> Value {
        let header = json!({ "alg": "HS256", "kid": id, "url": url("new-account") });
        let (protected, payload) = (encode(header.to_string()), encode(self.jwk().to_string()));
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let tag = hmac::sign(&key, format!("{protected}.{payload}").as_bytes());
        json!({ "protected": protected, "payload": payload, "signature": encode(tag) })
    }
}

/// The address of a path.
pub(super) fn url(path: &str) -> String {
    format!("https://{HOST}/acme/{path}")
}

/// The path of an address.
pub(super) fn path(url: &str) -> String {
    url.split_once("/acme/").unwrap_or_else(|| panic!("no address: {url:?}")).1.to_owned()
}

/// A certificate request (DER, encoded) for these names, with a key of its own.
pub(super) fn csr(names: &[&str]) -> (String, rcgen::KeyPair) {
    let key = rcgen::KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = rcgen::CertificateParams::new(names).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    (encode(params.serialize_request(&key).unwrap().der()), key)
}
