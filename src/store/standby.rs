//! The standbys that reads may use, and when one of them may answer.
//!
//! A standby lags. It may answer a read if its tally, read just before in the same session, is one that a freshness check
//! has seen on the primary since the request arrived: equal revisions mean equal tasks, whatever the server's history is.
//! docs/freshness.md has the proof.
//!
//! A request waits for that for some milliseconds, and never for a connection: those are opened in the background.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use prometheus_client::metrics::counter::Counter;
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, PgPool};
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep, timeout};

use super::StoreError;
use super::database::{MAX_SESSION_AGE, WATCH_INTERVAL_UP, lock};
use super::error::is_timeout;
use super::hosts::{self, Hosts};
use super::lease::{Bound, Lease, close_idle};
use super::session::{self, CHECK_TIMEOUT, Settings, expect_standby, standby_of, within};
use super::share::Turn;
use super::tally::{READ, Revision, Tally, Tasks};
use crate::telemetry::{Reason, error_chain};

/// How long a request waits for a standby that is behind, for each response to that question, and for a lock.
const CATCH_UP: Duration = Duration::from_millis(10);
/// How often it asks meanwhile.
const ASK_INTERVAL: Duration = Duration::from_millis(1);
/// A standby that was asked in vain is not asked for a while: twice as long each time.
const MIN_REST: Duration = Duration::from_millis(20);
const MAX_REST: Duration = Duration::from_secs(1);
/// A standby that is asked in vain for so long is logged.
const LONG: Duration = Duration::from_mins(1);
/// How many freshness checks are remembered: more than there are while a request waits.
const MAX_SEEN: usize = 256;

/// The least that a read must show: these tasks as a freshness check has seen them since the request arrived.
#[derive(Debug, Clone, Copy)]
pub struct AtLeast {
    pub tally: Tally,
    pub tasks: Tasks,
}

impl AtLeast {
    /// The revision that the check has seen.
    pub fn revision(&self) -> Revision {
        self.tally.revision_of(self.tasks)
    }
}

/// The reads that a standby may answer, by what became of them. The primary has answered all but the first.
#[derive(Debug, Default)]
pub struct StandbyReads {
    pub ok: Counter,
    /// The standby was behind, now or a moment ago.
    pub behind: Counter,
    /// No connection with it was free.
    pub busy: Counter,
    /// No standby was up.
    pub down: Counter,
    /// The standby or its network failed.
    pub failed: Counter,
}

/// Why the primary has to answer. The last one counts if there are several standbys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Missed {
    Down,
    Behind,
    Busy,
    Failed,
}

/// All standbys.
#[derive(Debug)]
pub(super) struct Standbys {
    nodes: Vec<Arc<Standby>>,
    /// The standby to ask next.
    next: AtomicUsize,
    /// The tallies that freshness checks have seen, the last at the end.
    seen: Mutex<VecDeque<Tally>>,
    settings: Settings,
    reads: StandbyReads,
}

#[derive(Debug)]
pub(super) struct Standby {
    name: String,
    pool: PgPool,
    max_connections: u32,
    connect_timeout: Duration,
    is_up: AtomicBool,
    /// When the watch's session last stopped responding. Statements give up then.
    stalled: watch::Sender<Option<Instant>>,
    /// Set while the standby is asked in vain.
    vain: Mutex<Option<Vain>>,
    /// One connection is opened at a time.
    opening: Arc<Semaphore>,
}

#[derive(Debug, Clone, Copy)]
struct Vain {
    since: Instant,
    rest: Duration,
    until: Instant,
    is_logged: bool,
}

impl Standbys {
    /// Prepares the connections and opens none. Nothing is read from a standby before [`Standbys::watch`] has reached it.
    pub(super) fn new(hosts: &Hosts, max_connections: u32, settings: Settings) -> Self {
        let standby = |options| {
            Arc::new(Standby {
                name: hosts::name(options),
                pool: PgPoolOptions::new()
                    .max_connections(max_connections)
                    .acquire_timeout(CHECK_TIMEOUT)
                    .max_lifetime(MAX_SESSION_AGE)
                    .test_before_acquire(false)
                    // Each lease is one transaction and prepares nothing, so any pooler will do.
                    .connect_lazy_with(session::plain(options).statement_cache_capacity(0)),
                max_connections,
                connect_timeout: hosts.connect_timeout(),
                is_up: AtomicBool::default(),
                stalled: watch::Sender::default(),
                vain: Mutex::default(),
                opening: Arc::new(Semaphore::new(1)),
            })
        };
        Self {
            nodes: hosts.nodes().iter().map(standby).collect(),
            next: AtomicUsize::default(),
            seen: Mutex::default(),
            settings,
            reads: StandbyReads::default(),
        }
    }

