use bytes::Bytes;
use gateway::Ask;
use http::{HeaderMap, Method};
use time::OffsetDateTime;

/// What ACME looks at of a request. Who the door took the asker for is no part of it.
pub(super) struct Call<'a> {
    pub(super) method: &'a Method,
    pub(super) path: &'a str,
    pub(super) query: Option<&'a str>,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a Bytes,
    pub(super) remote: &'a str,
    pub(super) host: Option<&'a str>,
    pub(super) at: OffsetDateTime,
    /// Says that what follows is done whatever becomes of the session.
    pub(super) act: &'a (dyn Fn() + Sync),
}

impl<'a> Call<'a> {
    pub(super) fn of(ask: &'a Ask<'_>, act: &'a (dyn Fn() + Sync)) -> Self {
        let Ask { method, path, query, headers, remote, host, at, .. } = *ask;
        Self { method, path, query, headers, body: &ask.body, remote, host, at, act }
    }
}
