//! `auth` and grants: who may come in, and who may do what.

use std::net::IpAddr;

use fault::Fault;
use identity::{Fingerprint, Pin};

use crate::reader::{At, Reader, Shape, joined};
use crate::table::table;
use crate::yaml::{Node, Value};

table! {
    /// Who may come in.
    Auth at "auth" {
        /// Named parties.
        principals: Vec<At<Principal>> = "";
        later "jwt" "session" "authorized_keys" "sql_policy" "enroll";
    }
}

table! {
    /// A named party that grants speak of.
    Principal at "auth.principals[]" {
        /// Its name.
        name: String;
        /// Whether it may sign in.
        active: bool = "true";
        /// The ways to be it; any one is enough.
        methods: Vec<At<Method>> = "";
    }
}

/// One way to be a principal: a table with exactly one key, the method's name.
#[derive(Clone, Debug)]
pub(crate) enum Method {
    Mtls(Box<Mtls>),
    /// A name that this version does not serve; the check says so with the principal's name.
    Refused(Refused),
}

#[derive(Clone, Debug)]
pub(crate) enum Refused {
    NotOne,
    Later(String),
    Unknown(String),
}

/// Methods of the sources that this version does not serve.
const LATER: &[&str] = &["bearer", "password", "keyring", "session", "peercred", "jwt"];

impl Shape for Method {
    fn kind() -> String {
        format!("`mtls:` {}", Mtls::kind())
    }

    fn read(reader: &mut Reader<'_>, node: &Node, path: &str) -> Option<Self> {
        let Value::Table(entries) = &node.value else { return Some(Self::Refused(Refused::NotOne)) };
        let [(key, node)] = entries.as_slice() else { return Some(Self::Refused(Refused::NotOne)) };
        let name = key.text.clone();
        match name.as_str() {
            "mtls" => {
                Mtls::read(reader, node, &joined(path, "mtls")).map(|entry| Self::Mtls(Box::new(entry)))
            }
            later if LATER.contains(&later) => Some(Self::Refused(Refused::Later(name))),
            _ => Some(Self::Refused(Refused::Unknown(name))),
        }
    }
}

table! {
    /// A certificate that is this principal. All keys that are written must match; a principal may have several
    /// entries, of which one is enough.
    Mtls at "auth.principals[].methods[].mtls" {
        /// The one common name, exactly. A certificate with two, an empty one or a control byte in it matches none.
        subject_cn: String;
        /// SHA-256 of the public key.
        spki_sha256: PinText;
        /// One of the DNS names, in any letter case.
        san_dns: String;
        /// One of the URIs, exactly; a SPIFFE ID for example.
        san_uri: String;
        /// One of the e-mail addresses; the domain in any letter case.
        san_email: String;
        /// One of the IP addresses.
        san_ip: IpAddr;
        /// SHA-256 of the issuer's public key.
        issuer_spki_sha256: PinText;
        /// One of the organizations (O), exactly.
        subject_o: String;
        /// One of the organizational units (OU), exactly.
        subject_ou: String;
        /// SHA-256 of the whole certificate.
        cert_sha256: Fingerprint;
    }
}

/// A pin, or what was written in its place: the check names the principal that it was written for.
#[derive(Clone, Debug)]
pub(crate) struct PinText(pub(crate) Result<Pin, String>);

impl Shape for PinText {
    fn kind() -> String {
        <Pin as Shape>::kind()
    }

    fn read(reader: &mut Reader<'_>, node: &Node, path: &str) -> Option<Self> {
        let text: String = reader.scalar(node, path)?;
        Some(Self(Pin::parse(&text).map_err(|_| text)))
    }
}

table! {
    /// A rule: who may do what on this database. The highest level of all that speak of a peer counts.
    Grant at "databases[].grants[]" {
        /// The principal, or `"*"` for everyone, anonymous peers too.
        principal: String;
        /// `none`, `read-only`, `read-write` or `admin`.
        level: String;
    }
}

/// The fault of a method entry, in the words of the sources.
pub(crate) fn refused(principal: &str, why: &Refused) -> Fault {
    match why {
        Refused::NotOne => Fault::yours(format!(
            "config: principal {principal:?}: each method entry needs exactly one method name"
        ))
        .remedy("write - mtls: { subject_cn: NAME }"),
        Refused::Later(method) => Fault::yours(format!(
            "config: principal {principal:?}: the method {method:?} is not available in this version"
        ))
        .remedy("use mtls"),
        Refused::Unknown(method) => {
            Fault::yours(format!("config: principal {principal:?}: unknown credential method {method:?}"))
                .remedy("use mtls")
        }
    }
}
