//! Certificates that others issued, kept on this node under a name: `PUT`, `GET` and `DELETE …/NAME`; `POST …/csr` makes
//! the key here. A key is never given back.
//!
//! A pair is one folder that is replaced whole, so that a TLS profile of mode `files` never reads half of it.

use std::fs;
use std::path::{Path, PathBuf};

use authority::{Names, parse_san};
use fault::{Fault, Place};
use files::Item;
use identity::{Certificate, Credential, KeyKind, PrivateKey, San, Secret};
use ledger::AuditKind;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::no::No;
use super::office::{Office, body, moment};

/// Where they are kept.
fn folder(office: &Office<'_>) -> PathBuf {
    office.issuing.state.join("certificates")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Uploaded {
    /// The chain, PEM.
    certificate: String,
    /// The key, PEM; left out where this node made it.
    #[serde(default, deserialize_with = "secret")]
    key: Option<Secret>,
}

fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Secret>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.map(Secret::new))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    name: String,
    common_name: Option<String>,
    #[serde(default)]
    sans: Vec<String>,
    key_type: Option<String>,
}

/// Where one name's files are.
struct Shelf {
    folder: PathBuf,
    name: String,
}

impl Shelf {
    fn of(office: &Office<'_>, name: &str) -> Result<Self, No> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let fits = (1..=64).contains(&name.len()) && !name.starts_with('.') && name.bytes().all(plain);
        if !fits || RESERVED.contains(&name) {
            let fault = Fault::yours(format!("\"{}\" cannot name a certificate", name.escape_debug()));
            return Err(No::bad(fault.remedy("use letters, digits, hyphens, underscores and dots, no dot in front; a few words are the interface's own")));
        }
        Ok(Self { folder: folder(office), name: name.to_owned() })
    }

    fn pair(&self) -> PathBuf {
        self.folder.join(&self.name)
    }

    fn certificate(&self) -> PathBuf {
        self.pair().join("tls.crt")
    }

    fn key(&self) -> PathBuf {
        self.pair().join("tls.key")
    }

    /// The key that waits for its certificate.
    fn waiting(&self) -> PathBuf {
        self.folder.join(".waiting").join(format!("{}.key", self.name))
    }

    fn shown(&self) -> Result<Value, Fault> {
        let chain = files::load_certificates(&self.certificate())?;
        let leaf = chain
            .first()
            .ok_or_else(|| Fault::yours("the file holds no certificate").in_file(self.certificate()))?;
        Ok(json!({
            "name": self.name,
            "subject": leaf.identity().subject().to_string(),
            "sans": leaf.identity().sans().iter().map(ToString::to_string).collect::<Vec<_>>(),
            "issuer": leaf.identity().issuer().to_string(),
            "serial": leaf.identity().serial().to_string(),
            "fingerprint": leaf.fingerprint().to_string(),
            "not_before": moment(leaf.identity().not_before()),
            "not_after": moment(leaf.identity().not_after()),
            "cert_file": self.certificate(),
            "key_file": self.key(),
            "chain": chain.iter().map(authority::to_pem).collect::<String>(),
        }))
    }

    fn unknown(&self) -> No {
        let fault = Fault::yours(format!("no certificate was uploaded as \"{}\"", self.name));
        No::missing(fault.remedy("GET /api/admin/security/certificates/uploaded lists those that were"))
    }
}

/// Every uploaded certificate, and every key that waits for one.
pub(crate) async fn list(office: &Office<'_>) -> Result<Value, No> {
    office.administrator()?;
    let folder = folder(office);
    let names = |folder: &Path| -> Vec<String> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut names: Vec<String> =
            entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.retain(|name| !name.starts_with('.'));
        names.sort();
        names
    };
    let shown: Vec<Value> =
        names(&folder).into_iter().filter_map(|name| Shelf::of(office, &name).ok()?.shown().ok()).collect();
    let waiting: Vec<String> = names(&folder.join(".waiting"))
        .iter()
        .filter_map(|name| name.strip_suffix(".key").map(str::to_owned))
        .collect();
    Ok(json!({ "total": shown.len(), "certificates": shown, "waiting": waiting }))
}

/// One uploaded certificate.
pub(crate) async fn show(office: &Office<'_>, name: &str) -> Result<Value, No> {
    office.administrator()?;
    let shelf = Shelf::of(office, name)?;
    match shelf.certificate().exists() {
        true => Ok(shelf.shown()?),
        false => Err(shelf.unknown()),
    }
}

/// A key that stays here, and the request for its certificate. Asked again, the key is the same.
pub(crate) async fn csr(office: &Office<'_>) -> Result<Value, No> {
    office.administrator()?;
    let wanted: Wanted = body(office.ask)?;
    let shelf = Shelf::of(office, &wanted.name)?;
    let kind = wanted.key_type.as_deref().map(str::parse::<KeyKind>).transpose();
    let kind = kind.map_err(|_| {
        No::bad(
            Fault::yours("key_type is no kind of key").remedy("ecdsa-p256, ecdsa-p384, ed25519 or rsa-3072"),
        )
    })?;
    let sans = wanted.sans.iter().map(|san| parse_san(san)).collect::<Result<Vec<San>, Fault>>()?;
    let names = Names { common_name: wanted.common_name, ..Names::default() }.with_sans(sans);
    let _alone = office.registrar.enrolment.uploads.lock().await;
    let key = waiting(&shelf, kind)?;
    let csr = authority::csr(&key, &names)?;
    office
        .audit(
            AuditKind::Admin,
            None,
            format!("made a key and a request for the certificate {:?}", shelf.name),
        )
        .await?;
    Ok(json!({ "name": shelf.name, "csr": csr, "key_type": key.kind().to_string() }))
}

