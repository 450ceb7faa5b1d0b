//! `GET /metrics`, in the text format of Prometheus or `OpenMetrics`, on an address of its own, without authentication.
//!
//! Frequent events are counted where they happen; everything else is looked up for each request.

mod process;
mod tasks;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, prometheus_text, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;

use self::process::Process;
use self::tasks::PendingFigures;
use crate::http::request_metrics::RequestMetrics;
use crate::listing::summary::PendingSummary;
use crate::pending::Pending;
use crate::store::tally::Check;
use crate::store::{Database, StoreError};
use crate::telemetry::traces;

/// The prefix of the service's own names.
const PREFIX: &str = "task_status";
const OPEN_METRICS: &str = "application/openmetrics-text";
const OPEN_METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The metrics that several parts of the process count. Clones share everything.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    pub requests: RequestMetrics,
    pub checks: CountChecks,
    pub retention: RetentionMetrics,
    pub pending: PendingFigures,
}

#[derive(Debug, Clone, Default)]
pub struct RetentionMetrics {
    /// 1 while nothing is deleted until somebody confirms it.
    pub held: Gauge,
    pub deleted: Counter,
    /// When the last run succeeded, in seconds since 1970; 0 before the first.
    pub succeeded: Gauge,
}

/// Returns the metrics of this process.
pub async fn metrics(
    State((database, pending, metrics)): State<(Database, Pending, Metrics)>,
    headers: HeaderMap,
) -> Response {
    let mut registry = Registry::default();
    metrics.requests.register(&mut registry);
    let snapshot = Snapshot {
        // Read for this request: the last read may be old.
        pending_tasks: pending.count().await.ok(),
        by_kind: metrics.pending.get(&pending).await,
        database,
        pending,
        metrics,
    };
    registry
        .sub_registry_with_prefix(PREFIX)
        .register_collector(Box::new(snapshot));
    registry.register_collector(Box::new(Process));
    let is_open_metrics = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains(OPEN_METRICS));
    let mut text = String::new();
    let (content_type, encoded) = if is_open_metrics {
        (OPEN_METRICS_TYPE, text::encode(&mut text, &registry))
    } else {
        (
            prometheus_text::CONTENT_TYPE,
            prometheus_text::encode(&mut text, &registry),
        )
    };
    match encoded {
        Ok(()) => ([(header::CONTENT_TYPE, content_type)], text).into_response(),
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

/// The metrics that are looked up for a request.
#[derive(Debug)]
struct Snapshot {
    /// `None` if the database does not answer in time; then the metric is left out.
    pending_tasks: Option<i64>,
    /// `None` before the first count, and if the last one failed.
    by_kind: Option<Arc<PendingSummary>>,
    database: Database,
    pending: Pending,
    metrics: Metrics,
}

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let to = &mut encoder;
        self.tasks(to)?;
        self.pages(to)?;
        self.connections(to)?;
        self.transfer(to)
    }
}

