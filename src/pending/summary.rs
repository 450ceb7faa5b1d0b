//! Summaries, shared by the requests that ask for the same.
//!
//! A count reads every pending task, so it is repeated only when its result may have changed: when any task changes, or a
//! new minute begins. And not at once: the time between two counts is a second at least, and four times as long as the last
//! one took. A summary says when its snapshot was taken.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use quick_cache::sync::Cache;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::Pending;
use super::digest::Digest;
use super::page::PageError;
use crate::listing::filter::Filter;
use crate::listing::summary::PendingSummary;
use crate::store::StoreError;
use crate::store::share::Work;
use crate::store::summary::summary;
use crate::store::tally::{Revision, Tasks};

/// How many summaries are kept. One has 10 kB, or 200 kB if its values are as long as they may be.
const MAX_KEPT: usize = 64;
/// The shortest time between the beginnings of two counts.
const MIN_INTERVAL: Duration = Duration::from_secs(1);
/// One part in so many of the time is for counting.
const COUNTING_PART: u32 = 4;

/// The tasks that a summary is of.
#[derive(Debug, Clone)]
pub struct SummaryQuery {
    pub filter: Option<Filter>,
    /// In seconds.
    pub stuck_after: i32,
}

/// A summary as it was last counted.
#[derive(Debug, Clone)]
pub struct Counted {
    /// The JSON object.
    pub body: Bytes,
    /// Of everything but the time of the snapshot.
    pub digest: Digest,
    /// The pending tasks in it.
    pub pending: Arc<PendingSummary>,
    pub(super) revision: Revision,
    as_of: DateTime<Utc>,
    begun: Instant,
    /// When the next count may begin.
    pub(super) due: Instant,
}

/// The last count by canonical filter and `stuck_after`, locked while the next one is made.
pub(super) struct Summaries(Cache<(String, i32), Arc<Mutex<Option<Kept>>>>);

#[derive(Debug)]
enum Kept {
    Counted(Counted),
    /// The count timed out: it would take as long again.
    Failed {
        error: Arc<StoreError>,
        due: Instant,
    },
}

impl Default for Summaries {
    fn default() -> Self {
        Self(Cache::new(MAX_KEPT))
    }
}

impl fmt::Debug for Summaries {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Summaries")
            .field("kept", &self.0.len())
            .finish_non_exhaustive()
    }
}

impl Counted {
    /// When a new minute begins, by the clock of the snapshot.
    pub(super) fn next_minute(&self) -> Instant {
        let minute = TimeDelta::minutes(1);
        let begun = self.as_of.duration_trunc(minute).unwrap_or(self.as_of);
        let left = (begun + minute - self.as_of).to_std().unwrap_or_default();
        self.begun + left
    }
}

impl Pending {
    /// A summary, counted anew if its content may have changed and the last count is long enough ago.
    pub async fn summary(&self, query: &SummaryQuery) -> Result<Counted, PageError> {
        let filter = query.filter.as_ref().map(Filter::to_string).unwrap_or_default();
        let key = (filter, query.stuck_after);
        let entry = self
            .shared
            .summaries
            .0
            .get_or_insert_with(&key, || Ok::<_, StoreError>(Arc::default()))?;
        let mut turn = None;
        loop {
            let mut kept = entry.lock().await;
            match &*kept {
                Some(Kept::Counted(counted)) if self.is_good(counted).await? => return Ok(counted.clone()),
                Some(Kept::Failed { error, due }) if Instant::now() < *due => {
                    return Err(StoreError::Shared(Arc::clone(error)).into());
                }
                _ => {}
            }
            if turn.is_none()
                && let Some(share) = &self.client
            {
                turn = share.turn_now(Work::Other);
                // Others may have turns, and do not wait for this client's.
                if turn.is_none() {
                    drop(kept);
                    turn = Some(self.shared.database.turn(share, Work::Other).await?);
                    continue;
                }
            }
            return self.count_again(query, &mut kept).await;
        }
    }

    /// Whether a count may not begin yet, or would have the same result.
    async fn is_good(&self, counted: &Counted) -> Result<bool, StoreError> {
        if Instant::now() < counted.due {
            return Ok(true);
        }
        let now = self.shared.tally().await?;
        Ok(now.table_revision == counted.revision && Instant::now() < counted.next_minute())
    }

    async fn count_again(&self, query: &SummaryQuery, kept: &mut Option<Kept>) -> Result<Counted, PageError> {
        let begun = Instant::now();
        let database = &self.shared.database;
        let at_least = self.at_least(Tasks::All).await?;
        // Boxed: the future is large.
        let counted = Box::pin(summary(
            database,
            at_least,
            query.filter.as_ref(),
            query.stuck_after,
        ))
        .await;
        let due = begun + MIN_INTERVAL.max(begun.elapsed() * COUNTING_PART);
        let (revision, summary) = match counted {
            Err(error) if error.is_statement_timeout() => {
                let error = Arc::new(error);
                *kept = Some(Kept::Failed {
                    error: Arc::clone(&error),
                    due,
                });
                return Err(StoreError::Shared(error).into());
            }
            counted => counted?,
        };
        let body = serde_json::to_vec(&summary)?;
        // The time is the first member.
        let content = body.iter().position(|byte| *byte == b',').unwrap_or_default();
        let counted = Counted {
            digest: Digest::of(&body[content..]),
            body: body.into(),
            revision,
            as_of: summary.as_of,
            pending: Arc::new(summary.pending),
            begun,
            due,
        };
        *kept = Some(Kept::Counted(counted.clone()));
        Ok(counted)
    }
}
