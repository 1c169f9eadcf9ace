//! The generated reference pages say what the program says.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn the_command_reference_is_what_the_program_says() {
    compare("cli", "cli.md");
}

#[test]
fn the_refusal_reference_is_what_the_program_says() {
    compare("refusals", "refusals.md");
}

fn compare(page: &str, file: &str) {
    let output = Command::new(env!("CARGO_BIN_EXE_countersign")).args(["reference", page]).output().unwrap();
    assert!(output.status.success());
    let generated = String::from_utf8(output.stdout).unwrap();
    let path = reference_folder().join(file);
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        std::fs::create_dir_all(reference_folder()).unwrap();
        std::fs::File::create(&path)
            .and_then(|mut file| std::io::Write::write_all(&mut file, generated.as_bytes()))
            .unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == generated,
        "{} is stale: run UPDATE_REFERENCE=1 cargo test -p countersign --test reference",
        path.display()
    );
}

fn reference_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference")
}
