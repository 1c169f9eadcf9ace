//! `tls`: profiles by name, or one block in MDDB's spelling.

use std::path::PathBuf;

use super::revocation::Revocation;
use crate::plan::ClientCa;
use crate::reader::{At, Reader, Shape};
use crate::scalar::{Ground, Scalar, Wrong, words};
use crate::table::{Named, shapes, table};
use crate::yaml::{Node, Value};

/// The section in either spelling.
#[derive(Clone, Debug)]
pub(crate) enum Tls {
    Profiles(Named<Profile>),
    Short(Box<ShortTls>),
}

impl Shape for Tls {
    fn kind() -> String {
        format!("by name: {}; or {}", Profile::kind(), ShortTls::kind())
    }

    fn read(reader: &mut Reader<'_>, node: &Node, path: &str) -> Option<Self> {
        if is_short(node) {
            return ShortTls::read(reader, node, path).map(|block| Self::Short(Box::new(block)));
        }
        Named::read(reader, node, path).map(Self::Profiles)
    }
}

/// A profile is a table under a name; the short spelling has single values at once.
fn is_short(node: &Node) -> bool {
    match &node.value {
        Value::Table(entries) => entries.iter().any(|(_, node)| matches!(node.value, Value::Text(_))),
        _ => false,
    }
}

table! {
    /// One TLS profile: what a server presents and whom it asks for a certificate.
    Profile at "tls.<profile>" {
        /// Where the server certificate comes from; there is no default.
        mode: Mode;
        /// For mode `files`: the chain, leaf first.
        cert: PathBuf;
        /// For mode `files`: the leaf's key; only its owner may read the file.
        key: PathBuf;
        /// For mode `authority`: the registered service whose certificate is presented, rotated with it; left out: a server
        /// certificate for `hosts`.
        service: String;
        /// The environment variable that holds the key's password; left out: `COUNTERSIGN_SSL_KEY_PASSWORD`, where set.
        key_password_env: String;
        /// The file whose first line is the key's password.
        key_password_file: PathBuf;
        /// Who may vouch for clients.
        client_ca: ClientCa;
        /// `require` or `request`; left out: demanded where the listener's `auth` is exactly `[mtls]`, asked for where
        /// `mtls` is one of several.
        client_auth: String;
        /// The lowest version of TLS, `"1.2"` or `"1.3"`.
        min_version: String = "1.2";
        /// Whether client certificates of X.509 version 1, as `openssl x509 -req` makes them, are accepted.
        allow_x509_v1: bool = "true";
        /// The names that it serves: SNI, and the certificate's names in modes that make one.
        hosts: Vec<At<String>> = "";
        /// Which client certificates count as revoked, and who is asked.
        revocation: Revocation;
        later "acme" "vault" "subdomain" "refresh";
    }
}

table! {
    /// The short spelling: one profile, and where no listeners are written, HTTPS on `:11023`, or where `http` says.
    ShortTls at "tls" {
        /// Whether TLS is served; with `http` it is.
        enabled: bool = "false";
        /// The chain, leaf first.
        cert_file as "certFile" or "certificate": PathBuf;
        /// The leaf's key.
        key_file as "keyFile" or "privateKey": PathBuf;
        /// Who may vouch for clients; given, client certificates are asked for. With `http`, only where `http.mtls` says so.
        client_ca_file as "clientCAFile" or "certificateAuthority": PathBuf;
        /// `require` or `request`, in any letter case. With `http`, `http.mtls.required` says it.
        client_auth as "clientAuth": String = "require";
        /// The lowest version of TLS, `"1.2"` or `"1.3"`.
        min_version as "minVersion": String = "1.2";
        later "ciphers" "host" "hosts" "hostname" "hostnames";
    }
}

words! {
    /// Where a server certificate comes from.
    pub(crate) enum Mode {
        /// From files.
        Files = "files",
        /// From our own authority.
        Authority = "authority",
        /// Made at start.
        SelfSigned = "self_signed",
    }
    later { "acme", "vault", "qip" }
}

impl Scalar for ClientCa {
    fn kind() -> String {
        "path of a file or folder, or `authority`".into()
    }

    fn parse(text: &str, ground: &Ground) -> Result<Self, Wrong> {
        if text == "authority" { Ok(Self::Authority) } else { PathBuf::parse(text, ground).map(Self::Path) }
    }
}

shapes! { Mode ClientCa }
