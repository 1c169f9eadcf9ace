//! Whole files, with a limit.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::path::Path;

use fault::Fault;
use zeroize::Zeroizing;

/// More than any configuration, bundle of authorities or revocation list that one starts with.
const MOST: u64 = 16 * 1024 * 1024;

/// Reads a file of at most 16 MiB.
///
/// # Errors
/// A fault that names the file, where it cannot be read or is larger.
pub fn read(path: &Path) -> Result<Vec<u8>, Fault> {
    read_limited(path, MOST)
}

/// Reads a file of at most `most` bytes.
///
/// # Errors
/// A fault that names the file, where it cannot be read or is larger.
pub fn read_limited(path: &Path, most: u64) -> Result<Vec<u8>, Fault> {
    let what = || format!("cannot read {}", quoted(path));
    let (mut file, metadata) = open(path).map_err(|error| unreadable(what(), path, &error))?;
    let mut bytes = contents(&mut file, &metadata, most).map_err(|error| unreadable(what(), path, &error))?;
    Ok(std::mem::take(&mut *bytes))
}

pub(crate) fn open(path: &Path) -> io::Result<(File, Metadata)> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    Ok((file, metadata))
}

/// All bytes; room is made once for a file whose length is known, because growing would leave copies of a secret.
pub(crate) fn contents(file: &mut File, metadata: &Metadata, most: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    let too_large = || io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {most} bytes"));
    if metadata.len() > most {
        return Err(too_large());
    }
    let room = usize::try_from(metadata.len()).unwrap_or_default().saturating_add(1);
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    // A pipe or a file in /proc has no length of its own, so the limit is kept while reading, too.
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(too_large());
    }
    Ok(bytes)
}

/// A fault for a file that cannot be read: what is not there was misspelt, what is forbidden names who asks.
pub(crate) fn unreadable(what: String, path: &Path, error: &io::Error) -> Fault {
    let fault = match error.kind() {
        io::ErrorKind::NotFound => Fault::yours(what).remedy("check the path"),
        io::ErrorKind::PermissionDenied => Fault::yours(what).remedy(format!(
            "let uid {} read the file and enter its folders: namei -l {}",
            rustix::process::geteuid().as_raw(),
            path.display()
        )),
        io::ErrorKind::IsADirectory => Fault::yours(what).remedy("name a file, not a folder"),
        io::ErrorKind::FileTooLarge => Fault::yours(what).remedy("check that it is the file you mean"),
        _ => Fault::theirs(what),
    };
    fault.in_file(path).because(words(error))
}

/// The operating system's words without its number.
pub(crate) fn words(error: &io::Error) -> String {
    error.to_string().split(" (os error ").next().unwrap_or_default().to_owned()
}

pub(crate) fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.display())
}

#[cfg(test)]
mod tests {
    use super::{read, read_limited};

    #[test]
    fn a_file_larger_than_its_limit_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large");
        crate::write_public(&path, &[7; 100]).unwrap();
        assert_eq!(read_limited(&path, 100).unwrap(), [7; 100]);
        let fault = read_limited(&path, 99).unwrap_err().to_string();
        assert!(fault.contains("it is larger than 99 bytes"), "{fault}");
    }

    #[test]
    fn a_file_that_is_not_there_is_named_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("absent");
        let fault = read(&path).unwrap_err();
        assert_eq!(fault.what(), format!("cannot read \"{}\"", path.display()));
        assert_eq!(fault.causes(), ["No such file or directory"]);
        assert!(fault.place().is_some() && fault.remedy_text().is_some());
    }

    #[test]
    fn a_folder_is_not_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let fault = read(folder.path()).unwrap_err();
        assert_eq!(fault.remedy_text(), Some("name a file, not a folder"));
    }
}
