//! `POST …/sign`: a certificate for whoever may have one.

use authority::{Allowance, Profile, Request, to_pem};
use fault::{Code, Fault, Place, Refusal};
use gateway::Asker;
use identity::{Certificate, Verified};
use ledger::{AuditKind, CertificateRecord};
use serde::Deserialize;
use serde_json::{Value, json};
use time::Duration;

use super::hint;
use super::no::No;
use super::office::{Office, body, moment, stranger};
use super::proof;
use super::redeem::{Given, beyond, redeem, said};
use super::token::Token;
use super::vouching;

/// What is asked for, and by what right.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    /// The certificate request, PEM.
    csr: String,
    profile: Option<String>,
    /// Such as `24h`; never longer than what may be had.
    lifetime: Option<String>,
    /// The secret of an invitation.
    invitation: Option<String>,
    /// The chain whose successor this is, where the handshake does not show it.
    renewal: Option<proof::Written>,
    /// Whether the successor of the certificate in the handshake is asked for, also by an administrator.
    #[serde(default)]
    renew: bool,
}

/// A certificate, and how it came about.
struct Had {
    chain: Vec<Certificate>,
    profile: Profile,
    record: CertificateRecord,
    warnings: Vec<String>,
    /// Whether it had been issued before, to the same key.
    again: bool,
}

/// Answers with the certificate that was asked for.
pub(crate) async fn sign(office: &Office<'_>) -> Result<Value, No> {
    let written: Written = body(office.ask)?;
    let request = request(&written)?;
    let had = match (&written.invitation, &written.renewal) {
        (Some(_), Some(_)) => {
            return Err(No::bad(
                Fault::yours("the request has both an invitation and a renewal").remedy("keep one"),
            ));
        }
        (Some(token), None) => invited(office, token, &request, written.profile.as_deref()).await?,
        (None, Some(proof)) => {
            let held = proved(office, proof, &written.csr).await?;
            successor(office, &held, request, written.profile.as_deref()).await?
        }
        (None, None) => asked(office, &written, request).await?,
    };
    answer(office, &had).await
}

fn request(written: &Written) -> Result<Request, No> {
    let place = |fault: Fault| fault.at(Place::Name("csr".to_owned()));
    if written.csr.len() > LARGEST_CSR {
        let fault = Fault::yours(format!("the certificate request is larger than {} KiB", LARGEST_CSR >> 10));
        return Err(No::too_large(place(fault.remedy("send one request with one key"))));
    }
    let request = Request::from_csr(written.csr.as_bytes()).map_err(|fault| No::bad(place(fault)))?;
    let lifetime = written.lifetime.as_deref().map(authority::parse_lifetime).transpose();
    let lifetime = lifetime.map_err(|fault| No::bad(fault.at(Place::Name("lifetime".to_owned()))))?;
    Ok(match lifetime {
        Some(lifetime) => request.lasting(lifetime),
        None => request,
    })
}

/// By an invitation, whoever brings it.
async fn invited(
    office: &Office<'_>,
    token: &str,
    request: &Request,
    profile: Option<&str>,
) -> Result<Had, No> {
    let token: Token =
        token.parse().map_err(|error| Refusal::new(Code::InvitationInvalid, format!("{error}")))?;
    if request.lifetime().is_some() {
        return Err(No::bad(
            Fault::yours("the invitation decides the lifetime").remedy("leave lifetime out"),
        ));
    }
    let (given, profile) = redeem(office, &token, request, profile).await?;
    let profile = office.profile(&profile)?;
    match given {
        Given::New(issued) => {
            office
                .audit(
                    AuditKind::Issue,
                    Some(issued.certificate()),
                    format!("by the invitation {}", token.id()),
                )
                .await?;
            had(office, profile, issued).await
        }
        Given::Again(record, certificate) => {
            let again = format!("given once more by the invitation {}", token.id());
            office.audit(AuditKind::Issue, Some(&certificate), again).await?;
            let key = record.draft.issuer.key;
            let issuer = office.issuing.issuers.values().find(|issuer| issuer.key_id() == key);
            let above = issuer.iter().flat_map(|issuer| issuer.chain_above_leaf()).cloned();
            let chain = std::iter::once(certificate).chain(above).collect();
            Ok(Had { chain, profile, record: *record, warnings: Vec::new(), again: true })
        }
    }
}

/// The root alone vouches for nobody here: an issuer that is no more is below it still.
async fn proved(office: &Office<'_>, proof: &proof::Written, csr: &str) -> Result<Verified, No> {
    let anchors = vouching::authorities(office).await?;
    proof.prove(csr, anchors, &office.issuing.environment, &office.registrar.enrolment.nonces, office.now)
}

