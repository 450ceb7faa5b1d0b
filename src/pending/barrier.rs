//! The freshness barrier, which every response from memory waits for.
//!
//! A response may come from memory only if a read of the database that *began after the request arrived* confirms it.
//! Requests that arrive during a read share the next one, never the one in flight: that may have missed a write that was
//! acknowledged just before they arrived. So one small statement at a time serves every request that waits, and each
//! response reflects all writes that were acknowledged before its request, through any replica or SQL client.
//!
//! The waiters of a read are the receivers of a channel. A cancelled request drops its receiver, and a read without
//! waiters never begins. docs/freshness.md has the proof; the tests in `schedules` explore it.

mod runtime;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;
use tokio::sync::watch;

use self::runtime::{Runtime, Tokio};
use crate::store::StoreError;

/// The result of a read, as each of its waiters gets it.
type ReadResult<T> = Result<T, Arc<StoreError>>;
/// The waiters of one read, to which its result is sent once.
type Waiters<T> = watch::Sender<Option<ReadResult<T>>>;
type ReadFn<T> = Box<dyn Fn() -> BoxFuture<'static, Result<T, StoreError>> + Send + Sync>;

/// A barrier around a read. Clones share it.
pub struct Barrier<T, R = Tokio>(Arc<Inner<T, R>>);

struct Inner<T, R> {
    runtime: R,
    read: ReadFn<T>,
    /// How long a request waits, and how long a read may take.
    timeout: Duration,
    checks: FreshnessChecks,
    state: Mutex<State<T>>,
}

struct State<T> {
    /// The waiters of the next read.
    next: Option<Waiters<T>>,
    /// Whether a reader runs that will serve them.
    is_reading: bool,
}

/// The upper bounds of the buckets of durations, in seconds. A read takes a tenth of a millisecond.
const BUCKETS: [f64; 12] = [
    0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.0,
];

/// The reads, and how they ended.
#[derive(Debug)]
pub struct FreshnessChecks {
    /// Requests that waited for a read.
    pub waiters: Counter,
    /// How long reads took, in seconds.
    pub duration: Histogram,
    pub ok: Counter,
    pub timeout: Counter,
    pub error: Counter,
}

impl Default for FreshnessChecks {
    fn default() -> Self {
        Self {
            waiters: Counter::default(),
            duration: Histogram::new(BUCKETS),
            ok: Counter::default(),
            timeout: Counter::default(),
            error: Counter::default(),
        }
    }
}

impl FreshnessChecks {
    fn count<T>(&self, outcome: &Result<T, StoreError>) {
        match outcome {
            Ok(_) => self.ok.inc(),
            Err(error) if error.is_not_confirmed() => self.timeout.inc(),
            Err(_) => self.error.inc(),
        };
    }
}

impl<T: Clone + Send + Sync + 'static> Barrier<T> {
    pub fn new<F, Fut>(timeout: Duration, read: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        Self::on(Tokio, timeout, read)
    }
}

impl<T: Clone + Send + Sync + 'static, R: Runtime> Barrier<T, R> {
    /// A barrier on another runtime than tokio.
    fn on<F, Fut>(runtime: R, timeout: Duration, read: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        Self(Arc::new(Inner {
            runtime,
            read: Box::new(move || Box::pin(read())),
            timeout,
            checks: FreshnessChecks::default(),
            state: Mutex::new(State {
                next: None,
                is_reading: false,
            }),
        }))
    }

    /// The result of a read that begins after this call.
    ///
    /// # Errors
    /// The read failed, or took too long: [`StoreError::NotConfirmed`].
    pub async fn pass(&self) -> Result<T, StoreError> {
        let Inner {
            runtime,
            timeout,
            checks,
            ..
        } = &*self.0;
        checks.waiters.inc();
        let mut result = self.join();
        // The channel closes without a result if the read panics or the program ends.
        let received = async { result.wait_for(Option::is_some).await.ok()?.clone() };
        match runtime.within(*timeout, received).await.flatten() {
            Some(result) => result.map_err(StoreError::Shared),
            None => Err(StoreError::NotConfirmed { timeout: *timeout }),
        }
    }

    pub fn checks(&self) -> &FreshnessChecks {
        &self.0.checks
    }

    /// Joins the waiters of the next read, and starts a reader if none runs.
    fn join(&self) -> watch::Receiver<Option<ReadResult<T>>> {
        let mut state = self.0.state();
        let result = state
            .next
            .get_or_insert_with(|| watch::Sender::new(None))
            .subscribe();
        let is_reading = std::mem::replace(&mut state.is_reading, true);
        drop(state);
        if !is_reading {
            let reader = Reader(Arc::clone(&self.0));
            self.0.runtime.spawn(reader.run());
        }
        result
    }
}

/// The task that reads while there are waiters.
struct Reader<T, R: Runtime>(Arc<Inner<T, R>>);

impl<T: Clone + Send + Sync + 'static, R: Runtime> Reader<T, R> {
    async fn run(self) {
        let Inner {
            runtime,
            read,
            timeout,
            checks,
            ..
        } = &*self.0;
        while let Some(waiters) = self.next_waiters() {
            // From here on requests wait for the next read.
            let begun = Instant::now();
            let outcome = runtime
                .within(*timeout, read())
                .await
                .unwrap_or(Err(StoreError::NotConfirmed { timeout: *timeout }));
            checks.duration.observe(begun.elapsed().as_secs_f64());
            checks.count(&outcome);
            waiters.send_replace(Some(outcome.map_err(Arc::new)));
        }
    }

    /// The waiters that have joined. Without any the reader stops, under the same lock: the next request starts another.
    fn next_waiters(&self) -> Option<Waiters<T>> {
        let mut state = self.0.state();
        let waiters = state.next.take().filter(|waiters| waiters.receiver_count() > 0);
        state.is_reading = waiters.is_some();
        waiters
    }
}

impl<T, R: Runtime> Drop for Reader<T, R> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // The waiters see their channel close, and the next request starts another reader.
            let mut state = self.0.state();
            state.next = None;
            state.is_reading = false;
        }
    }
}

impl<T, R: Runtime> Inner<T, R> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.runtime.lock(&self.state)
    }
}

impl<T, R> Clone for Barrier<T, R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T, R> fmt::Debug for Barrier<T, R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Barrier")
            .field("timeout", &self.0.timeout)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod schedules;
#[cfg(test)]
mod tests;
