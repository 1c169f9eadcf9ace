//! The certificates of the authorities that a listener trusts.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use fault::Fault;
use identity::{Certificate, PemError, certificates_from_pem};

use crate::certificates;
use crate::read::{contents, open, quoted, words};

const MOST: u64 = 16 * 1024 * 1024;

/// Loads a bundle: a file with one certificate or more, or a folder of such files (`.pem`, `.crt`, `.cer`, and the
/// `HASH.0` names of `openssl rehash`), each certificate once.
///
/// # Errors
/// A fault that names the bundle, where it cannot be read or no certificate is in it; and one that names the file,
/// where a certificate in it cannot be parsed: it would be left out silently otherwise.
pub fn load_client_ca(path: &Path) -> Result<Vec<Certificate>, Fault> {
    let mut bundle: Vec<Certificate> = Vec::new();
    for file in files(path).map_err(|error| unreadable(path, &error))? {
        let (mut opened, metadata) = open(&file).map_err(|error| unreadable(&file, &error))?;
        let bytes = contents(&mut opened, &metadata, MOST).map_err(|error| unreadable(&file, &error))?;
        match certificates_from_pem(&bytes) {
            Ok(certificates) => {
                for certificate in certificates {
                    if !bundle.contains(&certificate) {
                        bundle.push(certificate);
                    }
                }
            }
            Err(PemError::NoCertificate(found)) if file == path => return Err(empty(path).because(found)),
            Err(PemError::NoCertificate(_)) => {}
            Err(error) => return Err(certificates::refused(&file, &error)),
        }
    }
    if bundle.is_empty() { Err(empty(path)) } else { Ok(bundle) }
}

/// The file itself, or the files of a folder in the order of their names; hidden ones belong to whoever manages it.
fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        let file = entry?.path();
        if is_certificate(&file) && fs::metadata(&file)?.is_file() {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

fn is_certificate(file: &Path) -> bool {
    let hidden = file.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    let extension = file.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    let known = extension.is_some_and(|extension| {
        matches!(extension.as_str(), "pem" | "crt" | "cer")
            || extension.bytes().all(|byte| byte.is_ascii_digit())
    });
    known && !hidden
}

fn empty(path: &Path) -> Fault {
    Fault::yours(format!("client CA bundle {} contains no valid PEM certificates", quoted(path)))
        .in_file(path)
        .remedy("put the certificates of the authorities there: cat ca-one.crt ca-two.crt")
}

fn unreadable(path: &Path, error: &io::Error) -> Fault {
    let remedy = match error.kind() {
        io::ErrorKind::PermissionDenied => {
            format!("let uid {} read it: namei -l {}", rustix::process::geteuid().as_raw(), path.display())
        }
        _ => "check the path".to_owned(),
    };
    Fault::yours(format!("read client CA bundle {}: {}", quoted(path), words(error)))
        .in_file(path)
        .remedy(remedy)
}

#[cfg(test)]
mod tests;
