//! What administrators may ask of the node beyond the gateway. The node fills it in.

use std::future::Future;
use std::pin::Pin;

use identity::{Pin as Key, RevocationReason, Serial};
use serde_json::Value;

use crate::Named;

/// The node, as its administrators see it.
pub trait Administration: Send + Sync {
    /// Describes the node.
    fn status(&self) -> Value;

    /// What the audit record has of a refusal that is no longer in memory.
    fn recorded(&self, named: Named) -> Pending<'_, Option<Value>>;

    /// A page of the audit record, as the query of the URL asks for it.
    fn audit<'a>(&'a self, query: &'a str) -> Pending<'a, Result<Value, NotListed>>;

    /// Reads the configuration again and serves by it, or refuses and serves as before.
    fn reload(&self, asked: Reload) -> Pending<'_, Reloaded>;

    /// The nodes that share this one's ledger, and how far each is behind it.
    fn nodes(&self) -> Pending<'_, Result<Value, NoNodes>>;

    /// Takes a certificate back, whoever issued it: durably when it answers, and for every session from then on.
    fn revoke(&self, asked: Revoke) -> Pending<'_, Result<Value, NotRevoked>>;
}

/// An answer on its way.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A reload as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reload {
    /// Who asks: the administrator's principal.
    pub by: String,
    /// What may become weaker.
    pub allow: AllowWeaker,
}

/// A certificate that is to be refused from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoke {
    /// Who asks: the administrator's principal.
    pub by: String,
    /// The serial.
    pub serial: Serial,
    /// The issuer's public key (SHA-256 of its SPKI); where it is not named, it must follow from the rest.
    pub issuer: Option<Key>,
    /// Why.
    pub reason: RevocationReason,
    /// Whether all that was given in exchange for it is taken back with it; unsaid, where the key is compromised.
    pub with_successors: Option<bool>,
    /// The authorities that are trusted with client certificates, each once.
    pub trusted: Vec<Authority>,
}

/// An authority, as administrators name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    /// Its distinguished name.
    pub subject: String,
    /// SHA-256 of its public key (SPKI).
    pub key: Key,
}

/// Why a certificate was not taken back; each says it to the administrator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotRevoked {
    /// What was asked for is not clear.
    Unclear(String),
    /// The node has no place to keep it.
    NoLedger(String),
    /// The ledger does not take it now; the same may be asked again.
    Failed(String),
}

/// Why the nodes that share a ledger are not shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoNodes {
    /// There is no ledger, and nobody to share it with.
    NoLedger,
    /// The ledger cannot be read now.
    Failed(String),
}

/// Why nothing is listed; each says it to the administrator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotListed {
    /// What was asked for is not clear.
    Unclear(String),
    /// The node keeps no record.
    NoLedger(String),
    /// It failed.
    Failed(String),
}

/// Which weakenings a reload may bring.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AllowWeaker {
    /// None.
    #[default]
    Nothing,
    /// Those that are named.
    Named(Vec<String>),
    /// Any.
    Everything,
}

/// What a reload came to: the report of what changed, or of why nothing did.
pub type Reloaded = Result<Value, Value>;
