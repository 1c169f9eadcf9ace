//! `authority`: the root, the issuers, the profiles.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use authority::{CommonNamePattern, Distribution, DnsPattern, EmailPattern, Network, NoPattern, UriPattern};
use identity::{KeyKind, Purpose};

use super::acme::Acme;
use super::rotation::Rotation;
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
        /// Whether a registered service that has no certificate keeps the node from starting.
        provision_required: bool = "false";
        /// When certificates are replaced.
        rotation: Rotation = "";
        /// The lists of what was revoked.
        crl: Crl = "";
        /// Where the authority may be away for less than this before something breaks, it is warned of.
        outage_warning: Duration = "6h";
        /// Asking for certificates over the door.
        enrolment: Enrolment = "";
        /// Answers about single certificates.
        ocsp: Ocsp = "";
        /// The list of what the root has taken back, signed by hand (`ca crl --ca`), to be published with those of the issuers.
        root_crl: PathBuf;
        /// Who answers questions about our issuers in the root's name (`ca init-responder`). Left out, nobody does.
        root_ocsp: RootOcsp;
        /// Where strangers reach a listener that serves what is published: `http://pki.example.com:8080`. Certificates then say
        /// where their issuer can be asked about them. Left out, they say nothing of it.
        distribution_url: Distribution;
        /// Certificates for servers that ask by ACME (RFC 8555).
        acme: Acme;
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
        /// Whether its certificates say that nobody need ask about their revocation (RFC 9608), where they end within a day;
        /// those that last longer never do.
        no_rev_avail: bool = "true";
        /// Which names it may carry, whoever asks. Left out, any that its issuer may vouch for.
        names: AllowedNames;
        /// How long before its end the successor is suggested. Left out, a third of its life, and 14 days at most.
        renewal_window: Duration;
        /// How long after its end it may still be exchanged for a successor by whoever holds its key; at most 90 days. Left
        /// out, not at all.
        renew_after_expiry: Duration;
    }
}

table! {
    /// The names that certificates of a profile may carry. A kind for which nothing is written is not allowed.
    AllowedNames at "authority.profiles.<name>.names" {
        /// Common names; `*` stands for any characters. What is allowed as an alternative name is allowed as a common name too.
        common_names: Vec<At<CommonNamePattern>>;
        /// Host names, or with a dot in front all names below: `.example.com`. A wildcard is allowed where it is written itself.
        dns: Vec<At<DnsPattern>>;
        /// URIs, or with a slash at the end all that begin so: `spiffe://example.com/`.
        uris: Vec<At<UriPattern>>;
        /// E-mail addresses, or the domain of all that are allowed: `example.com`.
        emails: Vec<At<EmailPattern>>;
        /// IP addresses or networks: `10.0.0.0/8`.
        ips: Vec<At<Network>>;
    }
}

table! {
    /// The lists of what was revoked, one for each issuer.
    Crl at "authority.crl" {
        /// How long after it was signed a list promises a newer one (`nextUpdate`).
        lifetime: Duration = "24h";
        /// How many revoked certificates one part of a list holds at most, before new certificates are spread over more parts.
        /// The list of everything is there besides.
        shard_entries: u64 = "50000";
    }
}

table! {
    /// Answers about single certificates (OCSP).
    Ocsp at "authority.ocsp" {
        /// How long an answer promises to be the newest (`nextUpdate`).
        lifetime: Duration = "1h";
    }
}

table! {
    /// The root's responder. Its key lies on this node; all that it can do is to say of an issuer that it is good or revoked.
    RootOcsp at "authority.root_ocsp" {
        /// Its certificate, which the root has signed.
        cert: PathBuf;
        /// Its key; only its owner may read the file.
        key: PathBuf;
    }
}

table! {
    /// Asking for certificates over the door.
    Enrolment at "authority.enrolment" {
        /// Requests a minute that one who asks may make: a certificate, a principal, or an address that shows neither. 0 for no bound.
        per_minute: u64 = "60";
        /// Invitations that may be open at once.
        most_invitations: u64 = "1000";
        /// How long an invitation may last at most.
        longest_invitation: Duration = "7d";
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

impl Scalar for Distribution {
    fn kind() -> String {
        "an `http://` address".into()
    }

    fn parse(text: &str, _: &Ground) -> Result<Self, Wrong> {
        Self::parse(text).map_err(|why| {
            Wrong::new(format!("is no address for distribution: {why}"))
                .remedy("write one such as http://pki.example.com:8080")
        })
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

/// Patterns of names, one kind each.
macro_rules! patterns {
    ($($pattern:ty: $kind:literal;)+) => {$(
        impl Scalar for $pattern {
            fn kind() -> String {
                $kind.into()
            }

            fn parse(text: &str, _: &Ground) -> Result<Self, Wrong> {
                Self::from_str(text).map_err(|why: NoPattern| Wrong::new(why.to_string()))
            }
        }
    )+};
}

patterns! {
    CommonNamePattern: "common name";
    DnsPattern: "host name";
    UriPattern: "URI";
    EmailPattern: "e-mail address or domain";
    Network: "IP address or network";
}

shapes! { Purpose ServiceName Distribution CommonNamePattern DnsPattern UriPattern EmailPattern Network }
