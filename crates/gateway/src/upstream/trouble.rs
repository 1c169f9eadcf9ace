//! Why a server behind the door was not entered, and what to do about it.

use std::io;
use std::time::Duration;

use fault::{Code, Fault, Place, Refusal};
use identity::Verified;

use super::places::Full;
use super::said::Said;
use super::{Identifies, UpstreamSpec, Wanted};

/// Why there is no link to an upstream.
#[derive(Debug)]
pub(crate) struct Unreached {
    why: Why,
    fault: Box<Fault>,
    /// Whether libpq would try the other way of a mode that has two.
    may_fall_back: bool,
    /// Whether all that the server minds is a setting which the client has sent along.
    minds_a_setting: bool,
}

/// The kinds of failure that a client hears of, told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// Nobody answers, or somebody else does.
    Unreachable,
    /// Nothing came in time.
    Slow,
    /// The server does not let us in.
    Refused,
    /// There are as many connections as there may be.
    Full,
}

impl Unreached {
    pub(super) fn new(why: Why, fault: Fault) -> Self {
        Self { why, fault: Box::new(fault), may_fall_back: false, minds_a_setting: false }
    }

    pub(super) fn falling_back(self, may: bool) -> Self {
        Self { may_fall_back: may, ..self }
    }

    pub(super) fn may_fall_back(&self) -> bool {
        self.may_fall_back
    }

    /// What failed before, in another way of the same mode.
    pub(super) fn after(self, before: &Self) -> Self {
        let before = before.fault.causes().first().map_or(before.fault.what(), String::as_str);
        let fault = self.fault.because(format!("before that, the other way: {before}"));
        Self { fault: Box::new(fault), ..self }
    }

    pub(crate) fn why(&self) -> Why {
        self.why
    }

    /// What the client can do about it, where that is more than to ask an operator.
    pub(crate) fn remedy_of_the_client(&self) -> Option<&'static str> {
        self.minds_a_setting.then_some(MIND_THE_SETTINGS)
    }
}

impl Why {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Slow => "slow",
            Self::Refused => "refused",
            Self::Full => "full",
        }
    }

    fn code(self) -> Code {
        match self {
            Self::Unreachable => Code::UpstreamUnreachable,
            Self::Slow => Code::UpstreamSlow,
            Self::Refused => Code::UpstreamRefused,
            Self::Full => Code::TooManyConnections,
        }
    }
}

impl From<Unreached> for Refusal {
    fn from(Unreached { why, fault, minds_a_setting, .. }: Unreached) -> Self {
        let mut cause = fault.what().to_owned();
        for because in fault.causes() {
            cause.push_str(": ");
            cause.push_str(because);
        }
        if let Some(remedy) = fault.remedy_text() {
            cause.push_str("; ");
            cause.push_str(remedy);
        }
        let refusal = Self::new(why.code(), cause);
        match minds_a_setting {
            true => refusal.saying("the database's server refuses a setting of the start-up message"),
            false => refusal,
        }
    }
}

/// A fault of an upstream.
pub(super) fn of(spec: &UpstreamSpec, what: &str) -> Fault {
    Fault::theirs(format!("service {:?} at {}: {what}", &*spec.service, spec.address))
        .at(Place::Name(spec.service.to_string()))
}

/// Nobody answers, or the connection broke.
pub(super) fn unreachable(spec: &UpstreamSpec, error: &io::Error) -> Unreached {
    let (what, remedy) = match error.kind() {
        io::ErrorKind::ConnectionRefused => (
            "the connection was refused",
            "nobody listens there: start PostgreSQL, or correct the service's address",
        ),
        io::ErrorKind::NotFound => {
            ("there is no such socket", "start PostgreSQL, or correct the service's address")
        }
        io::ErrorKind::PermissionDenied => (
            "the socket may not be opened",
            "let this process write to it: unix_socket_permissions, unix_socket_group",
        ),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            ("the server closed the connection", "see the server's log for the cause")
        }
        _ => ("the connection failed", "check that the host name resolves, the route to it, and firewalls"),
    };
    Unreached::new(Why::Unreachable, of(spec, what).because(error).remedy(remedy))
}

