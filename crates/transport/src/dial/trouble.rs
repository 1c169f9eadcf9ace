//! What went wrong when a connection to a server failed, and what to do about it.

use std::io;
use std::time::Duration;

use fault::{Code, Fault, Place, Refusal};
use rustls::{AlertDescription, Error};

use crate::tls::HelloId;

/// A server as faults name it.
pub(super) fn target(host: &str, port: u16) -> String {
    if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

pub(super) fn timeout(target: &str, after: Duration) -> Fault {
    Fault::theirs(format!("{target} did not answer within {} s", after.as_secs_f32()))
        .at(Place::Name(target.to_owned()))
        .remedy("check the address, the route to it, and firewalls that drop without a word")
}

/// The TCP connection failed.
pub(super) fn of_connect(target: &str, error: &io::Error) -> Fault {
    let (what, remedy) = match error.kind() {
        io::ErrorKind::ConnectionRefused => (
            format!("connection to {target} refused"),
            "nobody listens there: start the server, or correct the port",
        ),
        io::ErrorKind::TimedOut => {
            (format!("{target} did not answer"), "check the address, the route to it, and firewalls")
        }
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            (format!("no route to {target}"), "check the address and the network")
        }
        _ => (
            format!("cannot connect to {target}"),
            "check that the host name resolves and the address is right",
        ),
    };
    Fault::theirs(what).at(Place::Name(target.to_owned())).because(error).remedy(remedy)
}

/// We did not accept the server's certificate.
#[must_use]
pub fn of_refusal(target: &str, refusal: &Refusal) -> Fault {
    let (what, remedy) = match refusal.code() {
        Code::UnknownIssuer => (
            "certificate signed by unknown authority",
            "pass the authority that issued the server's certificate (--cacert, sslrootcert, ssl_rootcert)",
        ),
        Code::NameNotAllowed => (
            "certificate is not for this host",
            "connect by a name that the certificate carries, or issue one with this name among its subject alternative names",
        ),
        Code::CertificateExpired => (
            "certificate has expired",
            "renew the server's certificate (openssl x509 -enddate -noout -in FILE shows its end), or set this machine's clock",
        ),
        Code::CertificateNotYetValid => {
            ("certificate is not yet valid", "compare the clocks of both machines")
        }
        code => (code.sentence(), code.remedy()),
    };
    Fault::theirs(format!("certificate verify failed: server {target}: {what}"))
        .at(Place::Name(target.to_owned()))
        .because(refusal.cause())
        .remedy(remedy)
}

/// The TLS handshake failed for another reason than our own no.
pub(super) fn of_handshake(target: &str, error: &io::Error, hello: Option<HelloId>) -> Fault {
    if let Some(fault) = of_io(target, error) {
        return known_as(fault, hello);
    }
    let ended = error.kind() == io::ErrorKind::UnexpectedEof;
    let remedy = if ended {
        "the server closed in the middle of the handshake: see its log"
    } else {
        "check that the port speaks TLS, and that both sides share a version of it"
    };
    let fault = Fault::theirs(format!("TLS handshake with {target} failed"))
        .at(Place::Name(target.to_owned()))
        .because(error)
        .remedy(remedy);
    known_as(fault, hello.filter(|_| ended))
}

/// Adds to a fault the id that a server of ours knows the handshake by: it has the cause, and TLS only lets it send an
/// alert.
#[must_use]
pub fn known_as(fault: Fault, hello: Option<HelloId>) -> Fault {
    let Some(hello) = hello else { return fault };
    let ask = format!("ask whoever runs the server: countersign explain {hello}");
    let remedy = fault.remedy_text().map_or_else(|| ask.clone(), |first| format!("{first}; or {ask}"));
    fault.because(format!("the server may know this handshake as {hello}")).remedy(remedy)
}

/// The fault behind an I/O error on a TLS connection, where a TLS alert is behind it.
///
/// With TLS 1.3 a client learns only at its first read that the server did not accept its certificate; whoever reads
/// from a new connection asks here what the error means.
#[must_use]
pub fn of_io(target: &str, error: &io::Error) -> Option<Fault> {
    let tls = error.get_ref()?.downcast_ref::<Error>()?;
    let Error::AlertReceived(alert) = tls else {
        return matches!(tls, Error::NoApplicationProtocol | Error::PeerIncompatible(_)).then(|| {
            refused(target, "no common protocol", "see which versions and protocols the server speaks")
                .because(tls)
        });
    };
    let (why, remedy) = told(*alert);
    Some(refused(target, why, remedy).because(tls))
}

fn refused(target: &str, why: &str, remedy: &str) -> Fault {
    Fault::theirs(format!("server {target} refused the connection: {why}"))
        .at(Place::Name(target.to_owned()))
        .remedy(remedy)
}

fn told(alert: AlertDescription) -> (&'static str, &'static str) {
    match alert {
        AlertDescription::CertificateRequired => (
            "it requires a client certificate (alert certificate required)",
            "pass a certificate and its key (--cert and --key, sslcert and sslkey)",
        ),
        AlertDescription::UnknownCA => (
            "it does not trust the authority of our certificate (unknown ca)",
            "use a certificate from an authority in the server's client_ca, and send its intermediates",
        ),
        AlertDescription::CertificateExpired => (
            "our certificate has expired (certificate expired)",
            "renew it: openssl x509 -enddate -noout -in FILE shows its end",
        ),
        AlertDescription::CertificateRevoked => {
            ("our certificate has been revoked (certificate revoked)", "get a new certificate with a new key")
        }
        AlertDescription::UnsupportedCertificate => (
            "our certificate is not for clients (unsupported certificate)",
            "use a certificate with extended key usage clientAuth, or without the extension",
        ),
        AlertDescription::BadCertificate => (
            "it does not accept our certificate (bad certificate)",
            "see the server's log for the cause: a name, a weak key, or a start in the future",
        ),
        AlertDescription::ProtocolVersion => (
            "it speaks no version of TLS that we offer (protocol version)",
            "allow TLS 1.2 or 1.3 on both sides",
        ),
        AlertDescription::NoApplicationProtocol => (
            "it speaks none of the application protocols that we offer (no application protocol)",
            "check that this port is the one for what you want to speak",
        ),
        _ => ("it sent a TLS alert", "see the server's log for the cause"),
    }
}
