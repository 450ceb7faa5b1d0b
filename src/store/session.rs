//! The settings that the program's statements count on, and how they are made under a transaction pooler.
//!
//! A session of one's own is given its settings once, when it is opened. Behind a pooler in transaction mode
//! (`PgBouncer` with `pool_mode = transaction` and the like) each transaction may run in another session of the server:
//! there the settings are local to the transaction, and every statement runs inside one. No setting is a startup
//! parameter, which poolers refuse.

use std::io;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use tokio::time::timeout;

use super::StoreError;
use super::error::has_code;

/// The oldest version of PostgreSQL that has what the program needs, as a number.
const MIN_VERSION: u32 = 15_00_00;
/// How often the server looks whether the client of a running statement is still connected.
const CLIENT_CHECK_INTERVAL: Duration = Duration::from_millis(500);
/// Transactions held open to find a transaction pooler. A pooler with more idle servers than this that hands them out
/// in turn is not found.
const PROBES: usize = 4;
/// How long one of them may take.
const HOLDER_TIMEOUT: Duration = Duration::from_secs(2);
/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a session may take to say that its server takes writes.
pub(super) const CHECK_TIMEOUT: Duration = Duration::from_secs(1);
/// How long each check of the database may take at the start.
pub(super) const START_TIMEOUT: Duration = Duration::from_secs(5);
/// Says which server a session is with.
const SERVER: &str = "select pg_is_in_recovery() as is_standby, pg_postmaster_start_time() as server";

/// A server, by the time of its start.
pub(super) type ServerId = DateTime<Utc>;

/// Whether a session is the client's own. What suits a later variant suits the earlier ones too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pooling {
    /// Each connection has a session of its own: direct, or through a pooler in session mode.
    None,
    /// Each transaction may have another session.
    Transaction,
}

/// Settings of a session or, under a transaction pooler, of a transaction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings {
    pub(super) statement_timeout: Duration,
}

impl Settings {
    /// Opens a session that is this program's own, with these settings.
    pub(super) async fn connect(self, options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
        let mut connection = open(options).await?;
        self.apply(&mut connection).await?;
        Ok(connection)
    }

    /// Makes these settings for a session.
    pub(super) async fn apply(self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let isolation = "set default_transaction_isolation = 'read committed';";
        let sql = self.sql("set") + isolation;
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await?;
        Ok(())
    }

    /// Opens a transaction with these settings, on a server that takes writes, which is returned.
    pub(super) async fn begin(self, connection: &mut PgConnection) -> Result<ServerId, sqlx::Error> {
        let begin = "begin isolation level read committed;";
        let sql = format!("{begin} {} {SERVER}", self.sql("set local"));
        refuse_standby(sqlx::raw_sql(AssertSqlSafe(sql)).fetch_one(connection)).await
    }

    /// The message that begins a transaction with these settings, which reads only and waits no longer for a lock, and
    /// runs a statement.
    pub(super) fn begin_reading(self, lock_timeout: Duration, statement: &str) -> String {
        let begin = "begin isolation level read committed read only;";
        let lock_timeout = lock_timeout.as_millis();
        let settings = self.sql("set local");
        format!("{begin} {settings} set local lock_timeout = {lock_timeout}; {statement}")
    }

    fn sql(self, set: &str) -> String {
        let timeout = self.statement_timeout.as_millis();
        let check_interval = CLIENT_CHECK_INTERVAL.as_millis();
        // jit: compiling a statement takes longer than any of ours runs. work_mem: a bitmap that names pages in place of
        // rows has a filter computed of all their rows. random_page_cost: by default, an index that leads to a tenth of
        // the tasks seems dearer than reading them all. keep_modified: our statements say themselves what `modified` is.
        format!(
            "{set} statement_timeout = {timeout};
             {set} client_connection_check_interval = {check_interval};
             {set} jit = off;
             {set} work_mem = '32MB';
             {set} random_page_cost = 1.1;
             {set} task_status.keep_modified = on;"
        )
    }
}

/// Connects, in bounded time, to a server of a version that will do.
pub(super) async fn open(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    let connection = timeout(CONNECT_TIMEOUT, PgConnection::connect_with(&plain(options)))
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    match connection.server_version_num() {
        Some(version) if version < MIN_VERSION => {
            let (needed, major) = (MIN_VERSION / 10_000, version / 10_000);
            let error = format!("the server is PostgreSQL {major}, and the program needs {needed} or newer");
            Err(sqlx::Error::Configuration(error.into()))
        }
        _ => Ok(connection),
    }
}