impl Snapshot {
    fn tasks(&self, to: &mut DescriptorEncoder<'_>) -> fmt::Result {
        if let Some(pending) = self.pending_tasks {
            gauge(
                to,
                "pending_tasks",
                "Pending tasks in the database, by the tally, at the time of the request. Replicas report the same: use max, not sum.",
                pending,
            )?;
        }
        if let Some(pending) = &self.by_kind {
            tasks::encode(pending, to)?;
        }
        let checks = &self.metrics.checks;
        if let Some(last) = *checks.last() {
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
                signed(last.disabled_triggers),
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
                ("ok", &checks.ok),
                ("mismatch", &checks.mismatch),
                ("skipped", &checks.skipped),
                ("error", &checks.error),
            ],
        )?;
        let retention = &self.metrics.retention;
        gauge(
            to,
            "retention_held",
            "1 if retention deletes nothing, because more than half of all tasks would go: see `task-status prune --confirm`.",
            retention.held.get(),
        )?;
        if retention.succeeded.get() > 0 {
            gauge(
                to,
                "retention_timestamp_seconds",
                "Time of the last run of retention that succeeded, in seconds since 1970.",
                retention.succeeded.get(),
            )?;
        }
        counter(
            to,
            "retention_deleted_tasks",
            "Expired tasks that this process has deleted.",
            &retention.deleted,
        )
    }

    fn pages(&self, to: &mut DescriptorEncoder<'_>) -> fmt::Result {
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
        let duration = "Duration of these reads in seconds.";
        freshness.duration.encode(to.encode_descriptor(
            "freshness_check_duration_seconds",
            duration,
            None,
            MetricType::Histogram,
        )?)?;
        counter(
            to,
            "freshness_check_waiters",
            "Requests that waited for one of these reads: so many share one as there are waiters for each check.",
            &freshness.waiters,
        )?;
        let cache = self.pending.cache_stats();
        counters(
            to,
            "page_cache_lookups",
            "Lookups of pages of lists in the cache; several misses may share one read.",
            &[("hit", &cache.hits), ("miss", &cache.misses)],
        )?;
        gauge(
            to,
            "page_cache_bytes",
            "Bytes of pages of lists in memory.",
            i64::try_from(self.pending.cached_bytes()).unwrap_or(i64::MAX),
        )?;
        gauge(
            to,
            "response_memory_bytes",
            "Bytes of responses that are read or sent, cached pages included.",
            signed(self.pending.response_memory().used()),
        )?;
        let (held, most) = self.pending.long_polls();
        gauge(to, "long_polls", "Long polls that are held.", signed(held))?;
        gauge(
            to,
            "long_polls_max",
            "Long polls that may be held at a time; further ones are answered at once.",
            signed(most),
        )
    }

    fn connections(&self, to: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let connections = self.database.connections();
        gauge(
            to,
            "database_up",
            "1 if the database responded to the last check.",
            self.database.is_up().into(),
        )?;
        let mut family = to.encode_descriptor(
            "database_connections",
            "Connections of the pool; one more watches the database and one reads the tally.",
            None,
            MetricType::Gauge,
        )?;
        for (state, number) in [("used", connections.used), ("idle", connections.idle)] {
            let gauge = ConstGauge::new(signed(number));
            gauge.encode(family.encode_family(&[("state", state)])?)?;
        }
        gauge(
            to,
            "database_connections_max",
            "The most connections of the pool: --max-connections.",
            signed(connections.max),
        )?;
        gauge(
            to,
            "database_connection_waiters",
            "Requests that wait for a connection.",
            connections.waiters,
        )?;
        counter(
            to,
            "database_connection_timeouts",
            "Requests that waited for a connection in vain.",
            &connections.timeouts,
        )?;
        let Some((up, reads)) = self.database.standby_reads() else {
            return Ok(());
        };
        gauge(
            to,
            "standbys_up",
            "Standbys that responded to the last check.",
            signed(up),
        )?;
        counters(
            to,
            "standby_reads",
            "Reads that a standby may answer: ok are those that it has answered, the others the primary's.",
            &[
                ("ok", &reads.ok),
                ("behind", &reads.behind),
                ("busy", &reads.busy),
                ("down", &reads.down),
                ("failed", &reads.failed),
            ],
        )
    }

    fn transfer(&self, to: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let requests = &self.metrics.requests;
        counter(
            to,
            "request_body_bytes",
            "Bytes of contents of requests that were read, as they came.",
            &requests.received,
        )?;
        counter(
            to,
            "response_body_bytes",
            "Bytes of contents of responses, as they are sent: mostly compressed.",
            &requests.sent,
        )?;
        match traces::exports() {
            Some(exports) => counters(
                to,
                "trace_exports",
                "Batches of spans that were sent to the collector.",
                &[("ok", &exports.ok), ("error", &exports.error)],
            ),
            None => Ok(()),
        }
    }
}

fn gauge(to: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: i64) -> fmt::Result {
    ConstGauge::new(value).encode(to.encode_descriptor(name, help, None, MetricType::Gauge)?)
}

/// A counter. `_total` is appended to the name.
fn counter(to: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: &Counter) -> fmt::Result {
    value.encode(to.encode_descriptor(name, help, None, MetricType::Counter)?)
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

fn signed(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
