use std::path::PathBuf;

use config::PostgresPlan;
use identity::Secret;

/// What a new realm is to be like.
#[derive(Clone, Debug)]
pub struct RealmSpec {
    /// The names and addresses that its server certificate covers.
    pub hosts: Vec<String>,
    /// The address to listen on.
    pub listen: String,
    /// The environment, which stands in the names of the authorities and in every certificate.
    pub environment: String,
    /// Encrypts the keys of root and issuers.
    pub key_password: Option<KeyPassword>,
    /// The database that its ledger is kept in; none for a file of its own.
    pub ledger: Option<PostgresPlan>,
}

/// A password for issuer keys, and the file where the node will find it.
#[derive(Clone, Debug)]
pub struct KeyPassword {
    /// The password.
    pub secret: Secret,
    /// The file whose first line it is.
    pub file: PathBuf,
}

impl RealmSpec {
    /// For this machine: localhost, the loopback addresses and the machine's own name; listening on loopback.
    #[must_use]
    pub fn for_this_machine(environment: impl Into<String>) -> Self {
        let mut hosts: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
        let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
        // A machine may have a name that no certificate can carry.
        if authority::parse_san(&machine).is_ok() && !hosts.contains(&machine) {
            hosts.push(machine);
        }
        Self {
            hosts,
            listen: "127.0.0.1:7777".into(),
            environment: environment.into(),
            key_password: None,
            ledger: None,
        }
    }
}
