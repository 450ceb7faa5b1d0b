//! The settings that the program's statements count on, and how they are made under a transaction pooler.
//!
//! A session of one's own is given its settings once, when it is opened. Behind a pooler in transaction mode
//! (`PgBouncer` with `pool_mode = transaction` and the like) each transaction may run in another session of the server:
//! there the settings are local to the transaction, and every statement runs inside one. No setting is a startup
//! parameter, which poolers refuse.

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

use super::StoreError;

/// How often the server looks whether the client of a running statement is still connected.
const CLIENT_CHECK_INTERVAL: Duration = Duration::from_millis(500);
/// Transactions held open to find a transaction pooler. A pooler with more idle servers than this that hands them out
/// in turn is not found.
const PROBES: usize = 4;

/// Whether a session is the client's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
        let mut connection = PgConnection::connect_with(&plain(options)).await?;
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

    /// Opens a transaction with these settings.
    pub(super) async fn begin(self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let sql = "begin isolation level read committed;".to_owned() + &self.sql("set local");
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await?;
        Ok(())
    }

    fn sql(self, set: &str) -> String {
        let timeout = self.statement_timeout.as_millis();
        let check_interval = CLIENT_CHECK_INTERVAL.as_millis();
        // jit: compiling a statement takes longer than any of ours runs. keep_modified: our statements say themselves
        // what `modified` is.
        format!(
            "{set} statement_timeout = {timeout};
             {set} client_connection_check_interval = {check_interval};
             {set} jit = off;
             {set} task_status.keep_modified = on;"
        )
    }
}

/// Connection options without startup parameters that a pooler refuses.
pub(super) fn plain(options: &PgConnectOptions) -> PgConnectOptions {
    options
        .clone()
        .application_name("task-status")
        .extra_float_digits(None)
}

impl Pooling {
    /// Finds out whether transactions of one connection may run in different sessions, by holding sessions and looking
    /// whether another connection loses its own.
    ///
    /// # Errors
    /// [`StoreError::Pooler`] if the pooler mixes up prepared statements; otherwise those of a connection.
    pub async fn detect(options: &PgConnectOptions) -> Result<Self, StoreError> {
        let options = plain(options);
        let mut connection = PgConnection::connect_with(&options).await?;
        let own = backend(&mut connection).await?;
        let mut holders = Vec::with_capacity(PROBES);
        let mut pooling = Self::None;
        for _ in 0..PROBES {
            let mut holder = PgConnection::connect_with(&options).await?;
            sqlx::raw_sql("begin").execute(&mut holder).await?;
            let held = backend_unprepared(&mut holder).await?;
            holders.push(holder);
            if held == own || backend_unprepared(&mut connection).await? != own {
                pooling = Self::Transaction;
                break;
            }
        }
        if pooling == Self::Transaction {
            // The statement was prepared in a session that is held now: only a pooler that keeps track of prepared
            // statements can run it in another.
            backend(&mut connection).await.map_err(StoreError::Pooler)?;
        }
        for open in holders.into_iter().chain([connection]) {
            open.close().await?;
        }
        Ok(pooling)
    }
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
