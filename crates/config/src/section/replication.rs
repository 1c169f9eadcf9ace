//! `replication`: the connection between nodes that share a ledger.

use std::path::PathBuf;

use super::revocation::Verification;
use crate::reader::At;
use crate::table::{Toggle, table};

table! {
    /// The connection between nodes. Nodes share the record in a ledger on PostgreSQL, so it is the connection of each to
    /// that server. It is mutual TLS, always.
    Replication at "replication" {
        /// How the certificate of the ledger's server is judged, beyond `sslmode` and `sslrootcert` in `ledger.url`. `false`
        /// is refused: mTLS between nodes cannot be switched off.
        mtls: Toggle<ReplicationMtls> = "true";
        /// Whether public authorities are believed about it. Only `false` can be written: name the server's authority in
        /// `ledger.url`.
        enable_root_cas as "enableRootCAs": bool = "false";
        later "port" "securePort" "hostname" "url" "routes" "databases" "shard" "copyTablesToCatchUp";
    }
}

table! {
    /// What counts as revoked among the certificates of the ledger's server.
    ReplicationMtls at "replication.mtls" {
        /// Certificate revocation lists, PEM or DER, as under `tls.<profile>.revocation`. Each must be signed by an authority
        /// in `sslrootcert`.
        crl_files or "crlFiles": Vec<At<PathBuf>> = "";
        /// Whether the authorities are asked if the certificate is revoked, as under
        /// [`tls.<profile>.revocation.verification`](#tlsprofilerevocationverification).
        certificate_verification as "certificateVerification": Toggle<Verification> = "false";
    }
}
