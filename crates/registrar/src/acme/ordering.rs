//! Orders and their authorizations: asked for, listed, read, given up.

use std::fmt::Write as _;

use http::StatusCode;
use identity::Pin;
use ledger::{CertificateId, LedgerError};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};
use wire::acme::challenge::{Method, token};
use wire::acme::{CertId, Identifier, Problem, Trouble, asked, shown};

use super::account::Account;
use super::address::{Address, OrderAt};
use super::call::Call;
use super::clerk::Clerk;
use super::desk::{ORDERS, RECOUNTS, Surety};
use super::keys::{self, random};
use super::order::{Challenge, Name, Order, Outcome, Owner, Said, Stage, State};
use super::reply::{self, Reply, internal, unrecorded};
use crate::pace::Wait;

impl Clerk {
    /// `newOrder` (RFC 8555 §7.4).
    pub(super) async fn new_order(&self, call: &Call<'_>) -> Result<Reply, Problem> {
        let posted = self.by_account(call, None).await?;
        let asked = asked::NewOrder::parse(posted.payload())?;
        let key = self.in_good_standing(&posted.account).await?;
        self.may_have(key.as_ref(), &asked.identifiers)?;
        let not_after = self.not_after(&asked)?;
        if let Some(replaces) = &asked.replaces {
            self.may_replace(&posted.account, replaces, &asked.identifiers).await?;
        }
        self.may_order(&posted.account, asked.identifiers.len())?;
        let at = OrderAt { account: posted.account.id.clone(), order: fresh_id()? };
        let names = asked.identifiers.iter().map(|name| self.to_prove(name)).collect::<Result<_, _>>()?;
        let said = Said {
            names,
            expires_at: (self.now + ORDER_LASTS).unix_timestamp(),
            not_after,
            replaces: asked.replaces,
            stage: Stage::Open,
        };
        // Counted first: an order that is counted and not there costs a place until it is looked for.
        self.count_open(posted.account, &at.order).await?;
        let mut order = Order::new(at, said);
        order.save(self.ledger.as_ref()).await.map_err(unrecorded)?;
        self.desk.metrics.order("new");
        let mut reply = self.shown_order(&order)?;
        reply::created(&mut reply, &self.url(&Address::Order(order.at)));
        Ok(reply)
    }

    /// Whether the account has ordered too much of late, or all accounts of whoever stands for it.
    fn may_order(&self, account: &Account, names: usize) -> Result<(), Problem> {
        let limited = |said| move |wait| reply::limited(said, wait);
        let orders = self.desk.orders.take(ORDERS, &account.id, 1, self.now);
        orders.map_err(limited("too many orders of this account"))?;
        let (surety, said) = match &account.said.bound {
            Some(key) => {
                (Surety::Key(key.clone()), "too many names by accounts of this external account key")
            }
            None => (Surety::Source(self.source), "too many names by accounts from this address"),
        };
        self.desk.names.take(surety.rate(), &surety, names, self.now).map_err(limited(said))
    }

    /// Whether the configuration and the operator's key let these names be asked for; each that is not is told.
    pub(super) fn may_have(&self, key: Option<&keys::Key>, names: &[Identifier]) -> Result<(), Problem> {
        let no = |name: &Identifier, whose: &str| {
            let said = format!("{name} is none of the names that {whose}");
            (name.clone(), Problem::new(Trouble::RejectedIdentifier, said))
        };
        let refused: Vec<(Identifier, Problem)> = names
            .iter()
            .filter_map(|name| {
                if !self.settings.covers(name) {
                    Some(no(name, "are certified here (authority.acme.names)"))
                } else if key.is_some_and(|key| !key.covers(name)) {
                    Some(no(name, "the account's external account key is for (countersign acme key --names)"))
                } else {
                    None
                }
            })
            .collect();
        let mut said = String::new();
        for (_, problem) in refused.iter().take(TOLD) {
            let _ = write!(said, "{}{}", if said.is_empty() { "" } else { "; " }, problem.detail());
        }
        match refused.is_empty() {
            true => Ok(()),
            false => Err(Problem::new(Trouble::RejectedIdentifier, said).with_parts(refused)),
        }
    }

    /// The end that was asked for: within what the profile gives. A beginning cannot be asked for.
    fn not_after(&self, asked: &asked::NewOrder) -> Result<Option<i64>, Problem> {
        if asked.not_before.is_some() {
            return Err(Problem::malformed(
                "\"notBefore\" cannot be asked for: a certificate begins when it is issued",
            ));
        }
        let Some(text) = &asked.not_after else { return Ok(None) };
        let wanted = OffsetDateTime::parse(text, &Rfc3339)
            .map_err(|_| Problem::malformed("\"notAfter\" is not a date and time of RFC 3339"))?;
        let (least, most) = (self.now + LEAST_LIFETIME, self.now + self.settings.profile.lifetime());
        if wanted < least || wanted > most {
            let (least, most) = (reply::moment(least.unix_timestamp()), reply::moment(most.unix_timestamp()));
            return Err(Problem::malformed(format!("\"notAfter\" can be from {least} to {most}")));
        }
        Ok(Some(wanted.unix_timestamp()))
    }

