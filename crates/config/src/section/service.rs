//! `services`: what is behind the door and not our own.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use identity::Fingerprint;

use super::access::{Mtls, PinText};
use super::secret::SecretName;
use crate::plan::UpstreamSslMode;
use crate::reader::At;
use crate::scalar::words;
use crate::table::{shapes, table};

table! {
    /// A server behind the door. Registered programs of our own are `authority.services`.
    Service at "services[]" {
        /// Its name, by which databases say that they are there.
        name: String;
        /// That it is a PostgreSQL, and how it is reached.
        postgres: Postgres;
        later "redis" "tcp" "grants";
    }
}

table! {
    /// A PostgreSQL behind the door.
    Postgres at "services[].postgres" {
        /// `HOST:PORT`, or the folder of a Unix socket, `/FOLDER` or `/FOLDER:PORT`; without a port: 5432.
        address: String;
        /// The database there.
        database: String;
        /// How the connection is protected, in libpq's words and with its meanings.
        sslmode: UpstreamSslMode = "verify-full";
        /// The authorities that may vouch for the server. With sslmode `require` they make its chain judged, as with libpq.
        ssl_rootcert: PathBuf;
        /// A list of the server certificates that its authority took back.
        ssl_crl: PathBuf;
        /// For identity `shared`: the certificate that is presented.
        ssl_cert: PathBuf;
        /// For identity `shared`: its key; only its owner may read the file.
        ssl_key: PathBuf;
        /// For identity `shared`: what opens the key.
        ssl_key_password: SecretName;
        /// How the server knows who comes: by a certificate of minutes in each principal's name, or by one credential for all.
        identity: UpstreamIdentity = "per_principal";
        /// Who is whom there, by the level of the grant; left out, with no `map`: everybody is who they are here.
        roles: Roles;
        /// Who is whom there, by what the certificate says, as in `pg_ident.conf`. Each entry that holds gives a role; the
        /// first is for those who ask for none.
        map: Vec<At<MapEntry>>;
        /// For identity `shared`: the password, for SCRAM-SHA-256.
        password: SecretName;
        /// For identity `per_principal`: how long each certificate is good.
        certificate_lifetime: Duration = "5m";
        /// How long connecting and signing in may take, in all.
        connect_timeout: Duration = "5s";
        /// Connections at once; 0 for no bound.
        max_connections: u64 = "100";
        /// Connections at once of one principal; 0 for no bound.
        max_connections_per_principal: u64 = "20";
        /// Whether a connection is kept for the next client of the same principal and role, and reset in between
        /// (`DISCARD ALL`).
        keep_warm: bool = "false";
        /// How many are kept, and for how long.
        warm: Warm;
    }
}

table! {
    /// The server's role for each level of a grant. Whoever asks for the role of a lower level gets it.
    Roles at "services[].postgres.roles" {
        /// For grants of `read-only`. The server enforces it: the role must have no right to write.
        read_only as "read-only": String;
        /// For grants of `read-write`.
        read_write as "read-write": String;
        /// For grants of `admin`.
        admin: String;
    }
}

table! {
    /// A role, and what the certificate must say for it; all keys that are written must match.
    MapEntry at "services[].postgres.map[]" {
        /// The role.
        role: String;
        /// The one common name, exactly.
        subject_cn: String;
        /// SHA-256 of the public key.
        spki_sha256: PinText;
        /// One of the DNS names, in any letter case.
        san_dns: String;
        /// One of the URIs, exactly; a SPIFFE ID for example.
        san_uri: String;
        /// One of the e-mail addresses; the domain in any letter case.
        san_email: String;
        /// One of the IP addresses.
        san_ip: IpAddr;
        /// SHA-256 of the issuer's public key.
        issuer_spki_sha256: PinText;
        /// One of the organizations (O), exactly.
        subject_o: String;
        /// One of the organizational units (OU), exactly.
        subject_ou: String;
        /// SHA-256 of the whole certificate.
        cert_sha256: Fingerprint;
    }
}

impl MapEntry {
    /// What the certificate must say, as principals have it written.
    pub(crate) fn conditions(&self) -> Mtls {
        Mtls {
            subject_cn: self.subject_cn.clone(),
            spki_sha256: self.spki_sha256.clone(),
            san_dns: self.san_dns.clone(),
            san_uri: self.san_uri.clone(),
            san_email: self.san_email.clone(),
            san_ip: self.san_ip.clone(),
            issuer_spki_sha256: self.issuer_spki_sha256.clone(),
            subject_o: self.subject_o.clone(),
            subject_ou: self.subject_ou.clone(),
            cert_sha256: self.cert_sha256.clone(),
            unread: self.unread.clone(),
        }
    }
}

table! {
    /// Connections that are kept for the next client.
    Warm at "services[].postgres.warm" {
        /// The most that are kept, in all.
        most: u64 = "20";
        /// How long one is kept without use.
        idle: Duration = "60s";
    }
}

words! {
    /// How a server behind the door knows who comes.
    pub(crate) enum UpstreamIdentity {
        /// By a certificate in each principal's name.
        PerPrincipal = "per_principal",
        /// By one credential for all.
        Shared = "shared",
    }
}

shapes! { UpstreamSslMode UpstreamIdentity }