fn waiting(shelf: &Shelf, kind: Option<KeyKind>) -> Result<PrivateKey, No> {
    let path = shelf.waiting();
    if path.exists() {
        let key = files::load_key(&path, None)?;
        return match kind.is_some_and(|kind| kind != key.kind()) {
            false => Ok(key),
            true => Err(No::conflict(
                Fault::yours(format!("a key of the kind {} waits for this certificate already", key.kind()))
                    .remedy("leave key_type out, or delete the name first"),
            )),
        };
    }
    let key = PrivateKey::generate(kind.unwrap_or(KeyKind::EcdsaP256))
        .map_err(|error| Fault::yours("no key can be made").because(error))?;
    files::create_folder(&shelf.folder.join(".waiting"))?;
    files::create_secret(&path, key.to_pem().as_bytes())?;
    Ok(key)
}

/// Puts a certificate and its key in place.
pub(crate) async fn put(office: &Office<'_>, name: &str) -> Result<Value, No> {
    office.administrator()?;
    let shelf = Shelf::of(office, name)?;
    let uploaded: Uploaded = body(office.ask)?;
    let place = |what: &'static str| move |fault: Fault| No::bad(fault.at(Place::Name(what.to_owned())));
    let chain = identity::certificates_from_pem(uploaded.certificate.as_bytes())
        .map_err(|error| place("certificate")(Fault::yours("the chain cannot be read").because(error)))?;
    let _alone = office.registrar.enrolment.uploads.lock().await;
    let credential = paired(&shelf, &chain, uploaded.key.as_ref()).map_err(place("key"))?;
    good(&credential, office).map_err(place("certificate"))?;
    let pem: String = credential.chain().iter().map(authority::to_pem).collect();
    let key = credential.key().to_pem();
    let items = [Item::Public("tls.crt", pem.as_bytes()), Item::Secret("tls.key", key.as_bytes())];
    files::swap_folder(&shelf.pair(), &items)?;
    // Its key has moved; one that a crash leaves here fits the certificate still.
    let _ = fs::remove_file(shelf.waiting());
    office
        .audit(
            AuditKind::Admin,
            Some(credential.leaf()),
            format!("uploaded the certificate {:?}", shelf.name),
        )
        .await?;
    Ok(shelf.shown()?)
}

/// The chain with its key: the one that came along, the one that waits, or the one in place.
fn paired(shelf: &Shelf, chain: &[Certificate], given: Option<&Secret>) -> Result<Credential, Fault> {
    let unmatched = |error: identity::CredentialError| {
        Fault::yours("the key does not belong to the certificate")
            .because(error)
            .remedy("send the key that the certificate was made for, or make one here: POST …/csr")
    };
    if let Some(pem) = given {
        let key = PrivateKey::from_pem(pem.expose(), None)
            .map_err(|error| Fault::yours("the key cannot be read").because(error))?;
        return Credential::new(chain.to_vec(), key).map_err(unmatched);
    }
    let held: Vec<PrivateKey> = [shelf.waiting(), shelf.key()]
        .iter()
        .filter(|path| path.exists())
        .map(|path| files::load_key(path, None))
        .collect::<Result<_, Fault>>()?;
    let mut found = Err(Fault::yours("there is no key for the certificate")
        .remedy("send the key along, or make one here: POST …/csr"));
    for key in held {
        found = Credential::new(chain.to_vec(), key).map_err(unmatched);
        if found.is_ok() {
            break;
        }
    }
    found
}

fn good(credential: &Credential, office: &Office<'_>) -> Result<(), Fault> {
    let (leaf, now) = (credential.leaf(), office.now);
    let (from, until) = (leaf.identity().not_before(), leaf.identity().not_after());
    if leaf.is_ca() {
        return Err(
            Fault::yours("it is the certificate of an authority").remedy("upload what the authority issued")
        );
    }
    if now > until || now < from {
        return Err(Fault::yours("the certificate is not valid now")
            .because(format!("it is valid from {from} to {until}"))
            .remedy("upload one that is"));
    }
    Ok(())
}

/// Removes a certificate with its key, and a key that waits for one.
pub(crate) async fn remove(office: &Office<'_>, name: &str) -> Result<Value, No> {
    office.administrator()?;
    let shelf = Shelf::of(office, name)?;
    let _alone = office.registrar.enrolment.uploads.lock().await;
    let (pair, waiting) = (shelf.pair().exists(), shelf.waiting().exists());
    if !pair && !waiting {
        return Err(shelf.unknown());
    }
    let users: Vec<&str> = office
        .issuing
        .presented
        .iter()
        .filter(|(_, files)| files.iter().any(|file| file.starts_with(shelf.pair())))
        .map(|(profile, _)| profile.as_str())
        .collect();
    if !users.is_empty() {
        let fault = Fault::yours(format!(
            "the certificate \"{}\" is what the tls profile {} presents",
            shelf.name,
            users.join(", ")
        ));
        return Err(No::conflict(fault.remedy("let the profile present another one first, and reload")));
    }
    if pair {
        files::remove_folder(&shelf.pair())?;
    }
    if waiting {
        fs::remove_file(shelf.waiting()).map_err(|error| {
            Fault::theirs("cannot remove the key").in_file(shelf.waiting()).because(error)
        })?;
    }
    office.audit(AuditKind::Admin, None, format!("removed the certificate {:?}", shelf.name)).await?;
    Ok(json!({ "name": shelf.name, "state": "removed" }))
}

/// Words of the interface beside which no certificate is named, those of its other parts too.
const RESERVED: [&str; 12] = [
    "sign",
    "csr",
    "nonce",
    "renewal",
    "invitations",
    "uploaded",
    "rotate",
    "revoke",
    "issue",
    "services",
    "rotation",
    "inventory",
];
