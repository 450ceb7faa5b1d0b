//! The freshness barrier: what every answer from memory waits for.
//!
//! An answer may come from memory only if a read of the database that *began after the request arrived* says that it is
//! still right. Requests that arrive while a read is under way share the next one, never the one in flight: that may have
//! missed what was written, and acknowledged, just before they came. So one small statement at a time serves everybody who
//! waits, and each of them sees every write that anybody was told of before it asked, whichever replica of the service
//! took it, or none.
//!
//! The line of those who wait is a channel; who leaves it drops a receiver, and a read that nobody waits for any more is
//! not begun.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::metrics::Reads;
use crate::store::StoreError;

/// What a read says, or why it failed, to each who waited for it.
type Outcome<T> = Result<T, Arc<StoreError>>;
/// Who waits for the same read; its outcome comes once.
type Line<T> = watch::Sender<Option<Outcome<T>>>;
type Read<T> = Box<dyn Fn() -> BoxFuture<'static, Result<T, StoreError>> + Send + Sync>;

/// The barrier around a read.
pub struct Barrier<T>(Arc<Shared<T>>);

struct Shared<T> {
    read: Read<T>,
    /// How long a request waits, and how long a read may take.
    patience: Duration,
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
    /// A barrier that reads like this, and keeps nobody waiting for longer than `patience`.
    pub fn new<F, Fut>(patience: Duration, read: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        Self(Arc::new(Shared {
            read: Box::new(move || Box::pin(read())),
            patience,
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
        let not_confirmed = StoreError::NotConfirmed {
            patience: self.0.patience,
        };
        let mut line = self.join();
        let outcome = match timeout(self.0.patience, line.wait_for(Option::is_some)).await {
            Ok(Ok(outcome)) => outcome.clone(),
            // The read ended without one: it has panicked, or the program ends.
            Ok(Err(_)) | Err(_) => None,
        };
        match outcome {
            Some(outcome) => outcome.map_err(StoreError::Shared),
            None => Err(not_confirmed),
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
        if !state.is_reading {
            state.is_reading = true;
            tokio::spawn(Shared::read_for_all(Reading(Arc::clone(&self.0))));
        }
        line
    }
}

impl<T: Clone + Send + Sync + 'static> Shared<T> {
    /// Reads, one after the other, until nobody waits.
    async fn read_for_all(reading: Reading<T>) {
        while let Some(line) = reading.0.next_line() {
            // Who comes from here on waits for the next.
            let outcome = timeout(reading.0.patience, (reading.0.read)())
                .await
                .unwrap_or(Err(StoreError::NotConfirmed {
                    patience: reading.0.patience,
                }));
            reading.0.reads.count(&outcome);
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

impl<T> Shared<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        // Nothing that is done under the lock can be left half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody reads for as long as this lives.
struct Reading<T>(Arc<Shared<T>>);

impl<T> Drop for Reading<T> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // Those who wait learn of it by the end of their line, and who comes next begins anew.
            let mut state = self.0.state();
            state.next = None;
            state.is_reading = false;
        }
    }
}

impl<T> fmt::Debug for Barrier<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Barrier")
            .field("patience", &self.0.patience)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
