//! The connections to PostgreSQL, and whether the database is up.
//!
//! With a pool alone, every request would wait for a dead database until its timeout. So one task ([`Database::watch`])
//! keeps a session of its own and asks once a second whether its server takes writes. While the database is down requests
//! are refused at once, and those that already wait for a connection are released.
//!
//! Requests use sessions with the server that this task has found and no other: not with a standby, and not with a former
//! primary that still takes writes.

use std::future::pending;
use std::io;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use sqlx::postgres::{PgPoolOptions, PgRow};
use sqlx::{PgConnection, PgPool};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::hosts::{self, Hosts, Primary};
use super::lease::{Bound, Lease, close_idle, unless_stalled};
use super::schema::Schema;
use super::session::{
    self, CHECK_TIMEOUT, Pooling, START_TIMEOUT, ServerId, Settings, expect_primary, primary_of, within,
};
use super::share::{Share, Turn, Work};
use super::standby::{AtLeast, StandbyReads, Standbys};
use super::tally::Tally;
use super::{StoreError, privileges};
use crate::telemetry::error_chain;

/// The interval of checks while the database is up.
pub(super) const WATCH_INTERVAL_UP: Duration = Duration::from_secs(1);
/// The interval of attempts to connect while the database is down.
const WATCH_INTERVAL_DOWN: Duration = Duration::from_millis(250);
/// How often a new session shows where the address leads: to another server if the former one was replaced and lives on.
const LOOK_INTERVAL: Duration = Duration::from_secs(3);
/// How long a server that starts tries to reach what it needs before it tells clients that it cannot.
pub const START_PATIENCE: Duration = Duration::from_secs(5);
/// Sessions of this age are replaced.
pub(super) const MAX_SESSION_AGE: Duration = Duration::from_mins(5);

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
    shared: Arc<Shared>,
    /// The client's share of the connections; `None` for the service's own work.
    client: Option<Share>,
    standbys: Option<Arc<Standbys>>,
}

/// The parts that all clones of a [`Database`] share.
#[derive(Debug)]
pub struct Shared {
    /// Connects to the server that the watch has found.
    pool: PgPool,
    /// All connections.
    connections: Share,
    max_connections: usize,
    acquire_timeout: Duration,
    /// A session for the tally alone, and when it was opened: slow statements do not delay the freshness barrier. It is
    /// taken out while it is used, so a read that fails or is given up loses it.
    tally: Mutex<Option<(Instant, PgConnection)>>,
    hosts: Hosts,
    settings: Settings,
    current: Current,
    /// When the watch's session last stopped responding, or another server took over. Sessions from before are not used
    /// again, and what waits for one of them gives up.
    stalled: watch::Sender<Option<Instant>>,
    /// Whether the schema had everything that the service uses when it was last looked at.
    schema_fits: AtomicBool,
    /// Cancelled if the database cannot be reached at the start.
    unreachable: CancellationToken,
    refusal: tokio::sync::Mutex<Refusal>,
    waiters: Gauge,
    timeouts: Counter,
}

impl Deref for Database {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.shared
    }
}

/// The connections of the pool and the requests that wait for one.
#[derive(Debug)]
pub struct Connections {
    pub max: usize,
    pub used: usize,
    pub idle: usize,
    pub waiters: i64,
    /// Requests that waited in vain.
    pub timeouts: Counter,
}

/// Counts a request as waiting until it is dropped.
struct Waiter<'a>(&'a Gauge);

