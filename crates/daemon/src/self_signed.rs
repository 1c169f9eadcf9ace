//! A certificate that vouches for itself: for development only.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fault::Fault;
use identity::{Certificate, Credential, KeyKind, PrivateKey};
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, SanType};
use time::{Duration, OffsetDateTime};

/// Makes a server credential for localhost, the loopback addresses and `hosts`, good for a year.
///
/// # Errors
/// When a host is not a name or address, or the system gives no randomness.
pub(crate) fn self_signed(hosts: &[String], now: OffsetDateTime) -> Result<Credential, Fault> {
    let made =
        |error: &dyn std::fmt::Display| Fault::yours("cannot make a self-signed certificate").because(error);
    let mut names = vec!["localhost".to_owned()];
    names.extend_from_slice(hosts);
    let mut params = CertificateParams::new(names).map_err(|error| made(&error))?;
    for loopback in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
        params.subject_alt_names.push(SanType::IpAddress(loopback));
    }
    params.distinguished_name.push(DnType::CommonName, "localhost");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.not_before = now - Duration::minutes(5);
    params.not_after = now + Duration::days(365);
    let key = PrivateKey::generate(KeyKind::EcdsaP256).map_err(|error| made(&error))?;
    let pair = KeyPair::try_from(key.der()).map_err(|error| made(&error))?;
    let signed = params.self_signed(&pair).map_err(|error| made(&error))?;
    let certificate = Certificate::from_der(signed.der().clone()).map_err(|error| made(&error))?;
    Credential::new(vec![certificate], key).map_err(|error| made(&error))
}
