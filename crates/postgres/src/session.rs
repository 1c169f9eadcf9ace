//! One connection that is fit for a ledger.

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use fault::Fault;
use ledger::LedgerError;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio_postgres::types::ToSql;
use tokio_postgres::{AsyncMessage, Client, Config, Connection, NoTls, Row, Statement};

use crate::dial::{Stream, dial};
use crate::spec::PostgresSpec;
use crate::trouble;

/// A signed-in connection, with the statements that were prepared on it. Dropping it says goodbye to the server.
pub(crate) struct Session {
    client: Client,
    prepared: Mutex<HashMap<String, Statement>>,
    driver: AbortHandle,
}

/// A value of a statement.
pub(crate) type Value = Box<dyn ToSql + Sync + Send>;

/// A statement that is on its way, with its answer.
pub(crate) type Asked<'a> =
    Pin<Box<dyn Future<Output = Result<Vec<Row>, tokio_postgres::Error>> + Send + 'a>>;

impl Session {
    /// Connects, signs in and sees that the server keeps what it is given; `heard` is told of every notification.
    ///
    /// # Errors
    /// What kept us from it, with the remedy.
    pub(crate) async fn open(spec: &PostgresSpec, heard: Option<Arc<Notify>>) -> Result<Self, Fault> {
        let stream = dial(spec).await?;
        let opened = async {
            let session = Self::sign_in(spec, stream, heard).await?;
            session.see_to_it(spec).await?;
            Ok(session)
        };
        match tokio::time::timeout(spec.connect_timeout, opened).await {
            Ok(outcome) => outcome,
            Err(_) => Err(trouble::silent(spec)),
        }
    }

    async fn sign_in(
        spec: &PostgresSpec,
        stream: Box<dyn Stream>,
        heard: Option<Arc<Notify>>,
    ) -> Result<Self, Fault> {
        let mut config = Config::new();
        config.user(&spec.user).dbname(&spec.database).application_name(&spec.application_name);
        // TLS, where it is wanted, is there already.
        config.ssl_mode(tokio_postgres::config::SslMode::Disable);
        let (client, connection) =
            config.connect_raw(stream, NoTls).await.map_err(|error| trouble::of_sign_in(spec, &error))?;
        let driver = tokio::spawn(drive(connection, heard)).abort_handle();
        Ok(Self { client, prepared: Mutex::default(), driver })
    }

    /// A server that answers before what it was told is on disk would let us say "revoked" of what a power cut undoes.
    async fn see_to_it(&self, spec: &PostgresSpec) -> Result<(), Fault> {
        let failed = |error: tokio_postgres::Error| {
            trouble::of(spec, "it does not say how it is set up").because(trouble::words(&error))
        };
        self.client.batch_execute(SETTINGS).await.map_err(failed)?;
        let row = self.client.query_one(STANDING, &[]).await.map_err(failed)?;
        let (version, syncs, follows): (i32, bool, bool) = (
            row.try_get(0).map_err(failed)?,
            row.try_get(1).map_err(failed)?,
            row.try_get(2).map_err(failed)?,
        );
        if version < OLDEST {
            return Err(trouble::of(spec, &format!("the server is PostgreSQL {}", version / 10_000))
                .remedy("use PostgreSQL 13 or newer"));
        }
        if follows {
            return Err(trouble::of(spec, "the server is a standby, which cannot be written to")
                .remedy("name the primary in ledger.url"));
        }
        if !syncs {
            return Err(trouble::of(spec, "the server runs with fsync = off")
                .because("what it says is recorded would be lost with the machine's power, revocations too")
                .remedy("set fsync = on in the server's postgresql.conf"));
        }
        Ok(())
    }

    /// Whether the connection has ended, by whoever's doing.
    pub(crate) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Ends the connection without a goodbye, for one on which nobody answers.
    pub(crate) fn cut(&self) {
        self.driver.abort();
    }

    /// Runs statements without values; for what is not worth preparing.
    pub(crate) async fn run(&self, sql: &str) -> Result<(), tokio_postgres::Error> {
        self.client.batch_execute(sql).await
    }

