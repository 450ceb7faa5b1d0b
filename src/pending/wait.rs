//! Long polls: a client that has the current page or task waits for it to change.
//!
//! A change of any task wakes those that wait for any list, and most of them would see no change. So a list is read again
//! for them when its revision has moved, but for a tenth of the time at most, once for all that wait for it. Single tasks
//! are read again together.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::digest::Digest;
use super::page::{ListPage, ListQuery};
use super::summary::{Counted, SummaryQuery};
use super::{Pending, changes};
use crate::store::share::{Turn, Work};
use crate::store::tally::{Revision, Tasks};
use crate::task::TaskStatus;

/// After a read that took one unit of time, none begins for so many.
const PAUSE_FACTOR: u32 = 10;

/// The change that a client can wait for: an extension of its 304.
#[derive(Debug, Clone)]
pub struct Wait(Arc<Waiting>);

#[derive(Debug)]
struct Waiting {
    pending: Pending,
    known: Known,
    since: Instant,
}

/// The end of a wait.
#[derive(Debug, Default)]
pub struct Woken {
    /// The right to answer, if it was needed to look.
    pub turn: Option<Turn>,
    /// A page that was read for a request that came after the wait began. So it has every write that was acknowledged
    /// before this one, which needs no freshness check again.
    pub page: Option<ListPage>,
}

/// The representation that the client has.
#[derive(Debug)]
enum Known {
    Page(ListQuery, Seen),
    /// The task with this id, by its digest. It is one of these.
    Task(String, Digest, Tasks),
    Summary(SummaryQuery, Digest),
}

/// What the client sees of a page. Holding the page itself would keep it in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    digest: Digest,
    has_next: bool,
    /// The number of tasks of the list, if the client asked for it.
    total: Option<i64>,
}

impl Seen {
    fn of(page: &ListPage, counts: bool) -> Self {
        Self {
            digest: page.content.digest,
            has_next: page.content.next.is_some(),
            total: page.total.filter(|_| counts),
        }
    }
}

impl Wait {
    /// A wait for another page than this one. With `counts`, another count is a change too.
    pub fn for_another(pending: &Pending, query: &ListQuery, page: &ListPage, counts: bool) -> Self {
        Self::for_change(pending, Known::Page(query.clone(), Seen::of(page, counts)))
    }

    /// A wait for another state of this task.
    pub fn for_another_task(pending: &Pending, task: &TaskStatus, digest: Digest) -> Self {
        let tasks = match task.completion_status {
            None => Tasks::Pending,
            Some(_) => Tasks::All,
        };
        Self::for_change(pending, Known::Task(task.id.clone(), digest, tasks))
    }

    /// A wait for another summary than this one.
    pub fn for_another_summary(pending: &Pending, query: SummaryQuery, counted: &Counted) -> Self {
        Self::for_change(pending, Known::Summary(query, counted.digest))
    }

