//! Challenges: a client says that it is ready, and the server of the name is asked beside.

use std::sync::Arc;
use std::time::Duration;

use ledger::LedgerError;
use tokio::sync::OwnedSemaphorePermit;
use wire::acme::challenge::{Method, key_authorization};
use wire::acme::{Identifier, Jwk, Problem, Trouble};

use super::address::{Address, OrderAt};
use super::call::Call;
use super::clerk::Clerk;
use super::order::{Challenge, Order, Outcome, Stage, State, Why};
use super::ordering::{SOON_SECONDS, nothing};
use super::reply::{self, Reply, unrecorded};
use super::validating::Validator;

/// A proof that was begun.
struct Proof {
    clerk: Clerk,
    at: OrderAt,
    name: usize,
    method: Method,
    identifier: Identifier,
    token: String,
    account: Jwk,
    _place: OwnedSemaphorePermit,
}

impl Clerk {
    /// A challenge read, or begun (RFC 8555 §7.5.1).
    pub(super) async fn challenge(
        &self,
        call: &Call<'_>,
        at: &OrderAt,
        name: usize,
        method: Method,
    ) -> Result<Reply, Problem> {
        let posted = self.by_account(call, Some(&at.account)).await?;
        // An empty object begins; an empty payload only reads.
        let mut order = match posted.payload().is_empty() {
            true => self.load(at).await?,
            false => self.begin(&posted.account.key, at, name, method).await?,
        };
        let one = challenge(&mut order, name, method)?;
        let mut reply = reply::object(&self.shown_challenge(at, name, one))?;
        if one.state(self.now) == State::Processing {
            reply::retry_after(&mut reply, SOON_SECONDS);
        }
        reply::linked(&mut reply, &self.url(&Address::Authorization(at.clone(), name)), "up");
        Ok(reply)
    }

    /// Begins the proof, unless it was begun before or the order is past that. Other names of the order may be written at
    /// the same time, so this is tried until it is the newest.
    async fn begin(
        &self,
        account: &Jwk,
        at: &OrderAt,
        name: usize,
        method: Method,
    ) -> Result<Order, Problem> {
        for _ in 0..TRIES {
            let mut order = self.load(at).await?;
            let state = challenge(&mut order, name, method)?.state(self.now);
            let found = order.said.names.get(name).ok_or_else(nothing)?;
            let (authorized, identifier) = (found.state(&order, self.now), found.identifier()?);
            if state != State::Pending || authorized != State::Pending || order.said.stage != Stage::Open {
                return Ok(order);
            }
            let place = Arc::clone(&self.desk.proofs).try_acquire_owned().map_err(|_| {
                Problem::new(
                    Trouble::RateLimited,
                    "too many names are being proved: say so again in a little while",
                )
            })?;
            let one = challenge(&mut order, name, method)?;
            one.outcome = Outcome::Asking(self.now.unix_timestamp());
            let token = one.token.clone();
            match order.save(self.ledger.as_ref()).await {
                Ok(()) => {}
                Err(LedgerError::Changed { .. }) => continue,
                Err(error) => return Err(unrecorded(error)),
            }
            let (clerk, at, account) = (self.clone(), at.clone(), account.clone());
            let proof = Proof { clerk, at, name, method, identifier, token, account, _place: place };
            tokio::spawn(proof.run());
            return Ok(order);
        }
        Err(reply::changed())
    }
}

impl Proof {
    /// Asks the server of the name once, and writes down what came of it. Nobody waits for it.
    async fn run(self) {
        let validator = Validator::new(&self.clerk.settings);
        let expected = key_authorization(&self.token, &self.account);
        let asking = validator.prove(self.method, &self.identifier, &self.token, &expected);
        let outcome = match tokio::time::timeout(LIMIT, asking).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Problem::new(
                Trouble::Connection,
                format!("{}: no answer within {} s", self.identifier, LIMIT.as_secs()),
            )),
        };
        let (method, result) = (self.method.as_str(), outcome.as_ref().err().map(Problem::trouble));
        self.clerk.desk.metrics.challenge(method, result.map_or("valid", Trouble::as_str));
        match &outcome {
            Ok(()) => tracing::info!(order = %self.at, name = %self.identifier, method, "ACME name proved"),
            Err(problem) => {
                tracing::info!(order = %self.at, name = %self.identifier, method, %problem, "ACME name not proved");
            }
        }
        if let Err(problem) = self.write(&outcome).await {
            tracing::warn!(order = %self.at, %problem, "the outcome of an ACME challenge was not put on record");
        }
    }

    /// Other names of the order may be proved at the same time, so this is tried until it is the newest.
    async fn write(&self, outcome: &Result<(), Problem>) -> Result<(), Problem> {
        let ledger = self.clerk.ledger.as_ref();
        for _ in 0..TRIES {
            let mut order = self.clerk.load(&self.at).await?;
            let one = challenge(&mut order, self.name, self.method)?;
            if !matches!(one.outcome, Outcome::Asking(_)) {
                return Ok(());
            }
            one.outcome = match outcome {
                Ok(()) => Outcome::Proved(self.clerk.now.unix_timestamp()),
                Err(problem) => Outcome::Failed(Why::of(problem)),
            };
            match order.save(ledger).await {
                Ok(()) => return Ok(()),
                Err(LedgerError::Changed { .. }) => {}
                Err(error) => return Err(unrecorded(error)),
            }
        }
        Err(reply::changed())
    }
}

fn challenge(order: &mut Order, name: usize, method: Method) -> Result<&mut Challenge, Problem> {
    let name = order.said.names.get_mut(name).ok_or_else(nothing)?;
    name.challenges.iter_mut().find(|challenge| challenge.method == method.as_str()).ok_or_else(nothing)
}

/// For everything: names, connections, redirects.
const LIMIT: Duration = Duration::from_secs(30);
/// An order has at most a hundred names, which may all end at once.
const TRIES: usize = 200;
