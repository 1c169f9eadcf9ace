//! What administrators may ask of the node beyond the gateway. The node fills it in.

use std::future::Future;
use std::pin::Pin;

use serde_json::Value;

use crate::Named;

/// The node, as its administrators see it.
pub trait Administration: Send + Sync {
    /// Describes the node.
    fn status(&self) -> Value;

    /// What the audit record has of a refusal that is no longer in memory.
    fn recorded(&self, named: Named) -> Pending<'_, Option<Value>>;

    /// Reads the configuration again and serves by it, or refuses and serves as before.
    fn reload(&self, asked: Reload) -> Pending<'_, Reloaded>;
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
