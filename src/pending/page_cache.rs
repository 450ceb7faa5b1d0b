//! What is kept of the pending tasks: pages as they were last read, what was compressed of them, and places in the list.
//!
//! Both caches bound themselves by bytes at every insertion, and let one of those who miss the same thing make it while
//! the others wait. A page of an earlier revision is what its next reading begins from.

use std::fmt;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

use super::offset_index::OffsetIndex;
use super::{Page, PageError, PendingQuery};
use crate::pending::content_encoding::ContentEncoding;
use crate::pending::digest::Digest;
use crate::store::tally::Revision;

/// What an entry costs besides its bytes: key, cursor and bookkeeping.
const OVERHEAD: usize = 512;
/// About as large as a page is; for estimates.
const TYPICAL_PAGE: u64 = 64 * 1024;
/// The share of the memory that is for what is compressed: a tenth of its page, in up to three codings.
const SHARE_OF_CODED: u64 = 4;
/// Readings under way for which there is room from the beginning.
const TYPICAL_READINGS: usize = 64;

/// The memory of a process.
pub(super) struct PageCache {
    /// As they were when they were last read.
    pages: Cache<PendingQuery, Page, Weight>,
    /// By the digest of what is coded.
    compressed: Cache<(Digest, ContentEncoding), Bytes, Weight>,
    /// Pages that are being read, each once for all who have been told of the same revision. Empty otherwise.
    in_flight: Cache<(PendingQuery, Revision), Page>,
    offset_index: Mutex<OffsetIndex>,
}

/// An entry weighs what it takes.
#[derive(Debug, Clone)]
struct Weight;

impl Weighter<PendingQuery, Page> for Weight {
    fn weight(&self, _: &PendingQuery, page: &Page) -> u64 {
        (page.content.bytes() + OVERHEAD) as u64
    }
}

impl Weighter<(Digest, ContentEncoding), Bytes> for Weight {
    fn weight(&self, _: &(Digest, ContentEncoding), compressed: &Bytes) -> u64 {
        (compressed.len() + OVERHEAD) as u64
    }
}

impl PageCache {
    pub(super) fn new(bytes: u64) -> Self {
        let compressed = bytes / SHARE_OF_CODED;
        Self {
            pages: bounded(bytes - compressed),
            compressed: bounded(compressed),
            in_flight: Cache::new(TYPICAL_READINGS),
            offset_index: Mutex::default(),
        }
    }

    /// The page as it was last read.
    pub(super) fn page(&self, query: &PendingQuery) -> Option<Page> {
        self.pages.get(query)
    }

    /// Keeps a page, and forgets what was compressed of the one before.
    pub(super) fn keep(&self, query: &PendingQuery, page: &Page) {
        if let Some(before) = self.pages.peek(query)
            && before.content.digest != page.content.digest
        {
            for coding in ContentEncoding::COMPRESSED {
                self.compressed.remove(&(before.content.digest, coding));
            }
        }
        self.pages.insert(query.clone(), page.clone());
    }

    /// Reads a page once for all who want it as it is at this revision or later.
    pub(super) async fn read_once(
        &self,
        query: &PendingQuery,
        revision: Revision,
        read: impl Future<Output = Result<Page, PageError>>,
    ) -> Result<Page, PageError> {
        let key = (query.clone(), revision);
        let page = self.in_flight.get_or_insert_async(&key, read).await;
        // Nothing but what has been read: others may have begun anew meanwhile.
        self.in_flight.remove_if(&key, |_| true);
        page
    }

    /// What is coded, made once for all who want it.
    pub(super) async fn compressed(
        &self,
        digest: Digest,
        coding: ContentEncoding,
        encode: impl Future<Output = Result<Bytes, PageError>>,
    ) -> Result<Bytes, PageError> {
        self.compressed
            .get_or_insert_async(&(digest, coding), encode)
            .await
    }

    /// Forgets the places that are not of this revision.
    pub(super) fn reset_to(&self, revision: Revision) {
        self.offset_index().reset_to(revision);
    }

    pub(super) fn offset_index(&self) -> MutexGuard<'_, OffsetIndex> {
        // Nothing that is done under the lock can be left half done.
        self.offset_index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many bytes of pages are kept.
    pub(super) fn bytes(&self) -> u64 {
        self.pages.weight() + self.compressed.weight()
    }
}

/// A cache of so many bytes.
fn bounded<K: Eq + Hash, V: Clone>(bytes: u64) -> Cache<K, V, Weight>
where
    Weight: Weighter<K, V>,
{
    let items = usize::try_from(bytes / TYPICAL_PAGE)
        .unwrap_or(usize::MAX)
        .max(16);
    let mut options = OptionsBuilder::new();
    // In one piece: each shard has its share of the bytes, and the largest pages need more than a small one.
    options
        .shards(1)
        .estimated_items_capacity(items)
        .weight_capacity(bytes);
    match options.build() {
        Ok(options) => Cache::with_options(
            options,
            Weight,
            DefaultHashBuilder::default(),
            DefaultLifecycle::default(),
        ),
        Err(_) => Cache::with_weighter(items, bytes, Weight),
    }
}

impl fmt::Debug for PageCache {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Memory")
            .field("pages", &self.pages.len())
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}
