//! From an order that is ready to a certificate.

use authority::{Issued, Names, Request};
use fault::{Blame, Fault};
use identity::San;
use ledger::{AuditEvent, AuditKind, CertificateId};
use time::{Duration, OffsetDateTime};
use wire::acme::{CertId, Identifier, Problem, Trouble, asked};

use super::address::{Address, OrderAt};
use super::call::Call;
use super::clerk::Clerk;
use super::order::{Certified, Order, Owner, Stage, State, Why};
use super::posted::Posted;
use super::reply::{self, Reply, internal, unrecorded};

impl Clerk {
    /// `finalize` (RFC 8555 §7.4).
    pub(super) async fn finalize(&self, call: &Call<'_>, at: &OrderAt) -> Result<Reply, Problem> {
        let posted = self.by_account(call, Some(&at.account)).await?;
        let order = self.load(at).await?;
        match order.state(self.now) {
            State::Ready => {}
            state => {
                let said = format!("the order is {}, and not ready", state.as_str());
                return Err(Problem::new(Trouble::OrderNotReady, said));
            }
        }
        let request = self.request(&posted, &order).await?;
        (call.act)();
        let (clerk, account) = (self.clone(), posted.account.said.bound);
        let order = Self::to_the_end(async move { clerk.issue(order, &request, account).await }).await?;
        let mut reply = self.shown_order(&order)?;
        reply::located(&mut reply, &self.url(&Address::Order(order.at)));
        Ok(reply)
    }

    /// The certificate request, for exactly the names of the order.
    async fn request(&self, posted: &Posted, order: &Order) -> Result<Request, Problem> {
        let csr = asked::csr(posted.payload())?;
        let request = Request::from_csr(&csr).map_err(|fault| bad_csr(&fault))?;
        if posted
            .account
            .key
            .spki()
            .is_some_and(|spki| identity::Pin::of_spki(&spki) == request.spki_sha256())
        {
            let said = "the certificate request has the account's key: make another for the certificate";
            return Err(Problem::new(Trouble::BadCsr, said));
        }
        let mut names = Vec::new();
        for name in &order.said.names {
            names.push(name.identifier()?);
        }
        // What may be asked for can have become less since the order.
        let key = self.in_good_standing(&posted.account).await?;
        self.may_have(key.as_ref(), &names)?;
        let names = exactly(request.names(), &names)?;
        let request = request.named(names);
        let lasting = order.said.not_after.and_then(|end| OffsetDateTime::from_unix_timestamp(end).ok());
        Ok(match lasting {
            Some(end) => request.lasting(end - self.now),
            None => request,
        })
    }

    /// Takes the order for itself, issues, and writes down what came of it.
    async fn issue(
        self,
        mut order: Order,
        request: &Request,
        bound: Option<String>,
    ) -> Result<Order, Problem> {
        let ledger = self.ledger.as_ref();
        order.said.stage = Stage::Issuing(self.now.unix_timestamp());
        order.save(ledger).await.map_err(unrecorded)?;
        let settings = &self.settings;
        let issuing = async {
            settings.issuer.check_standing(ledger).await?;
            settings.issuer.issue(ledger, request, &settings.profile, self.now).await
        };
        match issuing.await {
            Ok(issued) => {
                self.issued(&mut order, &issued, bound).await?;
                Ok(order)
            }
            Err(fault) => Err(self.not_issued(&mut order, &fault).await),
        }
    }

    /// What hinders us passes, and the order waits for that; what is wrong with the request or with ourselves ends it.
    async fn not_issued(&self, order: &mut Order, fault: &Fault) -> Problem {
        self.desk.metrics.order("failed");
        let problem = match fault.blame() {
            Blame::Yours => bad_csr(fault),
            Blame::Theirs | Blame::Ours => internal(fault),
        };
        order.said.stage = match fault.blame() {
            Blame::Theirs => Stage::Open,
            Blame::Yours | Blame::Ours => Stage::Failed(Why::of(&problem)),
        };
        // Where that cannot be written either, the order is ready again in a minute.
        order.save(self.ledger.as_ref()).await.map_or_else(unrecorded, |()| problem)
    }

    async fn issued(&self, order: &mut Order, issued: &Issued, bound: Option<String>) -> Result<(), Problem> {
        let ledger = self.ledger.as_ref();
        let identity = issued.certificate().identity();
        let id = CertificateId { issuer: self.settings.issuer.key_id(), serial: identity.serial().clone() };
        // Whose certificate it is stands on record before the account can fetch it.
        let OrderAt { account, order: number } = order.at.clone();
        let owner = Owner { account, order: number, replaced_by: None };
        // For as long as anybody could ask for its successor by another way.
        let until = identity.not_after() + self.settings.profile.renewal().after_expiry;
        owner.save(ledger, &id, None, until).await.map_err(unrecorded)?;
        order.said.stage = Stage::Issued(Certified {
            issuer: id.issuer.to_string(),
            serial: id.serial.to_string(),
            chain: issued.chain_pem(),
            not_after: identity.not_after().unix_timestamp(),
        });
        order.save(ledger).await.map_err(unrecorded)?;
        self.desk.metrics.order("issued");
        self.note(order, issued, bound).await;
        self.replaced(order).await;
        Ok(())
    }

