//! Where the binary under test is.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The `countersign` binary: the one that `COUNTERSIGN_BIN` names, or else the one that cargo builds now.
///
/// # Panics
/// When it is neither there nor buildable.
pub fn path() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| match std::env::var_os("COUNTERSIGN_BIN") {
        Some(path) => {
            std::fs::canonicalize(&path).unwrap_or_else(|error| panic!("COUNTERSIGN_BIN={path:?}: {error}"))
        }
        None => build(),
    })
}

/// A command that runs the binary with `args` and with no setting of ours inherited from outside.
pub fn command<S: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(path());
    command.args(args);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("COUNTERSIGN_") {
            command.env_remove(name);
        }
    }
    command
}

/// The folder that cargo builds into; the running test is `<folder>/<profile>/deps/<test>`.
///
/// # Panics
/// When the program that runs is not a test of cargo's.
#[must_use]
pub fn target_folder() -> PathBuf {
    let test = std::env::current_exe().expect("a running test has a path");
    test.ancestors().nth(3).expect("cargo runs tests below its target folder").to_owned()
}

fn build() -> PathBuf {
    let target = target_folder();
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet", "--package", "countersign", "--bin", "countersign"])
        .env("CARGO_TARGET_DIR", &target)
        .status()
        .expect("cargo can be started");
    assert!(status.success(), "the binary under test does not build");
    target.join("debug/countersign")
}
