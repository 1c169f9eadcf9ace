//! What a configuration is made of besides the file: flags and variables, each declared once.

pub(crate) mod http;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use fault::Place;

use crate::reader::At;

/// Everything that a configuration is read from.
#[derive(Clone, Default)]
pub struct Sources {
    /// The file; none to start from the environment alone.
    pub file: Option<PathBuf>,
    /// The environment's variables.
    pub env: BTreeMap<String, String>,
    /// What flags say; they come before all else.
    pub overrides: Overrides,
}

/// Variables by name only: some hold passwords and keys.
impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let variables: Vec<&String> = self.env.keys().collect();
        f.debug_struct("Sources")
            .field("file", &self.file)
            .field("env", &variables)
            .field("overrides", &self.overrides)
            .finish()
    }
}

/// What flags say.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--listen`: the address of the only listener.
    pub listen: Option<String>,
    /// `--tls-cert`.
    pub tls_cert: Option<String>,
    /// `--tls-key`.
    pub tls_key: Option<String>,
    /// `--tls-client-ca`.
    pub tls_client_ca: Option<String>,
    /// `--tls-client-auth`.
    pub tls_client_auth: Option<String>,
    /// `--tls-min-version`.
    pub tls_min_version: Option<String>,
    /// `--lenient`: unknown keys are warnings.
    pub lenient: bool,
}

/// What a setting from outside the file is called, and what it means.
pub(crate) struct Outside {
    pub(crate) variable: Option<&'static str>,
    pub(crate) flag: Option<&'static str>,
    pub(crate) about: &'static str,
}

const fn outside(variable: &'static str, flag: Option<&'static str>, about: &'static str) -> Outside {
    Outside { variable: Some(variable), flag, about }
}

pub(crate) const ENVIRONMENT: Outside = outside("COUNTERSIGN_ENV", None, "`environment`.");
pub(crate) const TLS_ENABLED: Outside = outside(
    "COUNTERSIGN_TLS_ENABLED",
    None,
    "Whether TLS is served, where no profile is named. Default `false`.",
);
pub(crate) const TLS_CERT: Outside =
    outside("COUNTERSIGN_TLS_CERT", Some("--tls-cert"), "The server's chain. Default empty.");
pub(crate) const TLS_KEY: Outside =
    outside("COUNTERSIGN_TLS_KEY", Some("--tls-key"), "The server's key. Default empty.");
pub(crate) const TLS_CLIENT_CA: Outside = outside(
    "COUNTERSIGN_TLS_CLIENT_CA",
    Some("--tls-client-ca"),
    "Who may vouch for clients; given, client certificates are asked for. Default empty.",
);
pub(crate) const TLS_CLIENT_AUTH: Outside = outside(
    "COUNTERSIGN_TLS_CLIENT_AUTH",
    Some("--tls-client-auth"),
    "`require` or `request`, in any letter case. Default `require`.",
);
pub(crate) const TLS_MIN_VERSION: Outside =
    outside("COUNTERSIGN_TLS_MIN_VERSION", Some("--tls-min-version"), "`1.2` or `1.3`. Default `1.2`.");
pub(crate) const LISTEN: Outside =
    Outside { variable: None, flag: Some("--listen"), about: "The address of the only listener." };
pub(crate) const CONFIG_FILE: Outside =
    outside("COUNTERSIGN_CONFIG_FILE", Some("--config"), "The file to read.");
pub(crate) const KEY_PASSWORD: Outside =
    outside("COUNTERSIGN_SSL_KEY_PASSWORD", None, "The password of the server's key.");
pub(crate) const LEDGER_CERT: Outside = outside(
    "COUNTERSIGN_SSL_CERT",
    None,
    "The certificate for a ledger on PostgreSQL, where `ledger.url` has no `sslcert`.",
);
pub(crate) const LEDGER_KEY: Outside =
    outside("COUNTERSIGN_SSL_KEY", None, "Its key, where `ledger.url` has no `sslkey`.");
pub(crate) const LEDGER_ROOT: Outside = outside(
    "COUNTERSIGN_SSL_ROOTCERT",
    None,
    "The authorities that may vouch for the server of a ledger on PostgreSQL, where `ledger.url` has no `sslrootcert`.",
);
pub(crate) const INTERMEDIATE_CERT_PEM: Outside = outside(
    "COUNTERSIGN_INTERMEDIATE_CA_CERT_PEM",
    None,
    "The issuer `service`: its certificate as PEM text. With its key it stands before `authority.issuers.service`.",
);
pub(crate) const INTERMEDIATE_KEY_PEM: Outside =
    outside("COUNTERSIGN_INTERMEDIATE_CA_KEY_PEM", None, "The issuer `service`: its key as PEM text.");