impl<'a> Waiter<'a> {
    fn new(waiters: &'a Gauge) -> Self {
        waiters.inc();
        Self(waiters)
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Why the pool last had no connection in time, and when that was found out.
type Refusal = Option<(Instant, Arc<StoreError>)>;

/// The server that requests use, as the watch has found it; none while the database is down.
#[derive(Debug, Default, Clone)]
struct Current {
    server: watch::Sender<Option<Server>>,
    /// Makes the watch look where the address leads.
    moved: Arc<Notify>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Server {
    id: ServerId,
    pooling: Pooling,
}

impl Current {
    fn get(&self) -> Result<Server, StoreError> {
        self.server.borrow().ok_or(StoreError::KnownDown)
    }

    fn is_pooled(&self) -> bool {
        self.get()
            .is_ok_and(|server| server.pooling == Pooling::Transaction)
    }

    /// Refuses a session with another server.
    fn expect(&self, id: ServerId) -> sqlx::Result<()> {
        if self.get().is_ok_and(|server| server.id == id) {
            return Ok(());
        }
        self.moved.notify_one();
        Err(io::Error::other("the session is with another server than the one that was found").into())
    }
}

impl Database {
    /// Prepares the connections and opens none. The database counts as down until [`Database::watch`] has reached it.
    pub fn new(hosts: impl Into<Hosts>, limits: Limits) -> Self {
        let hosts = hosts.into();
        let max_connections = usize::try_from(limits.max_connections).unwrap_or(usize::MAX);
        let max_connections = max_connections.min(Semaphore::MAX_PERMITS);
        let settings = Settings {
            statement_timeout: limits.statement_timeout,
        };
        let current = Current::default();
        let stalled = watch::Sender::<Option<Instant>>::default();
        let pool = {
            let (connected, acquired, stalled) = (current.clone(), current.clone(), stalled.clone());
            PgPoolOptions::new()
                .max_connections(limits.max_connections)
                .acquire_timeout(limits.acquire_timeout)
                .max_lifetime(MAX_SESSION_AGE)
                .after_connect(move |connection, _| {
                    let current = connected.clone();
                    Box::pin(async move {
                        // Behind a transaction pooler, `Settings::begin` does both for each transaction.
                        if !current.is_pooled() {
                            current.expect(expect_primary(connection).await?)?;
                            settings.apply(connection).await?;
                        }
                        Ok(())
                    })
                })
                // In place of the library's test, which a standby and a pooler without a server pass.
                .test_before_acquire(false)
                .before_acquire(move |connection, meta| {
                    let is_stalled = stalled.borrow().is_some_and(|at| meta.age > at.elapsed());
                    let current = acquired.clone();
                    Box::pin(async move {
                        if !is_stalled && !current.is_pooled() {
                            current.expect(expect_primary(connection).await?)?;
                        }
                        Ok(!is_stalled)
                    })
                })
        };
        let shared = Shared {
            connections: Share::of(max_connections),
            max_connections,
            acquire_timeout: limits.acquire_timeout,
            pool: pool.connect_lazy_with(session::plain(hosts.first())),
            tally: Mutex::default(),
            hosts,
            settings,
            current,
            stalled,
            schema_fits: AtomicBool::new(true),
            unreachable: CancellationToken::new(),
            refusal: tokio::sync::Mutex::default(),
            waiters: Gauge::default(),
            timeouts: Counter::default(),
        };
        Self {
            shared: Arc::new(shared),
            client: None,
            standbys: None,
        }
    }

    /// The same with standbys for reads, with as many connections to each.
    #[must_use]
    pub fn with_standbys(self, hosts: &Hosts) -> Self {
        let connections = self.pool.options().get_max_connections();
        Self {
            standbys: Some(Arc::new(Standbys::new(hosts, connections, self.settings))),
            ..self
        }
    }

    /// Whether reads may use a standby.
    pub fn has_standbys(&self) -> bool {
        self.standbys.is_some()
    }

    /// How many standbys are up, and how reads used them; `None` without standbys.
    pub fn standby_reads(&self) -> Option<(usize, &StandbyReads)> {
        let standbys = self.standbys.as_ref()?;
        Some((standbys.up(), standbys.reads()))
    }

    /// Reports what a freshness check has seen.
    pub(super) fn saw(&self, tally: Tally) {
        if let Some(standbys) = &self.standbys {
            standbys.saw(tally);
        }
    }

    /// A connection with a standby that shows enough, if there is one within some milliseconds of the client's turn.
    pub(super) async fn standby(&self, at_least: Option<AtLeast>) -> Result<Option<Lease>, StoreError> {
        let (Some(standbys), Some(at_least)) = (&self.standbys, at_least) else {
            return Ok(None);
        };
        let turn = match &self.client {
            Some(share) => self.turn(share, Work::Other).await?,
            None => Turn::new(),
        };
        // In a box, as below.
        Ok(Box::pin(standbys.lease(at_least, turn)).await)
    }

    /// The same for an export, if it need not wait for others to end.
    pub(super) async fn export_standby(&self, at_least: Option<AtLeast>) -> Option<Lease> {
        let (standbys, at_least) = (self.standbys.as_ref()?, at_least?);
        let shares = self.client.iter().chain([&self.connections]);
        let turns: Option<Vec<Turn>> = shares.map(Share::export_turn_now).collect();
        let turn = turns?.into_iter().flatten().collect();
        Box::pin(standbys.export_lease(at_least, turn)).await
    }

    /// The outcome of a read on a standby; `None` if the primary has to answer.
    pub(super) fn answered<T>(&self, outcome: Result<T, StoreError>) -> Option<Result<T, StoreError>> {
        self.standbys.as_ref()?.answered(outcome)
    }

    /// Whether the database responded to the last check.
    pub fn is_up(&self) -> bool {
        self.current.get().is_ok()
    }

    /// Whether the database has the tables and functions of this version, and lets the service use them.
    pub fn schema_fits(&self) -> bool {
        self.schema_fits.load(Ordering::Relaxed)
    }

    /// Waits until the database is up.
    pub async fn wait_until_up(&self) {
        // The sender lives in `self`, so the channel cannot be closed.
        let _ = self.current.server.subscribe().wait_for(Option::is_some).await;
    }

    /// Waits until the database is up, or [`START_PATIENCE`] has passed without it. A migration takes as long as it takes.
    pub async fn wait_until_up_or_unreachable(&self) {
        self.unreachable.run_until_cancelled(self.wait_until_up()).await;
    }

    pub fn connections(&self) -> Connections {
        let (all, idle) = (self.pool.size(), self.pool.num_idle());
        Connections {
            max: self.max_connections,
            used: usize::try_from(all).unwrap_or(usize::MAX).saturating_sub(idle),
            idle,
            waiters: self.waiters.get(),
            timeouts: self.timeouts.clone(),
        }
    }

    /// A new share for a client.
    pub fn share(&self) -> Share {
        Share::of_client(self.max_connections)
    }

    /// The database with no more connections at a time than a client's share.
    #[must_use]
    pub fn within(&self, share: Share) -> Self {
        Self {
            client: Some(share),
            ..self.clone()
        }
    }

    /// A connection for one or more statements: [`StoreError::KnownDown`] at once if the database is down or goes down
    /// meanwhile, [`StoreError::Unavailable`] if no connection is free within the acquire timeout, of the client's share
    /// or of all.
    pub async fn connection(&self) -> Result<Lease, StoreError> {
        let turn = self.turn_within(Work::Other);
        // In a box: it is large, and every caller would carry it.
        self.unless_down(Box::pin(self.lease(turn))).await
    }

    /// Waits for the right to look again for a held request, or to answer it.
    pub(crate) async fn wakeup(&self) -> Turn {
        self.turn_within(Work::Wakeup).await
    }

    /// Waits for a turn of the client's share, and for one of all.
    async fn turn_within(&self, work: Work) -> Turn {
        let mut turn = match &self.client {
            Some(share) => share.turn(work).await,
            None => Turn::new(),
        };
        turn.extend(self.connections.turn(work).await);
        turn
    }

    /// The same for work in a turn of the client's share.
    pub(super) async fn connection_for(&self, work: Work) -> Result<Lease, StoreError> {
        let turn = self.connections.turn(work);
        self.unless_down(Box::pin(self.lease(turn))).await
    }

    /// The same for an export, which waits for others to end too. It is not one of the client's connections: those are for
    /// what the client does meanwhile.
    pub(super) async fn export_connection(&self) -> Result<Lease, StoreError> {
        let turn = async {
            let mut turn = Turn::new();
            for share in self.client.iter().chain([&self.connections]) {
                turn.extend(share.export_turn().await);
            }
            turn.extend(self.connections.turn(Work::Other).await);
            turn
        };
        self.unless_down(Box::pin(self.lease(turn))).await
    }

    /// Waits for a turn of a client's share, as long as for a connection.
    pub(crate) async fn turn(&self, share: &Share, work: Work) -> Result<Turn, StoreError> {
        self.unless_down(async {
            let _waiter = Waiter::new(&self.waiters);
            let turn = timeout(self.acquire_timeout, share.turn(work)).await;
            turn.map_err(|_| {
                self.timeouts.inc();
                sqlx::Error::PoolTimedOut.into()
            })
        })
        .await
    }

    /// The row of a statement without parameters, in the session for the tally. The row is used, and the session kept, only
    /// if it says in `is_standby` and `server` that it comes from the server that requests use. The caller bounds its time.
    pub(super) async fn fetch_apart(&self, statement: &'static str) -> Result<PgRow, StoreError> {
        let fetching = Box::pin(async {
            let kept = lock(&self.tally).take();
            let is_current = |opened: Instant| {
                opened.elapsed() < MAX_SESSION_AGE && self.stalled.borrow().is_none_or(|at| at < opened)
            };
            let (opened, mut session) = if let Some(kept) = kept.filter(|(opened, _)| is_current(*opened)) {
                kept
            } else {
                let (opened, node) = (Instant::now(), self.pool.connect_options());
                let session = if self.current.is_pooled() {
                    session::open(&node).await?
                } else {
                    self.settings.connect(&node).await?
                };
                (opened, session)
            };
            let row = if self.current.is_pooled() {
                // One message, hence one session.
                sqlx::raw_sql(statement).fetch_one(&mut session).await?
            } else {
                sqlx::query(statement).fetch_one(&mut session).await?
            };
            self.current.expect(primary_of(&row)?)?;
            *lock(&self.tally) = Some((opened, session));
            Ok(row)
        });
        self.unless_down(async { Ok(unless_stalled(&self.stalled, fetching).await?) })
            .await
    }

    /// A statement on the primary, with its [`Bound`].
    pub(super) async fn bounded<T>(
        &self,
        statement: impl Future<Output = sqlx::Result<T>>,
    ) -> sqlx::Result<T> {
        self.bound().run(statement).await
    }

    fn bound(&self) -> Bound {
        Bound::of(self.settings, &self.stalled)
    }

    /// Gives up as soon as the database is known to be down.
    async fn unless_down<T>(
        &self,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let mut server = self.current.server.subscribe();
        tokio::select! {
            biased;
            _ = server.wait_for(Option::is_none) => Err(StoreError::KnownDown),
            result = work => result,
        }
    }

    async fn lease(&self, turn: impl Future<Output = Turn>) -> Result<Lease, StoreError> {
        let before = self.current.get()?;
        let acquiring = async {
            let turn = turn.await;
            Ok((turn, self.pool.acquire().await?))
        };
        let waiter = Waiter::new(&self.waiters);
        let acquired = timeout(self.acquire_timeout, acquiring).await;
        drop(waiter);
        let (turn, connection) = match acquired.unwrap_or(Err(sqlx::Error::PoolTimedOut)) {
            Err(sqlx::Error::PoolTimedOut) => {
                self.timeouts.inc();
                return Err(Box::pin(self.refusal()).await);
            }
            acquired => acquired?,
        };
        let mut lease = Lease::new(connection, turn, self.bound(), Ok(before.id));
        // Another server was found meanwhile, behind another kind of pooler.
        if self.current.get()? != before {
            return Err(StoreError::KnownDown);
        }
        if before.pooling == Pooling::Transaction {
            let id = self.settings.begin(&mut lease).await?;
            self.current.expect(id)?;
            lease.begun(id);
        }
        Ok(lease)
    }

    /// Why the pool had no connection in time. The pool does not tell why it could open none (the server has too many, for
    /// example), so one is opened to learn that. Requests of the same second share the reason.
    async fn refusal(&self) -> StoreError {
        let mut known = self.refusal.lock().await;
        if let Some((at, error)) = &*known
            && at.elapsed() < CHECK_TIMEOUT
        {
            return StoreError::Shared(Arc::clone(error));
        }
        let opening = async {
            let mut connection = session::open(&self.pool.connect_options()).await?;
            self.current.expect(expect_primary(&mut connection).await?)?;
            Ok(())
        };
        let error = match within(CHECK_TIMEOUT, opening).await {
            Ok(()) => sqlx::Error::PoolTimedOut.into(),
            Err(error) => error,
        };
        StoreError::Shared(Arc::clone(&known.insert((Instant::now(), Arc::new(error))).1))
    }

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
        let lacking = checked
            .err()
            .filter(|error| matches!(error, StoreError::Privileges { .. }));
        self.schema_fits.store(lacking.is_none(), Ordering::Relaxed);
        if let Some(error) = lacking {
            tracing::error!(error = error_chain(&error), "the schema does not fit any more");
        }
    }

    /// Finds the server that takes writes, the former one if it still does. The database is down until then.
    async fn until_found(&self, former: &Primary, pooling: Pooling) -> (Primary, Pooling) {
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
                    if self.current.server.send_replace(None).is_some() {
                        tracing::error!(error = error_chain(&error), "the database is down");
                    } else {
                        tracing::debug!(error = error_chain(&error), "no connection");
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

    /// Closes the connections after their statements have ended.
    pub async fn close(&self) {
        drop(lock(&self.tally).take());
        self.pool.close().await;
        if let Some(standbys) = &self.standbys {
            standbys.close().await;
        }
    }

    async fn first_primary(&self, schema: Schema) -> Result<(Primary, Pooling), StoreError> {
        let (begun, mut announced) = (Instant::now(), false);
        loop {
            let attempt = async {
                let mut primary = self.hosts.primary(0).await?;
                let node = self.hosts.node(&primary);
                let pooling = within(START_TIMEOUT, Pooling::detect(node)).await?;
                schema.ensure(node, pooling).await?;
                within(START_TIMEOUT, privileges::check(&mut primary.connection)).await?;
                self.turn_to(&primary, pooling, &primary);
                Ok::<_, StoreError>((primary, pooling))
            };
            match Box::pin(attempt).await {
                Ok(found) => return Ok(found),
                Err(error) if error.is_transient() => {
                    if !announced {
                        tracing::warn!(error = error_chain(&error), "waiting for the database");
                        announced = true;
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

fn is_timeout(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(error) if error.kind() == io::ErrorKind::TimedOut)
}

/// Nothing that is done under the lock can be left half done.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
