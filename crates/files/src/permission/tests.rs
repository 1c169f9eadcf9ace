use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};

use crate::{load_key, write_public};

/// What a key of this owner and mode is told; `None` where its mode is no obstacle.
fn told(uid: u32, mode: u32) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("client.key");
    write_public(&path, b"").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    if uid != rustix::process::geteuid().as_raw() {
        chown(&path, Some(uid), None).unwrap();
    }
    let fault = load_key(&path, None).unwrap_err();
    fault.what().contains("has group or world access").then(|| {
        assert!(fault.to_string().contains("chmod 600"), "{fault}");
        fault.what().replace(&path.display().to_string(), "client.key")
    })
}

#[test]
fn a_key_that_others_may_read_is_refused_in_the_words_of_libpq() {
    let uid = rustix::process::geteuid().as_raw();
    let wanted = "private key file \"client.key\" has group or world access; file must have permissions u=rw (0600) or less if owned by the current user, or permissions u=rw,g=r (0640) or less if owned by root";
    for mode in [0o644, 0o604, 0o660, 0o601, 0o610] {
        assert_eq!(told(uid, mode).as_deref(), Some(wanted), "{mode:o}");
    }
    assert_eq!(told(uid, 0o600), None);
    assert_eq!(told(uid, 0o400), None);
}

#[test]
fn the_group_may_read_a_key_of_root_and_of_nobody_else() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    assert_eq!(told(0, 0o640), None);
    assert!(told(12345, 0o640).is_some());
}

#[test]
fn a_folder_is_no_private_key() {
    let folder = tempfile::tempdir().unwrap();
    let fault = load_key(folder.path(), None).unwrap_err();
    assert!(fault.what().ends_with("is not a regular file"), "{fault}");
}
