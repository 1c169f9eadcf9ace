//! Asking the server of a name whether the account controls it.
//!
//! Where the name leads is a stranger's to choose: addresses, ports, paths, sizes and times are bounded, and the answer
//! goes to nobody.
//!
//! - [`reach`]: which addresses may be asked, and connections to them.
//! - [`http`]: http-01. [`tls`]: tls-alpn-01.

mod http;
mod reach;
mod redirect;
mod tls;

use ::wire::acme::challenge::Method;
use ::wire::acme::{Identifier, Problem};

use self::reach::Reach;
use super::settings::Settings;

/// Asks servers.
pub(super) struct Validator<'a> {
    settings: &'a Settings,
    reach: Reach<'a>,
}

impl<'a> Validator<'a> {
    pub(super) fn new(settings: &'a Settings) -> Self {
        Self { settings, reach: Reach { allow: &settings.allow_networks, deny: &settings.deny_networks } }
    }

    /// Whether the server of the name answers with what only the account can have made. Asked once.
    pub(super) async fn prove(
        &self,
        method: Method,
        name: &Identifier,
        token: &str,
        expected: &str,
    ) -> Result<(), Problem> {
        match method {
            Method::Http01 => http::prove(self, name, token, expected).await,
            Method::TlsAlpn01 => tls::prove(self, name, expected).await,
        }
    }
}
