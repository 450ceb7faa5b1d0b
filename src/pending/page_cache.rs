//! The cache: pages as they were last read, their compressed forms, and the offset index.
//!
//! Both caches are bounded by bytes, and concurrent misses of one entry share the work of making it. A page of an
//! earlier revision is kept: its next read begins from it.

use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use prometheus_client::metrics::counter::Counter;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

use super::content_encoding::ContentEncoding;
use super::digest::Digest;
use super::offset_index::OffsetIndex;
use super::page::{ListPage, ListQuery, PageError};
use crate::listing::filter::Filter;
use crate::store::share::Work;
use crate::store::tally::Revision;

/// The size of an entry without its bytes: key, cursor and bookkeeping.
const OVERHEAD: usize = 512;
/// An estimate, to size the tables.
const TYPICAL_PAGE: u64 = 64 * 1024;
/// One byte in so many is for compressed forms: each takes a tenth of its page, in up to three codings.
const COMPRESSED_SHARE: u64 = 4;
/// One byte in so many is for totals.
const TOTALS_SHARE: u64 = 64;
/// The initial capacity for concurrent reads.
const TYPICAL_READS: usize = 64;

pub(super) struct PageCache {
    /// As they were last read.
    pages: Cache<ListQuery, ListPage, Weight>,
    /// By the digest of what is compressed.
    compressed: Cache<(Digest, ContentEncoding), Bytes, Weight>,
    /// The number of tasks of a list at a revision, for all of its pages.
    totals: Cache<Option<Arc<Filter>>, (Revision, i64), Weight>,
    /// The size of a page that is too large for the cache.
    too_large: u64,
    /// Pages that are being read, with a total or without, shared by all requests that saw the same revision. Otherwise
    /// empty.
    in_flight: Cache<(ListQuery, Revision, bool), ListPage>,
    offset_index: Mutex<OffsetIndex>,
}

/// Whether pages were found in the cache.
#[derive(Debug, Default)]
pub struct CacheStats {
    pub hits: Counter,
    pub misses: Counter,
}

/// Weighs entries by bytes.
#[derive(Debug, Clone)]
struct Weight;

impl Weighter<ListQuery, ListPage> for Weight {
    fn weight(&self, query: &ListQuery, page: &ListPage) -> u64 {
        (filter_bytes(query.filter.as_ref()) + page.content.bytes() + OVERHEAD) as u64
    }
}

impl Weighter<Option<Arc<Filter>>, (Revision, i64)> for Weight {
    fn weight(&self, filter: &Option<Arc<Filter>>, _: &(Revision, i64)) -> u64 {
        (filter_bytes(filter.as_ref()) + OVERHEAD) as u64
    }
}

fn filter_bytes(filter: Option<&Arc<Filter>>) -> usize {
    filter.map_or(0, |filter| filter.bytes())
}

impl Weighter<(Digest, ContentEncoding), Bytes> for Weight {
    fn weight(&self, _: &(Digest, ContentEncoding), compressed: &Bytes) -> u64 {
        (compressed.len() + OVERHEAD) as u64
    }
}

impl PageCache {
    pub(super) fn new(bytes: u64) -> Self {
        let (compressed, totals) = (bytes / COMPRESSED_SHARE, bytes / TOTALS_SHARE);
        let pages = bytes - compressed - totals;
        Self {
            pages: bounded(pages),
            compressed: bounded(compressed),
            totals: bounded(totals),
            too_large: pages,
            in_flight: Cache::new(TYPICAL_READS),
            offset_index: Mutex::default(),
        }
    }

    /// The page as it was last read.
    pub(super) fn page(&self, query: &ListQuery) -> Option<ListPage> {
        self.pages.get(query)
    }

    /// The page if it is of this revision; with its total, if it is to be `counted`.
    pub(super) fn current(&self, query: &ListQuery, revision: Revision, counted: bool) -> Option<ListPage> {
        let mut page = self.page(query).filter(|page| page.revision == revision)?;
        if counted && page.total.is_none() {
            page.total = Some(self.total(query, revision)?);
        }
        Some(page)
    }

    /// The number of tasks of the list.
    pub(super) fn total(&self, query: &ListQuery, revision: Revision) -> Option<i64> {
        let (known, total) = self.totals.get(&query.filter)?;
        (known == revision).then_some(total)
    }

    /// Keeps a page, and drops the compressed forms of the one before.
    pub(super) fn keep(&self, query: &ListQuery, page: &ListPage) {
        if let Some(before) = self.pages.peek(query)
            && before.content.digest != page.content.digest
        {
            for coding in ContentEncoding::COMPRESSED {
                self.compressed.remove(&(before.content.digest, coding));
            }
        }
        let is_too_large = Weight.weight(query, page) >= self.too_large;
        // Its tag is kept: a client that has the page need not wait for another read of it.
        let kept = if is_too_large {
            page.without_body()
        } else {
            page.clone()
        };
        self.pages.insert(query.clone(), kept);
        // The tally has the number of all pending tasks.
        if let (Work::Other, Some(total)) = (query.work(), page.total) {
            self.totals.insert(query.filter.clone(), (page.revision, total));
        }
    }

    /// Reads a page once for all requests that saw this revision.
    pub(super) async fn read_once(
        &self,
        query: &ListQuery,
        revision: Revision,
        counted: bool,
        read: impl Future<Output = Result<ListPage, PageError>>,
    ) -> Result<ListPage, PageError> {
        let key = (query.clone(), revision, counted);
        let page = self.in_flight.get_or_insert_async(&key, read).await;
        // Removes finished reads only: a new one may have begun meanwhile.
        self.in_flight.remove_if(&key, |_| true);
        page
    }

    /// Compresses a body once for all requests.
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

    pub(super) fn offset_index(&self) -> MutexGuard<'_, OffsetIndex> {
        // No change under the lock can be left half done.
        self.offset_index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.pages.weight() + self.compressed.weight() + self.totals.weight()
    }
}

/// A cache bounded by bytes.
fn bounded<K: Eq + Hash, V: Clone>(bytes: u64) -> Cache<K, V, Weight>
where
    Weight: Weighter<K, V>,
{
    let items = usize::try_from(bytes / TYPICAL_PAGE)
        .unwrap_or(usize::MAX)
        .max(16);
    let mut options = OptionsBuilder::new();
    // One shard: each has its share of the bytes, and a large page needs more than a small share.
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
            .debug_struct("PageCache")
            .field("pages", &self.pages.len())
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}
