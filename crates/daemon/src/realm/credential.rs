//! The certificates that our own authority issues to this node.

use std::path::{Path, PathBuf};

use authority::{Authority, Names, Profile, Request, parse_san};
use fault::Fault;
use identity::{Certificate, Credential, KeyKind, PrivateKey, Purpose, San, Strictness, Trust};
use ledger::Ledger;
use time::OffsetDateTime;

use super::pair;

/// Where the node's own credentials are kept, in the folder of its configuration.
#[must_use]
pub fn credentials_folder(base: &Path) -> PathBuf {
    base.join("state/tls")
}

/// The server credential of a TLS profile: the one in `folder` where it is good, a new one by `rules` otherwise.
///
/// It is good while it is this authority's, covers exactly these hosts, and has at least a third of its life left.
///
/// # Errors
/// Where a host cannot stand in a certificate, or the new one cannot be issued, recorded or written.
pub async fn server_credential(
    authority: &Authority,
    ledger: &dyn Ledger,
    rules: &Profile,
    profile: &str,
    hosts: &[String],
    folder: &Path,
    now: OffsetDateTime,
) -> Result<Credential, Fault> {
    check_name(profile)?;
    let sans = hosts.iter().map(|host| parse_san(host)).collect::<Result<Vec<San>, Fault>>()?;
    let (certificate, key) = pair(folder, profile);
    if let Some(kept) = kept(authority, &certificate, &key, &sans, now) {
        // A ledger that is away asks for nothing.
        let fingerprint = kept.leaf().fingerprint();
        match registrar::enrolment::hint::asked(ledger, fingerprint).await.ok().flatten() {
            None => return Ok(kept),
            Some(why) => {
                tracing::info!(certificate = %certificate.display(), why, "the server certificate is issued anew");
            }
        }
    }
    let new_key = PrivateKey::generate(KeyKind::EcdsaP256)
        .map_err(|error| Fault::ours("no key could be made for the server").because(error))?;
    let names = Names { common_name: common_name(hosts), sans, ..Names::default() };
    let request = Request::for_key(&new_key, names)?;
    let issued = authority.issue(ledger, &request, rules, now).await?;
    files::create_folder(folder)?;
    // A crash between the two leaves a pair that does not match, and a pair that does not match is issued again.
    files::replace_secret(&key, new_key.to_pem().as_bytes())?;
    files::write_public(&certificate, issued.chain_pem().as_bytes())?;
    tracing::info!(
        profile,
        serial = %issued.certificate().identity().serial(),
        until = %issued.certificate().identity().not_after(),
        "server certificate issued"
    );
    Credential::new(issued.chain().to_vec(), new_key)
        .map_err(|error| Fault::ours("the issued certificate and its key do not match").because(error))
}

/// What is on disk, where it is still good; why it is not goes to the log.
fn kept(
    authority: &Authority,
    certificate: &Path,
    key: &Path,
    sans: &[San],
    now: OffsetDateTime,
) -> Option<Credential> {
    if !certificate.exists() {
        return None;
    }
    let credential = match files::load_credential(certificate, key, None, now) {
        Ok((credential, _)) => credential,
        Err(fault) => {
            tracing::warn!(%fault, "the server certificate on disk is issued anew");
            return None;
        }
    };
    match unfit(authority, &credential, sans, now) {
        None => Some(credential),
        Some(why) => {
            tracing::info!(certificate = %certificate.display(), why, "the server certificate is issued anew");
            None
        }
    }
}

/// Why a credential cannot stay.
fn unfit(
    authority: &Authority,
    credential: &Credential,
    sans: &[San],
    now: OffsetDateTime,
) -> Option<&'static str> {
    let identity = credential.leaf().identity();
    let same = |left: &[San], right: &[San]| left.iter().all(|san| right.contains(san));
    let life = identity.not_after() - identity.not_before();
    let organization = identity.organizations();
    if !same(sans, identity.sans()) || !same(identity.sans(), sans) {
        Some("its hosts have changed")
    } else if (identity.not_after() - now) * 3 < life {
        Some("less than a third of its life is left")
    } else if authority.environment().is_some_and(|environment| organization != [environment]) {
        Some("it is for another environment")
    } else if !is_from(authority, credential, now) {
        Some("another authority issued it")
    } else if credential.chain().get(1..) != Some(authority.chain()) {
        Some("what stands between it and the root has changed")
    } else {
        None
    }
}

fn is_from(authority: &Authority, credential: &Credential, now: OffsetDateTime) -> bool {
    let trust = Trust::new(vec![authority.certificate().clone()], Strictness::default());
    let chain: Vec<_> =
        credential.chain().iter().map(|certificate: &Certificate| certificate.der().clone()).collect();
    identity::verify(&chain, &trust, Purpose::Server, None, now).is_ok()
}

/// The first host that fits into a common name; clients look at the alternative names alone.
fn common_name(hosts: &[String]) -> Option<String> {
    hosts.iter().find(|host| host.len() <= 64).cloned()
}

/// The profile's name becomes a file's name.
fn check_name(profile: &str) -> Result<(), Fault> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if profile.bytes().all(plain) && !profile.starts_with('.') && !profile.is_empty() {
        return Ok(());
    }
    Err(Fault::yours(format!("the tls profile \"{}\" cannot name a file", profile.escape_debug()))
        .remedy("use letters, digits, hyphens, underscores and dots, and no dot in front"))
}
