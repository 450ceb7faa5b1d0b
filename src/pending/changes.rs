//! Changes of the revisions, for the requests that wait for one.
//!
//! While any request waits, one task of the process passes the barrier again and again, and nothing else asks the
//! database. A channel that keeps the last revision alone hands it to all waiters, so a waiter costs little. Those that
//! wait for pending tasks are not woken by others.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use super::barrier::Barrier;
use crate::store::tally::{Revision, Tally, Tasks};

/// The pause between two reads. A long poll is answered within a quarter of a second of the commit; that leaves time to
/// read, to load and to answer many.
pub(super) const INTERVAL: Duration = Duration::from_millis(50);

/// The revisions as they were last read.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pending: watch::Sender<Option<Revision>>,
    table: watch::Sender<Option<Revision>>,
    is_polling: Mutex<bool>,
}

impl Changes {
    /// Reports what a read found.
    pub(super) fn publish(&self, tally: &Tally) {
        for tasks in [Tasks::Pending, Tasks::All] {
            let revision = tally.revision_of(tasks);
            self.last(tasks)
                .send_if_modified(|last| last.replace(revision) != Some(revision));
        }
    }

    /// Waits until a read finds another revision of these tasks than this.
    pub(super) async fn after<T: Clone + Send + Sync + 'static>(
        self: &Arc<Self>,
        tasks: Tasks,
        revision: Revision,
        barrier: &Barrier<T>,
    ) {
        let mut last = self.last(tasks).subscribe();
        self.poll(barrier);
        // The sender lives in `self`, so the channel cannot close.
        let _ = last
            .wait_for(|last| last.is_some_and(|last| last != revision))
            .await;
    }

    /// Starts a task, unless one runs, that reads while any request waits.
    fn poll<T: Clone + Send + Sync + 'static>(self: &Arc<Self>, barrier: &Barrier<T>) {
        if self.with_is_polling(|is_polling| std::mem::replace(is_polling, true)) {
            return;
        }
        let (changes, barrier) = (Arc::clone(self), barrier.clone());
        tokio::spawn(async move {
            // A waiter either subscribed before this check or starts another task.
            while changes.with_is_polling(|is_polling| {
                *is_polling = changes.pending.receiver_count() + changes.table.receiver_count() > 0;
                *is_polling
            }) {
                sleep(INTERVAL).await;
                // Waiters ignore failures: the database may be back before they time out.
                let _ = barrier.pass().await;
            }
        });
    }

    fn last(&self, tasks: Tasks) -> &watch::Sender<Option<Revision>> {
        match tasks {
            Tasks::Pending => &self.pending,
            Tasks::All => &self.table,
        }
    }

    fn with_is_polling(&self, decide: impl FnOnce(&mut bool) -> bool) -> bool {
        decide(&mut self.is_polling.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

    use chrono::DateTime;
    use tokio::task::yield_now;
    use tokio::time::advance;

    use super::*;
    use crate::store::StoreError;

    fn tally(revision: i64, table_revision: i64) -> Tally {
        Tally {
            at: DateTime::UNIX_EPOCH,
            pending: 0,
            revision: Revision::new(revision),
            table_revision: Revision::new(table_revision),
        }
    }

    struct Stage {
        changes: Arc<Changes>,
        barrier: Barrier<Tally>,
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
                    let tally = tally(revision.load(Ordering::Relaxed), 1);
                    changes.publish(&tally);
                    async move { Ok::<_, StoreError>(tally) }
                }
            });
            Self {
                changes,
                barrier,
                revision,
                reads,
            }
        }

        fn wait(&self, revision: i64) -> tokio::task::JoinHandle<()> {
            let (changes, barrier) = (self.changes.clone(), self.barrier.clone());
            tokio::spawn(async move {
                changes
                    .after(Tasks::Pending, Revision::new(revision), &barrier)
                    .await;
            })
        }

        fn reads(&self) -> usize {
            self.reads.load(Ordering::Relaxed)
        }
    }

    /// Advances the time in steps, after each of which every task runs.
    async fn pass(time: Duration) {
        for _ in 0..time.as_millis() / 10 {
            advance(Duration::from_millis(10)).await;
            for _ in 0..10 {
                yield_now().await;
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_task_reads_for_all_waiters_and_stops_after_the_last() {
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
        // A later waiter starts another task.
        let next = stage.wait(2);
        pass(INTERVAL * 2).await;
        stage.revision.store(3, Ordering::Relaxed);
        pass(INTERVAL * 2).await;
        assert!(next.is_finished());
    }

    #[tokio::test(start_paused = true)]
    async fn a_waiter_that_leaves_causes_no_reads() {
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
    async fn a_change_of_its_tasks_ends_the_wait_at_once() {
        let stage = Stage::new();
        // Not one of other tasks.
        stage.changes.publish(&tally(1, 7));
        let waiter = stage.wait(1);
        pass(Duration::from_millis(10)).await;
        assert!(!waiter.is_finished());
        stage.changes.publish(&tally(7, 8));
        pass(Duration::from_millis(10)).await;
        assert!(waiter.is_finished());
    }
}