    /// The record of decisions, and the log.
    async fn note(&self, order: &Order, issued: &Issued, bound: Option<String>) {
        let identity = issued.certificate().identity();
        let (account, key) = (&order.at.account, bound.as_deref().unwrap_or("none"));
        tracing::info!(account, key, serial = %identity.serial(), "ACME certificate issued");
        let event = AuditEvent {
            serial: Some(identity.serial().clone()),
            issuer: Some(identity.issuer().to_string()),
            certificate: Some(issued.certificate().fingerprint()),
            cause: Some(format!("ACME account {account}, external account key {key}")),
            ..AuditEvent::new(AuditKind::Issue, self.now)
        };
        if let Err(error) = self.ledger.audit(vec![event]).await {
            tracing::warn!(%error, "an issued certificate is missing from the audit record");
        }
    }

    /// Marks the certificate that the order replaces. It is a courtesy to clients, so a failure costs nobody a certificate.
    async fn replaced(&self, order: &Order) {
        let Some(id) = order.said.replaces.as_deref().and_then(|named| CertId::parse(named).ok()) else {
            return;
        };
        let Some(id) = self.certificate_id(&id) else { return };
        if let Ok(Some((owner, note))) = Owner::of(self.ledger.as_ref(), &id).await {
            let owner = Owner { replaced_by: Some(order.at.order.clone()), ..owner };
            let until = self.now + Duration::days(1);
            if let Err(error) = owner.save(self.ledger.as_ref(), &id, Some(&note), until).await {
                tracing::info!(%error, "a certificate was not marked as replaced");
            }
        }
    }

    /// The certificate with its issuers (RFC 8555 §7.4.2).
    pub(super) async fn certificate(&self, call: &Call<'_>, at: &OrderAt) -> Result<Reply, Problem> {
        let posted = self.by_account(call, Some(&at.account)).await?;
        posted.only_reads()?;
        match self.load(at).await?.said.stage {
            Stage::Issued(certified) => {
                // No link "up": old clients take what is there for the issuer's certificate.
                Ok(reply::typed("application/pem-certificate-chain", certified.chain))
            }
            Stage::Open | Stage::Issuing(_) | Stage::Failed(_) => {
                Err(Problem::malformed("the order has no certificate").with_status(404))
            }
        }
    }
}

/// The order's names as the certificate carries them, where the request asks for these and no others. Its common name, if
/// there is one, is one of them; what else its subject says is not certified.
fn exactly(asked: &Names, ordered: &[Identifier]) -> Result<Names, Problem> {
    let bad = |said: String| Problem::new(Trouble::BadCsr, said);
    let common = asked.common_name.as_deref().map(str::to_ascii_lowercase);
    let mut named = Vec::new();
    for san in &asked.sans {
        named.push(match san {
            San::Dns(name) => Identifier::Dns(name.to_ascii_lowercase()),
            San::Ip(address) => Identifier::Ip(*address),
            other => {
                return Err(bad(format!(
                    "the certificate request asks for {}, which is not in the order",
                    other.to_string().escape_debug()
                )));
            }
        });
    }
    if let Some(common) = &common {
        // Old clients have a single name as common name alone.
        match ordered.iter().find(|name| name.to_string() == *common) {
            Some(name) if !named.contains(name) => named.push(name.clone()),
            Some(_) => {}
            None => {
                return Err(bad("the common name of the certificate request is not in the order".to_owned()));
            }
        }
    }
    if let Some(extra) = named.iter().find(|name| !ordered.contains(name)) {
        let extra = extra.to_string();
        let extra = extra.escape_debug();
        return Err(bad(format!("the certificate request asks for {extra}, which is not in the order")));
    }
    if let Some(missing) = ordered.iter().find(|name| !named.contains(name)) {
        return Err(bad(format!("the certificate request lacks {missing}, which is in the order")));
    }
    let sans = ordered.iter().map(|name| match name {
        Identifier::Dns(name) => San::Dns(name.clone()),
        Identifier::Ip(address) => San::Ip(*address),
    });
    // A common name has 64 characters at most; nobody looks at it beside alternative names.
    let common_name = common.filter(|name| name.len() <= 64);
    Ok(Names { common_name, ..Names::default() }.with_sans(sans))
}

fn bad_csr(fault: &Fault) -> Problem {
    let mut said = fault.what().to_owned();
    for cause in fault.causes() {
        said = format!("{said}: {cause}");
    }
    Problem::new(Trouble::BadCsr, said)
}

#[cfg(test)]
mod tests {
    use authority::Names;
    use identity::San;
    use wire::acme::Identifier;

    use super::exactly;

    /// A name with a line's end would be a line of the log that nobody wrote.
    #[test]
    fn what_a_request_asks_for_beyond_its_order_is_told_on_one_line() {
        let ordered = [Identifier::Dns("db.localhost".into())];
        let forged = "x\n2026-01-01 INFO all is well\u{1b}[2K".to_owned();
        for san in [San::Dns(forged.clone()), San::Uri(forged.clone()), San::Email(forged)] {
            let asked = Names::default().with_sans([san]);
            let problem = exactly(&asked, &ordered).unwrap_err();
            assert!(problem.detail().contains("is not in the order"), "{}", problem.detail());
            assert!(!problem.detail().chars().any(char::is_control), "{:?}", problem.detail());
        }
    }
}
