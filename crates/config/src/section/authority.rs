//! `authority`: the root, the issuers, the profiles.

use std::path::PathBuf;
use std::time::Duration;

use identity::{KeyKind, Purpose};

use crate::reader::At;
use crate::scalar::{Ground, Scalar, Wrong, unknown};
use crate::table::{Named, shapes, table};

table! {
    /// Our own authority.
    Authority at "authority" {
        /// The root's certificate, under which every issuer must stand; needed where issuers are written. Its key is never read.
        root_cert: PathBuf;
        /// Issuers by name: `server`, `client` and `service` sign what those profiles describe. The environment may give
        /// `service` (`COUNTERSIGN_INTERMEDIATE_CA_…`).
        issuers: Named<Issuer>;
        /// Profiles by name. `server`, `client` and `service` are built in; what is written here adjusts or adds.
        profiles: Named<Profile>;
        /// The registry of internal services: only these get certificates of the profile `service`.
        services: Vec<At<ServiceName>>;
        /// The lists of what was revoked.
        crl: Crl = "";
        later "rotation" "ocsp" "distribution_url";
    }
}

table! {
    /// An issuer.
    Issuer at "authority.issuers.<name>" {
        /// Its certificate.
        cert: PathBuf;
        /// Its key; only its owner may read the file.
        key: PathBuf;
        /// The environment variable that holds the key's password.
        key_password_env: String;
        /// The file whose first line is the key's password.
        key_password_file: PathBuf;
    }
}

table! {
    /// The rules for one kind of certificate.
    Profile at "authority.profiles.<name>" {
        /// How long a certificate is valid.
        lifetime: Duration;
        /// What it may be used for.
        usages: Vec<At<Purpose>>;
        /// Which keys it may carry.
        keys: Vec<At<KeyKind>>;
    }
}

table! {
    /// The lists of what was revoked, one for each issuer.
    Crl at "authority.crl" {
        /// How long after it was signed a list promises a newer one (`nextUpdate`).
        lifetime: Duration = "24h";
    }
}

/// The name of an internal service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServiceName(pub(crate) String);

impl Scalar for ServiceName {
    fn kind() -> String {
        "1 to 63 of `a`–`z`, `0`–`9` and `-`".into()
    }

    fn parse(text: &str, _: &Ground) -> Result<Self, Wrong> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if (1..=63).contains(&text.len()) && text.chars().all(fits) {
            return Ok(Self(text.to_owned()));
        }
        Err(Wrong::new("is not the name of a service (want 1 to 63 of a-z, 0-9 and \"-\")"))
    }
}

/// What a certificate may be used for.
impl Scalar for Purpose {
    fn kind() -> String {
        "`server` or `client`".into()
    }

    fn parse(text: &str, _: &Ground) -> Result<Self, Wrong> {
        match text {
            "server" => Ok(Self::Server),
            "client" => Ok(Self::Client),
            _ => Err(unknown(text, &["server", "client"])),
        }
    }
}

shapes! { Purpose ServiceName }
