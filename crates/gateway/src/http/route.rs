//! What a path names.

/// The resource that a path names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Route<'a> {
    /// The short health answer of SQL servers: `/_health`.
    Health,
    /// The health answer that names the mode: `/health`, `/v1/health`, `/v1/healthz`.
    HealthWithMode,
    /// Who the door takes the caller for: `/_auth/whoami`.
    WhoAmI,
    /// The metrics page: `/_metrics`.
    Metrics,
    /// The node described for administrators: `/_admin/status`.
    Status,
    /// Another path below `/_admin/`.
    Admin,
    /// Another path that begins with an underscore.
    Reserved,
    /// An endpoint of a database: `/<database>/<endpoint>`.
    Database { name: &'a str, endpoint: &'a str },
    /// A first segment that can name no database.
    BadDatabase,
    /// No database named at all.
    NoDatabase,
}

/// Reads a path.
pub(crate) fn route(path: &str) -> Route<'_> {
    match path {
        "/_health" => Route::Health,
        "/health" | "/v1/health" | "/v1/healthz" => Route::HealthWithMode,
        "/_auth/whoami" => Route::WhoAmI,
        "/_metrics" => Route::Metrics,
        "/_admin/status" => Route::Status,
        _ => below(path.strip_prefix('/').unwrap_or(path)),
    }
}

fn below(path: &str) -> Route<'_> {
    let (name, endpoint) = path.split_once('/').unwrap_or((path, ""));
    match name {
        "" => Route::NoDatabase,
        "_admin" => Route::Admin,
        _ if name.starts_with('_') => Route::Reserved,
        _ if is_endpoint(name) => Route::NoDatabase,
        _ if may_name_a_database(name) => Route::Database { name, endpoint },
        _ => Route::BadDatabase,
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
    use super::{Route, route};

    #[test]
    fn a_path_names_one_thing() {
        assert_eq!(route("/app/query"), Route::Database { name: "app", endpoint: "query" });
        assert_eq!(route("/app"), Route::Database { name: "app", endpoint: "" });
        assert_eq!(route("/app/query/x"), Route::Database { name: "app", endpoint: "query/x" });
        assert_eq!(route("/"), Route::NoDatabase);
        assert_eq!(route("/query"), Route::NoDatabase);
        assert_eq!(route("/_nothing"), Route::Reserved);
        assert_eq!(route("/_admin/kill"), Route::Admin);
        assert_eq!(route("/a%2fb/query"), Route::BadDatabase);
        assert_eq!(route("/../query"), Route::BadDatabase);
        assert_eq!(route("/v1/healthz"), Route::HealthWithMode);
    }
}
