use fault::Fault;
use identity::{KeyKind, Pin, PrivateKey, San};
use rcgen::{PublicKeyData, SubjectPublicKeyInfo};
use rustls_pki_types::CertificateSigningRequestDer;
use rustls_pki_types::pem::PemObject;
use time::Duration;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::extensions::{ExtendedKeyUsage, GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

use crate::names::Names;
use crate::possession;

/// What is asked for: a public key whose holder has proved to have the private one, names, and maybe a lifetime.
///
/// What kind of certificate comes of it is for the [`Profile`](crate::Profile) to say; of a CSR's extensions only
/// the alternative names are looked at.
#[derive(Clone, Debug)]
pub struct Request {
    key: SubjectPublicKeyInfo,
    spki: Pin,
    kind: KeyKind,
    names: Names,
    lifetime: Option<Duration>,
    passed_over: Vec<String>,
}

impl Request {
    /// Reads a CSR (PKCS #10; PEM or DER) and checks that it was signed with the key it asks to have certified.
    ///
    /// # Errors
    /// Where it cannot be read, is signed by another key or with SHA-1 or MD5, has a key that we do not certify, or
    /// asks for a name that cannot be written.
    pub fn from_csr(csr: &[u8]) -> Result<Self, Fault> {
        let der = der_of(csr)?;
        let (rest, csr) = X509CertificationRequest::from_der(&der).map_err(unreadable)?;
        if !rest.is_empty() {
            return Err(unreadable("bytes follow the request"));
        }
        let info = &csr.certification_request_info;
        let spki = info.subject_pki.raw;
        let kind = KeyKind::of_spki(spki).ok_or_else(unusable_key)?;
        let public = &info.subject_pki.subject_public_key.data;
        if !possession::signed_by(kind, public, &der) {
            return Err(Fault::yours(
                "the certificate request is not signed with the key that it asks to have certified",
            )
            .remedy("make the request again with that key: openssl req -new -key KEY -subj /CN=NAME"));
        }
        let mut passed_over = Vec::new();
        let mut names = subject_names(&info.subject, &mut passed_over)?;
        for extension in csr.requested_extensions().into_iter().flatten() {
            read_extension(extension, &mut names, &mut passed_over)?;
        }
        Ok(Self { passed_over, ..Self::of(spki, kind, names)? })
    }

    /// A request for a key that was made here, which is proof enough that its holder has it.
    ///
    /// # Errors
    /// Where the key is of a kind that we do not certify.
    pub fn for_key(key: &PrivateKey, names: Names) -> Result<Self, Fault> {
        Self::of(&key.public_spki(), key.kind(), names)
    }

    fn of(spki: &[u8], kind: KeyKind, names: Names) -> Result<Self, Fault> {
        let key = SubjectPublicKeyInfo::from_der(spki).map_err(|_| unusable_key())?;
        // What is certified is what was proved to be held, byte for byte.
        if key.subject_public_key_info() != spki {
            return Err(unusable_key().because("its public key is not in canonical form"));
        }
        Ok(Self { key, spki: Pin::of_spki(spki), kind, names, lifetime: None, passed_over: Vec::new() })
    }

    /// Replaces the names, where the one who issues decides them.
    #[must_use]
    pub fn named(mut self, names: Names) -> Self {
        self.names = names;
        self
    }

    /// Asks for another lifetime than the profile's; the issuer's end still holds.
    #[must_use]
    pub fn lasting(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// The names that are asked for.
    #[must_use]
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// SHA-256 of the public key.
    #[must_use]
    pub fn spki_sha256(&self) -> Pin {
        self.spki
    }

    /// The kind of the key.
    #[must_use]
    pub fn key_kind(&self) -> KeyKind {
        self.kind
    }

    /// What the CSR asked for besides names and was not listened to, for a warning.
    #[must_use]
    pub fn passed_over(&self) -> &[String] {
        &self.passed_over
    }

    pub(crate) fn key(&self) -> &SubjectPublicKeyInfo {
        &self.key
    }

    /// The lifetime that is asked for, where it is not the profile's.
    #[must_use]
    pub fn lifetime(&self) -> Option<Duration> {
        self.lifetime
    }
}

/// DER as it is; PEM with the label of today or of old Microsoft tools.
fn der_of(csr: &[u8]) -> Result<Vec<u8>, Fault> {
    if csr.first() == Some(&identity::der::SEQUENCE) {
        return Ok(csr.to_vec());
    }
    let text = String::from_utf8_lossy(csr).replace(" NEW CERTIFICATE REQUEST-", " CERTIFICATE REQUEST-");
    let found = CertificateSigningRequestDer::from_pem_slice(text.as_bytes());
    found.map(|der| der.to_vec()).map_err(|_| unreadable("it holds no CERTIFICATE REQUEST block"))
}

fn subject_names(subject: &X509Name<'_>, passed_over: &mut Vec<String>) -> Result<Names, Fault> {
    let mut names = Names::default();
    for attribute in subject.iter_attributes() {
        let kind = attribute.attr_type().to_id_string();
        let text = attribute.as_str().map_err(|_| unreadable("its subject is not plain text"))?;
        let place = match kind.as_str() {
            COMMON_NAME if names.common_name.is_some() => {
                return Err(unreadable("its subject has two common names"));
            }
            COMMON_NAME => &mut names.common_name,
            ORGANIZATION => &mut names.organization,
            ORGANIZATIONAL_UNIT => &mut names.organizational_unit,
            _ => {
                passed_over.push(format!("subject attribute {kind}={}", text.escape_debug()));
                continue;
            }
        };
        if place.is_some() {
            passed_over.push(format!("second subject attribute {kind}={}", text.escape_debug()));
        } else {
            *place = Some(text.to_owned());
        }
    }
    Ok(names)
}

fn read_extension(
    extension: &ParsedExtension<'_>,
    names: &mut Names,
    passed_over: &mut Vec<String>,
) -> Result<(), Fault> {
    match extension {
        ParsedExtension::SubjectAlternativeName(sans) => {
            for san in &sans.general_names {
                names.sans.push(san_of(san)?);
            }
        }
        ParsedExtension::BasicConstraints(constraints) if constraints.ca => {
            passed_over.push("basic constraints CA:TRUE: a request never yields an authority".into());
        }
        ParsedExtension::KeyUsage(usage) if usage.key_cert_sign() || usage.crl_sign() => {
            passed_over.push("key usage of an authority: a request never yields one".into());
        }
        ParsedExtension::ExtendedKeyUsage(usage) if usage.any || has_others(usage) => {
            passed_over.push("extended key usage other than server and client".into());
        }
        // The profile decides about these; a request that asks for the like is no fault.
        ParsedExtension::BasicConstraints(_)
        | ParsedExtension::KeyUsage(_)
        | ParsedExtension::ExtendedKeyUsage(_)
        | ParsedExtension::SubjectKeyIdentifier(_) => {}
        // What we do not issue is said by its kind: its content is nobody's we know.
        _ => passed_over.push("extension of another kind".into()),
    }
    Ok(())
}

fn has_others(usage: &ExtendedKeyUsage<'_>) -> bool {
    usage.code_signing
        || usage.email_protection
        || usage.time_stamping
        || usage.ocsp_signing
        || !usage.other.is_empty()
}

fn san_of(name: &GeneralName<'_>) -> Result<San, Fault> {
    match name {
        GeneralName::DNSName(name) => Ok(San::Dns((*name).to_owned())),
        GeneralName::URI(uri) => Ok(San::Uri((*uri).to_owned())),
        GeneralName::RFC822Name(address) => Ok(San::Email((*address).to_owned())),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(|bytes| San::Ip(bytes.into()));
            let v6 = <[u8; 16]>::try_from(*bytes).map(|bytes| San::Ip(bytes.into()));
            v4.or(v6).map_err(|_| unreadable("an IP address in it is neither 4 nor 16 bytes long"))
        }
        other => Err(unreadable(format!(
            "it asks for an alternative name that is not issued: {}",
            other.to_string().escape_debug()
        ))
        .remedy("ask for host names, IP addresses, URIs or e-mail addresses")),
    }
}

fn unreadable(why: impl std::fmt::Display) -> Fault {
    Fault::yours("the certificate request cannot be used")
        .because(why)
        .remedy("look at it with openssl req -noout -text -verify, and make it again")
}

fn unusable_key() -> Fault {
    Fault::yours("the certificate request has a key of a kind that is not certified")
        .remedy("use an ECDSA P-256 or P-384 key, an Ed25519 key, or an RSA key of 2048 bits or more")
}

const COMMON_NAME: &str = "2.5.4.3";
const ORGANIZATION: &str = "2.5.4.10";
const ORGANIZATIONAL_UNIT: &str = "2.5.4.11";
