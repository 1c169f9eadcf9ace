//! From DER to what we need of it.

use std::net::IpAddr;

use rustls_pki_types::CertificateDer;
use x509_parser::error::X509Error;
use x509_parser::extensions::{ExtendedKeyUsage, GeneralName, ParsedExtension, X509Extension};
use x509_parser::nom;
use x509_parser::oid_registry::{OID_PKIX_AUTHORITY_INFO_ACCESS, OID_X509_EXT_CRL_DISTRIBUTION_POINTS};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::{Parsed, Said, Usage, services};
use crate::{DistinguishedName, Fingerprint, Identity, Malformed, Pin, San, Serial};

/// 2.5.29.56, noRevAvail.
const NO_REVOCATION: &[u8] = &[0x55, 0x1d, 56];

pub(super) fn parse(der: CertificateDer<'static>) -> Result<Parsed, Malformed> {
    let (rest, x509) = X509Certificate::from_der(&der).map_err(|error| no_certificate(&error))?;
    if !rest.is_empty() {
        return Err(Malformed::new(format!("{} bytes follow the certificate", rest.len())));
    }
    let version = version(&x509)?;
    let extensions = Extensions::read(x509.extensions())?;
    let subject = DistinguishedName::of(x509.subject());
    let spki: Box<[u8]> = x509.public_key().raw.into();
    let identity = Identity {
        common_name: subject.common_name(),
        subject,
        sans: extensions.sans,
        serial: Serial::from_integer(x509.raw_serial())?,
        issuer: DistinguishedName::of(x509.issuer()),
        not_before: x509.validity().not_before.to_datetime(),
        not_after: x509.validity().not_after.to_datetime(),
        spki_sha256: Pin::of_spki(&spki),
    };
    let fingerprint = Fingerprint::of_der(&der);
    let Extensions { is_ca, path_len, usages, said, .. } = extensions;
    drop(x509);
    Ok(Parsed { der, identity, fingerprint, version, is_ca, path_len, usages, spki, said })
}

fn no_certificate(error: &nom::Err<X509Error>) -> Malformed {
    let why = match error {
        nom::Err::Incomplete(_) => "it is cut short".to_owned(),
        nom::Err::Error(error) | nom::Err::Failure(error) => error.to_string(),
    };
    Malformed::new(format!("not an X.509 certificate: {why}"))
}

fn version(x509: &X509Certificate<'_>) -> Result<u8, Malformed> {
    match x509.version().0 {
        0 if x509.extensions().is_empty() => Ok(1),
        0 => Err(Malformed::new("a version 1 certificate cannot have extensions")),
        2 => Ok(3),
        other => Err(Malformed::new(format!("version {} is neither 1 nor 3", u64::from(other) + 1))),
    }
}

#[derive(Default)]
struct Extensions {
    sans: Vec<San>,
    is_ca: bool,
    path_len: Option<u32>,
    usages: Option<Vec<Usage>>,
    said: Said,
}

impl Extensions {
    fn read(extensions: &[X509Extension<'_>]) -> Result<Self, Malformed> {
        let mut read = Self::default();
        for (n, extension) in extensions.iter().enumerate() {
            if extensions.iter().take(n).any(|earlier| earlier.oid == extension.oid) {
                return Err(Malformed::new(format!("the extension {} comes twice", extension.oid)));
            }
            match extension.parsed_extension() {
                ParsedExtension::BasicConstraints(basic) => {
                    read.is_ca = basic.ca;
                    read.path_len = basic.path_len_constraint;
                }
                ParsedExtension::ExtendedKeyUsage(usage) => read.usages = Some(usages(usage)),
                ParsedExtension::SubjectAlternativeName(names) => {
                    read.sans = names.general_names.iter().map(san).collect::<Result<_, _>>()?;
                }
                ParsedExtension::ParseError { .. } if matters(extension) => {
                    return Err(Malformed::new(format!("the extension {} cannot be read", extension.oid)));
                }
                _ => read.said.note(extension)?,
            }
        }
        Ok(read)
    }
}

impl Said {
    fn note(&mut self, extension: &X509Extension<'_>) -> Result<(), Malformed> {
        match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(id) => self.subject_key_id = Some(id.0.into()),
            ParsedExtension::AuthorityKeyIdentifier(authority) => {
                self.authority_key_id = authority.key_identifier.as_ref().map(|id| id.0.into());
            }
            ParsedExtension::KeyUsage(usage) => self.signs_lists = Some(usage.crl_sign()),
            _ if extension.oid == OID_X509_EXT_CRL_DISTRIBUTION_POINTS => {
                self.crl_uris = services::distribution_points(extension.value)?;
            }
            _ if extension.oid == OID_PKIX_AUTHORITY_INFO_ACCESS => {
                (self.ocsp_uris, self.issuer_uris) = services::access(extension.value)?;
            }
            _ if extension.oid.as_bytes() == NO_REVOCATION => self.no_revocation = true,
            _ => {}
        }
        Ok(())
    }
}

