//! Revocation lists from files.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fault::{Fault, Faults};
use identity::{Certificate, Crl, CrlError, List, NotItsList};

use crate::read::{quoted, read_limited, unreadable};

/// The largest file with revocation lists that is read: some two million entries in DER.
const MOST: u64 = 64 * 1024 * 1024;

/// Loads the lists of a file, PEM or DER, or of every file that `pattern` names: in its last part, and only there, `*`
/// stands for any characters, a dot at the beginning excepted.
///
/// A list that names one of `anchors` as its issuer must be signed by it. One of another issuer is kept: its issuer may
/// be an intermediate that only a peer's chain shows, and then the chain is judged by it.
///
/// # Errors
/// Faults that name the file: where it cannot be read, is larger than 64 MiB, holds no list, or one that cannot be used
/// or bears a wrong signature; and where a pattern names no file, because nothing revoked is not what was asked for.
pub fn load_revocation_lists(pattern: &Path, anchors: &[Certificate]) -> Result<Vec<List>, Faults> {
    let mut faults = Faults::new();
    let mut lists = Vec::new();
    for file in faults.note(files(pattern)).unwrap_or_default() {
        lists.extend(faults.note(load(&file, anchors)).unwrap_or_default());
    }
    faults.or(lists)
}

fn load(file: &Path, anchors: &[Certificate]) -> Result<Vec<List>, Fault> {
    let bytes = read_limited(file, MOST)?;
    let lists = Crl::from_pem_or_der(&bytes).map_err(|error| unusable(file, &error))?;
    drop(bytes);
    lists
        .into_iter()
        .map(|list| {
            signed(&list, anchors).map_err(|why| wrong(file, &list, &why))?;
            Ok(List::from_file(Arc::new(list), &file.display().to_string()))
        })
        .collect()
}

/// Whether the list is of one of the authorities, or of another one altogether.
fn signed(list: &Crl, anchors: &[Certificate]) -> Result<(), NotItsList> {
    let mut refused = Ok(());
    for anchor in anchors {
        match list.verify_issuer(anchor) {
            Ok(()) => return Ok(()),
            Err(NotItsList::OtherAuthority) => {}
            Err(why) => refused = Err(why),
        }
    }
    refused
}

fn unusable(file: &Path, error: &CrlError) -> Fault {
    let remedy = match error {
        CrlError::Malformed(_) => {
            format!("look at it with openssl crl -in {} -noout -text, or fetch it again", file.display())
        }
        CrlError::Unusable(_) => "ask the authority for its complete list of its own certificates".to_owned(),
    };
    Fault::yours(format!("the revocation list {} cannot be used", quoted(file)))
        .in_file(file)
        .because(error)
        .remedy(remedy)
}

fn wrong(file: &Path, list: &Crl, why: &NotItsList) -> Fault {
    let issuer = list.issuer();
    Fault::yours(format!("the revocation list {} is not one of its issuer \"{issuer}\"", quoted(file)))
        .in_file(file)
        .because(why)
        .remedy("fetch the list again from the authority itself, and find out who changed this one")
}

/// The files that a pattern names, by name.
fn files(pattern: &Path) -> Result<Vec<PathBuf>, Fault> {
    let name = pattern.file_name().and_then(|name| name.to_str()).filter(|name| name.contains('*'));
    let Some(name) = name else { return Ok(vec![pattern.to_owned()]) };
    let folder = pattern.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let entries = fs::read_dir(folder)
        .map_err(|error| unreadable(format!("cannot list {}", quoted(folder)), folder, &error))?;
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| {
            path.file_name().and_then(|name| name.to_str()).is_some_and(|file| matches(name, file))
        })
        .filter(|path| path.is_file())
        .collect();
    found.sort();
    if found.is_empty() {
        return Err(Fault::yours(format!("no file is named like {}", quoted(pattern)))
            .in_file(pattern)
            .remedy("put the lists there, or leave the pattern out"));
    }
    Ok(found)
}

/// Whether `name` is one that `pattern` means; each `*` stands for any characters.
fn matches(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests;
