//! What a path names.

use crate::registrar::Office;

/// The resource that a path names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Route<'a> {
    /// The short health answer of SQL servers: `/_health`.
    Health,
    /// The health answer that names the mode: `/health`, `/v1/health`, `/v1/healthz`.
    HealthWithMode,
    /// What somebody was refused for: `/_refusals/{id}`.
    Refusal(&'a str),
    /// What our own authority answers; each office decides for whom.
    Office(Office, &'a str),
    /// Anything else: for those who were recognized.
    Named(Named<'a>),
}

/// A resource for those who were recognized.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Named<'a> {
    /// Who the door takes the caller for: `/_auth/whoami`.
    WhoAmI,
    /// The metrics page: `/_metrics`.
    Metrics,
    /// A path below `/_admin/`.
    Admin(Admin<'a>),
    /// Another path that begins with an underscore.
    Reserved,
    /// An endpoint of a database: `/<database>/<endpoint>`.
    Database { name: &'a str, endpoint: &'a str },
    /// A first segment that can name no database.
    BadDatabase,
    /// No database named at all.
    NoDatabase,
}

/// A resource for administrators.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Admin<'a> {
    /// The node described: `/_admin/status`.
    Status,
    /// The nodes that share the ledger: `/_admin/nodes`.
    Nodes,
    /// Every live session: `/_admin/sessions`.
    Sessions,
    /// Who is connected with which certificate: `/_admin/connections`.
    Connections,
    /// Ends sessions: `/_admin/kill`.
    Kill,
    /// Reads the configuration again: `/_admin/reload`.
    Reload,
    /// Takes a certificate back: `/_admin/revoke`.
    Revoke,
    /// What was refused lately: `/_admin/refusals`.
    Refusals,
    /// Why one thing was refused: `/_admin/refusals/{id}`.
    Why(&'a str),
    /// The audit record: `/_admin/audit`.
    Audit,
    /// Nothing that there is.
    Unknown,
}

/// Reads a path.
pub(crate) fn route(path: &str) -> Route<'_> {
    match path {
        "/_health" => Route::Health,
        "/health" | "/v1/health" | "/v1/healthz" => Route::HealthWithMode,
        "/_auth/whoami" => Route::Named(Named::WhoAmI),
        "/_metrics" => Route::Named(Named::Metrics),
        _ => match (path.strip_prefix("/_refusals/"), Office::of(path)) {
            (Some(id), _) => Route::Refusal(id),
            (None, Some((office, below))) => Route::Office(office, below),
            (None, None) => Route::Named(below(path.strip_prefix('/').unwrap_or(path))),
        },
    }
}

fn below(path: &str) -> Named<'_> {
    let (name, endpoint) = path.split_once('/').unwrap_or((path, ""));
    match name {
        "" => Named::NoDatabase,
        "_admin" => Named::Admin(administrative(endpoint)),
        _ if name.starts_with('_') => Named::Reserved,
        _ if is_endpoint(name) => Named::NoDatabase,
        _ if may_name_a_database(name) => Named::Database { name, endpoint },
        _ => Named::BadDatabase,
    }
}

fn administrative(endpoint: &str) -> Admin<'_> {
    match endpoint {
        "status" => Admin::Status,
        "nodes" => Admin::Nodes,
        "sessions" => Admin::Sessions,
        "connections" => Admin::Connections,
        "kill" => Admin::Kill,
        "reload" => Admin::Reload,
        "revoke" => Admin::Revoke,
        "refusals" => Admin::Refusals,
        "audit" => Admin::Audit,
        _ => endpoint.strip_prefix("refusals/").map_or(Admin::Unknown, Admin::Why),
    }
}

/// Words that stand where an endpoint stands; a database of that name would be ambiguous.
fn is_endpoint(name: &str) -> bool {
    matches!(name, "query" | "v2" | "v3" | "export" | "backup" | "changeset" | "blob" | "changes")
}

fn may_name_a_database(name: &str) -> bool {
    name != "."
        && name != ".."
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::{Admin, Named, Route, route};

    #[test]
    fn a_path_names_one_thing() {
        let named = |path| match route(path) {
            Route::Named(named) => named,
            open => panic!("{path}: {open:?}"),
        };
        assert_eq!(named("/app/query"), Named::Database { name: "app", endpoint: "query" });
        assert_eq!(named("/app"), Named::Database { name: "app", endpoint: "" });
        assert_eq!(named("/app/query/x"), Named::Database { name: "app", endpoint: "query/x" });
        assert_eq!(named("/"), Named::NoDatabase);
        assert_eq!(named("/query"), Named::NoDatabase);
        assert_eq!(named("/_nothing"), Named::Reserved);
        assert_eq!(named("/_admin/kill"), Named::Admin(Admin::Kill));
        assert_eq!(named("/_admin/kill/"), Named::Admin(Admin::Unknown));
        assert_eq!(named("/_admin/revoke"), Named::Admin(Admin::Revoke));
        assert_eq!(named("/_admin"), Named::Admin(Admin::Unknown));
        assert_eq!(named("/a%2fb/query"), Named::BadDatabase);
        assert_eq!(named("/../query"), Named::BadDatabase);
        assert_eq!(route("/v1/healthz"), Route::HealthWithMode);
        assert_eq!(route("/_health"), Route::Health);
        assert_eq!(route("/_refusals/rf_1"), Route::Refusal("rf_1"));
        assert_eq!(named("/_refusals"), Named::Reserved);
        assert_eq!(named("/_admin/refusals"), Named::Admin(Admin::Refusals));
        assert_eq!(named("/_admin/audit"), Named::Admin(Admin::Audit));
        assert_eq!(named("/_admin/refusals/rf_1"), Named::Admin(Admin::Why("rf_1")));
    }
}