/// What was read is not what a server may say here.
pub(super) fn strange(spec: &UpstreamSpec, what: &str) -> Unreached {
    let fault = of(spec, what)
        .remedy("correct the service's address: what answers there is no PostgreSQL, or is broken");
    Unreached::new(Why::Unreachable, fault)
}

/// A read or write failed while we signed in; behind it may be a TLS alert, by which a server tells its opinion of our
/// certificate.
pub(super) fn of_io(spec: &UpstreamSpec, error: &io::Error) -> Unreached {
    match transport::dial::trouble::of_io(&spec.address.to_string(), error) {
        Some(fault) => Unreached::new(Why::Refused, fault),
        None if error.kind() == io::ErrorKind::InvalidData => strange(spec, &error.to_string()),
        None => unreachable(spec, error),
    }
}

/// Nothing came in time.
pub(super) fn slow(spec: &UpstreamSpec, after: Duration) -> Unreached {
    let what = format!("it did not let us in within {} s", after.as_secs_f32());
    let fault = of(spec, &what)
        .remedy("look at the server's load, the route to it, and firewalls that drop without a word; connect_timeout says how long to wait");
    Unreached::new(Why::Slow, fault)
}

/// Nobody took the connection in time.
pub(super) fn silent(spec: &UpstreamSpec, after: Duration) -> Unreached {
    let what = format!("nobody took the connection within {} s", after.as_secs_f32());
    let fault = of(spec, &what)
        .remedy("check the service's address, the route to it, and firewalls that drop without a word");
    Unreached::new(Why::Unreachable, fault)
}

/// There are as many connections as there may be.
pub(super) fn full(spec: &UpstreamSpec, full: Full, wanted: &Wanted<'_>) -> Unreached {
    let (what, key) = match full {
        Full::All => {
            (format!("it has {} connections, the most that there may be", spec.most), "max_connections")
        }
        Full::Own => (
            format!(
                "{} has {} connections to it, the most that one principal may have",
                wanted
                    .principal
                    .map_or_else(|| "whoever has no name".to_owned(), |name| format!("principal {name:?}")),
                spec.most_per_principal
            ),
            "max_connections_per_principal",
        ),
    };
    let fault = of(spec, &what).remedy(format!("close connections that are not needed, or raise {key}"));
    Unreached::new(Why::Full, fault)
}

/// The handshake failed, or the server is not who it should be.
pub(super) fn of_tls(spec: &UpstreamSpec, fault: Fault) -> Unreached {
    let service = format!("the connection to service {:?}", &*spec.service);
    let refused = fault.what().contains("refused the connection");
    Unreached::new(if refused { Why::Refused } else { Why::Unreachable }, fault.because(service))
        .falling_back(true)
}

/// The server's authority has a service that must be asked about its certificate, and nobody is there to ask it.
pub(super) fn unanswered(spec: &UpstreamSpec, verified: &Verified) -> Unreached {
    let what = format!(
        "whether the server's certificate is revoked is not known for {} certificate(s) of its chain",
        verified.unanswered().len()
    );
    let fault = of(spec, &what).remedy("give the authority's list as a file: ssl_crl");
    Unreached::new(Why::Unreachable, fault)
}

/// The mode wants TLS.
pub(super) fn without_tls(spec: &UpstreamSpec) -> Unreached {
    let fault = of(spec, "the server does not support TLS").remedy(
        "turn it on in the server's postgresql.conf: ssl = on, ssl_cert_file, ssl_key_file, ssl_ca_file",
    );
    Unreached::new(Why::Unreachable, fault)
}

/// We do not sign in that way.
pub(super) fn will_not(spec: &UpstreamSpec, what: &str, remedy: &str) -> Unreached {
    Unreached::new(Why::Refused, of(spec, what).remedy(remedy))
}

/// The server said "no" in its own words.
pub(super) fn of_server(spec: &UpstreamSpec, wanted: &Wanted<'_>, said: &Said) -> Unreached {
    let not_now = said.sqlstate.starts_with("57P");
    let why = if not_now { Why::Unreachable } else { Why::Refused };
    let what = if not_now { "the server is not ready" } else { "the server refused the sign-in" };
    let fault = of(spec, what).because(said.shown()).remedy(remedy(spec, wanted, said));
    Unreached { minds_a_setting: minds_a_setting(wanted, said), ..Unreached::new(why, fault) }
}

