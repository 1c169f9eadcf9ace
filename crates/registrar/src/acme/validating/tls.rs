//! tls-alpn-01 (RFC 8737), and TLS to servers whose certificate does not matter.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ::wire::acme::challenge::{ACME_IDENTIFIER, ALPN, key_authorization_digest};
use ::wire::acme::{Identifier, Problem, Trouble};
use identity::{Certificate, San};
use rustls_pki_types::CertificateDer;
use tokio::net::TcpStream;
use transport::{Dial, DialSpec, Dialled, ServerTrust, SystemClock, TlsVersion};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::Validator;
use crate::acme::reply::internal;

/// Shakes hands and looks at the certificate.
pub(super) async fn prove(
    validator: &Validator<'_>,
    name: &Identifier,
    expected: &str,
) -> Result<(), Problem> {
    let tcp = validator.reach.open(name, validator.settings.tls_port).await?;
    let dialled = over(tcp, name, &[ALPN]).await?;
    if dialled.alpn.as_deref() != Some(ALPN) {
        return Err(wrong(name, "the server does not speak acme-tls/1"));
    }
    let (_, session) = dialled.stream.get_ref();
    let presented = session.peer_certificates().and_then(|chain| chain.first());
    let presented = presented.ok_or_else(|| wrong(name, "the server shows no certificate"))?;
    check(name, presented, &key_authorization_digest(expected)).map_err(|why| wrong(name, why))
}

/// RFC 8737 §3: self-signed, for this name and no other, with the digest in a critical extension.
pub(super) fn check(
    name: &Identifier,
    der: &CertificateDer<'_>,
    digest: &[u8; 32],
) -> Result<(), &'static str> {
    let certificate =
        Certificate::from_der(der.clone().into_owned()).map_err(|_| "the certificate cannot be read")?;
    if !certificate.is_self_signed() {
        return Err("the certificate is not signed with its own key");
    }
    let named = match (certificate.identity().sans(), name) {
        ([San::Dns(san)], Identifier::Dns(name)) => san.eq_ignore_ascii_case(name),
        ([San::Ip(san)], Identifier::Ip(address)) => san == address,
        _ => false,
    };
    if !named {
        return Err("the certificate is not for exactly this name");
    }
    let (_, parsed) = X509Certificate::from_der(der).map_err(|_| "the certificate cannot be read")?;
    let mut found = parsed.extensions().iter().filter(|one| one.oid.to_id_string() == ACME_IDENTIFIER);
    let extension = found.next().ok_or("the certificate has no acmeIdentifier")?;
    if !extension.critical {
        return Err("the acmeIdentifier is not critical");
    }
    match identity::der::content(identity::der::OCTET_STRING, extension.value) {
        Some((said, [])) if said == digest => Ok(()),
        _ => Err("the acmeIdentifier is of another key authorization"),
    }
}

/// TLS over a connection. Nothing is believed of the certificate but that the server holds its key.
pub(super) async fn over(tcp: TcpStream, name: &Identifier, alpn: &[&[u8]]) -> Result<Dialled, Problem> {
    let spec = DialSpec {
        trust: ServerTrust::Nothing,
        pins: Vec::new(),
        credential: None,
        alpn: alpn.iter().map(|protocol| protocol.to_vec()).collect(),
        min_version: TlsVersion::Tls12,
        timeout: HANDSHAKE,
        // No certificate is judged by it.
        clock: Arc::new(SystemClock),
    };
    // RFC 8738 §6: an address is asked for by the name that leads back from it.
    let sni = match (name, alpn.is_empty()) {
        (Identifier::Ip(address), false) => reverse(*address),
        (name, _) => name.to_string(),
    };
    let dial = Dial::new(spec).map_err(|fault| internal(&fault))?;
    dial.over(tcp, &sni).await.map_err(|fault| {
        let why = fault.causes().first().map_or(fault.what(), String::as_str);
        Problem::new(Trouble::Tls, format!("{name}: the handshake failed: {why}"))
    })
}

/// The name below `arpa` of an address.
fn reverse(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(address) => {
            let digits = address.octets().into_iter().rev();
            let digits: String = digits.map(|byte| format!("{:x}.{:x}.", byte & 0xf, byte >> 4)).collect();
            format!("{digits}ip6.arpa")
        }
    }
}

fn wrong(name: &Identifier, why: &str) -> Problem {
    Problem::new(Trouble::IncorrectResponse, format!("{name}: {why}"))
}

const HANDSHAKE: Duration = Duration::from_secs(5);
