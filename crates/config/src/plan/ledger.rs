use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use wire::libpq::DatabaseUri;

use crate::scalar::words;

/// A ledger in a PostgreSQL database, and how to reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostgresPlan {
    /// A host name, an IP address, or the folder of a Unix socket.
    pub host: String,
    /// Where to connect instead of looking the host's name up.
    pub hostaddr: Option<IpAddr>,
    /// The port.
    pub port: u16,
    /// The user to sign in as.
    pub user: String,
    /// The database.
    pub database: String,
    /// How the connection is protected.
    pub sslmode: SslMode,
    /// Who may vouch for the server; always there where the mode asks for it.
    pub sslrootcert: Option<PathBuf>,
    /// What is presented to the server: certificate and key.
    pub credential: Option<(PathBuf, PathBuf)>,
    /// What the server calls us.
    pub application_name: String,
    /// How long connecting may take.
    pub connect_timeout: Duration,
}

impl PostgresPlan {
    /// The URL that says all of it, with the files that variables named.
    #[must_use]
    pub fn url(&self) -> String {
        let mut said = vec![
            ("host", self.host.clone()),
            ("port", self.port.to_string()),
            ("user", self.user.clone()),
            ("dbname", self.database.clone()),
            ("sslmode", self.sslmode.as_str().to_owned()),
            ("application_name", self.application_name.clone()),
            ("connect_timeout", self.connect_timeout.as_secs().to_string()),
        ];
        said.extend(self.hostaddr.map(|address| ("hostaddr", address.to_string())));
        let path = |path: &PathBuf| path.display().to_string();
        said.extend(self.sslrootcert.as_ref().map(|root| ("sslrootcert", path(root))));
        if let Some((certificate, key)) = &self.credential {
            said.extend([("sslcert", path(certificate)), ("sslkey", path(key))]);
        }
        said.iter().fold(DatabaseUri::default(), |uri, (name, value)| uri.with(name, value)).to_string()
    }
}

words! {
    /// libpq's `sslmode`, without the two of its values that fall back to plaintext.
    pub enum SslMode {
        /// Plaintext; on this machine alone.
        Disable = "disable",
        /// Encrypted, to whom nobody knows; on this machine alone.
        Require = "require",
        /// The server's chain is verified, and not its name; on this machine alone.
        VerifyCa = "verify-ca",
        /// The server's chain and name are verified.
        VerifyFull = "verify-full",
    }
}
