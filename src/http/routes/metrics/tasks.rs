//! The pending tasks, as the summary counts them.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use super::gauge;
use crate::http::routes::summary::STUCK_AFTER;
use crate::listing::summary::PendingSummary;
use crate::pending::Pending;
use crate::pending::summary::SummaryQuery;

/// The least time between counts for scrapes: each reads every pending task.
const INTERVAL: Duration = Duration::from_secs(30);
/// How long a scrape waits for a count. One that takes longer is for the next scrape.
const PATIENCE: Duration = Duration::from_secs(1);
/// The tasks of kinds that are not listed. Kinds are in upper case.
const OTHER: &str = "other";

/// The last count for a scrape. Clones share it.
#[derive(Debug, Clone)]
pub struct PendingFigures {
    last: Arc<Mutex<Option<Last>>>,
    /// Of the count in progress.
    permit: Arc<Semaphore>,
}

#[derive(Debug)]
struct Last {
    begun: Instant,
    /// `None` if the count failed.
    pending: Option<Arc<PendingSummary>>,
}

impl Default for PendingFigures {
    fn default() -> Self {
        Self {
            last: Arc::default(),
            permit: Arc::new(Semaphore::new(1)),
        }
    }
}

impl PendingFigures {
    /// The pending tasks at the last count, which may begin now.
    pub(super) async fn get(&self, pending: &Pending) -> Option<Arc<PendingSummary>> {
        let is_due = self
            .last()
            .as_ref()
            .is_none_or(|last| last.begun.elapsed() > INTERVAL);
        if is_due && let Ok(permit) = Arc::clone(&self.permit).try_acquire_owned() {
            let (figures, pending) = (self.clone(), pending.clone());
            // Goes on after the scrape.
            let counting = tokio::spawn(async move {
                let query = SummaryQuery {
                    filter: None,
                    stuck_after: STUCK_AFTER,
                };
                let begun = Instant::now();
                let pending = pending.summary(&query).await.ok().map(|counted| counted.pending);
                *figures.last() = Some(Last { begun, pending });
                drop(permit);
            });
            let _ = timeout(PATIENCE, counting).await;
        }
        self.last().as_ref()?.pending.clone()
    }

    fn last(&self) -> MutexGuard<'_, Option<Last>> {
        // It is replaced as a whole.
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn encode(pending: &PendingSummary, to: &mut DescriptorEncoder<'_>) -> fmt::Result {
    if let Some(oldest) = pending.oldest_created {
        gauge(
            to,
            "oldest_pending_task_timestamp_seconds",
            "When the oldest pending task was created, in seconds since 1970, at the last count.",
            oldest.timestamp(),
        )?;
    }
    gauge(
        to,
        "stuck_pending_tasks",
        "Pending tasks that were last modified more than an hour ago, at the last count.",
        pending.stuck,
    )?;
    let kinds = &pending.by_kind;
    let mut family = to.encode_descriptor(
        "pending_tasks_by_kind",
        "Pending tasks of the 20 most frequent kinds, and of all others as \"other\", at the last count.",
        None,
        MetricType::Gauge,
    )?;
    let listed = kinds
        .values
        .iter()
        .map(|kind| (kind.value.as_deref().unwrap_or_default(), kind.count));
    for (kind, count) in listed.chain([(OTHER, kinds.rest)]) {
        ConstGauge::new(count).encode(family.encode_family(&[("kind", kind)])?)?;
    }
    Ok(())
}
