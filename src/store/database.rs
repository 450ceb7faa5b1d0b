//! The connections to PostgreSQL, and whether the database is up.
//!
//! With a pool alone, every request would wait for a dead database until its timeout. So one task ([`Database::watch`])
//! keeps a session of its own and asks once a second whether its server takes writes. While the database is down requests are refused at once,
//! and those that already wait for a connection are released.

use std::io;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::{PgConnection, PgPool, Postgres, Row};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tracing::Instrument;

use super::error::{is_stale_session, is_unreadable};
use super::schema::Schema;
use super::session::{self, CHECK_TIMEOUT, Pooling, START_TIMEOUT, Settings, expect_primary, within};
use super::unreadable::log_tasks;
use super::{StoreError, privileges};
use crate::telemetry::error_chain;

/// The interval of checks while the database is up.
const WATCH_INTERVAL_UP: Duration = Duration::from_secs(1);
/// The interval of attempts to connect while the database is down.
const WATCH_INTERVAL_DOWN: Duration = Duration::from_millis(250);
/// Sessions of this age are replaced: behind a load balancer they may lead to a server that others have left.
const MAX_SESSION_AGE: Duration = Duration::from_mins(5);

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
    /// A session for the tally alone, and when it was opened: slow statements do not delay the freshness barrier. It is
    /// taken out while it is used, so a read that fails or is given up loses it.
    tally: Arc<Mutex<Option<(Instant, PgConnection)>>>,
    /// For [`Database::watch`] and migrations: without the bounds of requests.
    options: Arc<PgConnectOptions>,
    settings: Settings,
    /// Set before the database counts as up for the first time.
    pooling: Arc<OnceLock<Pooling>>,
    /// When the watch's session last stopped responding. Sessions from before are not used again, and what waits for one
    /// of them gives up.
    stalled: watch::Sender<Option<Instant>>,
    up: watch::Sender<bool>,
}

impl Database {
    /// Prepares the connections and opens none. The database counts as down until [`Database::watch`] has reached it.
    pub fn new(options: PgConnectOptions, limits: Limits) -> Self {
        let settings = Settings {
            statement_timeout: limits.statement_timeout,
        };
        let pooling = Arc::<OnceLock<Pooling>>::default();
        let stalled = watch::Sender::<Option<Instant>>::default();
        let pool = {
            let (pooling, stalled) = (Arc::clone(&pooling), stalled.clone());
            let is_pooled = move || pooling.get() == Some(&Pooling::Transaction);
            PgPoolOptions::new()
                .max_connections(limits.max_connections)
                .acquire_timeout(limits.acquire_timeout)
                .max_lifetime(MAX_SESSION_AGE)
                .after_connect({
                    let is_pooled = is_pooled.clone();
                    move |connection, _| {
                        let is_pooled = is_pooled();
                        Box::pin(async move {
                            // Behind a transaction pooler, `Settings::begin` does both for each transaction.
                            if !is_pooled {
                                settings.apply(connection).await?;
                                expect_primary(connection).await?;
                            }
                            Ok(())
                        })
                    }
                })
                // In place of the library's test, which a standby and a pooler without a server pass.
                .test_before_acquire(false)
                .before_acquire(move |connection, meta| {
                    let is_stalled = stalled.borrow().is_some_and(|at| meta.age > at.elapsed());
                    let is_pooled = is_pooled();
                    Box::pin(async move {
                        if !is_stalled && !is_pooled {
                            expect_primary(connection).await?;
                        }
                        Ok(!is_stalled)
                    })
                })
        };
        Self {
            pool: pool.connect_lazy_with(session::plain(&options)),
            tally: Arc::default(),
            options: Arc::new(options),
            settings,
            pooling,
            stalled,
            up: watch::Sender::new(false),
        }
    }

