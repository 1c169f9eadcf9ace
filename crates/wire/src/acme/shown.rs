//! The objects that are answered.

use serde::Serialize;
use serde_json::Value;

/// The directory (RFC 8555 §7.1.1).
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Directory {
    /// Where nonces are.
    pub new_nonce: String,
    /// Where accounts are made.
    pub new_account: String,
    /// Where certificates are ordered.
    pub new_order: String,
    /// Where certificates are taken back.
    pub revoke_cert: String,
    /// Where an account gets another key.
    pub key_change: String,
    /// Where it is told when a certificate should be renewed (RFC 9773).
    pub renewal_info: String,
    /// About the service.
    pub meta: Meta,
}

/// About the service.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Meta {
    /// What an account has to agree to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terms_of_service: Option<String>,
    /// Whether an account needs a key from the operator.
    pub external_account_required: bool,
}

/// An account (RFC 8555 §7.1.2).
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// `valid` or `deactivated`.
    pub status: &'static str,
    /// Whom to write to.
    pub contact: Vec<String>,
    /// Where its orders are listed.
    pub orders: String,
}

/// The list of an account's orders.
#[derive(Clone, Debug, Serialize)]
pub struct Orders {
    /// Their addresses.
    pub orders: Vec<String>,
}

/// An order (RFC 8555 §7.1.3).
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// `pending`, `ready`, `processing`, `valid` or `invalid`.
    pub status: &'static str,
    /// When it ends.
    pub expires: String,
    /// The names.
    pub identifiers: Vec<Value>,
    /// When the certificate should end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_after: Option<String>,
    /// Why it is invalid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Value>,
    /// Where the names are proved.
    pub authorizations: Vec<String>,
    /// Where the certificate request is sent.
    pub finalize: String,
    /// Where the certificate is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// The certificate that it replaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
}

/// An authorization (RFC 8555 §7.1.4).
#[derive(Clone, Debug, Serialize)]
pub struct Authorization {
    /// The name.
    pub identifier: Value,
    /// `pending`, `valid`, `invalid`, `deactivated` or `expired`.
    pub status: &'static str,
    /// When it ends.
    pub expires: String,
    /// How the name can be proved.
    pub challenges: Vec<Challenge>,
}

/// A challenge (RFC 8555 §7.1.5).
#[derive(Clone, Debug, Serialize)]
pub struct Challenge {
    /// `http-01` or `tls-alpn-01`.
    #[serde(rename = "type")]
    pub method: &'static str,
    /// Where the client says that it is ready.
    pub url: String,
    /// `pending`, `processing`, `valid` or `invalid`.
    pub status: &'static str,
    /// What the answer is made from.
    pub token: String,
    /// When it was proved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validated: Option<String>,
    /// Why it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Value>,
}

/// When a certificate should be renewed (RFC 9773 §4.2).
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RenewalInfo {
    /// The time to renew in, of which a client takes a random moment.
    pub suggested_window: Window,
}

/// A span of time.
#[derive(Clone, Debug, Serialize)]
pub struct Window {
    /// Its first moment.
    pub start: String,
    /// Its last one.
    pub end: String,
}
