//! The extensions that rules ask about, read once.

use fault::Refusal;
use x509_parser::extensions::{KeyUsage, ParsedExtension, X509Extension};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::super::Purpose;
use super::super::presented::malformed;
use crate::Certificate;

/// What a certificate's extensions say.
#[derive(Default)]
pub(super) struct Extensions {
    pub(super) key_usage: Option<Uses>,
    pub(super) name_constraints: bool,
    /// The first critical extension that we do not know, dotted.
    pub(super) unknown_critical: Option<String>,
    /// The first extension that breaks RFC 5280 in a way that nobody has a use for.
    pub(super) broken: Option<&'static str>,
}

/// What key usage allows.
#[derive(Clone, Copy)]
pub(super) struct Uses {
    pub(super) signs_certificates: bool,
    signs: bool,
    agrees: bool,
    enciphers: bool,
}

impl Uses {
    fn of(usage: &KeyUsage) -> Self {
        Self {
            signs_certificates: usage.key_cert_sign(),
            signs: usage.digital_signature(),
            agrees: usage.key_agreement(),
            enciphers: usage.key_encipherment(),
        }
    }

    /// Whether the key may sign what is neither a certificate nor a list.
    pub(super) fn signs(self) -> bool {
        self.signs
    }

    /// Whether a TLS handshake may use the key, as OpenSSL judges it.
    pub(super) fn serves(self, purpose: Purpose) -> bool {
        match purpose {
            Purpose::Client => self.signs || self.agrees,
            Purpose::Server => self.signs || self.agrees || self.enciphers,
        }
    }
}

impl Extensions {
    pub(super) fn of(certificate: &Certificate) -> Result<Self, Refusal> {
        let (_, x509) = X509Certificate::from_der(certificate.der())
            .map_err(|error| malformed(format!("the certificate cannot be read: {error}")))?;
        let mut read = Self::default();
        for extension in x509.extensions() {
            read.note(extension);
        }
        Ok(read)
    }

    fn note(&mut self, extension: &X509Extension<'_>) {
        match extension.parsed_extension() {
            ParsedExtension::KeyUsage(usage) => self.key_usage = Some(Uses::of(usage)),
            ParsedExtension::NameConstraints(names) => {
                self.name_constraints = true;
                let none = |subtrees: &Option<Vec<_>>| subtrees.as_ref().is_none_or(Vec::is_empty);
                if none(&names.permitted_subtrees) && none(&names.excluded_subtrees) {
                    self.broken = Some("name constraints that constrain nothing");
                }
            }
            ParsedExtension::AuthorityKeyIdentifier(_) | ParsedExtension::SubjectKeyIdentifier(_)
                if extension.critical =>
            {
                self.broken = Some("a critical key identifier");
            }
            ParsedExtension::UnsupportedExtension { .. } | ParsedExtension::Unparsed
                if extension.critical =>
            {
                self.unknown_critical.get_or_insert_with(|| extension.oid.to_id_string());
            }
            _ => {}
        }
    }
}
