//! The top of the file, and the sections that are a few keys each.

use std::time::Duration;

use super::access::Auth;
use super::authority::Authority;
use super::database::Database;
use super::http::Http;
use super::limits::Limits;
use super::listener::Listener;
use super::reload::{AllowWeaker, Reload};
use super::replication::Replication;
use super::secret::SecretSource;
use super::service::Service;
use super::tls::Tls;
use crate::plan::{Environment, LogFormat, LogLevel};
use crate::reader::At;
use crate::table::table;

table! {
    /// The whole file.
    Top at "" {
        /// Which environment this node serves.
        environment: Environment = "development";
        /// Where issued and revoked certificates are recorded.
        ledger: Ledger;
        /// Our own authority; left out: a door without one.
        authority: Authority;
        /// TLS profiles by name, or one block in the short spelling.
        tls: Tls;
        /// Where peers arrive.
        listeners: Vec<At<Listener>>;
        /// HTTPS in Harper's spelling, in the place of `listeners`.
        http: Http;
        /// Who may come in.
        auth: Auth = "";
        /// Databases that are served.
        databases: Vec<At<Database>>;
        /// Servers behind the door, which databases name.
        services: Vec<At<Service>>;
        /// Where passwords are.
        secrets: Vec<At<SecretSource>> = "";
        /// The administrators' routes.
        control_plane: ControlPlane = "";
        /// Bounds.
        limits: Limits = "";
        /// What is recorded for auditors.
        audit: Audit = "";
        /// What is logged.
        logging: Logging = "";
        /// Serves everyone, read-write, on any address, where neither principals nor grants are configured.
        allow_open: bool = "false";
        /// What a reload may make weaker than it was.
        allow_weaker: AllowWeaker = "false";
        /// The connection between nodes that share a ledger.
        replication: Replication = "";
        /// When the configuration and the files that it names are read again.
        reload: Reload = "";
        later "allowlist" "server" "routing" "cors" "changefeed" "wire_compression"
            "observability" "storage";
    }
}

table! {
    /// Where issued and revoked certificates are recorded.
    Ledger at "ledger" {
        /// `sqlite:` and the path of a file; or `postgresql://USER@HOST:PORT/DATABASE?sslmode=verify-full` with
        /// `sslrootcert`, `sslcert` and `sslkey`, as libpq reads them.
        url: String;
    }
}

table! {
    /// The administrators' routes, `/_admin/…`.
    ControlPlane at "control_plane" {
        /// Whether they are served.
        enabled: bool = "false";
        /// The principals that may use them; at least one where they are served.
        admins: Vec<At<String>> = "";
    }
}

table! {
    /// What is recorded for auditors.
    Audit at "audit" {
        /// Which sign-ins are recorded.
        auth_events: AuthEvents = "";
        /// How long records are kept.
        retention: Duration = "90d";
    }
}

table! {
    /// Which sign-ins are recorded.
    AuthEvents at "audit.auth_events" {
        /// Those that were refused.
        failed: bool = "true";
        /// Those that succeeded.
        successful: bool = "true";
    }
}

table! {
    /// What is logged, to standard error.
    Logging at "logging" {
        /// For people or for programs.
        format: LogFormat = "text";
        /// The least important lines that are still written.
        level: LogLevel = "info";
        /// Whether each request has a line.
        access: bool = "true";
        later "expand_params" "slow_threshold";
    }
}
