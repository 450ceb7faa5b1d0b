//! What the service counts about itself, and how Prometheus is told (its text format, version 0.0.4).
//!
//! What happens often is counted by an atomic where it happens. All else is looked up when somebody asks.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::Utc;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, prometheus_text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use crate::store::StoreError;
use crate::store::tally::Check;

/// The media type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;
/// What every name begins with.
const PREFIX: &str = "task_status";

/// How the reads of the barrier ended. Clones share the counters.
#[derive(Debug, Clone, Default)]
pub struct Reads {
    ok: Counter,
    timeout: Counter,
    error: Counter,
}

/// Where pages were found. Clones share the counters.
#[derive(Debug, Clone, Default)]
pub struct CacheStats {
    pub hits: Counter,
    pub misses: Counter,
}

/// What came of comparing the tally with the table. Clones share everything.
#[derive(Debug, Clone, Default)]
pub struct Checks {
    ok: Counter,
    mismatch: Counter,
    skipped: Counter,
    error: Counter,
    last: Arc<Mutex<Option<LastCheck>>>,
}

/// What the last audit found.
#[derive(Debug, Clone, Copy)]
struct LastCheck {
    /// In seconds since 1970.
    at: i64,
    drift: i64,
    wrong_buckets: i64,
    disabled_triggers: usize,
}

/// All that is told, as it is at a moment.
#[derive(Debug)]
pub struct Metrics {
    /// None where the database does not say.
    pub pending: Option<i64>,
    pub reads: Reads,
    pub pages: CacheStats,
    pub page_cache_bytes: u64,
    pub checks: Checks,
}

impl Reads {
    /// Counts a read.
    pub(crate) fn count<T>(&self, outcome: &Result<T, StoreError>) {
        match outcome {
            Ok(_) => self.ok.inc(),
            Err(error) if error.is_not_confirmed() => self.timeout.inc(),
            Err(_) => self.error.inc(),
        };
    }
}

impl Checks {
    /// Counts what came of an audit, and keeps what it found. It finds nothing where another service is at it.
    pub fn count(&self, outcome: &Result<Option<Check>, StoreError>) {
        match outcome {
            Ok(Some(check)) => {
                let counter = if check.is_clean() {
                    &self.ok
                } else {
                    &self.mismatch
                };
                counter.inc();
                *self.last() = Some(LastCheck {
                    at: Utc::now().timestamp(),
                    drift: check.drift(),
                    wrong_buckets: check.wrong_buckets,
                    disabled_triggers: check.disabled_triggers.len(),
                });
            }
            Ok(None) => {
                self.skipped.inc();
            }
            Err(_) => {
                self.error.inc();
            }
        }
    }

    fn last(&self) -> MutexGuard<'_, Option<LastCheck>> {
        // It is set in one piece.
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Metrics {
    /// In Prometheus's text format. What is not known is left out.
    ///
    /// # Errors
    /// None that is known: text can always be written to memory.
    pub fn text(self) -> Result<String, fmt::Error> {
        let mut registry = Registry::with_prefix(PREFIX);
        registry.register_collector(Box::new(self));
        let mut text = String::new();
        prometheus_text::encode(&mut text, &registry)?;
        Ok(text)
    }
}

impl Collector for Metrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let to = &mut encoder;
        if let Some(pending) = self.pending {
            gauge(
                to,
                "pending_tasks",
                "Pending tasks in the database, as the tally has them at the time of asking.",
                pending,
            )?;
        }
        self.checks.encode(to)?;
        counters(
            to,
            "freshness_checks",
            "Reads that confirm that answers from memory are current; each serves all who wait, these figures included.",
            "result",
            &[
                ("ok", &self.reads.ok),
                ("timeout", &self.reads.timeout),
                ("error", &self.reads.error),
            ],
        )?;
        counters(
            to,
            "page_cache_lookups",
            "Lookups of pages of pending tasks in the cache; several misses may share one load from the database.",
            "result",
            &[("hit", &self.pages.hits), ("miss", &self.pages.misses)],
        )?;
        gauge(
            to,
            "page_cache_bytes",
            "Bytes of pages of pending tasks that are kept in memory.",
            i64::try_from(self.page_cache_bytes).unwrap_or(i64::MAX),
        )
    }
}

impl Checks {
    fn encode(&self, to: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let last = *self.last();
        if let Some(last) = last {
            gauge(
                to,
                "count_drift",
                "Pending tasks by the tally less those in the table, at the last audit of this process.",
                last.drift,
            )?;
            gauge(
                to,
                "count_wrong_buckets",
                "Hours of creation for which the number of pending tasks is wrong, at the last audit of this process.",
                last.wrong_buckets,
            )?;
            gauge(
                to,
                "disabled_triggers",
                "Triggers of the tally that are missing or do not always fire, at the last audit of this process.",
                i64::try_from(last.disabled_triggers).unwrap_or(i64::MAX),
            )?;
            gauge(
                to,
                "count_check_timestamp_seconds",
                "When this process last compared the tally with the table, in seconds since 1970.",
                last.at,
            )?;
        }
        counters(
            to,
            "count_checks",
            "Comparisons of the tally with the table; skipped are those that another service was making.",
            "result",
            &[
                ("ok", &self.ok),
                ("mismatch", &self.mismatch),
                ("skipped", &self.skipped),
                ("error", &self.error),
            ],
        )
    }
}

fn gauge(to: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: i64) -> fmt::Result {
    ConstGauge::new(value).encode(to.encode_descriptor(name, help, None, MetricType::Gauge)?)
}

/// Counters of one name, one for each value of a label. `_total` is put after the name.
fn counters(
    to: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    label: &str,
    counters: &[(&str, &Counter)],
) -> fmt::Result {
    let mut family = to.encode_descriptor(name, help, None, MetricType::Counter)?;
    counters
        .iter()
        .try_for_each(|(value, counter)| counter.encode(family.encode_family(&[(label, *value)])?))
}
