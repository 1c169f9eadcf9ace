//! A folder for one test, in which our binary and openssl work side by side.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output};

use tempfile::TempDir;

/// A folder of the test's own; gone with it.
pub(crate) struct Folder(TempDir);

/// What a command did.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A folder with a root, both issuers, and a configuration that names them: a realm that was never served.
    pub(crate) fn with_issuers() -> Self {
        let folder = Self::new();
        folder.countersign(&["ca", "init-root"]).succeeded();
        for kind in ["server", "client"] {
            folder.countersign(&["ca", "init-issuer", "--kind", kind]).succeeded();
        }
        folder
    }

    /// The two authorities and leaves of the openssl lines that users copy.
    pub(crate) fn with_openssl_pki() -> Self {
        let folder = Self::new();
        folder.sh("for ca in server client; do
               openssl ecparam -name prime256v1 -genkey -noout -out $ca-ca.key
               openssl req -x509 -new -key $ca-ca.key -sha256 -days 3650 -subj \"/CN=countersign $ca CA\" -out $ca-ca.crt
             done
             printf 'subjectAltName = DNS:db.example.com, IP:203.0.113.10\\nextendedKeyUsage = serverAuth\\n' > server.ext
             printf 'extendedKeyUsage = clientAuth\\n' > client.ext
             issue() {
               openssl ecparam -name prime256v1 -genkey -noout -out $1.key; chmod 600 $1.key
               openssl req -new -key $1.key -subj \"/CN=$2\" -out $1.csr
               openssl x509 -req -in $1.csr -CA $3-ca.crt -CAkey $3-ca.key -CAcreateserial -days 90 -sha256 -extfile $3.ext -out $1.crt
             }
             issue server db.example.com server; issue analyst analyst client; chmod 600 *.key");
        folder
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn mode(&self, name: &str) -> u32 {
        let metadata = std::fs::metadata(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        metadata.permissions().mode() & 0o777
    }

    pub(crate) fn countersign(&self, args: &[&str]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("COUNTERSIGN_")) {
            command.env_remove(name);
        }
        Ran::of(command.args(args).current_dir(self.0.path()).output().unwrap())
    }

    /// Runs a bash script and gives what it printed.
    pub(crate) fn sh(&self, script: &str) -> String {
        let output = Command::new("bash").args(["-ec", script]).current_dir(self.0.path()).output().unwrap();
        let ran = Ran::of(output);
        assert_eq!(ran.code, 0, "{script}\n{}{}", ran.out, ran.err);
        ran.out
    }
}

impl Ran {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    #[track_caller]
    pub(crate) fn exited(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}{}", self.out, self.err);
        self
    }

    #[track_caller]
    pub(crate) fn succeeded(self) -> Self {
        self.exited(0)
    }

    /// Every text stands in what was printed, on whichever side.
    #[track_caller]
    pub(crate) fn says(self, texts: &[&str]) -> Self {
        let said = format!("{}{}", self.out, self.err);
        for text in texts {
            assert!(said.contains(text), "\"{text}\" is missing:\n{said}");
        }
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}