    /// RFC 9773 §5: the account's own certificate, for one of the names at least, and not replaced yet.
    async fn may_replace(
        &self,
        account: &Account,
        certificate: &str,
        names: &[Identifier],
    ) -> Result<(), Problem> {
        let unknown = || Problem::malformed("\"replaces\" is no certificate of this account");
        let id = self.certificate_id(&CertId::parse(certificate)?).ok_or_else(unknown)?;
        let (owner, _) = Owner::of(self.ledger.as_ref(), &id).await?.ok_or_else(unknown)?;
        if owner.account != account.id {
            return Err(unknown());
        }
        if owner.replaced_by.is_some() {
            return Err(Problem::new(Trouble::AlreadyReplaced, "the certificate has been replaced already"));
        }
        let before = OrderAt { account: owner.account, order: owner.order };
        let before = Order::load(self.ledger.as_ref(), &before).await?.ok_or_else(unknown)?;
        let had: Vec<Identifier> =
            before.said.names.iter().filter_map(|name| name.identifier().ok()).collect();
        match names.iter().any(|name| had.contains(name)) {
            true => Ok(()),
            false => Err(Problem::malformed("\"replaces\" is a certificate for none of these names")),
        }
    }

    /// The certificate that RFC 9773 names so, where one of our issuers signed it.
    pub(super) fn certificate_id(&self, named: &CertId) -> Option<CertificateId> {
        let ours = |issuer: &Pin| CertificateId {
            issuer: *issuer,
            serial: identity::Serial::from_bytes(&named.serial),
        };
        let mut issuers = self.issuing.issuers.values();
        let issuer = issuers
            .find(|issuer| issuer.certificate().subject_key_id() == Some(named.issuer_key_id.as_slice()))?;
        Some(ours(&issuer.key_id()))
    }

    fn to_prove(&self, name: &Identifier) -> Result<Name, Problem> {
        let challenge = |method: &Method| {
            let random = random::<32>().map_err(|fault| internal(&fault))?;
            Ok(Challenge::new(*method, token(&random)))
        };
        Ok(Name::new(name, self.settings.methods.iter().map(challenge).collect::<Result<_, Problem>>()?))
    }

    /// Counts an order of the account that is on record without a certificate.
    async fn count_open(&self, mut account: Account, order: &str) -> Result<(), Problem> {
        let ledger = self.ledger.as_ref();
        for _ in 0..TRIES {
            if account.said.open.len() >= MOST_OPEN {
                account.said.open = self.still_open(&account).await?;
            }
            account.said.open.push(order.to_owned());
            account.said.used_at = self.now.unix_timestamp();
            match account.save(ledger).await {
                Ok(()) => return Ok(()),
                Err(LedgerError::Changed { .. }) => {
                    account = Account::load(ledger, &account.id).await?.ok_or_else(reply::changed)?;
                }
                Err(error) => return Err(unrecorded(error)),
            }
        }
        Err(reply::changed())
    }

    /// The orders that something may still come of. Those that nothing will come of are taken off the record now, so that no
    /// account has more than so many there, however often it gives up what it ordered.
    async fn still_open(&self, account: &Account) -> Result<Vec<String>, Problem> {
        let full =
            |wait| reply::limited(&format!("the account has {MOST_OPEN} open orders, finish some"), wait);
        self.desk.recounts.take(RECOUNTS, &account.id, 1, self.now).map_err(full)?;
        let ledger = self.ledger.as_ref();
        let mut open = Vec::new();
        for order in &account.said.open {
            let at = OrderAt { account: account.id.clone(), order: order.clone() };
            let Some(found) = Order::load(ledger, &at).await? else { continue };
            let stays = match found.state(self.now) {
                State::Pending | State::Ready | State::Processing => true,
                State::Valid => false,
                State::Invalid | State::Deactivated | State::Expired => {
                    !found.forget(ledger).await.map_err(unrecorded)?
                }
            };
            if stays {
                open.push(order.clone());
            }
        }
        match open.len() < MOST_OPEN {
            true => Ok(open),
            false => Err(full(LOOK_AGAIN)),
        }
    }

    /// The account's orders (RFC 8555 §7.1.2.1), in pages.
    pub(super) async fn orders(&self, call: &Call<'_>, account: &str) -> Result<Reply, Problem> {
        let posted = self.by_account(call, Some(account)).await?;
        posted.only_reads()?;
        let after = call.query.and_then(|query| query.strip_prefix("after="));
        let found = Order::of_account(self.ledger.as_ref(), account, after, PAGE).await?;
        let at = |order: &String| OrderAt { account: account.to_owned(), order: order.clone() };
        let orders = found.iter().map(|order| self.url(&Address::Order(at(order)))).collect();
        let mut reply = reply::object(&shown::Orders { orders })?;
        if let Some(last) = found.last().filter(|_| found.len() == PAGE) {
            let next = format!("{}?after={last}", self.url(&Address::Orders(account.to_owned())));
            reply::linked(&mut reply, &next, "next");
        }
        Ok(reply)
    }