/// Work on the database in bounded time.
pub(super) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    timeout(limit, work).await.unwrap_or_else(|_| {
        Err(StoreError::Unavailable(
            io::Error::from(io::ErrorKind::TimedOut).into(),
        ))
    })
}

/// The server of a session. Refuses one that does not respond, or is a standby: that may lag, and takes no writes.
pub(super) async fn expect_primary(connection: &mut PgConnection) -> Result<ServerId, sqlx::Error> {
    // One message: a pooler passes it on whole.
    refuse_standby(sqlx::raw_sql(SERVER).fetch_one(connection)).await
}

async fn refuse_standby(asking: impl Future<Output = sqlx::Result<PgRow>>) -> Result<ServerId, sqlx::Error> {
    let row = timeout(CHECK_TIMEOUT, asking)
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    primary_of(&row)
}

/// The server of a row with the columns `is_standby` and `server`.
pub(super) fn primary_of(row: &PgRow) -> Result<ServerId, sqlx::Error> {
    if row.try_get("is_standby")? {
        return Err(io::Error::other("the server is a standby").into());
    }
    row.try_get("server")
}

/// The same for a standby. Refuses a server that takes writes: a replica of another kind, or a former standby.
pub(super) async fn expect_standby(connection: &mut PgConnection) -> Result<ServerId, sqlx::Error> {
    let row = timeout(CHECK_TIMEOUT, sqlx::raw_sql(SERVER).fetch_one(connection))
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    standby_of(&row)
}

/// The same for a standby.
pub(super) fn standby_of(row: &PgRow) -> Result<ServerId, sqlx::Error> {
    if row.try_get("is_standby")? {
        return row.try_get("server");
    }
    Err(io::Error::other("the server is not a standby").into())
}

/// Connection options without startup parameters that a pooler refuses.
pub(super) fn plain(options: &PgConnectOptions) -> PgConnectOptions {
    options
        .clone()
        .application_name("task-status")
        .extra_float_digits(None)
}

impl Pooling {
    /// Finds out whether transactions of one connection may run in different sessions: others hold sessions, until one of
    /// them holds the session of the connection, or the connection has another one. A holder that cannot be had, because
    /// sessions are few, ends the search.
    ///
    /// # Errors
    /// [`StoreError::Pooler`] if prepared statements get lost or mixed up on the way.
    pub async fn detect(options: &PgConnectOptions) -> Result<Self, StoreError> {
        let mut connection = open(options).await?;
        let own = backend(&mut connection).await?;
        let mut holders = Vec::with_capacity(PROBES);
        let mut prepared = None;
        while holders.len() < PROBES && prepared.is_none() {
            let Ok(Ok((mut holder, held))) = timeout(HOLDER_TIMEOUT, hold(options)).await else {
                break;
            };
            if held == own {
                // The session has a statement of this name already, of the other connection.
                prepared = Some(backend(&mut holder).await);
            } else if backend_unprepared(&mut connection).await? != own {
                // The statement was prepared in the session that this connection has lost.
                prepared = Some(backend(&mut connection).await);
            }
            holders.push(holder);
        }
        for connection in holders.into_iter().chain([connection]) {
            // It ends either way.
            let _ = connection.close().await;
        }
        match prepared {
            None => Ok(Self::None),
            Some(Ok(_)) => Ok(Self::Transaction),
            // invalid_sql_statement_name, duplicate_prepared_statement
            Some(Err(error)) if has_code(&error, &["26000", "42P05"]) => Err(StoreError::Pooler(error)),
            Some(Err(error)) => Err(error.into()),
        }
    }
}

/// A connection in a transaction, and the process id of its session.
async fn hold(options: &PgConnectOptions) -> Result<(PgConnection, i32), sqlx::Error> {
    let mut holder = open(options).await?;
    sqlx::raw_sql("begin").execute(&mut holder).await?;
    let held = backend_unprepared(&mut holder).await?;
    Ok((holder, held))
}

/// The process id of the session, by a prepared statement.
async fn backend(connection: &mut PgConnection) -> Result<i32, sqlx::Error> {
    sqlx::query_scalar("select pg_backend_pid()")
        .fetch_one(connection)
        .await
}

/// The same in one message, which no pooler tears apart.
async fn backend_unprepared(connection: &mut PgConnection) -> Result<i32, sqlx::Error> {
    let row = sqlx::raw_sql("select pg_backend_pid()")
        .fetch_one(connection)
        .await?;
    row.try_get(0)
}
