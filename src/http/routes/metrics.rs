//! `GET /metrics`, in Prometheus's text format, on an address of its own, without authentication.
//!
//! Frequent events are counted where they happen; everything else is looked up for each request.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::prometheus_text::{self, CONTENT_TYPE};
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;

use crate::pending::Pending;
use crate::store::StoreError;
use crate::store::tally::Check;

/// The prefix of every name.
const PREFIX: &str = "task_status";

/// Returns the metrics of this process.
pub async fn metrics(
    State((pending, checks, retention_held)): State<(Pending, CountChecks, Gauge)>,
) -> Response {
    let metrics = Metrics {
        // Read for this request: the last read may be old.
        pending_tasks: pending.count().await.ok(),
        pending,
        checks,
        retention_held,
    };
    match metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The comparisons of the tally with the table. Clones share everything.
#[derive(Debug, Clone, Default)]
pub struct CountChecks {
    ok: Counter,
    mismatch: Counter,
    skipped: Counter,
    error: Counter,
    last: Arc<Mutex<Option<LastCheck>>>,
}

#[derive(Debug, Clone, Copy)]
struct LastCheck {
    /// In seconds since 1970.
    at: i64,
    drift: i64,
    wrong_buckets: i64,
    disabled_triggers: usize,
}

impl CountChecks {
    /// Counts a check and keeps its result. `None` means that another replica is checking.
    pub fn count(&self, outcome: &Result<Option<Check>, StoreError>) {
        let counter = match outcome {
            Ok(Some(check)) => {
                *self.last() = Some(LastCheck {
                    at: Utc::now().timestamp(),
                    drift: check.drift(),
                    wrong_buckets: check.wrong_buckets,
                    disabled_triggers: check.disabled_triggers.len(),
                });
                if check.is_clean() {
                    &self.ok
                } else {
                    &self.mismatch
                }
            }
            Ok(None) => &self.skipped,
            Err(_) => &self.error,
        };
        counter.inc();
    }

    fn last(&self) -> MutexGuard<'_, Option<LastCheck>> {
        // It is replaced as a whole.
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
struct Metrics {
    /// `None` if the database does not answer in time; then the metric is left out.
    pending_tasks: Option<i64>,
    pending: Pending,
    checks: CountChecks,
    /// 1 if retention deletes nothing until somebody confirms it.
    retention_held: Gauge,
}

impl Metrics {
    fn text(self) -> Result<String, fmt::Error> {
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
        if let Some(pending) = self.pending_tasks {
            gauge(
                to,
                "pending_tasks",
                "Pending tasks in the database, by the tally, at the time of the request. Replicas report the same: use max, not sum.",
                pending,
            )?;
        }
        if let Some(last) = *self.checks.last() {
            gauge(
                to,
                "count_drift",
                "Pending tasks by the tally minus those in the table, at the last check by this process.",
                last.drift,
            )?;
            gauge(
                to,
                "count_wrong_buckets",
                "Hours of creation with a wrong number of pending tasks, at the last check by this process.",
                last.wrong_buckets,
            )?;
            gauge(
                to,
                "disabled_triggers",
                "Triggers of the tally that are missing or do not always fire, at the last check by this process.",
                i64::try_from(last.disabled_triggers).unwrap_or(i64::MAX),
            )?;
            gauge(
                to,
                "count_check_timestamp_seconds",
                "Time of the last check by this process, in seconds since 1970.",
                last.at,
            )?;
        }
        counters(
            to,
            "count_checks",
            "Comparisons of the tally with the table; skipped are those that another replica was making.",
            &[
                ("ok", &self.checks.ok),
                ("mismatch", &self.checks.mismatch),
                ("skipped", &self.checks.skipped),
                ("error", &self.checks.error),
            ],
        )?;
        gauge(
            to,
            "retention_held",
            "1 if retention deletes nothing, because more than half of all tasks would go: see `task-status prune --confirm`.",
            self.retention_held.get(),
        )?;
        let freshness = self.pending.freshness_checks();
        counters(
            to,
            "freshness_checks",
            "Reads that confirm responses from memory; each serves every request that waits, this one included.",
            &[
                ("ok", &freshness.ok),
                ("timeout", &freshness.timeout),
                ("error", &freshness.error),
            ],
        )?;
        let cache = self.pending.cache_stats();
        counters(
            to,
            "page_cache_lookups",
            "Lookups of pages of pending tasks in the cache; several misses may share one read.",
            &[("hit", &cache.hits), ("miss", &cache.misses)],
        )?;
        gauge(
            to,
            "page_cache_bytes",
            "Bytes of pages of pending tasks in memory.",
            i64::try_from(self.pending.cached_bytes()).unwrap_or(i64::MAX),
        )
    }
}

fn gauge(to: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: i64) -> fmt::Result {
    ConstGauge::new(value).encode(to.encode_descriptor(name, help, None, MetricType::Gauge)?)
}

/// Counters of one family, by the label `result`. `_total` is appended to the name.
fn counters(
    to: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    results: &[(&str, &Counter)],
) -> fmt::Result {
    let mut family = to.encode_descriptor(name, help, None, MetricType::Counter)?;
    results
        .iter()
        .try_for_each(|(result, counter)| counter.encode(family.encode_family(&[("result", *result)])?))
}
