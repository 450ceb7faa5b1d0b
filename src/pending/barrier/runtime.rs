//! What the barrier needs of a runtime: tokio in the service, shuttle in tests.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::timeout;

pub trait Runtime: Send + Sync + 'static {
    /// Runs a task to its end beside the caller.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static);

    /// The output of `work`, or `None` if that takes longer than `time`. Then `work` is dropped.
    fn within<F>(&self, time: Duration, work: F) -> impl Future<Output = Option<F::Output>> + Send
    where
        F: Future<Output: Send> + Send;

    fn lock<'a, S>(&self, state: &'a Mutex<S>) -> MutexGuard<'a, S> {
        // No change under the lock can be left half done.
        state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

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
