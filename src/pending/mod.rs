//! The hot path: answers about the pending tasks from memory, each as fresh as if it had been read for its request.
//!
//! Reading order: [`barrier`] (what every such answer waits for), [`Pending::page`] (what an answer is made of),
//! `memory` (what is kept, and for how long), `places` (how a deep page is found), [`wait`] and `changes` (who would rather
//! be told when it changes).

pub mod barrier;
mod changes;
mod memory;
mod places;
pub mod wait;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;
use tokio::sync::Semaphore;
use tokio::task::{JoinError, spawn_blocking};
use tokio_util::sync::CancellationToken;

use crate::coding::Coding;
use crate::collection::{Collection, Limit, Offset};
use crate::cursor::Cursor;
use crate::digest::Digest;
use crate::sorters::Sorters;
use crate::store::page::{self, PageQuery, Which};
use crate::store::tally::{self, Revision, Tally};
use crate::store::{Database, StoreError};
use barrier::Barrier;
use changes::Changes;
use memory::{Key, Memory};

/// What is shorter is not compressed: it would fill no fewer packets.
const WORTH_COMPRESSING: usize = 1024;

/// How many of those who have waited are answered at a time: one change wakes thousands, and they are not to take all
/// places of those who come.
const TURNS: usize = 16;

/// Bounds of the memory and of the wait.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// How many bytes of pages are kept.
    pub memory: u64,
    /// How long a request waits for the database to say that its answer is current.
    pub patience: Duration,
    /// How long a client may wait for a page to change.
    pub max_wait: Duration,
    /// How many clients may wait at a time; further ones are answered at once.
    pub max_waiting: usize,
}

