//! The freshness barrier: what every answer from memory waits for.
//!
//! An answer may come from memory only if a read of the database that *began after the request arrived* says that it is
//! still right. Requests that arrive while a read is under way share the next one, never the one in flight: that may have
//! missed what was written, and acknowledged, just before they came. So one small statement at a time serves everybody who
//! waits, and each of them sees every write that anybody was told of before it asked, whichever replica of the service
//! took it, or none.
//!
//! The line of those who wait is a channel; who leaves it drops a receiver, and a read that nobody waits for any more is
//! not begun. docs/freshness.md has the proof; the tests in `schedules` explore it.

mod runtime;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::watch;

use self::runtime::{Runtime, Tokio};
use crate::pending::counters::Reads;
use crate::store::StoreError;

/// What a read says, or why it failed, to each who waited for it.
type Outcome<T> = Result<T, Arc<StoreError>>;
/// Who waits for the same read; its outcome comes once.
type Line<T> = watch::Sender<Option<Outcome<T>>>;
type Read<T> = Box<dyn Fn() -> BoxFuture<'static, Result<T, StoreError>> + Send + Sync>;

/// The barrier around a read.
pub struct Barrier<T, R = Tokio>(Arc<Shared<T, R>>);

struct Shared<T, R> {
    runtime: R,
    read: Read<T>,
    /// How long a request waits, and how long a read may take.
    timeout: Duration,
    reads: Reads,
    state: Mutex<State<T>>,
}

struct State<T> {
    /// Those who wait for the next read.
    next: Option<Line<T>>,
    /// Whether somebody is at it who will see to them.
    is_reading: bool,
}

impl<T: Clone + Send + Sync + 'static> Barrier<T> {
    /// A barrier that reads like this, and keeps nobody waiting for longer than `timeout`.
    pub fn new<F, Fut>(timeout: Duration, read: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        Self::on(Tokio, timeout, read)
    }
}

impl<T: Clone + Send + Sync + 'static, R: Runtime> Barrier<T, R> {
    /// A barrier that whoever this is runs.
    fn on<F, Fut>(runtime: R, timeout: Duration, read: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        Self(Arc::new(Shared {
            runtime,
            read: Box::new(move || Box::pin(read())),
            timeout,
            reads: Reads::default(),
            state: Mutex::new(State {
                next: None,
                is_reading: false,
            }),
        }))
    }

    /// What a read says that begins after this was called.
    ///
    /// # Errors
    /// Why the read failed, or [`StoreError::NotConfirmed`] where it took too long.
    pub async fn pass(&self) -> Result<T, StoreError> {
        let Shared { runtime, timeout, .. } = &*self.0;
        let told = told(self.join());
        match runtime.within(*timeout, told).await.flatten() {
            Some(outcome) => outcome.map_err(StoreError::Shared),
            None => Err(StoreError::NotConfirmed { timeout: *timeout }),
        }
    }

    /// How the reads have ended until now.
    pub fn reads(&self) -> &Reads {
        &self.0.reads
    }

    /// Joins those who wait for the next read, and sees that somebody begins it.
    fn join(&self) -> watch::Receiver<Option<Outcome<T>>> {
        let mut state = self.0.state();
        let line = state
            .next
            .get_or_insert_with(|| watch::Sender::new(None))
            .subscribe();
        let is_reading = std::mem::replace(&mut state.is_reading, true);
        drop(state);
        if !is_reading {
            let reading = Reading(Arc::clone(&self.0));
            self.0.runtime.spawn(Shared::read_for_all(reading));
        }
        line
    }
}

impl<T: Clone + Send + Sync + 'static, R: Runtime> Shared<T, R> {
    /// Reads, one after the other, until nobody waits.
    async fn read_for_all(reading: Reading<T, R>) {
        let Self {
            runtime,
            timeout,
            reads,
            ..
        } = &*reading.0;
        while let Some(line) = reading.0.next_line() {
            // Who comes from here on waits for the next.
            let outcome = runtime
                .within(*timeout, (reading.0.read)())
                .await
                .unwrap_or(Err(StoreError::NotConfirmed { timeout: *timeout }));
            reads.count(&outcome);
            line.send_replace(Some(outcome.map_err(Arc::new)));
        }
    }

    /// Those who have joined until now. Where there is nobody, the reading ends in the same moment: who comes next
    /// begins anew.
    fn next_line(&self) -> Option<Line<T>> {
        let mut state = self.state();
        let line = state.next.take().filter(|line| line.receiver_count() > 0);
        state.is_reading = line.is_some();
        line
    }
}

impl<T, R: Runtime> Shared<T, R> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.runtime.lock(&self.state)
    }
}

/// What those who wait are told; nothing where the read ended without an outcome: it has panicked, or the program ends.
async fn told<T: Clone>(mut line: watch::Receiver<Option<Outcome<T>>>) -> Option<Outcome<T>> {
    line.wait_for(Option::is_some).await.ok()?.clone()
}

/// Somebody reads for as long as this lives.
struct Reading<T, R: Runtime>(Arc<Shared<T, R>>);

impl<T, R: Runtime> Drop for Reading<T, R> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // Those who wait learn of it by the end of their line, and who comes next begins anew.
            let mut state = self.0.state();
            state.next = None;
            state.is_reading = false;
        }
    }
}

impl<T, R> fmt::Debug for Barrier<T, R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Barrier")
            .field("patience", &self.0.timeout)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod schedules;
#[cfg(test)]
mod tests;
