//! The connections to PostgreSQL.
//!
//! With a pool alone, every request would wait for a dead database until its timeout. So one task ([`Database::watch`])
//! keeps a session of its own and asks once a second whether its server takes writes. While the database is down requests
//! are refused at once, and those that already wait for a connection are released.
//!
//! Requests use sessions with the server that this task has found and no other: not with a standby, and not with a former
//! primary that still takes writes.

mod current;

use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use sqlx::postgres::{PgPoolOptions, PgRow};
use sqlx::{PgConnection, PgPool};
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use self::current::Current;
pub use self::current::START_PATIENCE;
pub(super) use self::current::WATCH_INTERVAL_UP;
use super::StoreError;
use super::hosts::Hosts;
use super::lease::{Bound, Lease, unless_stalled};
use super::session::{self, CHECK_TIMEOUT, Pooling, Settings, expect_primary, primary_of, within};
use super::share::{Share, Turn, Work};
use super::standby::{AtLeast, StandbyReads, Standbys};
use super::tally::Tally;

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
    /// Whether the schema had everything that the service uses when it was last looked at, if it ever was.
    schema_fits: Mutex<Option<bool>>,
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
            schema_fits: Mutex::default(),
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

    /// Whether the database has the tables and functions of this version, and lets the service use them; `None` until it has
    /// been looked at.
    pub fn schema_fits(&self) -> Option<bool> {
        *lock(&self.schema_fits)
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

    /// Closes the connections after their statements have ended.
    pub async fn close(&self) {
        drop(lock(&self.tally).take());
        self.pool.close().await;
        if let Some(standbys) = &self.standbys {
            standbys.close().await;
        }
    }
}

/// Nothing that is done under the lock can be left half done.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
