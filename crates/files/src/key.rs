//! Private keys from files.

use std::io;
use std::path::Path;

use fault::Fault;
use identity::{Found, KeyError, PrivateKey, Secret};

use crate::permission;
use crate::read::{contents, open, quoted, words};

/// An RSA key of 8192 bits with `-text` output takes 20 KiB.
const MOST: u64 = 1024 * 1024;

/// Loads a private key in any form, if its file's mode keeps it private.
///
/// # Errors
/// A fault in libpq's words that names the file and what to do.
pub fn load_key(path: &Path, password: Option<&Secret>) -> Result<PrivateKey, Fault> {
    let failed = |error: &io::Error| could_not_load(path, &words(error)).remedy(remedy_for(path, error));
    let (mut file, metadata) = open(path).map_err(|error| failed(&error))?;
    permission::check("private key", path, &metadata)?;
    let pem = contents(&mut file, &metadata, MOST).map_err(|error| failed(&error))?;
    PrivateKey::from_pem(&pem, password).map_err(|error| refused(path, password, &error))
}

pub(crate) fn could_not_load(path: &Path, why: &str) -> Fault {
    Fault::yours(format!("could not load private key file {}: {why}", quoted(path))).in_file(path)
}

fn remedy_for(path: &Path, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "check the path".to_owned(),
        io::ErrorKind::PermissionDenied => format!(
            "let uid {} read the file: chown it, and keep its mode at 0600",
            rustix::process::geteuid().as_raw()
        ),
        _ => format!("look at it with ls -l {}", path.display()),
    }
}

fn refused(path: &Path, password: Option<&Secret>, error: &KeyError) -> Fault {
    let shown = path.display();
    match error {
        KeyError::Encrypted => Fault::yours(error.to_string()).in_file(path).remedy(format!(
            "set the password, or take it off: openssl pkey -in {shown} -out {shown}.plain && chmod 600 {shown}.plain"
        )),
        KeyError::BadDecrypt => could_not_load(path, "bad decrypt").remedy(format!(
            "the password is wrong: check ssl_key_password or COUNTERSIGN_SSL_KEY_PASSWORD; openssl pkey -in {shown} -noout asks for it"
        )),
        KeyError::NoPem { looks_like } => could_not_load(path, &error.to_string()).remedy(other_file(&shown, looks_like)),
        KeyError::Unsupported(_) => could_not_load(path, &error.to_string()).remedy("make a new key: countersign cert issue"),
        KeyError::Malformed(_) if password.is_some() => could_not_load(path, &error.to_string())
            .remedy(format!("check the file and its password: openssl pkey -in {shown} -noout")),
        KeyError::Malformed(_) => could_not_load(path, &error.to_string())
            .remedy(format!("check the file: openssl pkey -in {shown} -noout")),
    }
}

fn other_file(shown: &std::path::Display<'_>, looks_like: &Found) -> String {
    match looks_like {
        Found::Der => format!(
            "convert it: openssl pkey -inform der -in {shown} -out {shown}.pem && chmod 600 {shown}.pem"
        ),
        Found::Pem(label) if label.ends_with("CERTIFICATE") => {
            "name the private key here and the certificate as ssl_cert; they may be swapped".to_owned()
        }
        Found::BrokenPem(_) => "copy the file again, whole".to_owned(),
        _ => "name the file with the private key; it begins with a line like -----BEGIN PRIVATE KEY-----"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests;
