//! What is kept of the pending tasks: pages by query, revision and coding, and places in the list.
//!
//! The cache bounds itself by bytes at every insertion, and lets one of those who miss the same page load it while the
//! others wait. A page of another revision than the current one is never asked for again, so it goes as soon as the
//! revision is known to have moved.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

use super::places::Places;
use super::{Page, PendingQuery};
use crate::coding::Coding;
use crate::store::tally::Revision;

/// What a page costs besides its bytes: key, cursor and bookkeeping.
const OVERHEAD: u64 = 512;
/// About as large as a page is; for estimates.
const TYPICAL_PAGE: u64 = 64 * 1024;

/// The memory of a process.
pub(super) struct Memory {
    pub(super) pages: Cache<Key, Page, Bytes>,
    places: Mutex<Places>,
}

/// What a page is found by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) query: PendingQuery,
    pub(super) revision: Revision,
    pub(super) coding: Coding,
}

/// A page weighs what it takes.
#[derive(Debug, Clone)]
pub(super) struct Bytes;

impl Weighter<Key, Page> for Bytes {
    fn weight(&self, _: &Key, page: &Page) -> u64 {
        page.body.len() as u64 + OVERHEAD
    }
}

impl Key {
    /// Of a page that is not coded.
    pub(super) fn plain(query: &PendingQuery, revision: Revision) -> Self {
        Self {
            query: query.clone(),
            revision,
            coding: Coding::Identity,
        }
    }
}

impl Memory {
    pub(super) fn new(bytes: u64) -> Self {
        let items = usize::try_from(bytes / TYPICAL_PAGE)
            .unwrap_or(usize::MAX)
            .max(16);
        let mut options = OptionsBuilder::new();
        // In one piece: each shard has its share of the bytes, and the largest pages need more than a small one.
        options
            .shards(1)
            .estimated_items_capacity(items)
            .weight_capacity(bytes);
        let pages = match options.build() {
            Ok(options) => Cache::with_options(
                options,
                Bytes,
                DefaultHashBuilder::default(),
                DefaultLifecycle::default(),
            ),
            Err(_) => Cache::with_weighter(items, bytes, Bytes),
        };
        Self {
            pages,
            places: Mutex::default(),
        }
    }

    /// Forgets all that is not of this revision.
    pub(super) fn turn_to(&self, revision: Revision) {
        if self.places().turn_to(revision) {
            self.pages.retain(|key, _| key.revision == revision);
        }
    }

    pub(super) fn places(&self) -> MutexGuard<'_, Places> {
        // Nothing that is done under the lock can be left half done.
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Memory")
            .field("pages", &self.pages.len())
            .field("bytes", &self.pages.weight())
            .finish_non_exhaustive()
    }
}
