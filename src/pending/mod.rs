//! The hot path: pages of lists from memory, each as fresh as if it had been read for its request.
//!
//! Reading order: [`barrier`] (confirms that memory is current), [`Pending::page`], [`page`] (how a page survives changes
//! to other tasks), `page_cache`, `offset_index` (how a deep page is found), [`summary`], [`wait`] and `changes` (long polls).

pub mod barrier;
mod changes;
pub mod content_encoding;
pub mod digest;
mod offset_index;
pub mod page;
mod page_cache;
pub mod summary;
mod task_reads;
pub mod wait;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Semaphore, watch};
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::barrier::{Barrier, FreshnessChecks};
use self::changes::Changes;
use self::content_encoding::ContentEncoding;
use self::digest::Digest;
use self::page::{Content, ListPage, ListQuery, PageError};
pub use self::page_cache::CacheStats;
use self::page_cache::PageCache;
use self::summary::Summaries;
use self::task_reads::TaskReads;
use crate::memory::{Reserved, ResponseMemory};
use crate::store::list::{self, PageQuery};
use crate::store::share::{Share, Turn, Work};
use crate::store::standby::AtLeast;
use crate::store::tally::{self, Tally, Tasks};
use crate::store::{Database, StoreError};
use crate::telemetry::traces::{ReadFor, SharedReads, Span};

/// A page of a list by `created` is not found from the end of one that is more tasks away: the counts by time of creation
/// are quicker than skipping these.
const NEAR: i64 = 10_000;

#[derive(Debug, Clone, Copy)]
pub struct PendingConfig {
    /// The most bytes of responses that are read or sent, cached pages included.
    pub response_memory: usize,
    /// The bound of the page cache.
    pub cache_bytes: u64,
    /// How long a request waits for the freshness check.
    pub timeout: Duration,
    /// How long a long poll is held at most.
    pub long_poll_timeout: Duration,
    /// How many long polls are held at a time; further ones are answered at once.
    pub max_long_polls: usize,
    /// How many of those that wait for pages of pending tasks are answered at a time. One change wakes thousands, which
    /// must not take every place from new requests.
    pub max_wakeups: usize,
}

impl Default for PendingConfig {
    /// The defaults of `serve`.
    fn default() -> Self {
        Self {
            response_memory: 256 * 1024 * 1024,
            cache_bytes: 32 * 1024 * 1024,
            timeout: Duration::from_secs(2),
            long_poll_timeout: Duration::from_mins(1),
            max_long_polls: 10_000,
            max_wakeups: 125,
        }
    }
}

/// The lists of tasks. Clones share everything.
#[derive(Debug, Clone)]
pub struct Pending {
    shared: Arc<Shared>,
    /// The share of the client that asks; `None` for the service itself.
    client: Option<Share>,
}

#[derive(Debug)]
struct Shared {
    database: Database,
    barrier: Barrier<TracedTally>,
    reads: Arc<SharedReads>,
    /// Replaced when it is to be forgotten. Each request keeps to the one that it began with.
    cache: watch::Sender<Arc<PageCache>>,
    changes: Arc<Changes>,
    summaries: Summaries,
    task_reads: TaskReads,
    cache_stats: CacheStats,
    waiter_permits: Arc<Semaphore>,
    wakeup_permits: Arc<Semaphore>,
    response_memory: ResponseMemory,
    config: PendingConfig,
    stop: CancellationToken,
}

/// The result of a freshness check.
#[derive(Debug, Clone)]
struct TracedTally {
    tally: Tally,
    read_for: ReadFor,
}

impl Shared {
    /// The tally after this call, by the freshness barrier.
    async fn tally(&self) -> Result<Tally, StoreError> {
        let span = Span::of_part("freshness check");
        self.reads.ask(span.as_ref());
        let TracedTally { tally, read_for } = self.barrier.pass().await?;
        read_for.link(span.as_ref());
        Ok(tally)
    }
}

