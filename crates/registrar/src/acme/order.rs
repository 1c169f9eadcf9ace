//! Orders with their authorizations and challenges, as they are on record.

use fault::Fault;
use ledger::{CertificateId, Ledger, LedgerError, NewNote, Note, Shelf};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use wire::acme::challenge::Method;
use wire::acme::{Identifier, Problem, Trouble};

use super::address::OrderAt;
use super::reply::{internal, unrecorded};

/// An order, and the version of it that was seen.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) at: OrderAt,
    pub(super) said: Said,
    seen: Option<u64>,
}

/// What is on record of an order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Said {
    /// The names to prove, in the order in which they were asked for.
    pub(super) names: Vec<Name>,
    /// When it ends, in seconds since 1970, unless a certificate has come of it.
    pub(super) expires_at: i64,
    /// When the certificate is to end, where that was asked for.
    pub(super) not_after: Option<i64>,
    /// The certificate that it replaces.
    pub(super) replaces: Option<String>,
    pub(super) stage: Stage,
}

/// How far it has come, beyond what its names say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stage {
    /// Names are being proved, or are.
    Open,
    /// A certificate is being issued since this moment.
    Issuing(i64),
    /// It was issued.
    Issued(Certified),
    /// Nothing will come of it.
    Failed(Why),
}

/// The certificate that came of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Certified {
    /// SHA-256 of the issuer's public key.
    pub(super) issuer: String,
    pub(super) serial: String,
    /// Leaf and issuers as they were handed out.
    pub(super) chain: String,
    /// Its last second.
    pub(super) not_after: i64,
}

/// A problem as it is on record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Why {
    pub(super) trouble: String,
    pub(super) detail: String,
}

/// A name with what became of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Name {
    kind: String,
    value: String,
    /// Whether the account has given the proof up.
    pub(super) given_up: bool,
    pub(super) challenges: Vec<Challenge>,
}

/// One way to prove a name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Challenge {
    pub(super) method: String,
    pub(super) token: String,
    pub(super) outcome: Outcome,
}

/// How far the proof is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    /// The client has not said that it is ready.
    Waiting,
    /// The server of the name is being asked since this moment.
    Asking(i64),
    /// It was proved at this moment.
    Proved(i64),
    /// It was not.
    Failed(Why),
}

/// What an order, an authorization or a challenge is at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Pending,
    Processing,
    Ready,
    Valid,
    Invalid,
    Deactivated,
    Expired,
}

impl State {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::Ready => "ready",
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::Deactivated => "deactivated",
            Self::Expired => "expired",
        }
    }
}

impl Order {
    pub(super) fn new(at: OrderAt, said: Said) -> Self {
        Self { at, said, seen: None }
    }

    pub(super) async fn load(ledger: &dyn Ledger, at: &OrderAt) -> Result<Option<Self>, Problem> {
        let note = ledger.note(Shelf::AcmeOrders, key(at)).await.map_err(unrecorded)?;
        note.map(|note| Self::read(at.clone(), &note)).transpose()
    }

    /// Puts it on record.
    ///
    /// # Errors
    /// [`LedgerError::Changed`] where another request changed it since it was read.
    pub(super) async fn save(&mut self, ledger: &dyn Ledger) -> Result<(), LedgerError> {
        let text =
            serde_json::to_string(&self.said).map_err(|error| LedgerError::Storage(error.to_string()))?;
        let (until, kept) = match &self.said.stage {
            Stage::Issued(certified) => (certified.not_after, KEPT),
            Stage::Open | Stage::Issuing(_) | Stage::Failed(_) => (self.said.expires_at, FRUITLESS_KEPT),
        };
        let expires_at = OffsetDateTime::from_unix_timestamp(until).ok().map(|until| until + kept);
        let note = NewNote { key: key(&self.at), text, expires_at, seen: self.seen };
        self.seen = Some(ledger.write_note(Shelf::AcmeOrders, note).await?);
        Ok(())
    }