/// Whether a verdict may hang on the extension, so that one which cannot be read must not be passed over.
fn matters(extension: &X509Extension<'_>) -> bool {
    const KEY_USAGE: &str = "2.5.29.15";
    const ALTERNATIVE_NAME: &str = "2.5.29.17";
    const BASIC_CONSTRAINTS: &str = "2.5.29.19";
    const NAME_CONSTRAINTS: &str = "2.5.29.30";
    const EXTENDED_KEY_USAGE: &str = "2.5.29.37";
    let id = extension.oid.to_id_string();
    extension.critical
        || [KEY_USAGE, ALTERNATIVE_NAME, BASIC_CONSTRAINTS, NAME_CONSTRAINTS, EXTENDED_KEY_USAGE]
            .contains(&id.as_str())
}

fn usages(usage: &ExtendedKeyUsage<'_>) -> Vec<Usage> {
    let named = [
        (usage.server_auth, Usage::ServerAuth),
        (usage.client_auth, Usage::ClientAuth),
        (usage.any, Usage::Any),
        (usage.code_signing, Usage::Other("1.3.6.1.5.5.7.3.3".to_owned())),
        (usage.email_protection, Usage::Other("1.3.6.1.5.5.7.3.4".to_owned())),
        (usage.time_stamping, Usage::Other("1.3.6.1.5.5.7.3.8".to_owned())),
        (usage.ocsp_signing, Usage::Other("1.3.6.1.5.5.7.3.9".to_owned())),
    ];
    let others = usage.other.iter().map(|oid| Usage::Other(oid.to_id_string()));
    named.into_iter().filter_map(|(present, usage)| present.then_some(usage)).chain(others).collect()
}

fn san(name: &GeneralName<'_>) -> Result<San, Malformed> {
    let san = match name {
        GeneralName::DNSName(name) => San::Dns((*name).to_owned()),
        GeneralName::URI(uri) => San::Uri((*uri).to_owned()),
        GeneralName::RFC822Name(address) => San::Email((*address).to_owned()),
        GeneralName::IPAddress(bytes) => San::Ip(address(bytes)?),
        GeneralName::OtherName(oid, _) => San::Other(oid.to_id_string()),
        GeneralName::DirectoryName(name) => San::Other(DistinguishedName::of(name).to_string()),
        GeneralName::RegisteredID(oid) => San::Other(oid.to_id_string()),
        GeneralName::X400Address(_) => San::Other("x400Address".to_owned()),
        GeneralName::EDIPartyName(_) => San::Other("ediPartyName".to_owned()),
        GeneralName::Invalid(..) => return Err(Malformed::new("a subject alternative name cannot be read")),
    };
    match &san {
        San::Dns(text) | San::Uri(text) | San::Email(text) if text.chars().any(char::is_control) => {
            Err(Malformed::new("a subject alternative name contains a control character"))
        }
        _ => Ok(san),
    }
}

fn address(bytes: &[u8]) -> Result<IpAddr, Malformed> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Ok(four.into());
    }
    <[u8; 16]>::try_from(bytes).map(IpAddr::from).map_err(|_| {
        Malformed::new(format!("an IP address of {} bytes is neither IPv4 nor IPv6", bytes.len()))
    })
}
