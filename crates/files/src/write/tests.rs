use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use super::{create_folder, create_public, create_secret, replace_secret, write_public};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

fn names(folder: &Path) -> Vec<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_public_file_is_readable_by_all_and_a_secret_by_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (public, secret) = (folder.path().join("public"), folder.path().join("secret"));
    write_public(&public, b"one").unwrap();
    create_secret(&secret, b"two").unwrap();
    assert_eq!((mode(&public), mode(&secret)), (0o644, 0o600));
    assert_eq!(fs::read(&secret).unwrap(), b"two");
}

#[test]
fn a_secret_that_is_there_is_kept_unless_it_is_to_be_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    create_secret(&path, b"old").unwrap();
    let fault = create_secret(&path, b"new").unwrap_err().to_string();
    assert!(fault.contains("File exists") && fault.contains("move the file away first"), "{fault}");
    assert_eq!(fs::read(&path).unwrap(), b"old");
    create_public(&path, b"new").unwrap_err();
    replace_secret(&path, b"new").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
}

#[test]
fn replacing_a_secret_closes_a_mode_that_was_too_open() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    write_public(&path, b"old").unwrap();
    replace_secret(&path, b"new").unwrap();
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn no_temporary_file_is_left_whether_writing_succeeds_or_fails() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    create_public(&path, b"a").unwrap();
    create_public(&path, b"b").unwrap_err();
    write_public(&path, b"c").unwrap();
    fs::create_dir(folder.path().join("folder")).unwrap();
    write_public(&folder.path().join("folder"), b"d").unwrap_err();
    let mut names = names(folder.path());
    names.sort();
    assert_eq!(names, ["file", "folder"]);
}

#[test]
fn a_link_stays_a_link_and_its_target_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let (target, link) = (folder.path().join("target"), folder.path().join("link"));
    write_public(&target, b"old").unwrap();
    symlink(&target, &link).unwrap();
    write_public(&link, b"new").unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read(&target).unwrap(), b"new");
}

#[test]
fn a_missing_folder_is_named_with_the_command_that_makes_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("absent").join("file");
    let fault = write_public(&path, b"").unwrap_err();
    let wanted = format!("make the folder first: mkdir -p {}", folder.path().join("absent").display());
    assert_eq!(fault.remedy_text(), Some(wanted.as_str()));
}

#[test]
fn a_folder_is_made_with_those_above_it_and_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b");
    create_folder(&path).unwrap();
    create_folder(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
}
