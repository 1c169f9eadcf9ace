//! Passwords from files.

use std::path::Path;

use fault::Fault;
use identity::Secret;

use crate::permission;
use crate::read::{contents, open, quoted, unreadable};

const MOST: u64 = 64 * 1024;

/// Loads the password in a file: all of it, without the line end that editors put last.
///
/// # Errors
/// A fault that names the file, where others may read it, or it is empty or not UTF-8.
pub fn load_password(path: &Path) -> Result<Secret, Fault> {
    let failed = |error: &std::io::Error| unreadable(format!("cannot read {}", quoted(path)), path, error);
    let (mut file, metadata) = open(path).map_err(|error| failed(&error))?;
    permission::check("password", path, &metadata)?;
    let bytes = contents(&mut file, &metadata, MOST).map_err(|error| failed(&error))?;
    let fault = |why: &str| Fault::yours(format!("the password file {} {why}", quoted(path))).in_file(path);
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| fault("is not UTF-8").remedy("check that it is the file you mean"))?;
    let line = text.strip_suffix('\n').unwrap_or(text);
    match line.strip_suffix('\r').unwrap_or(line) {
        "" => Err(fault("is empty").remedy("write the password into it")),
        password => Ok(Secret::new(password.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::load_password;
    use crate::{create_secret, write_public};

    #[test]
    fn a_password_is_the_whole_file_without_its_last_line_end() {
        let folder = tempfile::tempdir().unwrap();
        for (n, (content, password)) in [
            ("secret", "secret"),
            ("secret\n", "secret"),
            ("secret\r\n", "secret"),
            (" two words \n\n", " two words \n"),
        ]
        .into_iter()
        .enumerate()
        {
            let path = folder.path().join(n.to_string());
            create_secret(&path, content.as_bytes()).unwrap();
            assert_eq!(load_password(&path).unwrap().expose(), password.as_bytes());
        }
    }

    #[test]
    fn a_password_that_is_empty_or_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (empty, open) = (folder.path().join("empty"), folder.path().join("open"));
        create_secret(&empty, b"\n").unwrap();
        write_public(&open, b"secret").unwrap();
        assert!(load_password(&empty).unwrap_err().what().ends_with("is empty"));
        let fault = load_password(&open).unwrap_err();
        assert!(
            fault.what().starts_with("password file ") && fault.what().contains("group or world access"),
            "{fault}"
        );
    }
}
