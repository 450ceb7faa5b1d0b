//! The server that requests use, and the task that finds it.

use std::future::pending;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use sqlx::PgConnection;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::{Database, lock};
use crate::store::error::is_timeout;
use crate::store::hosts::{self, Primary};
use crate::store::lease::close_idle;
use crate::store::schema::Schema;
use crate::store::session::{self, CHECK_TIMEOUT, Pooling, START_TIMEOUT, ServerId, expect_primary, within};
use crate::store::{StoreError, privileges};
use crate::telemetry::{Reason, error_chain};

/// The interval of checks while the database is up.
pub(in crate::store) const WATCH_INTERVAL_UP: Duration = Duration::from_secs(1);
/// The interval of attempts to connect while the database is down.
const WATCH_INTERVAL_DOWN: Duration = Duration::from_millis(250);
/// How often a new session shows where the address leads: to another server if the former one was replaced and lives on.
const LOOK_INTERVAL: Duration = Duration::from_secs(3);
/// How long a server that starts tries to reach what it needs before it tells clients that it cannot.
pub const START_PATIENCE: Duration = Duration::from_secs(5);

/// The server that requests use, as the watch has found it; none while the database is down.
#[derive(Debug, Default, Clone)]
pub(super) struct Current {
    pub(super) server: watch::Sender<Option<Server>>,
    /// Makes the watch look where the address leads.
    moved: Arc<Notify>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) id: ServerId,
    pub(super) pooling: Pooling,
}

impl Current {
    pub(super) fn get(&self) -> Result<Server, StoreError> {
        self.server.borrow().ok_or(StoreError::KnownDown)
    }

    pub(super) fn is_pooled(&self) -> bool {
        self.get()
            .is_ok_and(|server| server.pooling == Pooling::Transaction)
    }

    /// Refuses a session with another server.
    pub(super) fn expect(&self, id: ServerId) -> sqlx::Result<()> {
        if self.get().is_ok_and(|server| server.id == id) {
            return Ok(());
        }
        self.moved.notify_one();
        Err(io::Error::other("the session is with another server than the one that was found").into())
    }
}

impl Database {
    /// Keeps [`Database::is_up`] current for as long as it is polled. Before the database counts as up for the first
    /// time, `schema` is ensured and the privileges of the role are checked. Returns an error only then, and only if
    /// waiting will not help: wrong credentials, no such database, a schema that does not fit, a missing privilege.
    pub async fn watch(&self, schema: Schema) -> Result<(), StoreError> {
        let standbys = async {
            match &self.standbys {
                Some(standbys) => standbys.watch().await,
                None => pending().await,
            }
        };
        tokio::select! {
            // In a box: it is large, and every caller would carry it.
            result = Box::pin(self.watch_primary(schema)) => result,
            never = standbys => match never {},
        }
    }

    async fn watch_primary(&self, schema: Schema) -> Result<(), StoreError> {
        let (mut probe, mut pooling) = self.first_primary(schema).await?;
        loop {
            let looked = Instant::now();
            let mut is_due = false;
            while !is_due {
                tokio::select! {
                    () = sleep(WATCH_INTERVAL_UP) => is_due = looked.elapsed() > LOOK_INTERVAL,
                    () = self.current.moved.notified() => {
                        sleep_until(looked + WATCH_INTERVAL_DOWN).await;
                        is_due = true;
                    }
                }
                match expect_primary(&mut probe.connection).await {
                    Ok(id) if id == probe.id => {}
                    checked => {
                        if checked.is_err_and(|error| is_timeout(&error)) {
                            self.stalled.send_replace(Some(Instant::now()));
                        }
                        (probe, pooling) = self.until_found(&probe, pooling).await;
                        is_due = true;
                    }
                }
            }
            // If no other session can be had, the one that responds is enough.
            if let Ok(mut found) = within(CHECK_TIMEOUT, self.hosts.connect(probe.index)).await {
                self.look_at_schema(&mut found.connection).await;
                self.turn_to(&found, pooling, &probe);
                probe = found;
            }
        }
    }

    async fn look_at_schema(&self, connection: &mut PgConnection) {
        let checked = within(CHECK_TIMEOUT, privileges::check(connection)).await;
        let fits = match checked {
            Ok(()) => true,
            Err(error @ StoreError::Privileges { .. }) => {
                tracing::error!(error = error_chain(&error), "the schema does not fit any more");
                false
            }
            // It could not be looked at.
            Err(_) => return,
        };
        *lock(&self.schema_fits) = Some(fits);
    }

    /// Finds the server that takes writes, the former one if it still does. The database is down until then.
    async fn until_found(&self, former: &Primary, pooling: Pooling) -> (Primary, Pooling) {
        let mut reason = Reason::default();
        loop {
            let attempt = async {
                let found = self.hosts.primary(former.index).await?;
                // The same address may lead through another pooler by now, or one with other settings.
                let detected = within(START_TIMEOUT, Pooling::detect(self.hosts.node(&found))).await?;
                // A transaction pooler may go undetected while sessions are few.
                let is_same = found.index == former.index;
                Ok::<_, StoreError>((found, if is_same { pooling.max(detected) } else { detected }))
            };
            match Box::pin(attempt).await {
                Ok((found, pooling)) => {
                    // Most broke with the session that was lost; behind a transaction pooler none is tested before its use.
                    close_idle(&self.pool);
                    self.turn_to(&found, pooling, former);
                    return (found, pooling);
                }
                Err(error) => {
                    self.current.server.send_replace(None);
                    if let Some(error) = reason.news(&error) {
                        tracing::error!(error, "the database is down");
                    }
                    sleep(WATCH_INTERVAL_DOWN).await;
                }
            }
        }
    }

    /// Lets requests use this server, and no session with a former one or through a former host.
    fn turn_to(&self, primary: &Primary, pooling: Pooling, former: &Primary) {
        // Another host may lead to the same server in another way.
        if (primary.id, primary.index) != (former.id, former.index) {
            self.stalled.send_replace(Some(Instant::now()));
            drop(lock(&self.tally).take());
            close_idle(&self.pool);
        }
        let node = self.hosts.node(primary);
        self.pool.set_connect_options(session::plain(node));
        let server = Server {
            id: primary.id,
            pooling,
        };
        if self.current.server.send_replace(Some(server)) != Some(server) {
            tracing::info!(host = hosts::name(node), "the database is up");
        }
    }

    async fn first_primary(&self, schema: Schema) -> Result<(Primary, Pooling), StoreError> {
        let (begun, mut reason) = (Instant::now(), Reason::default());
        loop {
            let attempt = async {
                let mut primary = self.hosts.primary(0).await?;
                let node = self.hosts.node(&primary);
                let pooling = within(START_TIMEOUT, Pooling::detect(node)).await?;
                schema.ensure(node, pooling).await?;
                within(START_TIMEOUT, privileges::check(&mut primary.connection)).await?;
                *lock(&self.schema_fits) = Some(true);
                self.turn_to(&primary, pooling, &primary);
                Ok::<_, StoreError>((primary, pooling))
            };
            match Box::pin(attempt).await {
                Ok(found) => return Ok(found),
                Err(error) if error.is_transient() => {
                    if let Some(error) = reason.news(&error) {
                        tracing::warn!(error, "waiting for the database");
                    }
                    if begun.elapsed() > START_PATIENCE {
                        self.unreachable.cancel();
                    }
                    sleep(WATCH_INTERVAL_DOWN).await;
                }
                Err(error) => return Err(error),
            }
        }
    }
}
