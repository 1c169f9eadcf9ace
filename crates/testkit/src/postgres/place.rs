//! Where the server's programs are, whom they run as, and what is theirs.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::Ran;

/// The folder of PostgreSQL's programs: the newest that Debian's packages have put in place, or where `PATH` finds them.
pub(super) fn programs() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| {
        let packaged = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        let mut folders: Vec<PathBuf> = packaged.map(|entry| entry.path().join("bin")).collect();
        folders.sort_by_key(|folder| version(folder));
        folders.reverse();
        folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
        let whole = |folder: &PathBuf| {
            ["initdb", "postgres", "psql"].iter().all(|program| folder.join(program).is_file())
        };
        folders.into_iter().find(whole).expect("PostgreSQL is installed: apt-get install postgresql")
    })
}

fn version(folder: &Path) -> u32 {
    let name = folder.parent().and_then(Path::file_name).and_then(OsStr::to_str);
    name.and_then(|name| name.parse().ok()).unwrap_or(0)
}

/// A command that runs as the user `postgres` where we are root, which the server refuses to run as.
pub(super) fn as_postgres(program: impl AsRef<OsStr>) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]).arg(program);
    command
}

/// A new folder; whoever runs the server removes it.
pub(super) fn folder() -> PathBuf {
    tempfile::Builder::new().prefix("postgres-").tempdir().expect("a temporary folder").keep()
}

/// Gives a folder and what is in it to the user whom the server runs as.
pub(super) fn hand_over(folder: &Path) {
    fs::set_permissions(folder.join("server.key"), fs::Permissions::from_mode(0o600))
        .expect("a key has a mode");
    if is_root() {
        let mut chown = Command::new("chown");
        Ran::from(chown.args(["-R", "postgres:postgres"]).arg(folder), b"").succeeded();
    }
}

/// A port that nobody has, and that the system gives to nobody who asks for any: a server that was stopped finds it free
/// when it comes back.
pub(super) fn free_port() -> u16 {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    // Servers of one process begin to look in different places: one that was chosen is not taken at once.
    let given = GIVEN.fetch_add(1, Ordering::Relaxed);
    let first = u16::try_from((std::process::id() + 101 * given) % 10_000).expect("below 10,000");
    (0..10_000)
        .map(|n| 20_000 + (first + n) % 10_000)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a free port below the system's own")
}

/// Adds to a file that is the server's.
pub(super) fn append(path: &Path, text: &str) {
    let mut file = OpenOptions::new().append(true).open(path).expect("initdb makes the file");
    file.write_all(text.as_bytes()).expect("the file can be written");
}

/// Replaces the content of a file that is the server's.
pub(super) fn replace(path: &Path, text: &str) {
    fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

fn is_root() -> bool {
    static ROOT: OnceLock<bool> = OnceLock::new();
    *ROOT.get_or_init(|| Ran::from(Command::new("id").arg("-u"), b"").succeeded().stdout.trim() == "0")
}
