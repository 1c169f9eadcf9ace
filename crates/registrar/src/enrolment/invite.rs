//! `…/invitations`: administrators invite, look and take back.

use authority::{Names, Request, parse_san};
use fault::{Fault, Place, Tag};
use identity::{KeyKind, PrivateKey};
use ledger::AuditKind;
use serde::Deserialize;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::invitation::{self, Held, Invitation, Wanted};
use super::no::No;
use super::office::{Office, body, moment};
use super::vouching;

/// Who is invited, and to what.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    common_name: Option<String>,
    #[serde(default)]
    sans: Vec<String>,
    #[serde(default = "client")]
    profile: String,
    lifetime: Option<String>,
    /// How long the invitation lasts.
    ttl: Option<String>,
}

fn client() -> String {
    "client".to_owned()
}

/// Makes an invitation, and shows its secret for the only time.
pub(crate) async fn invite(office: &Office<'_>) -> Result<Value, No> {
    let by = office.administrator()?;
    let written: Written = body(office.ask)?;
    let lifetime = written.lifetime.as_deref().map(|text| life("lifetime", text)).transpose()?;
    let lasting = written.ttl.as_deref().map_or(Ok(LASTING), |text| life("ttl", text))?;
    let settings = office.issuing.enrolment;
    if lasting > settings.longest_invitation {
        let fault = Fault::yours("the invitation would last too long");
        return Err(No::bad(
            fault.remedy("make it shorter, or raise authority.enrolment.longest_invitation"),
        ));
    }
    let sans = written.sans.iter().map(|san| parse_san(san)).collect::<Result<Vec<_>, Fault>>()?;
    let names = Names { common_name: written.common_name, ..Names::default() }.with_sans(sans);
    could_be_issued(office, &names, &written.profile, lifetime).await?;
    let (_, open) = invitation::all(office.ledger, office.now).await?;
    if u64::try_from(open).is_ok_and(|open| open >= settings.most_invitations) {
        let fault = Fault::yours(format!("{open} invitations are open, and no more may be"));
        return Err(No::conflict(
            fault.remedy("withdraw some, or raise authority.enrolment.most_invitations"),
        ));
    }
    let wanted = Wanted { profile: written.profile, names, lifetime, lasting, by: by.to_owned() };
    let (token, made) = Invitation::make(office.ledger, wanted, office.now).await?;
    let what =
        format!("invited {} to the profile {}, invitation {}", made.allowance()?, made.profile, token.id());
    office.audit(AuditKind::Admin, None, what).await?;
    let mut shown = shown(&token.id().to_string(), &made, office.now);
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("invitation".to_owned(), json!(*token.text()));
    }
    Ok(shown)
}

/// An invitation to what no issuer would issue is told to who invites, not to who comes with it.
async fn could_be_issued(
    office: &Office<'_>,
    names: &Names,
    profile: &str,
    lifetime: Option<Duration>,
) -> Result<(), No> {
    vouching::given_here(profile)?;
    let profile = office.profile(profile)?;
    let key = PrivateKey::generate(profile.preferred_key())
        .or_else(|_| PrivateKey::generate(KeyKind::EcdsaP256))
        .map_err(|error| Fault::ours("no key could be made").because(error))?;
    let request = Request::for_key(&key, names.clone())?;
    let request = match lifetime {
        Some(lifetime) => request.lasting(lifetime),
        None => request,
    };
    office.issuer(&profile).await?.draft(&request, &profile, office.now)?;
    Ok(())
}

/// Every invitation that is remembered.
pub(crate) async fn list(office: &Office<'_>) -> Result<Value, No> {
    office.administrator()?;
    let (all, open) = invitation::all(office.ledger, office.now).await?;
    let shown: Vec<Value> = all.iter().map(|held| shown(held.id(), &held.invitation, office.now)).collect();
    Ok(json!({ "invitations": shown, "open": open }))
}

/// Takes an invitation back. What it gave already stays; that is for `cert revoke`.
pub(crate) async fn withdraw(office: &Office<'_>, id: &str) -> Result<Value, No> {
    office.administrator()?;
    let unknown = || {
        No::missing(
            Fault::yours(format!("no invitation \"{}\"", id.escape_debug()))
                .remedy("countersign cert invitations lists them"),
        )
    };
    let id: Tag = id.parse().map_err(|_| unknown())?;
    let held = Held::read(office.ledger, id).await?.ok_or_else(unknown)?;
    if !held.withdraw(office.ledger).await? {
        return Err(No::conflict(
            Fault::theirs("the invitation was used at this moment")
                .remedy("look again: countersign cert invitations"),
        ));
    }
    office.audit(AuditKind::Admin, None, format!("withdrew the invitation {id}")).await?;
    Ok(json!({ "id": id.to_string(), "state": "withdrawn" }))
}

fn shown(id: &str, invitation: &Invitation, now: OffsetDateTime) -> Value {
    let state = match invitation {
        Invitation { used: Some(_), .. } => "used",
        invitation if invitation.is_void() => "void",
        invitation if invitation.has_expired(now) => "expired",
        _ => "open",
    };
    let at = |seconds: i64| OffsetDateTime::from_unix_timestamp(seconds).map_or(Value::Null, moment);
    json!({
        "id": id,
        "state": state,
        "profile": invitation.profile,
        "common_name": invitation.common_name,
        "sans": invitation.sans,
        "by": invitation.by,
        "made": at(invitation.made),
        "expires": at(invitation.expires),
        "serial": invitation.used.as_ref().map(|used| used.serial.as_str()),
    })
}

fn life(key: &str, text: &str) -> Result<Duration, No> {
    authority::parse_lifetime(text).map_err(|fault| No::bad(fault.at(Place::Name(key.to_owned()))))
}

const LASTING: Duration = Duration::minutes(15);
