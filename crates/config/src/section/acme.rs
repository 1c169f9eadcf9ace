//! `authority.acme`: certificates for servers that ask by RFC 8555.

use std::path::PathBuf;
use std::str::FromStr as _;

use authority::{HostPattern, Network, NoPattern};

use crate::reader::At;
use crate::scalar::{Ground, Scalar, Wrong, unknown};
use crate::table::{shapes, table};

table! {
    /// Certificates for servers that ask by ACME (RFC 8555): certbot, lego, Caddy and their kin. The directory is
    /// `/acme/directory` at every listener that serves it.
    Acme at "authority.acme" {
        /// Whether it is served.
        enabled: bool = "false";
        /// The names that certificates may be asked for, whoever asks: host names, with a dot in front all names below
        /// (`.example.com`), addresses and networks. Needed where it is served.
        names: Vec<At<HostPattern>>;
        /// The profile that they are issued by: one for servers.
        profile: String = "server";
        /// Whether an account must be bound to a key that `countersign acme key` gave out. Without, whoever reaches the
        /// listener may ask.
        external_account_required: bool = "true";
        /// How names may be proved: `http-01`, `tls-alpn-01`. Left out, both.
        challenges: Vec<At<AcmeChallenge>>;
        /// The port of web servers, for http-01.
        http_port: AcmePort = "80";
        /// The port of TLS servers, for tls-alpn-01.
        tls_port: AcmePort = "443";
        /// Addresses that are asked for proofs although they are this machine's or the link's.
        allow_networks: Vec<At<Network>>;
        /// Addresses that are never asked for proofs.
        deny_networks: Vec<At<Network>>;
        /// The address of terms that an account has to agree to.
        terms_of_service: String;
        /// How clients reach the listener: `https://HOST` or `https://HOST:PORT`. Left out, each is answered by the host that
        /// it asked.
        url: AcmeUrl;
        /// The file that the keys of `countersign acme key` are derived from, made where there is none; the nodes that share a
        /// ledger share it too. Left out, `state/acme.secret` beside the configuration.
        secret_file: PathBuf;
    }
}

/// How a name may be proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AcmeChallenge {
    Http,
    TlsAlpn,
}

impl Scalar for AcmeChallenge {
    fn kind() -> String {
        "`http-01` or `tls-alpn-01`".into()
    }

    fn parse(text: &str, _: &Ground) -> Result<Self, Wrong> {
        match text {
            "http-01" => Ok(Self::Http),
            "tls-alpn-01" => Ok(Self::TlsAlpn),
            "dns-01" => Err(Wrong::later()),
            _ => Err(unknown(text, &["http-01", "tls-alpn-01"])),
        }
    }
}

/// The port of somebody's server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AcmePort(pub(crate) u16);

impl Scalar for AcmePort {
    fn kind() -> String {
        "port".into()
    }

    fn parse(text: &str, _: &Ground) -> Result<Self, Wrong> {
        match text.parse() {
            Ok(port @ 1..) => Ok(Self(port)),
            _ => Err(Wrong::new("is not a port from 1 to 65535")),
        }
    }
}

/// The beginning of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AcmeUrl(pub(crate) String);

impl Scalar for AcmeUrl {
    fn kind() -> String {
        "`https://HOST[:PORT]`".into()
    }

    fn parse(text: &str, _: &Ground) -> Result<Self, Wrong> {
        let host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
        match text.strip_prefix("https://") {
            Some(rest) if !rest.is_empty() && rest.bytes().all(host) => Ok(Self(text.to_owned())),
            _ => {
                Err(Wrong::new("is no address of the form https://HOST or https://HOST:PORT, without a path"))
            }
        }
    }
}

impl Scalar for HostPattern {
    fn kind() -> String {
        "host name, IP address or network".into()
    }

    fn parse(text: &str, _: &Ground) -> Result<Self, Wrong> {
        Self::from_str(text).map_err(|why: NoPattern| Wrong::new(why.to_string()))
    }
}

shapes! { AcmeChallenge AcmePort AcmeUrl HostPattern }
