//! The signed lists on disk, so that a node that starts again publishes at once.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use authority::{Shard, SignedCrl, issuer_id};
use fault::Fault;
use identity::Pin;

use super::FOLDER;
use super::issuer::{Issuer, List};

/// The folder of the signed lists.
#[derive(Clone, Debug)]
pub(crate) struct Kept(PathBuf);

impl Kept {
    pub(crate) fn within(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// Over how many parts the list of this issuer was spread when its lists were signed last.
    fn parts(&self, issuer: Pin) -> u16 {
        let id = issuer_id(issuer);
        let names = self.files().into_iter().filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()));
        let parts = names.filter_map(|name| {
            let (of, shard) = Shard::parse(&name)?;
            (of == id).then_some(shard.of())
        });
        parts.max().unwrap_or(1)
    }

    /// Writes a list in the place of the one before it.
    pub(crate) fn write(&self, issuer: &Issuer, shard: Shard, list: &SignedCrl) -> Result<(), Fault> {
        files::create_folder(&self.0)?;
        files::write_public(&self.0.join(format!("{}.crl", shard.name_of(issuer.key))), list.der())
    }

    /// Publishes what was signed before; a file that is not the issuer's list is passed over with a warning.
    pub(crate) fn publish(&self, issuer: &Issuer) {
        let id = issuer_id(issuer.key);
        let certificate = issuer.certificate();
        for path in self.files() {
            let name = path.file_stem().and_then(|name| name.to_str()).and_then(Shard::parse);
            let Some((_, shard)) = name.filter(|(of, _)| *of == id) else { continue };
            let read = files::read_limited(&path, LARGEST);
            match read.and_then(|der| SignedCrl::read(der, &certificate)) {
                Ok(list) => {
                    issuer.set_parts(shard.of());
                    issuer.publish_kept(shard, List::of(list));
                }
                Err(fault) => tracing::warn!(%fault, "a list that was kept is not published"),
            }
        }
    }

    fn files(&self) -> Vec<PathBuf> {
        match std::fs::read_dir(&self.0) {
            Ok(entries) => {
                let paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
                paths.filter(|path| path.extension().is_some_and(|ending| ending == "crl")).collect()
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(error) => {
                tracing::warn!(%error, folder = %self.0.display(), "the lists that were kept cannot be read");
                Vec::new()
            }
        }
    }
}

/// Over how many parts the node whose own folder this is has spread the list of an issuer, as far as they are all published:
/// certificates that another program issues are spread over as many.
#[must_use]
pub fn published_parts(state: &Path, issuer: Pin) -> u16 {
    Kept::within(&state.join(FOLDER)).parts(issuer)
}

/// Far more than a list of a million.
const LARGEST: u64 = 256 * 1024 * 1024;