impl Pending {
    /// Nothing is read until the first request. Long polls are answered when `stop` is cancelled.
    pub fn new(database: Database, config: PendingConfig, stop: CancellationToken) -> Self {
        let cache = watch::Sender::new(Arc::new(PageCache::new(config.cache_bytes)));
        let changes = Arc::<Changes>::default();
        let reads = Arc::<SharedReads>::default();
        let barrier = Barrier::new(config.timeout, {
            let (database, cache, changes) = (database.clone(), cache.clone(), Arc::clone(&changes));
            let reads = Arc::clone(&reads);
            move || {
                let (database, cache, changes) = (database.clone(), cache.clone(), Arc::clone(&changes));
                let reads = Arc::clone(&reads);
                async move {
                    let (tally, read_for) = reads.read(tally::read(&database)).await;
                    let tally = tally?;
                    // Reads never overlap, so the latest revision is set last.
                    cache.borrow().offset_index().reset_to(tally.revision);
                    changes.publish(&tally);
                    Ok(TracedTally { tally, read_for })
                }
            }
        });
        let shared = Shared {
            task_reads: TaskReads::new(&database, config.long_poll_timeout),
            database,
            barrier,
            reads,
            cache,
            changes,
            summaries: Summaries::default(),
            cache_stats: CacheStats::default(),
            waiter_permits: Arc::new(Semaphore::new(config.max_long_polls.min(Semaphore::MAX_PERMITS))),
            wakeup_permits: Arc::new(Semaphore::new(config.max_wakeups)),
            response_memory: ResponseMemory::new(config.response_memory),
            config,
            stop,
        };
        Self {
            shared: Arc::new(shared),
            client: None,
        }
    }

    /// The lists, with no more connections at a time than a client's share.
    #[must_use]
    pub fn within(&self, share: Share) -> Self {
        Self {
            client: Some(share),
            ..self.clone()
        }
    }

    /// A page as it is in a snapshot from after this call, with its total if it is to be `counted`. It is read once for all
    /// requests until a task changes that can change it, and then only as far as it has changed.
    pub async fn page(&self, query: &ListQuery, counted: bool) -> Result<ListPage, PageError> {
        self.page_with(query, counted, |page| page.content.body.is_some())
            .await
    }

    /// The same without its body, if it is too large to be in memory.
    pub async fn tagged_page(&self, query: &ListQuery, counted: bool) -> Result<ListPage, PageError> {
        self.page_with(query, counted, |_| true).await
    }

    async fn page_with(
        &self,
        query: &ListQuery,
        counted: bool,
        is_enough: fn(&ListPage) -> bool,
    ) -> Result<ListPage, PageError> {
        let since = Instant::now();
        let at_least = self.at_least(query.tasks()).await?;
        let now = at_least.revision();
        let cache = self.cache();
        if let Some(page) = cache.current(query, now, counted)
            && is_enough(&page)
        {
            self.shared.cache_stats.hits.inc();
            return Ok(page);
        }
        self.shared.cache_stats.misses.inc();
        // A read in flight is shared only among requests that saw the same revision. It began after the first of them
        // saw it, so it misses nothing that the barrier promises to the others.
        let (work, mut turn, began) = (query.work(), None, Instant::now());
        loop {
            let read = async {
                let _turn = turn
                    .take()
                    .or_else(|| self.turn_now(work))
                    .ok_or(PageError::NoTurn)?;
                self.read(&cache, query, (since, at_least), counted, began).await
            };
            // Boxed: the future is large, and most requests do not need it.
            match (
                Box::pin(cache.read_once(query, now, counted, read)).await,
                &self.client,
            ) {
                // Not while others wait for this read: their clients may have turns.
                (Err(PageError::NoTurn), Some(share)) => {
                    turn = Some(self.shared.database.turn(share, work).await?);
                }
                (read, _) => return read,
            }
        }
    }

    /// A turn to read a page, if the client has one now.
    fn turn_now(&self, work: Work) -> Option<Turn> {
        self.client
            .as_ref()
            .map_or(Some(Turn::new()), |share| share.turn_now(work))
    }

    /// A body in a coding, compressed once for all requests.
    pub async fn compressed(
        &self,
        body: Bytes,
        digest: Digest,
        coding: ContentEncoding,
    ) -> Result<Bytes, PageError> {
        if coding == ContentEncoding::Identity {
            return Ok(body);
        }
        let encode = async {
            let compressed = spawn_blocking(move || coding.encode(&body)).await??;
            Ok(compressed.into_boxed_slice().into())
        };
        self.cache().compressed(digest, coding, encode).await
    }

    /// How many tasks are pending in a snapshot from after this call.
    pub async fn count(&self) -> Result<i64, StoreError> {
        Ok(self.shared.tally().await?.pending)
    }

    /// These tasks as they are in a snapshot from after this call.
    async fn at_least(&self, tasks: Tasks) -> Result<AtLeast, StoreError> {
        let tally = self.shared.tally().await?;
        Ok(AtLeast { tally, tasks })
    }

    /// The state that a standby has to show before it may be asked about any tasks; `None` without standbys.
    pub async fn for_standby(&self) -> Result<Option<AtLeast>, StoreError> {
        if self.shared.database.has_standbys() {
            return Ok(Some(self.at_least(Tasks::All).await?));
        }
        Ok(None)
    }

    /// The budget of responses, pages or others.
    pub fn response_memory(&self) -> &ResponseMemory {
        &self.shared.response_memory
    }

