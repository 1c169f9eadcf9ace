//! A certificate and its key in two files of the user's own, replaced so that a crash leaves a pair that fits.

use std::fs;
use std::path::{Path, PathBuf};

use fault::Fault;

use crate::{replace_secret, write_public};

/// Replaces both. What is new lies beside both places, whole, before either is touched; a crash between the two is mended by
/// [`mend_pair`].
///
/// # Errors
/// Where something cannot be written; unless the key was in place already, the old pair is then untouched.
pub fn replace_pair(certificate: (&Path, &[u8]), key: (&Path, &[u8])) -> Result<(), Fault> {
    let (new_certificate, new_key) = (beside(certificate.0), beside(key.0));
    write_public(&new_certificate, certificate.1)?;
    replace_secret(&new_key, key.1)?;
    put(&new_key, key.0)?;
    put(&new_certificate, certificate.0)
}

/// Ends what a crash has cut off: where the key in place is the one that `fits` the certificate beside, that one is put in
/// place too. Says whether there was anything to mend.
///
/// # Errors
/// Where it cannot be put in place.
pub fn mend_pair(certificate: &Path, key: &Path, fits: impl Fn(&Path, &Path) -> bool) -> Result<bool, Fault> {
    let new = beside(certificate);
    if !new.is_file() || beside(key).is_file() || fits(certificate, key) || !fits(&new, key) {
        return Ok(false);
    }
    put(&new, certificate).map(|()| true)
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}

fn put(new: &Path, path: &Path) -> Result<(), Fault> {
    // A link stays, and what it points at is replaced.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    fs::rename(new, &target).map_err(|error| {
        Fault::theirs("cannot put the new file in place")
            .in_file(path)
            .because(error)
            .remedy(format!("it lies in {}", new.display()))
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    use super::{beside, mend_pair, replace_pair, replace_secret, write_public};

    fn fits(certificate: &Path, key: &Path) -> bool {
        fs::read(certificate).ok().is_some_and(|held| Some(held) == fs::read(key).ok())
    }

    #[test]
    fn a_crash_between_the_key_and_the_certificate_is_mended() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = (folder.path().join("a.crt"), folder.path().join("a.key"));
        replace_pair((&certificate, b"1"), (&key, b"1")).unwrap();
        assert!(!mend_pair(&certificate, &key, fits).unwrap(), "nothing to mend");
        // As a crash leaves it: the new key in place, the new certificate beside.
        write_public(&beside(&certificate), b"2").unwrap();
        replace_secret(&key, b"2").unwrap();
        assert!(mend_pair(&certificate, &key, fits).unwrap());
        assert!(fits(&certificate, &key));
        assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
