//! A real PostgreSQL, with a data folder and a port of its own.
//!
//! It is set up by the lines that users copy (`examples/ledger-on-postgresql`): TLS, and a certificate in place of a
//! password. It syncs to disk as it does everywhere. A server dies with the test that holds it, however that ends.

mod place;
mod running;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::patience::wait_for;
use crate::{Ran, recipe};
use place::{as_postgres, programs};
use running::Running;

/// A server that is up until it is dropped.
#[derive(Debug)]
pub struct Postgres {
    folder: PathBuf,
    port: u16,
    running: Mutex<Option<Running>>,
}

/// Lines that a test adds to the server's own.
#[derive(Clone, Copy, Debug, Default)]
pub struct Setting<'a> {
    /// Lines for `postgresql.conf`.
    pub conf: &'a str,
    /// Lines for `pg_hba.conf`, before the ones that users copy.
    pub hba: &'a str,
}

impl Postgres {
    /// A server of the test's own, set up as the manual says.
    ///
    /// # Panics
    /// When PostgreSQL is not installed, or does not start.
    #[must_use]
    pub fn start() -> Self {
        Self::with(Setting::default())
    }

    /// A server of the test's own, with further settings.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    #[must_use]
    pub fn with(setting: Setting<'_>) -> Self {
        let folder = place::folder();
        for file in ["ca.crt", "server.crt", "server.key"] {
            fs::copy(pki().join(file), folder.join(file)).expect("the recipe makes the server's files");
        }
        place::hand_over(&folder);
        let mut initdb = as_postgres(programs().join("initdb"));
        initdb.arg("-D").arg(folder.join("data"));
        // What is made here is lost with the machine's power anyway; what tests write afterwards is synced.
        initdb.args(["--no-sync", "--no-locale", "--encoding=UTF8", "--username=postgres", "--auth=trust"]);
        Ran::from(initdb.current_dir(&folder), b"").succeeded();
        let server = Self { port: place::free_port(), running: Mutex::new(None), folder };
        server.configure(setting);
        server.resume();
        server.sql("postgres", include_str!("../../../examples/ledger-on-postgresql/user.sql"));
        server
    }

    /// The one server that tests of this binary share: for those that neither stop it nor change its settings. Each has a
    /// [`database`](Self::database) of its own.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Makes an empty database of its own for a test, and says its name. It is `countersign_user`'s.
    ///
    /// # Panics
    /// When the server does not make one.
    pub fn database(&self) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name} OWNER countersign_user"));
        name
    }

    /// The port, on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder of the Unix socket, and of everything else that is the server's.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A file that a user has: `ca.crt`, `client.crt`, `client.key` (of `countersign_user`), and `ca.key`.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        pki().join(name)
    }

    /// The URL of a database here, as `countersign_user` with certificate and `verify-full`.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let file = |name| self.file(name).display().to_string();
        format!(
            "postgresql://countersign_user@localhost:{}/{database}?sslmode=verify-full&sslrootcert={}&sslcert={}&sslkey={}",
            self.port,
            file("ca.crt"),
            file("client.crt"),
            file("client.key"),
        )
    }

    /// Runs SQL as the server's administrator over the Unix socket, and answers what `psql` prints of it: rows without
    /// decoration, columns separated by `|`.
    ///
    /// # Panics
    /// When it fails.
    #[track_caller]
    pub fn sql(&self, database: &str, sql: &str) -> String {
        self.psql(database, sql).succeeded().stdout.trim_end().to_owned()
    }

    /// Lets in those whom this authority (PEM) vouches for as well.
    ///
    /// # Panics
    /// When the server does not take it up.
    pub fn trust(&self, authority: &str) {
        // One after the other: each must see that it was its own change that the server has read.
        let _alone = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let loaded = || self.sql("postgres", "SELECT pg_conf_load_time()");
        let before = loaded();
        place::append(&self.folder.join("ca.crt"), authority);
        self.sql("postgres", "SELECT pg_reload_conf()");
        wait_for(
            "a server that has read its files again",
            || self.log(),
            || (loaded() != before).then_some(()),
        );
    }

    /// Stops the server, telling everybody who is connected; what it holds stays.
    ///
    /// # Panics
    /// When it does not stop.
    pub fn stop(&self) {
        self.end("stop");
    }

    /// Ends the server as a crash does: no goodbye, and a recovery at the next start.
    ///
    /// # Panics
    /// When it does not end.
    pub fn crash(&self) {
        self.end("crash");
    }

    /// Starts the server again, on the same port.
    ///
    /// # Panics
    /// When it does not start.
    pub fn resume(&self) {
        let running = Running::start(&self.folder, || self.psql("postgres", "SELECT 1").code == Some(0));
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(running);
    }

    /// Replaces files of the server by a test's own and starts it again with them. Names are relative to its folder; those of its
    /// settings are in `data`.
    ///
    /// # Panics
    /// When it does not start with them.
    pub fn furnish(&self, files: &[(&str, &str)]) {
        self.stop();
        for (name, text) in files {
            place::replace(&self.folder.join(name), text);
        }
        self.resume();
    }

    /// What the server has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        running::log(&self.folder)
    }

    fn psql(&self, database: &str, sql: &str) -> Ran {
        let mut psql = Command::new(programs().join("psql"));
        psql.args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1"]);
        psql.arg("--host").arg(&self.folder).args(["--port", &self.port.to_string(), "--username=postgres"]);
        psql.args(["--dbname", database]);
        Ran::from(psql.current_dir("/"), sql.as_bytes())
    }

    fn end(&self, word: &str) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        running.expect("the server runs").end(word);
    }

    fn configure(&self, setting: Setting<'_>) {
        let folder = self.folder.display().to_string();
        let copied = include_str!("../../../examples/ledger-on-postgresql/postgresql.conf")
            .replace("/var/lib/postgresql", &folder);
        let data = self.folder.join("data");
        let conf = format!(
            "{copied}listen_addresses = '127.0.0.1'\nport = {}\nunix_socket_directories = '{folder}'\n\
             max_connections = 200\nshared_buffers = 32MB\n{}\n",
            self.port, setting.conf
        );
        // Included last, so that it wins over what initdb has written.
        place::append(&data.join("postgresql.conf"), &conf);
        let hba = format!(
            "local all postgres trust\n{}\n{}",
            setting.hba,
            include_str!("../../../examples/ledger-on-postgresql/pg_hba.conf")
        );
        place::replace(&data.join("pg_hba.conf"), &hba);
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.running.lock().unwrap_or_else(PoisonError::into_inner).take());
        // Whoever ran it has removed the folder already, unless the test had stopped it.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Where the certificates of all servers are.
fn pki() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let script = include_str!("../../../examples/ledger-on-postgresql/certificates.sh");
        recipe::made("ledger-on-postgresql", script)
    })
}