/// Whether the server has let the role in, and minds what the client wants to be set.
fn minds_a_setting(wanted: &Wanted<'_>, said: &Said) -> bool {
    let of_settings = match said.sqlstate.as_str() {
        // invalid_parameter_value, undefined_object, cant_change_runtime_param, syntax_error (of `options`)
        "22023" | "42704" | "55P02" | "42601" => true,
        "42501" => said.message.starts_with("permission denied to set"),
        _ => false,
    };
    of_settings && !wanted.parameters.is_empty()
}

fn remedy(spec: &UpstreamSpec, wanted: &Wanted<'_>, said: &Said) -> String {
    let (role, database) = (wanted.role.name(), &*spec.database);
    let message = said.message.as_str();
    match said.sqlstate.as_str() {
        _ if minds_a_setting(wanted, said) => "the client has sent that setting along: it leaves it out".to_owned(),
        _ if message.contains("requires a valid client certificate") => {
            "present one: identity: per_principal, or ssl_cert and ssl_key in the service".to_owned()
        }
        _ if message.contains("certificate authentication failed") => certificate(spec, wanted),
        _ if message.contains("no pg_hba.conf entry") => hba(spec, role),
        "28P01" => format!("correct the service's password, or set it in the server: \\password {role}"),
        "28000" if message.contains("does not exist") => format!("make the role there: CREATE ROLE {role} LOGIN"),
        "28000" if message.contains("not permitted to log in") => format!("let it: ALTER ROLE {role} LOGIN"),
        "3D000" => format!("make it: CREATE DATABASE {database}, or correct the service's database"),
        "42501" => format!("let the role in: GRANT CONNECT ON DATABASE {database} TO {role}"),
        "53300" => "raise the server's max_connections or the role's CONNECTION LIMIT, or lower the service's max_connections".to_owned(),
        code if code.starts_with("57P") => "the server is starting or stopping: try again in a moment".to_owned(),
        _ => "see the server's log for the cause".to_owned(),
    }
}

/// Names the line that is missing, where the server does not take the name in our certificate for the role.
fn certificate(spec: &UpstreamSpec, wanted: &Wanted<'_>) -> String {
    let role = wanted.role.name();
    let name = match &spec.identity {
        Identifies::PerPrincipal(_) => wanted.principal.map(str::to_owned),
        Identifies::Shared(shared) => shared
            .credential
            .as_ref()
            .and_then(|credential| credential.leaf().identity().common_name().one().map(str::to_owned)),
    };
    let name = name.unwrap_or_else(|| "NAME".to_owned());
    if name == role {
        return "the certificate carries the role's name: see the server's log, ssl_ca_file there must hold its authority"
            .to_owned();
    }
    format!(
        "add to the server's pg_ident.conf: countersign {} {} (with \"cert map=countersign\" in pg_hba.conf), and reload it",
        quoted(&name),
        quoted(role)
    )
}

fn hba(spec: &UpstreamSpec, role: &str) -> String {
    let (kind, address, method) = match (&spec.address, &spec.identity) {
        (super::UpstreamAddress::Unix(_), _) => ("local", "", "scram-sha-256"),
        (_, Identifies::PerPrincipal(_)) => ("hostssl", " ADDRESS/32", "cert map=countersign"),
        (_, Identifies::Shared(shared)) if shared.password.is_some() => {
            ("hostssl", " ADDRESS/32", "scram-sha-256")
        }
        _ => ("hostssl", " ADDRESS/32", "cert"),
    };
    format!(
        "let it in, in the server's pg_hba.conf: {kind} {} {}{address} {method}; a hostssl line asks for sslmode require or better",
        quoted(&spec.database),
        quoted(role)
    )
}

/// A name as the server's own files want it.
fn quoted(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '@');
    if !name.is_empty() && name.chars().all(plain) {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

const MIND_THE_SETTINGS: &str = "leave out or correct what is set at the start: options, PGOPTIONS, client_encoding, search_path and the like";