    pub(super) async fn order(&self, call: &Call<'_>, at: &OrderAt) -> Result<Reply, Problem> {
        let posted = self.by_account(call, Some(&at.account)).await?;
        posted.only_reads()?;
        self.shown_order(&self.load(at).await?)
    }

    /// An authorization read or given up (RFC 8555 §7.5, §7.5.2).
    pub(super) async fn authorization(
        &self,
        call: &Call<'_>,
        at: &OrderAt,
        name: usize,
    ) -> Result<Reply, Problem> {
        let posted = self.by_account(call, Some(&at.account)).await?;
        let mut order = self.load(at).await?;
        let gives_up = asked::deactivation(posted.payload())?;
        let found = order.said.names.get_mut(name).ok_or_else(nothing)?;
        if gives_up && !found.given_up {
            found.given_up = true;
            order.save(self.ledger.as_ref()).await.map_err(unrecorded)?;
        }
        let found = order.said.names.get(name).ok_or_else(nothing)?;
        let mut reply = reply::object(&shown::Authorization {
            identifier: found.identifier()?.shown(),
            status: found.state(&order, self.now).as_str(),
            expires: reply::moment(order.said.expires_at),
            challenges: found
                .challenges
                .iter()
                .map(|challenge| self.shown_challenge(at, name, challenge))
                .collect(),
        })?;
        if found.challenges.iter().any(|challenge| challenge.state(self.now) == State::Processing) {
            reply::retry_after(&mut reply, SOON_SECONDS);
        }
        Ok(reply)
    }

    pub(super) async fn load(&self, at: &OrderAt) -> Result<Order, Problem> {
        Order::load(self.ledger.as_ref(), at).await?.ok_or_else(nothing)
    }

    pub(super) fn shown_order(&self, order: &Order) -> Result<Reply, Problem> {
        let Order { at, said, .. } = order;
        let state = order.state(self.now);
        let mut identifiers = Vec::new();
        for name in &said.names {
            identifiers.push(name.identifier()?.shown());
        }
        let authorization = |name| self.url(&Address::Authorization(at.clone(), name));
        let issued = matches!(said.stage, Stage::Issued(_));
        let mut reply = reply::object(&shown::Order {
            status: state.as_str(),
            expires: reply::moment(said.expires_at),
            identifiers,
            not_after: said.not_after.map(reply::moment),
            error: order.why(self.now).map(|problem| problem.shown()),
            authorizations: (0..said.names.len()).map(authorization).collect(),
            finalize: self.url(&Address::Finalize(at.clone())),
            certificate: issued.then(|| self.url(&Address::Certificate(at.clone()))),
            replaces: said.replaces.clone(),
        })?;
        if state == State::Processing {
            reply::retry_after(&mut reply, SOON_SECONDS);
        }
        Ok(reply)
    }

    pub(super) fn shown_challenge(
        &self,
        at: &OrderAt,
        name: usize,
        challenge: &Challenge,
    ) -> shown::Challenge {
        let method = Method::parse(&challenge.method).unwrap_or(Method::Http01);
        let (validated, error) = match &challenge.outcome {
            Outcome::Proved(moment) => (Some(reply::moment(*moment)), None),
            Outcome::Failed(why) => (None, Some(why.problem().shown())),
            Outcome::Waiting | Outcome::Asking(_) => (None, None),
        };
        shown::Challenge {
            method: method.as_str(),
            url: self.url(&Address::Challenge(at.clone(), name, method)),
            status: challenge.state(self.now).as_str(),
            token: challenge.token.clone(),
            validated,
            error,
        }
    }
}

fn fresh_id() -> Result<String, Problem> {
    // The last characters of a token are as random as the first.
    let random = random::<32>().map_err(|fault| internal(&fault))?;
    Ok(token(&random).chars().take(ID_LENGTH).collect())
}

/// What is not there, and what is another's, look alike.
pub(super) fn nothing() -> Problem {
    let status = StatusCode::NOT_FOUND.as_u16();
    Problem::malformed("there is nothing at this address").with_status(status)
}

/// As long as Let's Encrypt leaves people.
const ORDER_LASTS: Duration = Duration::hours(24);
/// What is shorter cannot be used.
const LEAST_LIFETIME: Duration = Duration::minutes(5);
/// 132 random bits.
const ID_LENGTH: usize = 22;
const MOST_OPEN: usize = 100;
/// Until a client whose account has no room may have made some.
const LOOK_AGAIN: Wait = Wait(Duration::MINUTE);
const PAGE: usize = 100;
/// Of many names that are refused, so many are told in the sentence; all are told beside it.
const TOLD: usize = 5;
/// Others may order with the same account at the same time.
const TRIES: usize = 16;
/// How long a proof usually takes.
pub(super) const SOON_SECONDS: u32 = 1;
