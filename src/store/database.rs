//! The connections to PostgreSQL, and whether the database is up.
//!
//! With a pool alone, every request would wait for a dead database until its timeout. So one task ([`Database::watch`])
//! keeps a connection of its own and pings it once a second. While the database is down requests are refused at once,
//! and those that already wait for a connection are released.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgConnection, PgPool, Postgres};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::schema::Schema;
use super::{StoreError, privileges, session};
use crate::telemetry::error_chain;

/// The interval of pings while the database is up.
const WATCH_INTERVAL_UP: Duration = Duration::from_secs(1);
/// The interval of attempts to connect while the database is down.
const WATCH_INTERVAL_DOWN: Duration = Duration::from_millis(250);
/// After this long without a response the database counts as down.
const WATCH_TIMEOUT: Duration = Duration::from_secs(2);

/// Bounds of the connections to the database.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub max_connections: u32,
    /// How long a request may wait for a connection.
    pub acquire_timeout: Duration,
    /// How long a statement may run before the server cancels it.
    pub statement_timeout: Duration,
}

/// The database as requests see it. Clones share everything.
#[derive(Debug, Clone)]
pub struct Database {
    pool: PgPool,
    /// One connection for the tally alone, so that slow statements do not delay the freshness barrier.
    tally: PgPool,
    /// For [`Database::watch`] and migrations: without the bounds of requests.
    options: Arc<PgConnectOptions>,
    up: watch::Sender<bool>,
}

impl Database {
    /// Prepares the connections and opens none. The database counts as down until [`Database::watch`] has reached it.
    pub fn new(options: PgConnectOptions, limits: Limits) -> Self {
        let pool = PgPoolOptions::new()
            .max_connections(limits.max_connections)
            .acquire_timeout(limits.acquire_timeout)
            .connect_lazy_with(session::with_settings(&options, limits.statement_timeout));
        let tally = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(limits.acquire_timeout)
            // A ping takes as long as the statement itself.
            .test_before_acquire(false)
            .connect_lazy_with(session::with_settings(&options, limits.statement_timeout));
        Self {
            pool,
            tally,
            options: Arc::new(options),
            up: watch::Sender::new(false),
        }
    }

    /// Whether the database responded to the last ping.
    pub fn is_up(&self) -> bool {
        *self.up.borrow()
    }

    /// Waits until the database is up.
    pub async fn wait_until_up(&self) {
        // The sender lives in `self`, so the channel cannot be closed.
        let _ = self.up.subscribe().wait_for(|up| *up).await;
    }

    /// A connection for one or more statements: [`StoreError::KnownDown`] at once if the database is down or goes down
    /// meanwhile, [`StoreError::Unavailable`] if no connection is free within the acquire timeout.
    pub async fn connection(&self) -> Result<Lease, StoreError> {
        self.lease(&self.pool).await
    }

    /// The connection for the tally, which may be broken.
    pub(super) async fn tally_connection(&self) -> Result<Lease, StoreError> {
        self.lease(&self.tally).await
    }

    async fn lease(&self, pool: &PgPool) -> Result<Lease, StoreError> {
        let mut up = self.up.subscribe();
        tokio::select! {
            biased;
            _ = up.wait_for(|up| !up) => Err(StoreError::KnownDown),
            connection = pool.acquire() => Ok(Lease { connection: connection?, finished: false }),
        }
    }

    /// Keeps [`Database::is_up`] current for as long as it is polled. Before the database counts as up for the first
    /// time, `schema` is ensured and the privileges of the role are checked. Returns an error only then, and only if
    /// waiting will not help: wrong credentials, no such database, a schema that does not fit, a missing privilege.
    pub async fn watch(&self, schema: Schema) -> Result<(), StoreError> {
        let mut probe = self.first_connection(schema).await?;
        loop {
            if self.set_up(true) {
                tracing::info!("the database is up");
            }
            while answers(&mut probe).await {
                sleep(WATCH_INTERVAL_UP).await;
            }
            probe = loop {
                match connect(&self.options).await {
                    Ok(connection) => break connection,
                    Err(error) => {
                        if self.set_up(false) {
                            tracing::error!(error = error_chain(&error), "the database is down");
                        } else {
                            tracing::debug!(error = error_chain(&error), "no connection");
                        }
                        sleep(WATCH_INTERVAL_DOWN).await;
                    }
                }
            };
        }
    }

    /// Closes the connections after their statements have ended.
    pub async fn close(&self) {
        tokio::join!(self.pool.close(), self.tally.close());
    }

    async fn first_connection(&self, schema: Schema) -> Result<PgConnection, StoreError> {
        let mut announced = false;
        loop {
            let attempt = async {
                let mut connection = connect(&self.options).await?;
                schema.ensure(&self.options).await?;
                privileges::check(&mut connection).await?;
                Ok::<_, StoreError>(connection)
            };
            match attempt.await {
                Ok(connection) => return Ok(connection),
                Err(error) if error.is_transient() => {
                    if !announced {
                        tracing::warn!(error = error_chain(&error), "waiting for the database");
                        announced = true;
                    }
                    sleep(WATCH_INTERVAL_DOWN).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Returns whether that is a change.
    fn set_up(&self, up: bool) -> bool {
        self.up
            .send_if_modified(|known| std::mem::replace(known, up) != up)
    }
}

/// A connection on loan from the pool.
///
/// It is closed when dropped, unless [`Lease::finish`] or [`Lease::release`] returned it. So a request that is dropped in
/// the middle of a statement, because of a disconnect or a timeout, cancels the statement.
pub struct Lease {
    connection: PoolConnection<Postgres>,
    finished: bool,
}

impl Lease {
    /// Returns the connection to the pool.
    pub fn finish(mut self) {
        self.finished = true;
    }

    /// Passes on the result of the last statement. The connection returns to the pool, also after an error of the server:
    /// it is ready for the next statement then.
    pub fn release<T>(self, outcome: Result<T, sqlx::Error>) -> Result<T, StoreError> {
        if matches!(outcome, Ok(_) | Err(sqlx::Error::Database(_))) {
            self.finish();
        }
        Ok(outcome?)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !self.finished {
            self.connection.close_on_drop();
        }
    }
}

impl Deref for Lease {
    type Target = PgConnection;
    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

async fn connect(options: &PgConnectOptions) -> Result<PgConnection, StoreError> {
    match timeout(
        WATCH_TIMEOUT,
        PgConnection::connect_with(&session::with_settings(options, WATCH_TIMEOUT)),
    )
    .await
    {
        Ok(connection) => Ok(connection?),
        Err(_) => Err(StoreError::Unavailable(sqlx::Error::PoolTimedOut)),
    }
}

async fn answers(connection: &mut PgConnection) -> bool {
    matches!(timeout(WATCH_TIMEOUT, connection.ping()).await, Ok(Ok(())))
}
