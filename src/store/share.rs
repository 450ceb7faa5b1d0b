//! The connections that work may use at a time. A client has a share of them, and the pages of pending tasks have some that
//! nothing else takes.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::listing::filter::Filter;

/// One connection in so many is for pages of pending tasks alone.
const PAGES_PART: usize = 4;
/// One connection in so many may be for exports, which take minutes.
const EXPORTS_PART: usize = 4;
/// A client may use one connection in so many.
const CLIENT_PART: usize = 2;

/// The right to use a connection.
pub type Turn = Vec<OwnedSemaphorePermit>;

/// The use of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Reading a page of all pending tasks.
    Page,
    Other,
    /// Looking again for a held request, or answering it. It takes another turn for that.
    Wakeup,
}

impl Work {
    /// Reading a page of the list with this filter.
    pub(crate) fn of(filter: Option<&Filter>) -> Self {
        if filter.is_some_and(Filter::is_pending_only) {
            Self::Page
        } else {
            Self::Other
        }
    }
}

/// A number of connections, and how many of them work other than pages may use. One alone is for both.
#[derive(Debug, Clone)]
pub struct Share {
    beside_pages: Arc<Semaphore>,
    all: Arc<Semaphore>,
    exports: Arc<Semaphore>,
    /// As many as [`Self::beside_pages`]: a client that holds many requests does not delay those of others.
    wakeups: Arc<Semaphore>,
}

impl Share {
    pub(super) fn of(connections: usize) -> Self {
        let reserved = (connections / PAGES_PART).max(1);
        let beside_pages = connections.saturating_sub(reserved).max(1);
        Self {
            all: Arc::new(Semaphore::new(connections)),
            beside_pages: Arc::new(Semaphore::new(beside_pages)),
            exports: Arc::new(Semaphore::new((connections / EXPORTS_PART).max(1))),
            wakeups: Arc::new(Semaphore::new(beside_pages)),
        }
    }

    /// The share of one client of these connections.
    pub(super) fn of_client(connections: usize) -> Self {
        Self::of((connections / CLIENT_PART).max(1))
    }

    /// Whether others hold a turn or a clone.
    pub fn is_in_use(&self) -> bool {
        [&self.all, &self.beside_pages, &self.exports, &self.wakeups]
            .iter()
            .any(|permits| Arc::strong_count(permits) > 1)
    }

    /// Waits for a turn.
    pub(super) async fn turn(&self, work: Work) -> Turn {
        all_of(self.permits(work)).await
    }

    /// Waits for a turn for an export, which needs another turn too.
    pub(super) async fn export_turn(&self) -> Turn {
        all_of([&self.exports]).await
    }

    /// The same, if there is one now.
    pub(super) fn export_turn_now(&self) -> Option<Turn> {
        let permit = Arc::clone(&self.exports).try_acquire_owned().ok()?;
        Some(vec![permit])
    }

    /// A turn, if there is one now.
    pub(crate) fn turn_now(&self, work: Work) -> Option<Turn> {
        let permits = self.permits(work);
        permits
            .map(|permits| Arc::clone(permits).try_acquire_owned().ok())
            .collect()
    }

    /// The permits of a turn, in the order in which they are waited for.
    fn permits(&self, work: Work) -> impl Iterator<Item = &Arc<Semaphore>> {
        let (first, second) = match work {
            Work::Page => (&self.all, None),
            Work::Other => (&self.beside_pages, Some(&self.all)),
            Work::Wakeup => (&self.wakeups, None),
        };
        std::iter::once(first).chain(second)
    }
}

/// Waits for one permit of each.
async fn all_of(all: impl IntoIterator<Item = &Arc<Semaphore>>) -> Turn {
    let mut turn = Turn::new();
    for permits in all {
        // Never closed.
        turn.extend(Arc::clone(permits).acquire_owned().await);
    }
    turn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_have_a_part_and_a_client_has_half() {
        let numbers = |share: &Share| {
            (
                share.all.available_permits(),
                share.beside_pages.available_permits(),
            )
        };
        for (connections, all, of_client) in [
            (1, (1, 1), (1, 1)),
            (2, (2, 1), (1, 1)),
            (5, (5, 4), (2, 1)),
            (10, (10, 8), (5, 4)),
            (40, (40, 30), (20, 15)),
        ] {
            assert_eq!(numbers(&Share::of(connections)), all);
            assert_eq!(numbers(&Share::of_client(connections)), of_client);
        }
    }
}
