//! A PostgreSQL of the benchmark's own.

use std::sync::Arc;
use std::time::Duration;

use postgres::{Address, PostgresLedger, PostgresSpec, Protection};
use testkit::Postgres;
use testkit::postgres::Setting;
use transport::SystemClock;

/// As the manual sets it up, with the memory and the log that a server for a million certificates would have. It syncs to disk.
pub(crate) fn start() -> Postgres {
    Postgres::with(Setting { conf: "shared_buffers = 512MB\nmax_wal_size = 4GB\n", hba: "" })
}

pub(crate) async fn ledger(server: &Postgres, database: &str) -> Arc<PostgresLedger> {
    let spec = PostgresSpec {
        address: Address::Tcp { host: "localhost".into(), addr: None, port: server.port() },
        user: "countersign_user".into(),
        database: database.into(),
        protection: Protection::Full(server.file("ca.crt")),
        judging: None,
        credential: Some((server.file("client.crt"), server.file("client.key"))),
        application_name: "countersign-bench".into(),
        connect_timeout: Duration::from_secs(10),
        clock: Arc::new(SystemClock),
    };
    Arc::new(PostgresLedger::open(spec).await.unwrap())
}
