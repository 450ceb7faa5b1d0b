//! The connections that work may use at a time. A client has a share of them, and the pages of pending tasks have some that
//! nothing else takes.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// One connection in so many is for pages of pending tasks alone.
const PAGES_PART: usize = 4;
/// A client may use one connection in so many.
const CLIENT_PART: usize = 2;

/// The right to use a connection.
pub type Turn = Vec<OwnedSemaphorePermit>;

/// A number of connections, and how many of them work other than pages may use. One alone is for both.
#[derive(Debug, Clone)]
pub struct Share {
    all: Arc<Semaphore>,
    beside_pages: Arc<Semaphore>,
}

impl Share {
    pub(super) fn of(connections: usize) -> Self {
        let reserved = (connections / PAGES_PART).max(1);
        let beside_pages = connections.saturating_sub(reserved).max(1);
        Self {
            all: Arc::new(Semaphore::new(connections)),
            beside_pages: Arc::new(Semaphore::new(beside_pages)),
        }
    }

    /// The share of one client of these connections.
    pub(super) fn of_client(connections: usize) -> Self {
        Self::of((connections / CLIENT_PART).max(1))
    }

    /// Whether others hold a turn or a clone.
    pub fn is_in_use(&self) -> bool {
        [&self.all, &self.beside_pages]
            .iter()
            .any(|permits| Arc::strong_count(permits) > 1)
    }

    /// Waits for a turn that is not for a page.
    pub(super) async fn turn(&self) -> Turn {
        let mut turn = Turn::new();
        for permits in [&self.beside_pages, &self.all] {
            // Never closed.
            turn.extend(Arc::clone(permits).acquire_owned().await);
        }
        turn
    }

    /// Waits for a turn for a page.
    pub(super) async fn page_turn(&self) -> Turn {
        Arc::clone(&self.all).acquire_owned().await.into_iter().collect()
    }

    /// A turn for a page, if there is one now.
    pub(crate) fn page_turn_now(&self) -> Option<Turn> {
        Some(vec![Arc::clone(&self.all).try_acquire_owned().ok()?])
    }
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