/// By the certificate of the handshake: an administrator's word for any name, anybody's for its own.
async fn asked(office: &Office<'_>, written: &Written, request: Request) -> Result<Had, No> {
    let profile = written.profile.as_deref();
    match (office.ask.asker, office.verified()) {
        (Asker::Administrator(_), _) if !written.renew => {
            let name = profile.ok_or_else(|| {
                Fault::yours("the request names no profile").remedy("client, server, or another one")
            })?;
            vouching::given_here(name)?;
            issued(office, office.profile(name)?, request, format!("by {}", office.asker())).await
        }
        // Whom no rule knows by name still is who its certificate says, where the listener lets it in.
        (Asker::Administrator(_) | Asker::Known(_) | Asker::Stranger(None), Some(verified)) => {
            successor(office, verified, request, profile).await
        }
        (Asker::Administrator(_) | Asker::Known(_), None) => {
            let refusal = Refusal::new(Code::CertificateRequired, "neither a certificate nor an invitation");
            Err(refusal.saying("an invitation, or a certificate of this authority, is required").into())
        }
        (Asker::Stranger(refusal), _) => Err(stranger(refusal).into()),
    }
}

/// The successor of a certificate of ours: its names or fewer, its profile, a life that is no longer than the profile's.
async fn successor(
    office: &Office<'_>,
    verified: &Verified,
    request: Request,
    wanted: Option<&str>,
) -> Result<Had, No> {
    let held = verified.leaf();
    let record = office.record_of(held).await?;
    vouching::check_renewable(office, verified, &record).await?;
    let keys = [held.identity().spki_sha256(), request.spki_sha256()];
    vouching::check_keys(office, &record, &keys).await?;
    let not = |why: String| {
        Refusal::new(Code::RequestNotAllowed, format!("{}: {why}", held.identity().subject())).saying(why)
    };
    let name = record.draft.profile.as_str();
    if wanted.is_some_and(|wanted| wanted != name) {
        return Err(
            not(format!("the certificate is of the profile {name:?}, and its successor is too")).into()
        );
    }
    let profile = office.profile(name)?;
    if !profile.renewal().is_open(held.identity().not_after(), office.now) {
        return Err(
            not("the certificate ended too long ago to be renewed; ask for an invitation".to_owned()).into(),
        );
    }
    if request.lifetime().is_some_and(|lifetime| lifetime > profile.lifetime()) {
        return Err(not(format!("the profile {name:?} gives {} at most", shown(profile.lifetime()))).into());
    }
    let granted = Allowance::of(held)?.grant(request).map_err(|fault| beyond(&fault))?;
    let why = format!("in place of {}, by {}", held.identity().serial(), office.asker());
    let issuer = office.issuer(&profile).await?;
    let issued = issuer.renew(office.ledger, &record.draft.id(), &granted, &profile, office.now).await?;
    told(office, profile, issued, why).await
}

async fn issued(office: &Office<'_>, profile: Profile, request: Request, why: String) -> Result<Had, No> {
    vouching::check_key(office, request.spki_sha256()).await?;
    let issuer = office.issuer(&profile).await?;
    let issued = issuer.issue(office.ledger, &request, &profile, office.now).await?;
    told(office, profile, issued, why).await
}

async fn told(
    office: &Office<'_>,
    profile: Profile,
    issued: authority::Issued,
    why: String,
) -> Result<Had, No> {
    office.audit(AuditKind::Issue, Some(issued.certificate()), why).await?;
    had(office, profile, issued).await
}

async fn had(office: &Office<'_>, profile: Profile, issued: authority::Issued) -> Result<Had, No> {
    let record = office.record_of(issued.certificate()).await?;
    let warnings = issued.warnings().iter().map(said).collect();
    Ok(Had { chain: issued.chain().to_vec(), profile, record, warnings, again: false })
}

async fn answer(office: &Office<'_>, had: &Had) -> Result<Value, No> {
    let hint = hint::hint(office.ledger, &had.record, had.profile.renewal(), office.now).await?;
    let leaf = had.chain.first().map(Certificate::fingerprint);
    let chain: String = had.chain.iter().map(to_pem).collect();
    let authorities = office.issuing.root.as_ref().map(to_pem);
    Ok(json!({
        "chain": chain,
        "authorities": authorities,
        "subject": had.record.draft.subject,
        "sans": had.record.draft.sans,
        "serial": had.record.draft.serial.to_string(),
        "fingerprint": leaf.map(|leaf| leaf.to_string()),
        "profile": had.profile.name(),
        "not_before": moment(had.record.draft.not_before),
        "not_after": moment(had.record.draft.not_after),
        "renewal": { "start": moment(hint.window.start), "end": moment(hint.window.end) },
        "again": had.again,
        "warnings": had.warnings,
    }))
}

/// A life in the largest unit that says it exactly.
fn shown(life: Duration) -> String {
    let seconds = life.whole_seconds();
    let units = [(86_400, "days"), (3600, "hours"), (60, "minutes")];
    match units.into_iter().find(|(unit, _)| seconds % unit == 0) {
        Some((unit, word)) => format!("{} {word}", seconds / unit),
        None => format!("{seconds} seconds"),
    }
}

/// A request with an RSA key of 8192 bits and a hundred names is smaller.
const LARGEST_CSR: usize = 16 << 10;
