//! What went wrong between us and the server, and what to do about it.

use std::io;

use fault::{Fault, Place, Refusal};
use ledger::LedgerError;
use tokio_postgres::error::SqlState;

use crate::spec::PostgresSpec;

/// A fault of the ledger's server.
pub(crate) fn of(spec: &PostgresSpec, what: &str) -> Fault {
    Fault::theirs(format!("the ledger on {} cannot be used: {what}", spec.target()))
        .at(Place::Name(spec.address.to_string()))
}

/// Nobody answers, or the connection broke.
pub(crate) fn unreachable(spec: &PostgresSpec, error: &io::Error) -> Fault {
    let (what, remedy) = match error.kind() {
        io::ErrorKind::ConnectionRefused => (
            "the connection was refused",
            "nobody listens there: start PostgreSQL, or correct host and port in ledger.url",
        ),
        io::ErrorKind::NotFound => {
            ("there is no such socket", "start PostgreSQL, or correct host and port in ledger.url")
        }
        io::ErrorKind::UnexpectedEof => {
            ("the server closed the connection", "see the server's log for the cause")
        }
        _ => ("the connection failed", "check that the host name resolves, the route to it, and firewalls"),
    };
    of(spec, what).because(error).remedy(remedy)
}

/// The server did not answer in time.
pub(crate) fn silent(spec: &PostgresSpec) -> Fault {
    of(spec, &format!("it did not answer within {} s", spec.connect_timeout.as_secs()))
        .remedy("check the address, the route to it, and firewalls that drop without a word; connect_timeout in ledger.url says how long to wait")
}

/// TLS failed: what the dialling says, and of whom we would have believed it.
pub(crate) fn of_tls(spec: &PostgresSpec, fault: Fault) -> Fault {
    let fault = match anchors(spec) {
        Some(held) if fault.what().contains("certificate verify failed") => {
            fault.because(format!("{held} is what sslrootcert names"))
        }
        Some(_) | None => fault,
    };
    fault.because("the connection to the ledger")
}

/// The server's authority was asked, and the answer, or that there is none, keeps us from it.
pub(crate) fn of_server(spec: &PostgresSpec, refusal: &Refusal) -> Fault {
    transport::dial::trouble::of_refusal(&spec.address.to_string(), refusal)
        .because("the connection to the ledger")
}

fn anchors(spec: &PostgresSpec) -> Option<String> {
    use crate::spec::Protection::{Chain, Encrypted, Full, Plaintext};
    let root = match &spec.protection {
        Chain(root) | Full(root) => root,
        Encrypted | Plaintext => return None,
    };
    let held = files::load_certificates(root).ok()?;
    let names: Vec<String> = held.iter().map(|held| format!("\"{}\"", held.identity().subject())).collect();
    Some(format!("the authority {} in {}", names.join(", "), root.display()))
}

/// The server answered "no" while we signed in.
pub(crate) fn of_sign_in(spec: &PostgresSpec, error: &tokio_postgres::Error) -> Fault {
    let Some(told) = error.as_db_error() else {
        return match source(error) {
            Some(io) => alert(spec, io),
            None => {
                of(spec, "the sign-in failed").because(error).remedy("see the server's log for the cause")
            }
        };
    };
    let message = told.message();
    let remedy = match told.code() {
        _ if message.contains("requires a valid client certificate") => {
            "present one: sslcert and sslkey in ledger.url, or COUNTERSIGN_SSL_CERT and COUNTERSIGN_SSL_KEY"
                .to_owned()
        }
        _ if message.contains("certificate authentication failed") => format!(
            "the certificate's common name must be the user's name: write the user that it names in ledger.url, or issue one for \"{}\"",
            spec.user
        ),
        _ if message.contains("no pg_hba.conf entry") => {
            format!(
                "let the user in, in the server's pg_hba.conf: hostssl {} {} ADDRESS/32 cert clientcert=verify-full",
                spec.database, spec.user
            )
        }
        code if *code == SqlState::INVALID_CATALOG_NAME => {
            format!("make it: CREATE DATABASE {} OWNER {}", spec.database, spec.user)
        }
        code if *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION
            && message.contains("does not exist") =>
        {
            format!("make the user: CREATE USER {}", spec.user)
        }
        code if *code == SqlState::TOO_MANY_CONNECTIONS => {
            "a node has up to five connections: raise max_connections, or the user's CONNECTION LIMIT"
                .to_owned()
        }
        code if *code == SqlState::CANNOT_CONNECT_NOW => {
            "the server is starting or stopping: try again in a moment".to_owned()
        }
        _ => "see the server's log for the cause".to_owned(),
    };
    of(spec, "the server refused the sign-in")
        .because(format!("{}:  {message}", told.severity()))
        .remedy(remedy)
}

/// With TLS 1.3 a server's opinion of our certificate arrives as an alert on what we read first.
fn alert(spec: &PostgresSpec, error: &io::Error) -> Fault {
    match transport::dial::trouble::of_io(&spec.address.to_string(), error) {
        Some(fault) => fault.because("the connection to the ledger"),
        None => unreachable(spec, error),
    }
}

fn source(error: &tokio_postgres::Error) -> Option<&io::Error> {
    let mut cause = std::error::Error::source(error);
    while let Some(found) = cause {
        if let Some(io) = found.downcast_ref() {
            return Some(io);
        }
        cause = found.source();
    }
    None
}

/// A statement failed: in the server's words where it had any.
pub(crate) fn storage(error: &tokio_postgres::Error) -> LedgerError {
    LedgerError::Storage(words(error))
}

/// What a failure says of itself, down to its cause.
pub(crate) fn words(error: &tokio_postgres::Error) -> String {
    if let Some(told) = error.as_db_error() {
        return format!("{} ({})", told.message(), told.code().code());
    }
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(found) = cause {
        words.push_str(": ");
        words.push_str(&found.to_string());
        cause = found.source();
    }
    words
}