    /// How many are up.
    pub(super) fn up(&self) -> usize {
        let is_up = |standby: &&Arc<Standby>| standby.is_up.load(Ordering::Relaxed);
        self.nodes.iter().filter(is_up).count()
    }

    pub(super) fn reads(&self) -> &StandbyReads {
        &self.reads
    }

    /// Remembers what a freshness check has seen. Checks never overlap, so each has seen what the ones before it have.
    pub(super) fn saw(&self, tally: Tally) {
        let mut seen = lock(&self.seen);
        if seen.len() == MAX_SEEN {
            seen.pop_front();
        }
        seen.push_back(tally);
    }

    /// Whether a server with this tally has what the check has seen, or a later one.
    fn is_enough(&self, shown: &Tally, least: &AtLeast) -> bool {
        let shown = shown.revision_of(least.tasks);
        let seen = lock(&self.seen);
        let check = seen.iter().rposition(|tally| *tally == least.tally);
        let mut later = seen.range(check.unwrap_or(seen.len())..);
        shown == least.revision() || later.any(|tally| tally.revision_of(least.tasks) == shown)
    }

    /// A connection with a standby that shows enough, in a transaction that reads only.
    pub(super) async fn lease(&self, least: AtLeast, turn: Turn) -> Option<Lease> {
        let missed = match self.try_lease(least, turn).await {
            Ok(lease) => return Some(lease),
            Err(missed) => missed,
        };
        match missed {
            Missed::Down => self.reads.down.inc(),
            Missed::Behind => self.reads.behind.inc(),
            Missed::Busy => self.reads.busy.inc(),
            Missed::Failed => self.reads.failed.inc(),
        };
        None
    }

    /// The same for a read of minutes, if the standby has the primary keep the rows that it reads. Otherwise its recovery
    /// would wait for the read, and cancel it in the end.
    pub(super) async fn export_lease(&self, least: AtLeast, turn: Turn) -> Option<Lease> {
        let mut lease = self.lease(least, turn).await?;
        let keeps_rows = sqlx::query_scalar("select current_setting('hot_standby_feedback')::boolean");
        let keeps_rows = lease.bound().run(keeps_rows.fetch_one(&mut *lease)).await;
        if keeps_rows.is_ok_and(|keeps_rows| keeps_rows) {
            return Some(lease);
        }
        lease.give_back();
        None
    }

    async fn try_lease(&self, least: AtLeast, turn: Turn) -> Result<Lease, Missed> {
        let (standby, mut lease) = self.idle(turn)?;
        let deadline = Instant::now() + CATCH_UP;
        let mut shown = ask(&mut lease, self.settings.begin_reading(CATCH_UP, READ)).await;
        loop {
            match shown {
                Ok(shown) if self.is_enough(&shown, &least) => return Ok(lease),
                Ok(_) if Instant::now() + ASK_INTERVAL < deadline => sleep(ASK_INTERVAL).await,
                Ok(_) => {
                    lease.give_back();
                    standby.was_in_vain();
                    return Err(Missed::Behind);
                }
                Err(error) => {
                    tracing::debug!(error = error_chain(&error), "a standby does not respond");
                    standby.was_in_vain();
                    return Err(Missed::Failed);
                }
            }
            shown = ask(&mut lease, READ.to_owned()).await;
        }
    }

    /// A free connection, of the standbys in turn.
    fn idle(&self, turn: Turn) -> Result<(&Arc<Standby>, Lease), Missed> {
        let all = self.nodes.len();
        let first = self.next.fetch_add(1, Ordering::Relaxed) % all.max(1);
        let mut missed = Missed::Down;
        for standby in self.nodes.iter().cycle().skip(first).take(all) {
            if !standby.is_up.load(Ordering::Relaxed) {
                continue;
            }
            if lock(&standby.vain).is_some_and(|vain| Instant::now() < vain.until) {
                missed = missed.max(Missed::Behind);
                continue;
            }
            if let Some(connection) = standby.pool.try_acquire() {
                let bound = Bound::of(self.settings, &standby.stalled);
                return Ok((
                    standby,
                    Lease::new(connection, turn, bound, Err(Arc::clone(standby))),
                ));
            }
            standby.open();
            missed = Missed::Busy;
        }
        Err(missed)
    }

