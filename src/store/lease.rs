//! Connections on loan from a pool, and the bound of their statements.

use std::io;
use std::mem;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Postgres};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::StoreError;
use super::error::{is_stale_session, is_unreadable};
use super::session::{CHECK_TIMEOUT, ServerId, Settings};
use super::share::Turn;
use super::standby::Standby;
use super::unreadable::log_tasks;
use crate::telemetry::request::for_current_request;

/// The bound of a statement on this side: the statement timeout, and some time for the network. It ends at once if the
/// sessions of before stall.
#[derive(Debug, Clone)]
pub(super) struct Bound {
    time: Duration,
    stalled: watch::Sender<Option<Instant>>,
}

impl Bound {
    pub(super) fn of(settings: Settings, stalled: &watch::Sender<Option<Instant>>) -> Self {
        Self {
            time: settings.statement_timeout + 2 * CHECK_TIMEOUT,
            stalled: stalled.clone(),
        }
    }

    pub(super) async fn run<T>(&self, statement: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
        // In a box: it is large, and every caller would carry it.
        let in_time = timeout(self.time, Box::pin(statement));
        let timed_out = |_| Err(io::Error::from(io::ErrorKind::TimedOut).into());
        unless_stalled(&self.stalled, async { in_time.await.unwrap_or_else(timed_out) }).await
    }
}

/// A statement that ends at once if the sessions of before stall.
pub(super) async fn unless_stalled<T>(
    stalled: &watch::Sender<Option<Instant>>,
    statement: impl Future<Output = sqlx::Result<T>>,
) -> sqlx::Result<T> {
    let mut stalled = stalled.subscribe();
    tokio::select! {
        biased;
        result = statement => result,
        // The sender lives longer, so the channel cannot be closed.
        _ = stalled.changed() => Err(io::Error::from(io::ErrorKind::ConnectionAborted).into()),
    }
}

/// A connection on loan from a pool.
///
/// It is closed when dropped, unless [`Lease::finish`] or [`Lease::release`] returned it. So a request that is dropped in
/// the middle of a statement, because of a disconnect or a timeout, cancels the statement.
pub struct Lease {
    connection: PoolConnection<Postgres>,
    /// Kept until the connection is returned.
    turn: Turn,
    bound: Bound,
    /// Of a standby, known when its transaction has begun.
    server: Option<ServerId>,
    /// The standby that it is with, if not with the primary.
    standby: Option<Arc<Standby>>,
    /// All statements of the lease are one transaction: always behind a transaction pooler, and on a standby.
    in_transaction: bool,
    finished: bool,
}

impl Lease {
    /// With the primary, or with a standby.
    pub(super) fn new(
        connection: PoolConnection<Postgres>,
        turn: Turn,
        bound: Bound,
        server: Result<ServerId, Arc<Standby>>,
    ) -> Self {
        let (server, standby) = match server {
            Ok(primary) => (Some(primary), None),
            Err(standby) => (None, Some(standby)),
        };
        Self {
            connection,
            turn,
            bound,
            server,
            standby,
            in_transaction: false,
            finished: false,
        }
    }

    /// Says that a transaction was begun, on this server.
    pub(super) fn begun(&mut self, server: ServerId) {
        self.server = Some(server);
        self.in_transaction = true;
    }

    /// The bound of its statements.
    pub(super) fn bound(&self) -> Bound {
        self.bound.clone()
    }

    pub(super) fn server(&self) -> Option<ServerId> {
        self.server
    }

    /// Makes one transaction of the statements until [`Lease::finish`]. A lease that is dropped before rolls it back.
    pub async fn begin(&mut self) -> Result<(), StoreError> {
        if !self.in_transaction {
            self.run("begin").await?;
            self.in_transaction = true;
        }
        Ok(())
    }

    /// Commits the transaction, if there is one, and returns the connection to the pool.
    pub async fn finish(self) -> Result<(), StoreError> {
        let Some(standby) = &self.standby else {
            return self.commit().await;
        };
        standby.was_current();
        self.give_back();
        Ok(())
    }

    /// Returns the connection to the pool meanwhile. Nothing that happens to the session matters any more.
    pub(super) fn give_back(self) {
        tokio::spawn(for_current_request(self.commit()));
    }

    async fn commit(mut self) -> Result<(), StoreError> {
        if self.in_transaction {
            self.run("commit").await?;
        }
        self.finished = true;
        Ok(())
    }

    async fn run(&mut self, command: &'static str) -> sqlx::Result<()> {
        let bound = self.bound();
        let running = Box::pin(sqlx::raw_sql(command).execute(&mut *self.connection));
        bound.run(running).await?;
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
                if let Some(standby) = &self.standby {
                    standby.was_in_vain();
                }
                self.finished = matches!(error, sqlx::Error::Database(_))
                    && !is_stale_session(&error)
                    && (!self.in_transaction || self.run("rollback").await.is_ok());
                if self.finished && is_unreadable(&error) {
                    self.finished = false;
                    tokio::spawn(for_current_request(async move { log_tasks(&mut self).await }));
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
            let turn = mem::take(&mut self.turn);
            tokio::spawn(async move {
                let _ = timeout(CHECK_TIMEOUT, returning).await;
                drop(turn);
            });
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

/// Closes the sessions of a pool that no request uses.
pub(super) fn close_idle(pool: &PgPool) {
    for mut idle in (0..pool.num_idle()).map_while(|_| pool.try_acquire()) {
        idle.close_on_drop();
    }
}
