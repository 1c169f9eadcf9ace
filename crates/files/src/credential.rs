//! What a client or a server presents: a chain and its key, checked before anyone sees them.

use std::path::Path;

use fault::Fault;
use identity::{Certificate, Credential, CredentialError, Found, San, Secret};
use time::{Duration, OffsetDateTime};

use crate::certificates::{certificates_and_form, der_warning};
use crate::key::{could_not_load, load_key};
use crate::read::quoted;
use crate::validity;

const CLIENT_NOTICE: Duration = Duration::days(7);
const SERVER_NOTICE: Duration = Duration::days(30);

/// Loads a client's credential: the key must belong to the certificate, and the certificate be valid at `now`. The
/// second value are warnings: an end less than 7 days away, a gap in the chain, DER where PEM is expected.
///
/// # Errors
/// A fault that names the file and what to do.
pub fn load_credential(
    certificate: &Path,
    key: &Path,
    password: Option<&Secret>,
    now: OffsetDateTime,
) -> Result<(Credential, Vec<Fault>), Fault> {
    load(certificate, key, password, now, CLIENT_NOTICE)
}

/// Loads a server's credential as [`load_credential`] does; also warns where the certificate has no subject alternative
/// name, which every client needs, and from 30 days before its end.
///
/// # Errors
/// A fault that names the file and what to do.
pub fn load_server_credential(
    certificate: &Path,
    key: &Path,
    password: Option<&Secret>,
    now: OffsetDateTime,
) -> Result<(Credential, Vec<Fault>), Fault> {
    let (credential, mut warnings) = load(certificate, key, password, now, SERVER_NOTICE)?;
    let named = credential.leaf().identity().sans().iter().any(|san| matches!(san, San::Dns(_) | San::Ip(_)));
    if !named {
        warnings.push(no_name(certificate, credential.leaf()));
    }
    Ok((credential, warnings))
}

fn load(
    certificate: &Path,
    key: &Path,
    password: Option<&Secret>,
    now: OffsetDateTime,
    notice: Duration,
) -> Result<(Credential, Vec<Fault>), Fault> {
    let (chain, form) = certificates_and_form(certificate)?;
    if matches!(key.try_exists(), Ok(false)) {
        return Err(Fault::yours(format!("certificate present, but not private key file {}", quoted(key)))
            .in_file(key)
            .remedy("name the file with the certificate's private key"));
    }
    let private = load_key(key, password)?;
    let credential = Credential::new(chain, private).map_err(|error| mismatch(certificate, key, &error))?;
    let mut warnings = Vec::new();
    warnings.extend((form == Found::Der).then(|| der_warning(certificate)));
    warnings.extend(validity::check(certificate, credential.leaf(), now, notice)?);
    warnings.extend(credential.unlinked().first().map(|stray| gap(certificate, &credential, stray)));
    Ok((credential, warnings))
}

/// Both hashes are of DER, so that the commands print the same ones.
fn mismatch(certificate: &Path, key: &Path, error: &CredentialError) -> Fault {
    let fault = could_not_load(key, "key values mismatch").remedy(format!(
        "compare: openssl x509 -in {} -pubkey -noout | openssl pkey -pubin -outform DER | openssl sha256 with openssl pkey -in {} -pubout -outform DER | openssl sha256",
        certificate.display(),
        key.display()
    ));
    match error {
        CredentialError::KeyMismatch { certificate_spki, key_spki } => fault.because(format!(
            "the public key of {} has SHA-256 {certificate_spki}, that of the private key {key_spki}",
            quoted(certificate)
        )),
        CredentialError::NoCertificate => fault.because(error),
    }
}

fn gap(path: &Path, credential: &Credential, stray: &Certificate) -> Fault {
    Fault::yours(format!(
        "the chain has a gap: the certificate of \"{}\" vouches for none of those before it",
        stray.identity().subject()
    ))
    .in_file(path)
    .because(format!("the certificate of the issuer \"{}\" is missing", credential.expected_issuer()))
    .remedy("put the missing certificate into the file, or remove the one that does not belong there")
}

fn no_name(path: &Path, leaf: &Certificate) -> Fault {
    Fault::yours(format!(
        "the server certificate of \"{}\" has no subject alternative name, so that no client can match its host name",
        leaf.identity().subject()
    ))
    .in_file(path)
    .remedy("issue it again with every name and address that clients dial as subjectAltName")
}

#[cfg(test)]
mod tests;