    /// The outcome of a read on a standby; `None` if the primary has to answer, because the standby is at fault.
    pub(super) fn answered<T>(&self, outcome: Result<T, StoreError>) -> Option<Result<T, StoreError>> {
        match outcome {
            // There is no memory for the primary's response either.
            Err(error) if !matches!(error, StoreError::Memory(_)) => {
                tracing::debug!(error = error_chain(&error), "a read on a standby failed");
                self.reads.failed.inc();
                None
            }
            outcome => {
                self.reads.ok.inc();
                Some(outcome)
            }
        }
    }

    /// Finds out while polled which standbys are up.
    pub(super) async fn watch(&self) -> Infallible {
        join_all(self.nodes.iter().map(|standby| standby.watch())).await;
        pending().await
    }

    /// Closes the connections after their statements have ended.
    pub(super) async fn close(&self) {
        join_all(self.nodes.iter().map(|standby| standby.pool.close())).await;
    }
}

impl Standby {
    /// Opens a connection, for the next read.
    fn open(&self) {
        if self.pool.size() < self.max_connections
            && let Ok(permit) = Arc::clone(&self.opening).try_acquire_owned()
        {
            let pool = self.pool.clone();
            tokio::spawn(async move {
                // The watch reports a standby that cannot be reached.
                drop(pool.acquire().await);
                drop(permit);
            });
        }
    }

    pub(super) fn was_current(&self) {
        *lock(&self.vain) = None;
    }

    pub(super) fn was_in_vain(&self) {
        let now = Instant::now();
        let mut vain = lock(&self.vain);
        let before = vain.unwrap_or(Vain {
            since: now,
            rest: MIN_REST / 2,
            until: now,
            is_logged: false,
        });
        // Others have been in vain at the same time.
        if now < before.until {
            return;
        }
        let rest = (before.rest * 2).min(MAX_REST);
        let is_long = now - before.since > LONG;
        if is_long && !before.is_logged {
            tracing::warn!(
                host = self.name,
                "the standby has not been current for a minute whenever it was asked: it lags, or is not a standby of this \
                 database; the primary answers"
            );
        }
        *vain = Some(Vain {
            rest,
            until: now + rest,
            is_logged: is_long,
            ..before
        });
    }

    async fn watch(&self) -> Infallible {
        let mut reason = Reason::default();
        loop {
            let Err(error) = self.follow().await;
            if self.is_up.swap(false, Ordering::Relaxed) {
                reason = Reason::default();
            }
            if let Some(error) = reason.news(&error) {
                tracing::warn!(host = self.name, error, "the standby is down");
            }
            // Sessions that broke say so, and there may be new ones by now.
            if matches!(&error, StoreError::Unavailable(error) if is_timeout(error)) {
                self.stalled.send_replace(Some(Instant::now()));
            }
            close_idle(&self.pool);
            sleep(WATCH_INTERVAL_UP).await;
        }
    }

    /// Keeps the standby up until a session with it fails.
    async fn follow(&self) -> Result<Infallible, StoreError> {
        let opening = async {
            let mut probe = session::open(&self.pool.connect_options()).await?;
            expect_standby(&mut probe).await?;
            Ok(probe)
        };
        let mut probe = within(self.connect_timeout, opening).await?;
        tracing::info!(host = self.name, "the standby is up");
        self.is_up.store(true, Ordering::Relaxed);
        self.open();
        loop {
            sleep(WATCH_INTERVAL_UP).await;
            expect_standby(&mut probe).await?;
        }
    }
}

/// The tally that the standby shows.
async fn ask(lease: &mut Lease, question: String) -> sqlx::Result<Tally> {
    let asking = sqlx::raw_sql(AssertSqlSafe(question)).fetch_one(&mut **lease);
    let row = timeout(CATCH_UP, asking)
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    lease.begun(standby_of(&row)?);
    Tally::from_row(&row)
}
