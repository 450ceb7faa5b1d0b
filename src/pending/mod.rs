//! The hot path: answers about the pending tasks from memory, each as fresh as if it had been read for its request.
//!
//! Reading order: [`barrier`] (what every such answer waits for), [`Pending::page`] (what an answer is made of),
//! [`content`] (how a page survives changes to other tasks), `cache` (what is kept, and for how long), `offset_index` (how a
//! deep page is found), [`wait`] and `changes` (who would rather be told when it changes).

pub mod barrier;
mod changes;
pub mod content;
pub mod content_encoding;
pub mod counters;
pub mod digest;
mod measures;
mod offset_index;
mod page_cache;
pub mod wait;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;
use tokio::sync::Semaphore;
use tokio::task::{JoinError, spawn_blocking};
use tokio_util::sync::CancellationToken;

use crate::listing::cursor::Cursor;
use crate::listing::page::{Limit, Offset};
use crate::listing::sorters::Sorters;
use crate::pending::content_encoding::ContentEncoding;
use crate::pending::counters::CacheStats;
use crate::store::pending::{self, PageQuery};
use crate::store::tally::{self, Revision, Tally};
use crate::store::{Database, StoreError};
use barrier::Barrier;
use changes::Changes;
use content::Content;
use page_cache::PageCache;

/// What is shorter is not compressed: it would fill no fewer packets.
const WORTH_COMPRESSING: usize = 1024;

/// How many of those who have waited are answered at a time: one change wakes thousands, and they are not to take all
/// places of those who come.
const TURNS: usize = 16;

/// Bounds of the memory and of the wait.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// How many bytes of pages are kept.
    pub cache_bytes: u64,
    /// How long a request waits for the database to say that its answer is current.
    pub timeout: Duration,
    /// How long a client may wait for a page to change.
    pub long_poll_timeout: Duration,
    /// How many clients may wait at a time; further ones are answered at once.
    pub max_long_polls: usize,
}

impl Default for Settings {
    /// Those of `serve`.
    fn default() -> Self {
        Self {
            cache_bytes: 32 * 1024 * 1024,
            timeout: Duration::from_secs(2),
            long_poll_timeout: Duration::from_mins(1),
            max_long_polls: 10_000,
        }
    }
}

/// A part of the pending tasks, in an order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PendingQuery {
    pub order: Sorters,
    /// The page begins after this place.
    pub after: Option<Cursor>,
    pub offset: Offset,
    pub limit: Limit,
}

/// A page of pending tasks. Clones share it.
#[derive(Debug, Clone)]
pub struct Page {
    /// Of the snapshot that the page is from.
    pub tally: Tally,
    pub content: Arc<Content>,
}