pub(crate) const INTERMEDIATE_CERT_FILE: Outside =
    outside("COUNTERSIGN_INTERMEDIATE_CA_CERT_FILE", None, "The same certificate, in a file.");
pub(crate) const INTERMEDIATE_KEY_FILE: Outside =
    outside("COUNTERSIGN_INTERMEDIATE_CA_KEY_FILE", None, "The same key, in a file: the safer form.");
pub(crate) const INTERMEDIATE_CERT_PEM_FILE: Outside = outside(
    "COUNTERSIGN_INTERMEDIATE_CA_CERT_PEM_FILE",
    None,
    "Another spelling of `COUNTERSIGN_INTERMEDIATE_CA_CERT_FILE`.",
);
pub(crate) const INTERMEDIATE_KEY_PEM_FILE: Outside = outside(
    "COUNTERSIGN_INTERMEDIATE_CA_KEY_PEM_FILE",
    None,
    "Another spelling of `COUNTERSIGN_INTERMEDIATE_CA_KEY_FILE`.",
);
pub(crate) const LIFECYCLE_SECONDS: Outside =
    outside("COUNTERSIGN_LIFECYCLE_INTERVAL_SECS", None, "`authority.rotation.every`, in seconds.");
pub(crate) const ROTATION_DAYS: Outside =
    outside("COUNTERSIGN_ROTATION_THRESHOLD_DAYS", None, "`authority.rotation.threshold`, in days.");
pub(crate) const ALERT_DAYS: Outside =
    outside("COUNTERSIGN_ALERT_THRESHOLD_DAYS", None, "`authority.rotation.alert`, in days.");
pub(crate) const SERVICE_DAYS: Outside =
    outside("COUNTERSIGN_LEAF_CERT_VALIDITY_DAYS", None, "`authority.profiles.service.lifetime`, in days.");
pub(crate) const LENIENT: Outside =
    Outside { variable: None, flag: Some("--lenient"), about: "Unknown keys are warnings and not faults." };

/// Every setting from outside the file, in the order of the reference page.
pub(crate) fn all() -> impl Iterator<Item = &'static Outside> {
    ALL.iter().chain(http::all())
}

const ALL: &[Outside] = &[
    CONFIG_FILE,
    ENVIRONMENT,
    TLS_ENABLED,
    TLS_CERT,
    TLS_KEY,
    TLS_CLIENT_CA,
    TLS_CLIENT_AUTH,
    TLS_MIN_VERSION,
    KEY_PASSWORD,
    LEDGER_CERT,
    LEDGER_KEY,
    LEDGER_ROOT,
    INTERMEDIATE_CERT_PEM,
    INTERMEDIATE_KEY_PEM,
    INTERMEDIATE_CERT_FILE,
    INTERMEDIATE_KEY_FILE,
    INTERMEDIATE_CERT_PEM_FILE,
    INTERMEDIATE_KEY_PEM_FILE,
    LIFECYCLE_SECONDS,
    ROTATION_DAYS,
    ALERT_DAYS,
    SERVICE_DAYS,
    LISTEN,
    LENIENT,
];

impl Sources {
    /// A variable; one that is empty counts as not set.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.env.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A setting from outside: the flag before the variable.
    pub(crate) fn setting(&self, of: &Outside) -> Option<At<String>> {
        let by_flag = of.flag.and_then(|flag| Some((flag, self.flag(flag)?)));
        let by_variable = || of.variable.and_then(|name| Some((name, self.variable(name)?)));
        let (name, value) = by_flag.or_else(by_variable)?;
        Some(At { value: value.to_owned(), place: Some(Place::Name(name.to_owned())) })
    }

    fn flag(&self, flag: &str) -> Option<&str> {
        let said = &self.overrides;
        let value = match flag {
            "--listen" => &said.listen,
            "--tls-cert" => &said.tls_cert,
            "--tls-key" => &said.tls_key,
            "--tls-client-ca" => &said.tls_client_ca,
            "--tls-client-auth" => &said.tls_client_auth,
            "--tls-min-version" => &said.tls_min_version,
            _ => &None,
        };
        value.as_deref()
    }
}