impl Default for Settings {
    /// Those of `serve`.
    fn default() -> Self {
        Self {
            memory: 32 * 1024 * 1024,
            patience: Duration::from_secs(2),
            max_wait: Duration::from_mins(1),
            max_waiting: 10_000,
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

/// A page of pending tasks as it is sent. Clones share it.
#[derive(Debug, Clone)]
pub struct Page {
    /// Of the snapshot that the page is from.
    pub tally: Tally,
    /// The JSON array, in some coding.
    pub body: Bytes,
    /// Of the array. Whatever the coding, equal digests mean equal arrays.
    pub digest: Digest,
    /// The cursor of the next page, if there is more.
    pub next: Option<Arc<str>>,
    /// Whether there is no task in it.
    pub is_empty: bool,
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
pub struct Pending {
    database: Database,
    barrier: Arc<Barrier<Tally>>,
    memory: Arc<Memory>,
    changes: Arc<Changes>,
    places_to_wait: Arc<Semaphore>,
    turns: Arc<Semaphore>,
    settings: Settings,
    stop: CancellationToken,
}

impl Pending {
    /// Answers about the pending tasks of a database. Nothing is read until somebody asks.
    pub fn new(database: Database, settings: Settings) -> Self {
        let memory = Arc::new(Memory::new(settings.memory));
        let changes = Arc::<Changes>::default();
        let barrier = Barrier::new(settings.patience, {
            let (database, memory, changes) = (database.clone(), Arc::clone(&memory), Arc::clone(&changes));
            move || {
                let (database, memory, changes) =
                    (database.clone(), Arc::clone(&memory), Arc::clone(&changes));
                async move {
                    let tally = tally::read(&database).await?;
                    // One read follows the other, so the last word is that of the latest.
                    memory.turn_to(tally.revision);
                    changes.see(tally.revision);
                    Ok(tally)
                }
            }
        });
        Self {
            database,
            barrier: Arc::new(barrier),
            memory,
            changes,
            places_to_wait: Arc::new(Semaphore::new(settings.max_waiting.min(Semaphore::MAX_PERMITS))),
            turns: Arc::new(Semaphore::new(TURNS)),
            settings,
            stop: CancellationToken::new(),
        }
    }

    /// Whoever waits is answered when this is cancelled.
    #[must_use]
    pub fn released_by(self, stop: CancellationToken) -> Self {
        Self { stop, ..self }
    }

    /// A page, not coded, of a snapshot that was taken after this was called or differs from one in nothing about any
    /// pending task. It is loaded and rendered once for all who ask for it until such a task changes.
    ///
    /// # Errors
    /// The database has not confirmed in time that what is in memory is current, or could not give what is not.
    pub async fn page(&self, query: &PendingQuery) -> Result<Page, PageError> {
        let now = self.barrier.pass().await?;
        let key = Key::plain(query, now.revision);
        if let Some(page) = self.memory.pages.get(&key) {
            return Ok(page);
        }
        // Who joins a load that is under way has been told of the same revision as who began it, after which the load
        // began: it misses nothing that the barrier has promised.
        let load = self
            .memory
            .pages
            .get_or_insert_async(&key, self.load(query, now.revision));
        // What loading takes is large, and most do not need it.
        Box::pin(load).await
    }

    /// The page in a coding, made once for all who ask for it. What is too short to gain by it is given as it is.
    ///
    /// # Errors
    /// The encoder failed.
    pub async fn coded(&self, query: &PendingQuery, page: &Page, coding: Coding) -> Result<Bytes, PageError> {
        let key = Key {
            coding,
            ..Key::plain(query, page.tally.revision)
        };
        let encode = async {
            let body = page.body.clone();
            let body = spawn_blocking(move || coding.encode(&body)).await??;
            Ok::<_, PageError>(Page {
                body: body.into_boxed_slice().into(),
                ..page.clone()
            })
        };
        let page = self.memory.pages.get_or_insert_async(&key, encode).await?;
        Ok(page.body)
    }

    /// How many bytes of pages are kept.
    pub fn bytes_in_memory(&self) -> u64 {
        self.memory.pages.weight()
    }

    /// Loads a page that is not in memory. Meanwhile it may have come to be of another revision than was asked for; then
    /// it is kept for those who will ask for that, too.
    async fn load(&self, query: &PendingQuery, revision: Revision) -> Result<Page, PageError> {
        let page = self.read(query, revision).await?;
        let next = page.next.as_ref();
        let tally = page
            .tally
            .ok_or(StoreError::Statement(sqlx::Error::RowNotFound))?;
        if let (Some(next), None) = (next, &query.after) {
            let place = query.offset.get() + query.limit.get();
            self.memory
                .places()
                .remember(tally.revision, &query.order, place, next);
        }
        let body: Bytes = serde_json::to_vec(&page.tasks)?.into_boxed_slice().into();
        let rendered = Page {
            tally,
            digest: Digest::of(&body),
            body,
            next: next.map(|next| next.encode().into()),
            is_empty: page.tasks.is_empty(),
        };
        if tally.revision != revision {
            let key = Key::plain(query, tally.revision);
            self.memory.pages.insert(key, rendered.clone());
        }
        Ok(rendered)
    }

    /// Reads a page from the nearest place that is known at this revision.
    async fn read(&self, query: &PendingQuery, revision: Revision) -> Result<page::Page, StoreError> {
        let offset = query.offset.get();
        let near = match &query.after {
            None if offset > 0 => self.memory.places().before(revision, &query.order, offset),
            _ => None,
        };
        if let Some((place, cursor)) = near {
            let page = self
                .read_after(query, Some(&cursor), query.offset.less(place))
                .await?;
            if page.tally.is_some_and(|tally| tally.revision == revision) {
                return Ok(page);
            }
            // Something has changed, perhaps before the place: it may be another one now.
        }
        self.read_after(query, query.after.as_ref(), query.offset).await
    }

    async fn read_after(
        &self,
        query: &PendingQuery,
        after: Option<&Cursor>,
        offset: Offset,
    ) -> Result<page::Page, StoreError> {
        let query = PageQuery {
            which: Which::Pending,
            order: &query.order,
            after,
            collection: Collection {
                offset,
                limit: query.limit,
                count: false,
            },
        };
        page::page(&self.database, query).await
    }
}

impl Page {
    /// The coding in which the page is sent where a client wants this one.
    pub fn coding(&self, wanted: Coding) -> Coding {
        if self.body.len() < WORTH_COMPRESSING {
            Coding::Identity
        } else {
            wanted
        }
    }

    /// Whether no task at all is pending.
    pub fn nothing_pending(&self) -> bool {
        self.is_empty && self.tally.pending == 0
    }
}