    /// Whether the database responded to the last check.
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
        self.unless_down(async { Ok(self.lease().await?) }).await
    }

    /// The row of a statement without parameters, in the session for the tally. The session is kept only if the row says
    /// that its server is not a standby, in `is_standby`.
    pub(super) async fn fetch_apart(&self, statement: &'static str) -> Result<PgRow, StoreError> {
        let fetching = Box::pin(async {
            let kept = lock(&self.tally).take();
            let is_current = |opened: Instant| {
                opened.elapsed() < MAX_SESSION_AGE && self.stalled.borrow().is_none_or(|at| at < opened)
            };
            let (opened, mut session) = match kept.filter(|(opened, _)| is_current(*opened)) {
                Some(kept) => kept,
                None if self.is_pooled() => (Instant::now(), session::open(&self.options).await?),
                None => (Instant::now(), self.settings.connect(&self.options).await?),
            };
            let row = if self.is_pooled() {
                // One message, hence one session.
                sqlx::raw_sql(statement).fetch_one(&mut session).await?
            } else {
                sqlx::query(statement).fetch_one(&mut session).await?
            };
            if row.try_get("is_standby")? {
                return Err(sqlx::Error::from(io::Error::other("the server is a standby")));
            }
            *lock(&self.tally) = Some((opened, session));
            Ok(row)
        });
        self.unless_down(async { Ok(self.bounded(fetching).await?) })
            .await
    }

    /// A statement with a bound on this side too: the statement timeout, and some time for the network. It ends at once
    /// if the sessions of before stall.
    pub(super) async fn bounded<T>(
        &self,
        statement: impl Future<Output = sqlx::Result<T>>,
    ) -> sqlx::Result<T> {
        let stall = async {
            let mut stalled = self.stalled.subscribe();
            // The sender lives in `self`, so the channel cannot be closed.
            let _ = stalled.changed().await;
        };
        let bound = self.settings.statement_timeout + 2 * CHECK_TIMEOUT;
        tokio::select! {
            // In a box: it is large, and every caller would carry it.
            result = timeout(bound, Box::pin(statement)) => match result {
                Ok(result) => result,
                Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
            },
            () = stall => Err(io::Error::from(io::ErrorKind::ConnectionAborted).into()),
        }
    }

    /// Gives up as soon as the database is known to be down.
    async fn unless_down<T>(
        &self,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let mut up = self.up.subscribe();
        tokio::select! {
            biased;
            _ = up.wait_for(|up| !up) => Err(StoreError::KnownDown),
            result = work => result,
        }
    }

    async fn lease(&self) -> sqlx::Result<Lease> {
        let mut lease = Lease {
            connection: self.pool.acquire().await?,
            in_transaction: self.is_pooled(),
            finished: false,
        };
        if lease.in_transaction {
            self.settings.begin(&mut lease).await?;
        }
        Ok(lease)
    }

    fn is_pooled(&self) -> bool {
        self.pooling.get() == Some(&Pooling::Transaction)
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
            let opened = Instant::now();
            loop {
                match expect_primary(&mut probe).await {
                    Ok(()) if opened.elapsed() < MAX_SESSION_AGE => sleep(WATCH_INTERVAL_UP).await,
                    // Where it leads now is seen by another one.
                    Ok(()) => break,
                    Err(error) => {
                        if is_timeout(&error) {
                            self.stalled.send_replace(Some(Instant::now()));
                        }
                        break;
                    }
                }
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
        drop(lock(&self.tally).take());
        self.pool.close().await;
    }

    async fn first_connection(&self, schema: Schema) -> Result<PgConnection, StoreError> {
        let mut announced = false;
        loop {
            let attempt = async {
                let mut connection = connect(&self.options).await?;
                let pooling = match self.pooling.get() {
                    Some(pooling) => *pooling,
                    None => within(START_TIMEOUT, Pooling::detect(&self.options)).await?,
                };
                self.pooling.get_or_init(|| pooling);
                schema.ensure(&self.options, pooling).await?;
                within(START_TIMEOUT, privileges::check(&mut connection)).await?;
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
    /// Behind a transaction pooler all statements of a lease are one transaction.
    in_transaction: bool,
    finished: bool,
}

impl Lease {
    /// Makes one transaction of the statements until [`Lease::finish`]. A lease that is dropped before rolls it back.
    pub async fn begin(&mut self) -> Result<(), StoreError> {
        if !self.in_transaction {
            sqlx::raw_sql("begin").execute(&mut **self).await?;
            self.in_transaction = true;
        }
        Ok(())
    }

    /// Commits the transaction, if there is one, and returns the connection to the pool.
    pub async fn finish(mut self) -> Result<(), StoreError> {
        if self.in_transaction {
            sqlx::raw_sql("commit").execute(&mut *self).await?;
        }
        self.finished = true;
        Ok(())
    }

    /// Passes on the result of the last statement. The connection returns to the pool, also after an error of the server:
    /// it is ready for the next statement then, unless its prepared statements are stale. It is also used to find the
    /// tasks that cannot be read.
    pub async fn release<T>(mut self, outcome: Result<T, sqlx::Error>) -> Result<T, StoreError> {
        match outcome {
            Ok(value) => {
                self.finish().await?;
                Ok(value)
            }
            Err(error) => {
                self.finished = matches!(error, sqlx::Error::Database(_))
                    && !is_stale_session(&error)
                    && (!self.in_transaction || sqlx::raw_sql("rollback").execute(&mut *self).await.is_ok());
                if self.finished && is_unreadable(&error) {
                    self.finished = false;
                    tokio::spawn(async move { log_tasks(&mut self).await }.in_current_span());
                }
                Err(error.into())
            }
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.finished {
            // The library pings the connection before it returns it, and would wait for ever on a dead network.
            let returning = self.connection.return_to_pool();
            tokio::spawn(timeout(CHECK_TIMEOUT, returning));
        } else {
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

/// Connects to a server that takes writes.
async fn connect(options: &PgConnectOptions) -> Result<PgConnection, StoreError> {
    within(CHECK_TIMEOUT, async {
        let mut connection = session::open(options).await?;
        expect_primary(&mut connection).await?;
        Ok(connection)
    })
    .await
}

fn is_timeout(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(error) if error.kind() == io::ErrorKind::TimedOut)
}

/// Nothing that is done under the lock can be left half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