/// Why there is no page.
#[derive(Debug, Error)]
pub enum PageError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the page could not be written as JSON")]
    Render(#[from] serde_json::Error),
    #[error("the page could not be compressed")]
    Compress(#[from] io::Error),
    #[error("the compression ended early")]
    Blocking(#[from] JoinError),
}

/// The pending tasks. Clones share everything.
#[derive(Debug, Clone)]
pub struct Pending(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    database: Database,
    barrier: Arc<Barrier<Tally>>,
    cache: Arc<PageCache>,
    changes: Arc<Changes>,
    cache_stats: Arc<CacheStats>,
    waiter_permits: Arc<Semaphore>,
    wakeup_permits: Arc<Semaphore>,
    settings: Settings,
    stop: CancellationToken,
}

impl Pending {
    /// Answers about the pending tasks of a database. Nothing is read until somebody asks. Whoever waits is answered when
    /// `stop` is cancelled.
    pub fn new(database: Database, settings: Settings, stop: CancellationToken) -> Self {
        let cache = Arc::new(PageCache::new(settings.cache_bytes));
        let changes = Arc::<Changes>::default();
        let barrier = Barrier::new(settings.timeout, {
            let (database, cache, changes) = (database.clone(), Arc::clone(&cache), Arc::clone(&changes));
            move || {
                let (database, cache, changes) = (database.clone(), Arc::clone(&cache), Arc::clone(&changes));
                async move {
                    let tally = tally::read(&database).await?;
                    // One read follows the other, so the last word is that of the latest.
                    cache.reset_to(tally.revision);
                    changes.publish(tally.revision);
                    Ok(tally)
                }
            }
        });
        Self(Arc::new(Shared {
            database,
            barrier: Arc::new(barrier),
            cache,
            changes,
            cache_stats: Arc::default(),
            waiter_permits: Arc::new(Semaphore::new(
                settings.max_long_polls.min(Semaphore::MAX_PERMITS),
            )),
            wakeup_permits: Arc::new(Semaphore::new(TURNS)),
            settings,
            stop,
        }))
    }

    /// A page of a snapshot that was taken after this was called or differs from one in nothing about any pending task. It
    /// is read once for all who ask for it until such a task changes, and then as far as it has changed.
    ///
    /// # Errors
    /// The database has not confirmed in time that what is in memory is current, or could not give what is not.
    pub async fn page(&self, query: &PendingQuery) -> Result<Page, PageError> {
        let now = self.0.barrier.pass().await?;
        let known = self.0.cache.page(query);
        if let Some(page) = &known
            && page.tally.revision == now.revision
        {
            self.0.cache_stats.hits.inc();
            return Ok(page.clone());
        }
        self.0.cache_stats.misses.inc();
        // Who joins a reading that is under way has been told of the same revision as who began it, after which the
        // reading began: it misses nothing that the barrier has promised.
        let reading = self
            .0
            .cache
            .read_once(query, now.revision, self.read(query, now.revision));
        // What reading takes is large, and most do not need it.
        Box::pin(reading).await
    }

    /// The array in a coding, made once for all who ask for it. What is too short to gain by it is given as it is.
    ///
    /// # Errors
    /// The encoder failed.
    pub async fn compressed(&self, page: &Page, coding: ContentEncoding) -> Result<Bytes, PageError> {
        let body = page.content.body.clone();
        if coding == ContentEncoding::Identity {
            return Ok(body);
        }
        let encode = async {
            let compressed = spawn_blocking(move || coding.encode(&body)).await??;
            Ok(compressed.into_boxed_slice().into())
        };
        self.0.cache.compressed(page.content.digest, coding, encode).await
    }

    /// How many bytes of pages are kept.
    pub fn cached_bytes(&self) -> u64 {
        self.0.cache.bytes()
    }

    /// Reads a page, and keeps it. Meanwhile it may have come to be of another revision than this; then it is of use to those
    /// who will be told of that.
    async fn read(&self, query: &PendingQuery, revision: Revision) -> Result<Page, PageError> {
        let known = self.0.cache.page(query);
        // Somebody has just read it.
        if let Some(page) = &known
            && page.tally.revision == revision
        {
            return Ok(page.clone());
        }
        let known = known.map(|page| page.content);
        let read = self.read_from_nearest(query, revision, known.as_ref()).await?;
        let tally = read.tally;
        if let (Some(next), None) = (&read.next, &query.after) {
            let place = query.offset.get() + query.limit.get();
            self.0
                .cache
                .offset_index()
                .remember(tally.revision, &query.order, place, next);
        }
        let content = Content::of(read, known.as_ref())?;
        let page = Page { tally, content };
        self.0.cache.keep(query, &page);
        Ok(page)
    }

    /// Reads a page from the nearest place that is known at this revision.
    async fn read_from_nearest(
        &self,
        query: &PendingQuery,
        revision: Revision,
        known: Option<&Arc<Content>>,
    ) -> Result<pending::Page, StoreError> {
        let known = known.map(|content| content.known());
        let plain = PageQuery {
            order: &query.order,
            after: query.after.as_ref(),
            offset: query.offset,
            limit: query.limit,
        };
        let offset = query.offset.get();
        let near = match query.after {
            None if offset > 0 => self.0.cache.offset_index().before(revision, &query.order, offset),
            _ => None,
        };
        if let Some((place, cursor)) = near {
            let from_place = PageQuery {
                after: Some(&cursor),
                offset: query.offset.less(place),
                ..plain
            };
            let page = pending::page(&self.0.database, from_place, known).await?;
            if page.tally.revision == revision {
                return Ok(page);
            }
            // Something has changed, perhaps before the place: it may be another one now.
        }
        pending::page(&self.0.database, plain, known).await
    }
}

impl Page {
    /// The coding in which the page is sent where a client wants this one.
    pub fn coding(&self, wanted: ContentEncoding) -> ContentEncoding {
        if self.content.body.len() < WORTH_COMPRESSING {
            ContentEncoding::Identity
        } else {
            wanted
        }
    }

    /// Whether no task at all is pending.
    pub fn nothing_pending(&self) -> bool {
        self.content.is_empty() && self.tally.pending == 0
    }
}
