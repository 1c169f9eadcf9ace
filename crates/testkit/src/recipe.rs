//! PKIs made by the openssl lines that users copy.
//!
//! The lines live in `examples/`, where users find them; the kit runs the same files, so an example that stopped working
//! stops the suite. A PKI is made once, kept below cargo's target folder, and copied into each world that asks for it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::{Ran, World, binary};

/// Two authorities with P-256 keys: `{server,client}-ca.{crt,key}`, `server.{crt,key}` for `db.example.com`, the client
/// certificates `analyst`, `reporting` and `nobody`, and `reporting.pin`.
///
/// # Panics
/// When openssl fails.
pub fn two_authorities(world: &World) {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    world.take(MADE.get_or_init(|| {
        made("two-authorities", include_str!("../../../examples/two-authorities/certificates.sh"))
    }));
}

/// One authority with RSA-4096 keys: `ca.{crt,key}`, `server.{crt,key}` for `countersign.example.com`, `localhost` and
/// 127.0.0.1, `clients/alice.{crt,key}` (X.509 version 1), `clients-ca.crt`.
///
/// # Panics
/// When openssl fails.
pub fn internal_authority(world: &World) {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        made("internal-authority", include_str!("../../../examples/environment-only/certificates.sh"))
    });
    world.take(made);
    for file in ["alice.crt", "alice.key"] {
        let name = format!("clients/{file}");
        world.write(&name, fs::read(made.join(&name)).expect("the recipe makes alice's files"));
        world.set_mode(&name, 0o600);
    }
}

/// The folder that holds what `script` makes; runs it where the folder is missing, or made by another script.
///
/// Other test processes may want the same folder at the same moment, hence the lock.
pub(crate) fn made(name: &str, script: &str) -> PathBuf {
    let root = binary::target_folder().join("testkit");
    fs::create_dir_all(&root).expect("a folder below the target folder");
    let lock = File::create(root.join(format!("{name}.lock"))).expect("a lock file");
    lock.lock().expect("a lock");
    let folder = root.join(name);
    if !is_fresh(&folder, script) {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder below the target folder");
        let mut bash = Command::new("bash");
        Ran::from(bash.arg("-c").arg(script).current_dir(&folder), b"").succeeded();
        fs::write(folder.join(MARK), script).expect("a mark");
    }
    folder
}

/// Whether `script` made the folder, and not so long ago that its certificates near their end.
fn is_fresh(folder: &Path, script: &str) -> bool {
    let mark = folder.join(MARK);
    let is_young = fs::metadata(&mark)
        .and_then(|metadata| metadata.modified())
        .is_ok_and(|made| made.elapsed().is_ok_and(|age| age.as_secs() < 7 * 24 * 3600));
    is_young && fs::read_to_string(&mark).is_ok_and(|content| content == script)
}

/// Written last, so that an interrupted recipe is run again.
const MARK: &str = "made-by";
