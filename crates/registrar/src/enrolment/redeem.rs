//! An invitation is used: once, whoever tries, on whatever node, and across a crash.
//!
//! The draft goes on record first; then the use, with the key that it is for and the draft's serial; then the certificate. Of
//! all who try at once one writes the use, and only that one's draft is signed. Where a crash comes in between, whoever holds
//! that key asks again: what was issued is given once more, and what was not is given up on record and drafted anew. Whoever
//! was slow finds its draft given up, and signs nothing. Another key never gets anything.

use authority::{Issued, Request};
use fault::{Code, Fault, Refusal};
use identity::Certificate;
use ledger::{CertificateRecord, LedgerError, State};
use std::time::Duration as StdDuration;

use super::invitation::{Held, Used};
use super::no::No;
use super::office::Office;
use super::token::Token;
use super::vouching;

/// What an invitation gave.
pub(crate) enum Given {
    /// A certificate that was issued just now.
    New(Issued),
    /// The one that it gave before, to the same key.
    Again(Box<CertificateRecord>, Certificate),
}

/// Certifies the key of a request by an invitation.
pub(crate) async fn redeem(
    office: &Office<'_>,
    token: &Token,
    request: &Request,
    profile: Option<&str>,
) -> Result<(Given, String), No> {
    for _ in 0..MOST_TRIES {
        let held = opened(office, token).await?;
        let invitation = &held.invitation;
        if profile.is_some_and(|profile| profile != invitation.profile) {
            return Err(refused(&held, "it is for another profile").into());
        }
        if let Some(used) = &invitation.used {
            match again(office, &held, used, request).await? {
                Earlier::Given(given) => return Ok((given, invitation.profile.clone())),
                Earlier::GivenUp => {}
                Earlier::UnderWay => {
                    tokio::time::sleep(LOOK_AGAIN).await;
                    continue;
                }
            }
        } else if invitation.has_expired(office.now) {
            return Err(refused(&held, "it has expired").into());
        }
        if let Some(issued) = issued(office, &held, request).await? {
            return Ok((Given::New(issued), invitation.profile.clone()));
        }
    }
    Err(No::later(
        Fault::theirs("the invitation is being used at this moment")
            .remedy("ask again with the same key in a few seconds"),
    ))
}

/// The invitation that a token opens.
async fn opened(office: &Office<'_>, token: &Token) -> Result<Held, No> {
    let unknown =
        |why: &str| Refusal::new(Code::InvitationInvalid, format!("invitation {}: {why}", token.id()));
    let Some(held) = Held::read(office.ledger, token.id()).await? else {
        return Err(unknown("there is none of this id").into());
    };
    if held.invitation.is_void() {
        return Err(unknown("too many wrong secrets were tried on it").into());
    }
    if !held.invitation.is_opened_by(token) {
        held.guessed(office.ledger).await?;
        return Err(unknown("the secret is wrong").into());
    }
    Ok(held)
}

/// What became of an earlier use.
enum Earlier {
    Given(Given),
    GivenUp,
    UnderWay,
}

async fn again(office: &Office<'_>, held: &Held, used: &Used, request: &Request) -> Result<Earlier, No> {
    if !used.is_for(request.spki_sha256()) {
        return Err(refused(held, "it has been used").into());
    }
    let record = office.ledger.certificate(used.id()?).await?;
    let state = record.as_ref().map(|record| record.state);
    match (state, record.as_ref().and_then(|record| record.der.clone())) {
        (Some(State::Issued), Some(der)) => {
            let certificate = Certificate::from_der(der.into())
                .map_err(|error| Fault::ours("a certificate on record cannot be read").because(error))?;
            let record = record.ok_or_else(|| Fault::ours("a certificate is no longer on record"))?;
            Ok(Earlier::Given(Given::Again(Box::new(record), certificate)))
        }
        (Some(State::Revoked), _) => Err(refused(held, "what it gave has been revoked").into()),
        (Some(State::Abandoned), _) => Ok(Earlier::GivenUp),
        // The draft is on record before its use is: a ledger that has lost it cannot tell whether it was signed.
        (None, _) => Err(refused(held, "what it was used for is not on record; ask for another").into()),
        _ if used.is_fresh(office.now) => Ok(Earlier::UnderWay),
        // Whoever was at it can no longer complete what is given up, however slow it was.
        _ => match office
            .ledger
            .abandon(used.id()?, "not completed, and asked for again".to_owned(), office.now)
            .await
        {
            Ok(()) => Ok(Earlier::GivenUp),
            Err(LedgerError::NotDrafted { .. }) => Ok(Earlier::UnderWay),
            Err(error) => Err(error.into()),
        },
    }
}

/// Drafts on record, notes the use, and issues; nothing where somebody else has noted one.
async fn issued(office: &Office<'_>, held: &Held, request: &Request) -> Result<Option<Issued>, No> {
    let invitation = &held.invitation;
    vouching::check_key(office, request.spki_sha256()).await?;
    let granted = invitation.allowance()?.grant(request.clone()).map_err(|fault| beyond(&fault))?;
    vouching::given_here(&invitation.profile)?;
    let profile = office.profile(&invitation.profile)?;
    let granted = match invitation.lifetime() {
        Some(lifetime) => granted.lasting(lifetime),
        None => granted,
    };
    let issuer = office.issuer(&profile).await?;
    let recorded = issuer.draft(&granted, &profile, office.now)?.record(office.ledger).await?;
    let id = recorded.summary().id();
    if !held.used(office.ledger, Used::new(request.spki_sha256(), &id, office.now)).await? {
        office.ledger.abandon(id, "somebody else was using the invitation".to_owned(), office.now).await?;
        return Ok(None);
    }
    Ok(Some(issuer.conclude(office.ledger, recorded, office.now).await?))
}

/// The refusal of more than an asker may have: it hears what, because it has shown who it is.
pub(crate) fn beyond(fault: &Fault) -> Refusal {
    Refusal::new(Code::RequestNotAllowed, fault.to_string().replace('\n', ";")).saying(said(fault))
}

/// A fault on one line: what, why, and what to do.
pub(crate) fn said(fault: &Fault) -> String {
    let causes = fault.causes().iter().map(|cause| format!(": {cause}")).collect::<String>();
    let place = fault.place().map(|place| format!("{place}: ")).unwrap_or_default();
    let remedy = fault.remedy_text().map(|remedy| format!("; {remedy}")).unwrap_or_default();
    format!("{place}{}{causes}{remedy}", fault.what())
}

/// Whoever has the secret may know what is wrong with its invitation.
fn refused(held: &Held, why: &str) -> Refusal {
    Refusal::new(Code::InvitationInvalid, format!("invitation {}: {why}", held.id()))
        .saying(format!("the invitation cannot be used: {why}"))
}

const MOST_TRIES: usize = 40;
const LOOK_AGAIN: StdDuration = StdDuration::from_millis(100);
