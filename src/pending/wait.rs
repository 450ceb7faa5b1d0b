//! A client that has the page as it is, and would rather be told when it changes.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;

use super::{Page, Pending, PendingQuery};
use crate::pending::digest::Digest;

/// What a client waits for. In the extensions of an answer that has nothing new.
#[derive(Debug, Clone)]
pub struct Wait(Arc<Waited>);

#[derive(Debug)]
struct Waited {
    pending: Pending,
    query: PendingQuery,
    seen: Seen,
}

/// What the client can see of a page. Not the page itself, which memory may let go of meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    digest: Digest,
    has_next: bool,
    /// The number of all, if it asked for that.
    total: Option<i64>,
}

impl Seen {
    fn of(page: &Page, counts: bool) -> Self {
        Self {
            digest: page.content.digest,
            has_next: page.content.next.is_some(),
            total: counts.then_some(page.tally.pending),
        }
    }
}

impl Wait {
    /// For a page to be another than this one. `counts` is whether the client is told how many tasks there are.
    pub fn for_another(pending: &Pending, query: &PendingQuery, page: &Page, counts: bool) -> Self {
        Self(Arc::new(Waited {
            pending: pending.clone(),
            query: query.clone(),
            seen: Seen::of(page, counts),
        }))
    }

    /// How long anybody may wait.
    pub fn timeout(&self) -> Duration {
        self.0.pending.0.settings.long_poll_timeout
    }

    /// A place among those who wait, if there is one.
    pub fn permit(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0.pending.0.waiter_permits)
            .try_acquire_owned()
            .ok()
    }

    /// Lets some of those through at a time who have waited for the same.
    pub async fn wakeup_permit(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0.pending.0.wakeup_permits)
            .acquire_owned()
            .await
            .ok()
    }

    /// Waits until the client would see something new, the database cannot say so, or the service stops.
    pub async fn until_changed(&self) {
        let Waited { pending, query, seen } = &*self.0;
        pending
            .0
            .stop
            .run_until_cancelled(async {
                loop {
                    // In a place of its own, which is given back before the wait: it is large, and many wait.
                    let Ok(page) = Box::pin(pending.page(query)).await else {
                        return;
                    };
                    if Seen::of(&page, seen.total.is_some()) != *seen {
                        return;
                    }
                    let revision = page.tally.revision;
                    drop(page);
                    pending.0.changes.after(revision, &pending.0.barrier).await;
                }
            })
            .await;
    }
}