    pub fn freshness_checks(&self) -> &FreshnessChecks {
        self.shared.barrier.checks()
    }

    pub fn cache_stats(&self) -> &CacheStats {
        &self.shared.cache_stats
    }

    /// How many long polls are held, and how many may be.
    pub fn long_polls(&self) -> (usize, usize) {
        let max = self.shared.config.max_long_polls.min(Semaphore::MAX_PERMITS);
        let free = self.shared.waiter_permits.available_permits();
        (max.saturating_sub(free), max)
    }

    /// How many bytes of pages are in memory.
    pub fn cached_bytes(&self) -> u64 {
        self.cache().bytes()
    }

    /// Forgets all pages: whatever requests read from now on comes from the database. Changes that no trigger sees leave
    /// the revision alone, so pages in memory would be sent for good.
    pub fn forget(&self) {
        self.shared
            .cache
            .send_replace(Arc::new(PageCache::new(self.shared.config.cache_bytes)));
    }

    /// The database, within the client's share.
    pub fn database(&self) -> Database {
        let database = &self.shared.database;
        match &self.client {
            Some(share) => database.within(share.clone()),
            None => database.clone(),
        }
    }

    fn cache(&self) -> Arc<PageCache> {
        Arc::clone(&self.shared.cache.borrow())
    }

    /// Reads a page and keeps it. The page may be of a later revision than the least one, which was seen `since` a time, and
    /// serves the requests that see that.
    async fn read(
        &self,
        cache: &PageCache,
        query: &ListQuery,
        (since, at_least): (Instant, AtLeast),
        counted: bool,
        began: Instant,
    ) -> Result<ListPage, PageError> {
        // Another request may have read it since the lookup.
        if let Some(page) = cache.current(query, at_least.revision(), counted)
            && page.content.body.is_some()
        {
            return Ok(page);
        }
        let known = cache.page(query).map(|page| page.content);
        let mut reserved = self.shared.response_memory.reserve();
        // Unchanged tasks are copied.
        let copied = known.as_ref().and_then(|known| known.body.as_ref());
        let copied = reserved.add(copied.map_or(0, Bytes::len)).await;
        copied.map_err(StoreError::from)?;
        let page = self
            .read_from_nearest(cache, query, at_least, counted, known.as_ref(), &mut reserved)
            .await?;
        let revision = page.tally.revision_of(query.tasks());
        if let (Work::Page, Some(next), None) = (query.work(), &page.next, &query.after) {
            let end = query.offset.get() + query.limit.get();
            let mut index = cache.offset_index();
            index.insert(revision, &query.order, end, next);
        }
        let page = ListPage {
            revision,
            total: page.total,
            content: Content::render(page, known.as_ref(), reserved)?,
            since,
            due: wait::due(began),
        };
        cache.keep(query, &page);
        Ok(page)
    }

    /// Reads a page from the nearest entry of the offset index, and counts the list only if no other page of it has.
    async fn read_from_nearest(
        &self,
        cache: &PageCache,
        query: &ListQuery,
        at_least: AtLeast,
        counted: bool,
        known: Option<&Arc<Content>>,
        reserved: &mut Reserved,
    ) -> Result<list::Page, StoreError> {
        let (database, known) = (&self.shared.database, known.map(|content| content.known()));
        let revision = at_least.revision();
        let plain = PageQuery {
            filter: query.filter.as_deref(),
            order: &query.order,
            after: query.after.as_ref(),
            offset: query.offset,
            limit: query.limit,
            count: counted,
        };
        let offset = query.offset.get();
        let nearest = match (query.work(), &query.after) {
            (Work::Page, None) if offset > 0 => cache.offset_index().nearest(revision, &query.order, offset),
            _ => None,
        };
        let nearest = nearest
            .filter(|(preceding, _)| offset - preceding <= NEAR || query.order.by_created_alone().is_none());
        let total = cache.total(query, revision).filter(|_| counted);
        if nearest.is_some() || total.is_some() {
            let shorter = PageQuery {
                after: nearest.as_ref().map(|(_, cursor)| cursor).or(plain.after),
                offset: query
                    .offset
                    .less(nearest.as_ref().map_or(0, |(preceding, _)| *preceding)),
                count: counted && total.is_none(),
                ..plain
            };
            let mut page = list::page(database, shorter, Some(at_least), known, reserved).await?;
            if page.tally.revision_of(query.tasks()) == revision {
                page.total = page.total.or(total);
                return Ok(page);
            }
            // A change may have moved the cursor to another offset, and changed the total.
            drop(page);
            reserved.shrink_to(0);
        }
        list::page(database, plain, Some(at_least), known, reserved).await
    }
}
