//! tls-alpn-01 (RFC 8737), and TLS to servers whose certificate does not matter.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ::wire::acme::challenge::{ACME_IDENTIFIER, ALPN, key_authorization_digest};
use ::wire::acme::{Identifier, Problem, Trouble};
use identity::{Certificate, San};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::Validator;

/// Shakes hands and looks at the certificate.
pub(super) async fn prove(
    validator: &Validator<'_>,
    name: &Identifier,
    expected: &str,
) -> Result<(), Problem> {
    let tcp = validator.reach.open(name, validator.settings.tls_port).await?;
    let stream = over(tcp, name, &[ALPN]).await?;
    let (_, session) = stream.get_ref();
    if session.alpn_protocol() != Some(ALPN) {
        return Err(wrong(name, "the server does not speak acme-tls/1"));
    }
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

/// TLS over a connection. Nothing is believed of the certificate.
pub(super) async fn over(
    tcp: TcpStream,
    name: &Identifier,
    alpn: &[&[u8]],
) -> Result<TlsStream<TcpStream>, Problem> {
    let failed = |why: String| Problem::new(Trouble::Tls, format!("{name}: {why}"));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate))
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    // RFC 8738 §6: an address is asked for by the name that leads back from it.
    let sni = match (name, alpn.is_empty()) {
        (Identifier::Ip(address), false) => ServerName::try_from(reverse(*address)),
        (name, _) => ServerName::try_from(name.to_string()),
    }
    .map_err(|_| failed("it is no name for TLS".to_owned()))?;
    match tokio::time::timeout(HANDSHAKE, TlsConnector::from(Arc::new(config)).connect(sni, tcp)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(failed(format!("the handshake failed: {error}"))),
        Err(_) => Err(failed(format!("the handshake was not over within {} s", HANDSHAKE.as_secs()))),
    }
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

/// Takes every certificate, and believes only that the server holds its key.
#[derive(Debug)]
struct AnyCertificate;

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        identity::verify_tls12_signature(certificate, signed.scheme, message, signed.signature())
            .map(|()| HandshakeSignatureValid::assertion())
            .map_err(|why| rustls::Error::General(why.to_string()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        identity::verify_tls13_signature(certificate, signed.scheme, message, signed.signature())
            .map(|()| HandshakeSignatureValid::assertion())
            .map_err(|why| rustls::Error::General(why.to_string()))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        identity::handshake_schemes()
    }
}

const HANDSHAKE: Duration = Duration::from_secs(5);
