//! What the barrier needs of whatever runs it: tokio in the service; in a test, what tries one order of events after
//! the other.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::timeout;

/// Runs the barrier.
pub trait Runtime: Send + Sync + 'static {
    /// Runs a task beside the caller, to its end.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static);

    /// What the work gives, unless that takes longer. Then the work is dropped.
    fn within<F>(&self, time: Duration, work: F) -> impl Future<Output = Option<F::Output>> + Send
    where
        F: Future<Output: Send> + Send;

    /// Waits until nobody else has it.
    fn lock<'a, S>(&self, state: &'a Mutex<S>) -> MutexGuard<'a, S> {
        // Nothing that is done under the lock can be left half done.
        state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The runtime that calls.
#[derive(Debug, Clone, Copy)]
pub struct Tokio;

impl Runtime for Tokio {
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(task);
    }

    async fn within<F>(&self, time: Duration, work: F) -> Option<F::Output>
    where
        F: Future<Output: Send> + Send,
    {
        timeout(time, work).await.ok()
    }
}
