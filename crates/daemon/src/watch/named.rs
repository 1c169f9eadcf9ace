//! Which files a Plan was made of.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use config::{ClientCa, KeyPassword, PemText, Plan, TlsMode};

use crate::prepare::succession;

/// A path that a Plan names: a file, or a folder whose files count. A pattern counts as its folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Named(pub(super) PathBuf);

/// Everything that was read for a Plan; `file` is the configuration.
pub(super) fn all(plan: &Plan, file: Option<&Path>) -> BTreeSet<Named> {
    let mut paths: Vec<PathBuf> = file.map(Path::to_owned).into_iter().collect();
    for tls in plan.tls.values() {
        if let TlsMode::Files { cert, key, key_password } = &tls.mode {
            paths.extend([cert.clone(), key.clone()]);
            paths.extend(password(key_password.as_ref()));
        }
        if let Some(ClientCa::Path(path)) = &tls.client_ca {
            paths.push(path.clone());
        }
        paths.extend(tls.revocation.crl_files.iter().map(|pattern| without_pattern(pattern).to_owned()));
    }
    if let Some(authority) = &plan.authority {
        paths.extend(authority.root_cert.clone());
        paths.extend(authority.publishing.root_crl.clone());
        paths.extend(authority.publishing.root_ocsp.iter().flat_map(|at| [at.cert.clone(), at.key.clone()]));
        for issuer in authority.issuers.values() {
            paths.extend(file_of(&issuer.cert));
            paths.extend(file_of(&issuer.key));
            paths.extend(password(issuer.key_password.as_ref()));
        }
        paths.extend(succession::of(plan));
    }
    for upstream in &plan.upstreams {
        paths.extend(upstream.files().map(|file| without_pattern(file).to_owned()));
    }
    paths.into_iter().map(Named).collect()
}

fn password(written: Option<&KeyPassword>) -> Option<PathBuf> {
    match written {
        Some(KeyPassword::File(path)) => Some(path.clone()),
        Some(KeyPassword::Given(_)) | None => None,
    }
}

fn file_of<T>(written: &PemText<T>) -> Option<PathBuf> {
    match written {
        PemText::File(path) => Some(path.clone()),
        PemText::Given { .. } => None,
    }
}

/// The folder of a path whose last part stands for several files, else the path.
pub(super) fn without_pattern(path: &Path) -> &Path {
    let last = path.file_name().map(std::ffi::OsStr::as_encoded_bytes).unwrap_or_default();
    match (last.iter().any(|byte| matches!(byte, b'*' | b'?')), path.parent()) {
        (true, Some(folder)) => folder,
        _ => path,
    }
}