    /// Takes it off the record; false where another request changed it since it was read.
    pub(super) async fn forget(&self, ledger: &dyn Ledger) -> Result<bool, LedgerError> {
        let Some(seen) = self.seen else { return Ok(true) };
        match ledger.remove_note(Shelf::AcmeOrders, key(&self.at), seen).await {
            Ok(()) => Ok(true),
            Err(LedgerError::Changed { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The identifiers of the account's orders behind this one, at most `limit`.
    pub(super) async fn of_account(
        ledger: &dyn Ledger,
        account: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, Problem> {
        let begin = format!("order.{account}.");
        let after = format!("{begin}{}", after.unwrap_or_default());
        let notes = ledger.notes(Shelf::AcmeOrders, Some(after), limit).await.map_err(unrecorded)?;
        Ok(notes.iter().map_while(|note| note.key.strip_prefix(&begin)).map(str::to_owned).collect())
    }

    pub(super) fn state(&self, now: OffsetDateTime) -> State {
        match &self.said.stage {
            Stage::Issued(_) => State::Valid,
            Stage::Failed(_) => State::Invalid,
            // Whoever issued has died, or could not write what came of it: the client may ask once more.
            Stage::Issuing(since) if now.unix_timestamp() - since <= ISSUING_SECONDS => State::Processing,
            Stage::Open | Stage::Issuing(_) if self.is_over(now) => State::Invalid,
            Stage::Open | Stage::Issuing(_) => {
                let states: Vec<State> = self.said.names.iter().map(|name| name.state(self, now)).collect();
                match states.iter().find(|state| !matches!(state, State::Pending | State::Valid)) {
                    Some(_) => State::Invalid,
                    None if states.iter().all(|state| *state == State::Valid) => State::Ready,
                    None => State::Pending,
                }
            }
        }
    }

    /// Why nothing will come of it.
    pub(super) fn why(&self, now: OffsetDateTime) -> Option<Problem> {
        match &self.said.stage {
            Stage::Failed(why) => Some(why.problem()),
            Stage::Open | Stage::Issuing(_) if self.state(now) != State::Invalid => None,
            Stage::Open | Stage::Issuing(_) if self.is_over(now) => {
                Some(Problem::malformed("the order has expired: order again"))
            }
            Stage::Open | Stage::Issuing(_) => self.said.names.iter().find_map(Name::why),
            Stage::Issued(_) => None,
        }
    }

    pub(super) fn is_over(&self, now: OffsetDateTime) -> bool {
        now.unix_timestamp() >= self.said.expires_at
    }

    fn read(at: OrderAt, note: &Note) -> Result<Self, Problem> {
        let said = serde_json::from_str(&note.text).map_err(|error| {
            internal(
                &Fault::ours(format!("what is on record of the ACME order {at} cannot be read"))
                    .because(error),
            )
        })?;
        Ok(Self { at, said, seen: Some(note.version) })
    }
}

impl Name {
    pub(super) fn new(identifier: &Identifier, challenges: Vec<Challenge>) -> Self {
        let (kind, value) = (identifier.kind().to_owned(), identifier.to_string());
        Self { kind, value, given_up: false, challenges }
    }

    pub(super) fn identifier(&self) -> Result<Identifier, Problem> {
        Identifier::parse(&self.kind, &self.value)
    }

    pub(super) fn state(&self, order: &Order, now: OffsetDateTime) -> State {
        let any = |wanted: fn(&Outcome) -> bool| self.challenges.iter().any(|one| wanted(&one.outcome));
        if self.given_up {
            State::Deactivated
        } else if any(|outcome| matches!(outcome, Outcome::Failed(_))) {
            State::Invalid
        } else if order.is_over(now) && !matches!(order.said.stage, Stage::Issued(_)) {
            State::Expired
        } else if any(|outcome| matches!(outcome, Outcome::Proved(_))) {
            State::Valid
        } else {
            State::Pending
        }
    }

    fn why(&self) -> Option<Problem> {
        if self.given_up {
            let said = format!("the authorization for {} was given up", self.value);
            return Some(Problem::new(Trouble::Unauthorized, said));
        }
        self.challenges.iter().find_map(|challenge| match &challenge.outcome {
            Outcome::Failed(why) => Some(why.problem()),
            Outcome::Waiting | Outcome::Asking(_) | Outcome::Proved(_) => None,
        })
    }
}

impl Challenge {
    pub(super) fn new(method: Method, token: String) -> Self {
        Self { method: method.as_str().to_owned(), token, outcome: Outcome::Waiting }
    }

    pub(super) fn state(&self, now: OffsetDateTime) -> State {
        match &self.outcome {
            Outcome::Waiting => State::Pending,
            // Whoever asked has died in between: the client may say once more that it is ready.
            Outcome::Asking(since) if now.unix_timestamp() - since > ASKING_SECONDS => State::Pending,
            Outcome::Asking(_) => State::Processing,
            Outcome::Proved(_) => State::Valid,
            Outcome::Failed(_) => State::Invalid,
        }
    }
}

impl Why {
    pub(super) fn of(problem: &Problem) -> Self {
        Self { trouble: problem.trouble().as_str().to_owned(), detail: problem.detail().to_owned() }
    }

    pub(super) fn problem(&self) -> Problem {
        let known = Trouble::ALL.iter().find(|trouble| trouble.as_str() == self.trouble);
        Problem::new(known.copied().unwrap_or(Trouble::ServerInternal), self.detail.clone())
    }
}

fn key(at: &OrderAt) -> String {
    format!("order.{}.{}", at.account, at.order)
}

/// Whose certificate it is: which account and order it came of, and whether another order took its place.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Owner {
    pub(super) account: String,
    pub(super) order: String,
    pub(super) replaced_by: Option<String>,
}

impl Owner {
    /// Who asked for this certificate.
    pub(super) async fn of(ledger: &dyn Ledger, id: &CertificateId) -> Result<Option<(Self, Note)>, Problem> {
        let Some(note) = ledger.note(Shelf::AcmeOrders, owner_key(id)).await.map_err(unrecorded)? else {
            return Ok(None);
        };
        let owner = serde_json::from_str(&note.text).map_err(|error| {
            internal(&Fault::ours("what is on record of an ACME certificate cannot be read").because(error))
        })?;
        Ok(Some((owner, note)))
    }

    /// Puts it on record; `over` is what was there.
    pub(super) async fn save(
        &self,
        ledger: &dyn Ledger,
        id: &CertificateId,
        over: Option<&Note>,
        until: OffsetDateTime,
    ) -> Result<(), LedgerError> {
        let text = serde_json::to_string(self).map_err(|error| LedgerError::Storage(error.to_string()))?;
        let note = match over {
            Some(note) => note.rewritten(text),
            None => NewNote { key: owner_key(id), text, expires_at: Some(until + KEPT), seen: None },
        };
        ledger.write_note(Shelf::AcmeOrders, note).await.map(|_| ())
    }
}

/// Whether a certificate came of an order, so that its successors come of orders too.
pub(crate) async fn is_owned(ledger: &dyn Ledger, id: &CertificateId) -> Result<bool, LedgerError> {
    Ok(ledger.note(Shelf::AcmeOrders, owner_key(id)).await?.is_some())
}

fn owner_key(id: &CertificateId) -> String {
    format!("certificate.{}.{}", id.issuer, id.serial)
}

/// How long what has ended can still be looked at.
const KEPT: Duration = Duration::days(7);
/// How long that is where no certificate came of it.
const FRUITLESS_KEPT: Duration = Duration::days(1);
/// Issuing takes milliseconds; who takes so long has died.
const ISSUING_SECONDS: i64 = 60;
/// More than asking takes at most.
const ASKING_SECONDS: i64 = 60;