    /// The statement, prepared on this connection once.
    pub(crate) async fn prepare(&self, sql: &str) -> Result<Statement, tokio_postgres::Error> {
        if let Some(statement) = self.prepared.lock().get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(sql).await?;
        self.prepared.lock().insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    /// Runs a statement and answers its rows.
    pub(crate) async fn query(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, tokio_postgres::Error> {
        let statement = self.prepare(sql).await?;
        self.client.query(&statement, &borrowed(values)).await
    }

    /// A prepared statement as a future that is sent when it is first polled.
    pub(crate) fn ask<'a>(&'a self, statement: &'a Statement, values: &'a [Value]) -> Asked<'a> {
        Box::pin(async move { self.client.query(statement, &borrowed(values)).await })
    }

    /// Within the time that an answer may take; a connection that takes longer is cut, for nobody knows what it will do.
    ///
    /// # Errors
    /// The statement's own, or that the time is over.
    pub(crate) async fn in_time<T>(
        &self,
        act: impl Future<Output = Result<T, LedgerError>>,
    ) -> Result<T, LedgerError> {
        match tokio::time::timeout(ANSWER, act).await {
            Ok(outcome) => outcome,
            Err(_) => {
                self.cut();
                Err(LedgerError::Away(format!("the server did not answer within {} s", ANSWER.as_secs())))
            }
        }
    }
}

fn borrowed(values: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    values.iter().map(|value| &**value as &(dyn ToSql + Sync)).collect()
}

/// Sends statements one behind the other without waiting in between, and answers in their order.
pub(crate) async fn pipelined<'a>(asked: Vec<Asked<'a>>) -> Vec<Result<Vec<Row>, tokio_postgres::Error>> {
    let mut asked: Vec<Slot<'a>> = asked.into_iter().map(Slot::Waiting).collect();
    // A first look at each sends it, in this order.
    poll_fn(|cx| {
        asked.iter_mut().for_each(|slot| slot.look(cx));
        Poll::Ready(())
    })
    .await;
    let mut answers = Vec::with_capacity(asked.len());
    for slot in asked {
        answers.push(match slot {
            Slot::Waiting(future) => future.await,
            Slot::Done(answer) => answer,
        });
    }
    answers
}

enum Slot<'a> {
    Waiting(Asked<'a>),
    Done(Result<Vec<Row>, tokio_postgres::Error>),
}

impl Slot<'_> {
    fn look(&mut self, cx: &mut Context<'_>) {
        if let Self::Waiting(future) = self
            && let Poll::Ready(answer) = future.as_mut().poll(cx)
        {
            *self = Self::Done(answer);
        }
    }
}

/// Moves bytes until the connection ends.
async fn drive(
    mut connection: Connection<Box<dyn Stream>, tokio_postgres::tls::NoTlsStream>,
    heard: Option<Arc<Notify>>,
) {
    loop {
        match poll_fn(|cx| connection.poll_message(cx)).await {
            Some(Ok(AsyncMessage::Notification(_))) => {
                if let Some(heard) = &heard {
                    heard.notify_one();
                }
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                tracing::debug!(error = trouble::words(&error), "a connection to the ledger has ended");
                return;
            }
            None => return,
        }
    }
}

/// How long an answer may take. The server gives up sooner, so that it says why.
const ANSWER: Duration = Duration::from_secs(15);
/// PostgreSQL 13: the first that numbers its transactions for ever.
const OLDEST: i32 = 130_000;

/// What holds for every connection. Nobody's tables stand in for ours, whatever the database holds; what waits for
/// somebody who has vanished gives up; and an answer never comes before the disk has it, also where the server's own
/// setting would allow that.
const SETTINGS: &str = "
SET search_path = countersign, pg_temp;
SET statement_timeout = '10s';
SET lock_timeout = '8s';
SET idle_in_transaction_session_timeout = '10s';
SET default_transaction_isolation = 'read committed';
SET tcp_keepalives_idle = 5;
SET tcp_keepalives_interval = 5;
SET tcp_keepalives_count = 2;
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';
";

const STANDING: &str =
    "SELECT current_setting('server_version_num')::int, current_setting('fsync') = 'on', pg_is_in_recovery()";
