//! What the payloads of requests say. Names that are not known are passed over, as RFC 8555 §7.3 wants it.

use super::base64url;
use super::binding::Binding;
use super::identifier::Identifier;
use super::jwk::Jwk;
use super::object::Object;
use super::problem::{Problem, Trouble};

/// `newAccount`.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// The addresses that the authority may write to.
    pub contacts: Vec<String>,
    /// Whether the terms of service were agreed to.
    pub terms_agreed: bool,
    /// Whether only an account that is there already is wanted.
    pub only_existing: bool,
    /// The proof of a key that the operator gave out.
    pub binding: Option<Binding>,
}

impl NewAccount {
    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(payload: &[u8]) -> Result<Self, Problem> {
        let object = Object::parse(payload, "the payload")?;
        Ok(Self {
            contacts: contacts(&object)?.unwrap_or_default(),
            terms_agreed: object.flag("termsOfServiceAgreed")?,
            only_existing: object.flag("onlyReturnExisting")?,
            binding: object
                .object("externalAccountBinding")?
                .map(|object| Binding::read(&object))
                .transpose()?,
        })
    }
}

/// A change to an account; nothing where it is only read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountUpdate {
    /// Other contacts.
    pub contacts: Option<Vec<String>>,
    /// Whether the account is to end.
    pub deactivate: bool,
}

impl AccountUpdate {
    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(payload: &[u8]) -> Result<Self, Problem> {
        if payload.is_empty() {
            return Ok(Self::default());
        }
        let object = Object::parse(payload, "the payload")?;
        Ok(Self { contacts: contacts(&object)?, deactivate: deactivates(&object)? })
    }
}

/// Whether the payload of a request to an authorization ends it; nothing is asked where it is only read.
///
/// # Errors
/// What is wrong with it.
pub fn deactivation(payload: &[u8]) -> Result<bool, Problem> {
    if payload.is_empty() {
        return Ok(false);
    }
    deactivates(&Object::parse(payload, "the payload")?)
}

fn deactivates(object: &Object) -> Result<bool, Problem> {
    match object.optional_text("status")? {
        None => Ok(false),
        Some("deactivated") => Ok(true),
        // RFC 8555 §7.3.2: the server ignores other values; a client that sends one is better told.
        Some(_) => Err(Problem::malformed("the only status that can be asked for is \"deactivated\"")),
    }
}

/// The inner payload of a change of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyChange {
    /// The account's address.
    pub account: String,
    /// The key that it has now.
    pub old_key: Jwk,
}

impl KeyChange {
    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(payload: &[u8]) -> Result<Self, Problem> {
        let object = Object::parse(payload, "the inner payload")?;
        let old_key = object.object("oldKey")?.ok_or_else(|| Problem::malformed("\"oldKey\" is missing"))?;
        Ok(Self { account: object.text("account")?.to_owned(), old_key: Jwk::read(&old_key)? })
    }
}

/// `newOrder`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOrder {
    /// The names, each once, in the order in which they were asked for.
    pub identifiers: Vec<Identifier>,
    /// When the certificate should begin.
    pub not_before: Option<String>,
    /// When it should end.
    pub not_after: Option<String>,
    /// The certificate that it is to replace (RFC 9773 §5).
    pub replaces: Option<String>,
}

impl NewOrder {
    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with it; where several names are, each is told.
    pub fn parse(payload: &[u8]) -> Result<Self, Problem> {
        let object = Object::parse(payload, "the payload")?;
        let asked = object.objects("identifiers")?.unwrap_or_default();
        if asked.is_empty() || asked.len() > MOST_IDENTIFIERS {
            let said = format!("an order has 1 to {MOST_IDENTIFIERS} names, and this one {}", asked.len());
            return Err(Problem::malformed(said));
        }
        let mut identifiers = Vec::new();
        for asked in &asked {
            let identifier = Identifier::read(asked)?;
            if !identifiers.contains(&identifier) {
                identifiers.push(identifier);
            }
        }
        let text = |name| object.optional_text(name).map(|text| text.map(str::to_owned));
        Ok(Self {
            identifiers,
            not_before: text("notBefore")?,
            not_after: text("notAfter")?,
            replaces: text("replaces")?,
        })
    }
}

/// The certificate request (DER) of `finalize`.
///
/// # Errors
/// Where there is none.
pub fn csr(payload: &[u8]) -> Result<Vec<u8>, Problem> {
    let object = Object::parse(payload, "the payload")?;
    base64url::decode(object.text("csr")?)
        .ok_or_else(|| Problem::new(Trouble::BadCsr, "\"csr\" is not base64url of DER"))
}

/// `revokeCert`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// The certificate (DER).
    pub certificate: Vec<u8>,
    /// RFC 5280's number of the reason.
    pub reason: Option<u64>,
}

impl Revocation {
    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(payload: &[u8]) -> Result<Self, Problem> {
        let object = Object::parse(payload, "the payload")?;
        let certificate = base64url::decode(object.text("certificate")?)
            .ok_or_else(|| Problem::malformed("\"certificate\" is not base64url of DER"))?;
        Ok(Self { certificate, reason: object.optional_number("reason")? })
    }
}

/// Mail addresses only, one to each contact (RFC 8555 §7.3, RFC 6068).
fn contacts(object: &Object) -> Result<Option<Vec<String>>, Problem> {
    let Some(contacts) = object.texts("contact")? else { return Ok(None) };
    if contacts.len() > MOST_CONTACTS {
        return Err(Problem::new(Trouble::InvalidContact, format!("{MOST_CONTACTS} contacts at most")));
    }
    contacts.iter().try_for_each(|contact| check_contact(contact))?;
    Ok(Some(contacts))
}

fn check_contact(contact: &str) -> Result<(), Problem> {
    let Some(address) = contact.strip_prefix("mailto:") else {
        return Err(Problem::new(Trouble::UnsupportedContact, "a contact is written mailto:ADDRESS"));
    };
    let plain = address.len() <= 254 && address.bytes().all(|byte| byte.is_ascii_graphic());
    let one = address.split('@').count() == 2 && !address.starts_with('@') && !address.ends_with('@');
    // `?` would begin headers of a message, `,` another address.
    if plain && one && !address.contains(['?', ',', '<', '>', '"']) {
        return Ok(());
    }
    Err(Problem::new(Trouble::InvalidContact, format!("{contact:?} is not one mail address")))
}

const MOST_IDENTIFIERS: usize = 100;
const MOST_CONTACTS: usize = 5;
