//! `limits`: bounds.

use std::time::Duration;

use crate::scalar::Size;
use crate::table::table;

table! {
    /// Bounds; they exist so that no peer can take what belongs to all.
    Limits at "limits" {
        /// Rows of an answer before it is cut off.
        max_rows: u64 = "100000";
        /// Bytes of an answer before it is cut off.
        max_result_bytes: Size = "64MiB";
        /// Bytes of a request's body.
        max_request_bytes: Size = "8MiB";
        /// How long one statement may run.
        statement_timeout: Duration = "30s";
        /// How long a TLS handshake may take.
        handshake_timeout: Duration = "10s";
        /// How long a request's head may take.
        header_timeout: Duration = "10s";
        /// How long a request's body may take.
        body_timeout: Duration = "30s";
        /// How long a connection may be silent.
        idle_timeout: Duration = "120s";
        /// Connections at once.
        max_connections: u64 = "10000";
        /// Connections at once from one IP address.
        max_connections_per_ip: u64 = "1000";
        /// Handshakes at once from one IP address.
        handshakes_per_ip: u64 = "64";
        /// Statements at once on one database; 0 for no bound.
        max_concurrent_per_db: u64 = "0";
        /// How often each may ask.
        rate: Rate = "";
        /// How long requests in flight may take once the node is going down.
        shutdown: Duration = "10s";
        later "max_blob_bytes" "max_export_bytes" "max_restore_bytes" "tx_idle_timeout" "max_tx_lifetime"
            "max_sessions_per_db" "idle_handle_timeout";
    }
}

table! {
    /// How often each may ask.
    Rate at "limits.rate" {
        /// Requests each second by one principal; 0 for no bound.
        per_principal_rps: u64 = "0";
    }
}
