//! Certificates from files.

use std::path::Path;

use fault::Fault;
use identity::{Certificate, Found, PemError, certificates_from_pem};

use crate::read::{quoted, read};

/// Loads every certificate of a file: PEM with whatever stands around it, or one in DER.
///
/// # Errors
/// A fault that names the file, what was found in it instead, and what to do.
pub fn load_certificates(path: &Path) -> Result<Vec<Certificate>, Fault> {
    certificates_and_form(path).map(|(certificates, _)| certificates)
}

/// Also says what form they were in.
pub(crate) fn certificates_and_form(path: &Path) -> Result<(Vec<Certificate>, Found), Fault> {
    let bytes = read(path)?;
    let certificates = certificates_from_pem(&bytes).map_err(|error| refused(path, &error))?;
    Ok((certificates, Found::of(&bytes)))
}

/// A warning about a file that is DER where everyone expects PEM.
pub(crate) fn der_warning(path: &Path) -> Fault {
    let shown = path.display();
    Fault::yours(format!("the certificate file {} looks like DER; it was accepted", quoted(path)))
        .in_file(path)
        .remedy(format!("convert it for other tools: openssl x509 -inform der -in {shown} -out {shown}.pem"))
}

pub(crate) fn refused(path: &Path, error: &PemError) -> Fault {
    let shown = path.display();
    let look = format!("look at it with openssl x509 -in {shown} -noout -text");
    match error {
        PemError::Malformed { .. } => Fault::yours(error.to_string()).in_file(path).remedy(look),
        PemError::NoCertificate(found) => {
            let remedy = match found {
                Found::Pem(label) if label.ends_with("PRIVATE KEY") => {
                    "name the certificate here and the private key as the key; they may be swapped".to_owned()
                }
                Found::Pem(label) if label.ends_with("CERTIFICATE REQUEST") => {
                    "name the certificate that the authority issued for the request".to_owned()
                }
                Found::Der => {
                    format!("convert it with openssl x509 -inform der -in {shown} -out {shown}.pem")
                }
                Found::BrokenPem(_) => "copy the file again, whole".to_owned(),
                _ => look,
            };
            Fault::yours("tls: failed to find any PEM data in certificate input")
                .in_file(path)
                .because(found)
                .remedy(remedy)
        }
    }
}

#[cfg(test)]
mod tests;