    fn for_change(pending: &Pending, known: Known) -> Self {
        let (pending, since) = (pending.clone(), Instant::now());
        Self(Arc::new(Waiting {
            pending,
            known,
            since,
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

    /// The right to answer after the wait: one change must not answer all waiters at once.
    pub async fn wakeup(&self) -> Turn {
        match self.page_wakeup().await {
            Some(turn) => turn,
            None => self.0.pending.database().wakeup().await,
        }
    }

    /// The same for pages of all pending tasks, which do not wait for others: those may take long.
    async fn page_wakeup(&self) -> Option<Turn> {
        let Waiting { pending, known, .. } = &*self.0;
        let permits = match known {
            Known::Page(query, _) if query.work() == Work::Page => Arc::clone(&pending.shared.wakeup_permits),
            _ => return None,
        };
        Some(permits.acquire_owned().await.into_iter().collect())
    }

    /// Returns when the client would see a change, what it has cannot be confirmed, or the service stops.
    pub async fn until_changed(&self) -> Woken {
        let Waiting {
            pending,
            known,
            since,
        } = &*self.0;
        let shared = &pending.shared;
        let changed = shared.stop.run_until_cancelled(async {
            let mut turn = None;
            loop {
                // Boxed, and freed before the wait: the future is large, and there are many waiters.
                let confirmed = match Box::pin(known.confirmed(pending)).await {
                    Ok(confirmed) => confirmed,
                    Err(Unconfirmed(page)) => {
                        // An earlier page may be older than what the client has.
                        let page = page.filter(|page| page.since >= *since);
                        return Woken { turn, page };
                    }
                };
                drop(turn);
                let Confirmed {
                    tasks,
                    revision,
                    due,
                    expires,
                } = confirmed;
                let changed = shared.changes.after(tasks, revision, &shared.barrier);
                if let Some(expires) = expires {
                    let _ = timeout_at(expires, changed).await;
                } else {
                    changed.await;
                }
                sleep_until(due).await;
                // The first waiters read the page, and the others find it read.
                turn = self.page_wakeup().await;
            }
        });
        changed.await.unwrap_or_default()
    }
}

/// The client is up to date.
struct Confirmed {
    /// As long as these tasks have this revision.
    tasks: Tasks,
    revision: Revision,
    /// When to look again at the earliest.
    due: Instant,
    /// And at the latest, if it changes with time.
    expires: Option<Instant>,
}

/// The client has something else, perhaps this page, or what it has cannot be confirmed.
struct Unconfirmed(Option<ListPage>);

impl<E: Error> From<E> for Unconfirmed {
    fn from(_: E) -> Self {
        Self(None)
    }
}

impl Known {
    async fn confirmed(&self, pending: &Pending) -> Result<Confirmed, Unconfirmed> {
        let shared = &pending.shared;
        match self {
            Self::Page(query, seen) => {
                let counts = seen.total.is_some();
                // Not read again for each that waits for it.
                let read = || {
                    let page = pending.cache().page(query)?;
                    (page.total.is_some() || !counts).then_some(page)
                };
                // Read since, for another request.
                if let Some(page) = read().filter(|page| Seen::of(page, counts) != *seen) {
                    return Err(Unconfirmed(Some(page)));
                }
                let recent = || read().filter(|page| page.due > Instant::now());
                let page = match recent() {
                    Some(page) => page,
                    None if query.work() == Work::Page => pending.tagged_page(query, counts).await?,
                    None => {
                        let _turn = pending.database().wakeup().await;
                        match recent() {
                            Some(page) => page,
                            None => pending.tagged_page(query, counts).await?,
                        }
                    }
                };
                if Seen::of(&page, counts) != *seen {
                    return Err(Unconfirmed(Some(page)));
                }
                Ok(Confirmed {
                    tasks: query.tasks(),
                    revision: page.revision,
                    due: page.due,
                    expires: None,
                })
            }
            Self::Task(id, digest, tasks) => {
                let revision = shared.tally().await?.revision_of(*tasks);
                let (current, due) = shared.task_reads.digest(id).await?;
                let confirmed = (current == Some(*digest)).then_some(Confirmed {
                    tasks: *tasks,
                    revision,
                    due,
                    expires: None,
                });
                confirmed.ok_or(Unconfirmed(None))
            }
            Self::Summary(query, digest) => {
                let counted = pending.summary(query).await?;
                let confirmed = (counted.digest == *digest).then(|| Confirmed {
                    tasks: Tasks::All,
                    revision: counted.revision,
                    due: counted.due,
                    expires: Some(counted.next_minute()),
                });
                confirmed.ok_or(Unconfirmed(None))
            }
        }
    }
}

/// When to read again at the earliest, after a read that began then and ends now.
pub(super) fn due(began: Instant) -> Instant {
    Instant::now() + (began.elapsed() * PAUSE_FACTOR).max(changes::INTERVAL)
}
