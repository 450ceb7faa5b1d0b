//! Long polls: a client that has the current page waits for it to change.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;

use super::Pending;
use super::digest::Digest;
use super::page::{PendingPage, PendingQuery};

/// The change that a client can wait for: an extension of its 304.
#[derive(Debug, Clone)]
pub struct Wait(Arc<Waiting>);

#[derive(Debug)]
struct Waiting {
    pending: Pending,
    query: PendingQuery,
    seen: Seen,
}

/// What the client sees of a page. Holding the page itself would keep it in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    digest: Digest,
    has_next: bool,
    /// The count of all pending tasks, if the client asked for it.
    total: Option<i64>,
}

impl Seen {
    fn of(page: &PendingPage, counts: bool) -> Self {
        Self {
            digest: page.content.digest,
            has_next: page.content.next.is_some(),
            total: counts.then_some(page.tally.pending),
        }
    }
}

impl Wait {
    /// A wait for another page than this one. With `counts`, another count is a change too.
    pub fn for_another(pending: &Pending, query: &PendingQuery, page: &PendingPage, counts: bool) -> Self {
        Self(Arc::new(Waiting {
            pending: pending.clone(),
            query: query.clone(),
            seen: Seen::of(page, counts),
        }))
    }

    /// How long a client may wait.
    pub fn long_poll_timeout(&self) -> Duration {
        self.0.pending.shared.config.long_poll_timeout
    }

    /// A permit to wait, if one is free.
    pub fn permit(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0.pending.shared.waiter_permits)
            .try_acquire_owned()
            .ok()
    }

    /// A permit to answer after the wait: one change must not answer all waiters at once.
    pub async fn wakeup_permit(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0.pending.shared.wakeup_permits)
            .acquire_owned()
            .await
            .ok()
    }

    /// Returns when the client would see a change, the page cannot be confirmed, or the service stops.
    pub async fn until_changed(&self) {
        let Waiting { pending, query, seen } = &*self.0;
        pending
            .shared
            .stop
            .run_until_cancelled(async {
                loop {
                    // Boxed, and freed before the wait: the future is large, and there are many waiters.
                    let Ok(page) = Box::pin(pending.tagged_page(query)).await else {
                        return;
                    };
                    if Seen::of(&page, seen.total.is_some()) != *seen {
                        return;
                    }
                    let revision = page.tally.revision;
                    drop(page);
                    pending
                        .shared
                        .changes
                        .after(revision, &pending.shared.barrier)
                        .await;
                }
            })
            .await;
    }
}
