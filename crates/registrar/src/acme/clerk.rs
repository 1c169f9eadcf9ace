//! One request to one answer.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use fault::Fault;
use http::{Method, StatusCode};
use ledger::Ledger;
use time::OffsetDateTime;
use wire::acme::{Problem, shown};

use super::address::Address;
use super::call::Call;
use super::desk::{Desk, REQUESTS};
use super::reply::{self, Reply};
use super::settings::Settings;
use crate::issuing::Issuing;
use crate::pace::home;
use crate::registrar::Registrar;

/// Everything that one request is answered with.
#[derive(Clone)]
pub(super) struct Clerk {
    pub(super) ledger: Arc<dyn Ledger>,
    pub(super) settings: Arc<Settings>,
    pub(super) issuing: Arc<Issuing>,
    pub(super) desk: Arc<Desk>,
    /// `https://HOST/acme`, as the client reaches us.
    base: String,
    /// Where the client is at home.
    pub(super) source: IpAddr,
    pub(super) now: OffsetDateTime,
}

impl Clerk {
    /// Nobody where ACME is not served.
    pub(super) fn of(registrar: &Registrar, call: &Call<'_>) -> Option<Self> {
        let issuing = registrar.issuing();
        let settings = Arc::clone(issuing.acme.as_ref()?);
        let base = match (&settings.url, call.host) {
            (Some(url), _) => format!("{url}{ROOT}"),
            (None, Some(host)) if is_authority(host) => format!("https://{host}{ROOT}"),
            (None, _) => return None,
        };
        Some(Self {
            ledger: registrar.ledger.clone()?,
            settings,
            issuing,
            desk: Arc::clone(&registrar.acme),
            base,
            source: source(call.remote),
            now: call.at,
        })
    }

    /// Answers; whatever it is, a nonce comes with it.
    pub(super) async fn answer(&self, call: &Call<'_>) -> Reply {
        let answered = match self.desk.requests.take(REQUESTS, &self.source, 1, self.now) {
            Ok(()) => self.routed(call).await,
            Err(wait) => Err(reply::limited("too many requests from this address", wait)),
        };
        let reply = answered.unwrap_or_else(|problem| {
            tracing::info!(path = call.path, peer = call.remote, %problem, "ACME request refused");
            reply::problem(&problem)
        });
        let nonce = match *call.method {
            Method::POST => self.desk.nonces.give(self.now),
            _ if call.path == "new-nonce" => self.desk.nonces.give(self.now),
            _ => None,
        };
        reply::closed(reply, nonce.as_deref(), &self.url(&Address::Directory))
    }

    async fn routed(&self, call: &Call<'_>) -> Result<Reply, Problem> {
        let address = Address::parse(call.path)
            .ok_or_else(|| Problem::malformed("there is nothing at this address").with_status(404))?;
        let reads = matches!(*call.method, Method::GET | Method::HEAD);
        match &address {
            Address::Directory if reads => self.directory(),
            // RFC 8555 §7.2: 200 to HEAD, 204 to GET.
            Address::NewNonce if *call.method == Method::HEAD => Ok(reply::empty(StatusCode::OK)),
            Address::NewNonce if *call.method == Method::GET => Ok(reply::empty(StatusCode::NO_CONTENT)),
            Address::Renewal(certificate) if reads => self.renewal(certificate).await,
            Address::Directory | Address::NewNonce | Address::Renewal(_) => Err(only("GET")),
            _ if *call.method != Method::POST => Err(only("POST")),
            Address::NewAccount => self.new_account(call).await,
            Address::RevokeCert => self.revoke(call).await,
            Address::KeyChange => self.change_key(call).await,
            Address::NewOrder => self.new_order(call).await,
            Address::Account(account) => self.account(call, account).await,
            Address::Orders(account) => self.orders(call, account).await,
            Address::Order(at) => self.order(call, at).await,
            Address::Authorization(at, name) => self.authorization(call, at, *name).await,
            Address::Challenge(at, name, method) => self.challenge(call, at, *name, *method).await,
            Address::Finalize(at) => self.finalize(call, at).await,
            Address::Certificate(at) => self.certificate(call, at).await,
        }
    }

    /// The address of a resource.
    pub(super) fn url(&self, address: &Address) -> String {
        self.base_of(&address.to_string())
    }

    /// The address of a path below ours.
    pub(super) fn base_of(&self, path: &str) -> String {
        format!("{}/{path}", self.base)
    }

    /// The resource of an address that we gave out.
    pub(super) fn resource(&self, url: &str) -> Option<Address> {
        Address::parse(url.strip_prefix(&self.base)?.strip_prefix('/')?)
    }

    fn directory(&self) -> Result<Reply, Problem> {
        let to = |address| self.url(&address);
        reply::object(&shown::Directory {
            new_nonce: to(Address::NewNonce),
            new_account: to(Address::NewAccount),
            new_order: to(Address::NewOrder),
            revoke_cert: to(Address::RevokeCert),
            key_change: to(Address::KeyChange),
            renewal_info: to(Address::Renewal(String::new())),
            meta: shown::Meta {
                terms_of_service: self.settings.terms_of_service.clone(),
                external_account_required: self.settings.external_account_required,
            },
        })
    }

    /// Runs an act to its end, also where the client is gone before.
    pub(super) async fn to_the_end<T, F>(act: F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Problem>> + Send + 'static,
    {
        match tokio::spawn(act).await {
            Ok(ended) => ended,
            Err(error) => Err(reply::internal(&Fault::ours("an act of ACME broke off").because(error))),
        }
    }
}

fn only(method: &str) -> Problem {
    Problem::malformed(format!("use {method} here")).with_status(405)
}

/// The address without its port; one that cannot be read shares a bucket with its like.
fn source(remote: &str) -> IpAddr {
    let with_port = remote.parse::<SocketAddr>().map(|at| at.ip());
    home(with_port.or_else(|_| remote.parse()).unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED)))
}

/// A host as it may stand in an address: it comes from the client, and goes into what other programs read.
fn is_authority(host: &str) -> bool {
    (1..=261).contains(&host.len())
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte))
}

const ROOT: &str = "/acme";
