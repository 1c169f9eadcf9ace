use fault::Fault;
use identity::Certificate;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer;

/// What an issuer's certificate contributes to its lists.
pub(super) struct Own {
    /// Its subject as it is encoded there; verifiers compare the bytes.
    pub(super) name: Vec<u8>,
    /// Its subject key identifier, or what ours would be where it has none.
    pub(super) key_identifier: Vec<u8>,
    /// Whether its key usage, where it is there at all, says cRLSign.
    may_sign: bool,
}

impl Own {
    /// # Errors
    /// Where the certificate may not sign lists: verifiers refuse such a list, and one that nobody accepts helps nobody.
    pub(super) fn of(issuer: &Certificate) -> Result<Self, Fault> {
        let name = issuer.identity().subject();
        let (_, parsed) = X509Certificate::from_der(issuer.der())
            .map_err(|error| Fault::yours("the issuer's certificate cannot be read").because(error))?;
        let own = Self {
            name: parsed.subject().as_raw().to_vec(),
            key_identifier: key_identifier(&parsed).unwrap_or_else(|| derived(issuer)),
            may_sign: parsed.key_usage().is_ok_and(|usage| usage.is_none_or(|usage| usage.value.crl_sign())),
        };
        if own.may_sign {
            return Ok(own);
        }
        Err(Fault::yours(format!("\"{name}\" may not sign revocation lists"))
            .because("its key usage does not say cRLSign, so nobody would accept one")
            .remedy("make an issuer that may: countersign ca init-issuer; a node of ours refuses what is revoked without a list"))
    }
}

fn key_identifier(parsed: &X509Certificate<'_>) -> Option<Vec<u8>> {
    parsed.iter_extensions().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(identifier) => Some(identifier.0.to_vec()),
        _ => None,
    })
}

/// RFC 7093's: 160 bits of the public key's SHA-256.
fn derived(issuer: &Certificate) -> Vec<u8> {
    issuer.identity().spki_sha256().bytes().iter().copied().take(20).collect()
}
