//! Who waits for something about the pending tasks to change.
//!
//! While anybody waits one task of the process passes the barrier again and again; nobody else touches the database for
//! it. What that and any other read says is handed on to all who wait by a channel that keeps the last word alone, so a
//! waiter costs its place in that and no more.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use super::barrier::Barrier;
use crate::store::tally::{Revision, Tally};

/// How long the database is left alone between two looks at it: an answer is there within a quarter of a second of the
/// commit, with time for a look, a load, and many who wait.
const INTERVAL: Duration = Duration::from_millis(50);

/// The revision as it was last read.
#[derive(Debug, Default)]
pub(super) struct Changes {
    last: watch::Sender<Option<Revision>>,
    is_polling: Mutex<bool>,
}

impl Changes {
    /// A read has said this.
    pub(super) fn publish(&self, revision: Revision) {
        self.last
            .send_if_modified(|last| last.replace(revision) != Some(revision));
    }

    /// Waits until a read says another revision than this.
    pub(super) async fn after(self: &Arc<Self>, revision: Revision, barrier: &Arc<Barrier<Tally>>) {
        let mut last = self.last.subscribe();
        self.poll(barrier);
        // The sender lives in `self`, so the channel cannot be closed.
        let _ = last
            .wait_for(|last| last.is_some_and(|last| last != revision))
            .await;
    }

    /// Sees that somebody reads for as long as anybody waits.
    fn poll(self: &Arc<Self>, barrier: &Arc<Barrier<Tally>>) {
        if self.polls(|polls| std::mem::replace(polls, true)) {
            return;
        }
        let (changes, barrier) = (Arc::clone(self), Arc::clone(barrier));
        tokio::spawn(async move {
            // Who came before this looked is counted; who comes after it begins anew.
            while changes.polls(|polls| {
                *polls = changes.last.receiver_count() > 0;
                *polls
            }) {
                sleep(INTERVAL).await;
                // Who waits is not told of a failure: the database may be back before their time is up.
                let _ = barrier.pass().await;
            }
        });
    }

    fn polls(&self, decide: impl FnOnce(&mut bool) -> bool) -> bool {
        decide(&mut self.is_polling.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

    use tokio::task::yield_now;
    use tokio::time::advance;

    use super::*;
    use crate::store::StoreError;

    struct Stage {
        changes: Arc<Changes>,
        barrier: Arc<Barrier<Tally>>,
        revision: Arc<AtomicI64>,
        reads: Arc<AtomicUsize>,
    }

    impl Stage {
        fn new() -> Self {
            let changes = Arc::<Changes>::default();
            let (revision, reads) = (Arc::new(AtomicI64::new(1)), Arc::<AtomicUsize>::default());
            let barrier = Barrier::new(Duration::from_secs(2), {
                let (changes, revision, reads) = (changes.clone(), revision.clone(), reads.clone());
                move || {
                    reads.fetch_add(1, Ordering::Relaxed);
                    let revision = Revision::new(revision.load(Ordering::Relaxed));
                    changes.publish(revision);
                    async move { Ok::<_, StoreError>(Tally { pending: 0, revision }) }
                }
            });
            Self {
                changes,
                barrier: Arc::new(barrier),
                revision,
                reads,
            }
        }

        fn wait(&self, revision: i64) -> tokio::task::JoinHandle<()> {
            let (changes, barrier) = (self.changes.clone(), self.barrier.clone());
            tokio::spawn(async move { changes.after(Revision::new(revision), &barrier).await })
        }

        fn reads(&self) -> usize {
            self.reads.load(Ordering::Relaxed)
        }
    }

    /// So much time, in steps in which everybody gets on.
    async fn pass(time: Duration) {
        for _ in 0..time.as_millis() / 10 {
            advance(Duration::from_millis(10)).await;
            for _ in 0..10 {
                yield_now().await;
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_reads_for_all_while_anybody_waits_and_nobody_afterwards() {
        let stage = Stage::new();
        let waiting: Vec<_> = (0..1000).map(|_| stage.wait(1)).collect();
        pass(Duration::from_secs(1)).await;
        assert!((10..=20).contains(&stage.reads()), "{}", stage.reads());
        assert!(waiting.iter().all(|waiter| !waiter.is_finished()));
        stage.revision.store(2, Ordering::Relaxed);
        pass(INTERVAL * 2).await;
        assert!(waiting.iter().all(tokio::task::JoinHandle::is_finished));
        let reads = stage.reads();
        pass(Duration::from_secs(10)).await;
        assert!(stage.reads() <= reads + 1, "reads for nobody");
        // And who comes then is seen to.
        let next = stage.wait(2);
        pass(INTERVAL * 2).await;
        stage.revision.store(3, Ordering::Relaxed);
        pass(INTERVAL * 2).await;
        assert!(next.is_finished());
    }

    #[tokio::test(start_paused = true)]
    async fn who_leaves_is_not_read_for() {
        let stage = Stage::new();
        let waiter = stage.wait(1);
        pass(Duration::from_secs(1)).await;
        waiter.abort();
        pass(INTERVAL * 2).await;
        let reads = stage.reads();
        pass(Duration::from_secs(10)).await;
        assert_eq!(stage.reads(), reads);
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_moved_already_is_not_waited_for() {
        let stage = Stage::new();
        stage.changes.publish(Revision::new(7));
        let waiter = stage.wait(1);
        pass(Duration::from_millis(10)).await;
        assert!(waiter.is_finished());
    }
}
