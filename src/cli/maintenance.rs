//! Background work of `serve` on the database: deletes expired tasks, folds rows of the tally, checks the tally.

use std::convert::Infallible;
use std::future;
use std::time::Duration;

use chrono::Utc;
use tokio::time::{Instant, sleep};

use crate::cli::args::Retention;
use crate::http::routes::metrics::{CountChecks, RetentionMetrics};
use crate::pending::Pending;
use crate::store::retention::{self, Run};
use crate::store::{Database, StoreError, tally};
use crate::telemetry::error_chain;

/// The interval between deletions of expired tasks.
const RETENTION_INTERVAL: Duration = Duration::from_mins(1);
/// The interval between errors that say that nothing is deleted.
const REMINDER_INTERVAL: Duration = Duration::from_hours(1);
/// The interval between foldings of the tally.
const FOLD_INTERVAL: Duration = Duration::from_secs(10);
/// The interval between checks of the tally against the table. Pages in memory are forgotten as often: this is how long a
/// change that no trigger sees may be missing in responses.
const CHECK_INTERVAL: Duration = Duration::from_mins(10);

/// Deletes expired tasks while polled, unless there are so many of them that somebody has to confirm it.
pub(super) async fn keep_retention(
    database: &Database,
    retention: Retention,
    metrics: &RetentionMetrics,
) -> Infallible {
    let Retention::Window(window) = retention else {
        return future::pending().await;
    };
    let mut next_reminder = Instant::now();
    let mut questioned = None;
    loop {
        database.wait_until_up().await;
        let mut deleted = 0;
        let outcome = async {
            let run = Run::new(database, window).await?;
            questioned = run.question(questioned, database).await?;
            metrics.held.set(questioned.is_some().into());
            if questioned.is_some() {
                return Ok(Some(run));
            }
            retention::prune(database, run, |batch| deleted += batch).await?;
            Ok::<_, StoreError>(None)
        };
        let outcome = outcome.await;
        metrics.deleted.inc_by(deleted);
        if matches!(outcome, Ok(None)) {
            metrics.succeeded.set(Utc::now().timestamp());
        }
        match outcome {
            Ok(Some(run)) if Instant::now() >= next_reminder => {
                next_reminder = Instant::now() + REMINDER_INTERVAL;
                let seconds = window.as_secs();
                tracing::error!(
                    expiredAtLeast = run.expired,
                    kept = run.kept,
                    "retention deletes nothing, because more than half of all tasks expired at once: check the database's clock \
                     and --retention; to delete them, run `task-status prune --older-than {seconds}s --confirm`"
                );
            }
            Ok(None) if deleted > 0 => tracing::info!(deleted, "expired tasks were deleted"),
            Ok(_) => {}
            Err(error) => tracing::warn!(error = error_chain(&error), deleted, "retention was interrupted"),
        }
        sleep(RETENTION_INTERVAL).await;
    }
}

/// Folds the tally, checks it and reports drift, and forgets pages, while polled.
pub(super) async fn keep_tally(database: &Database, pending: &Pending, checks: &CountChecks) -> Infallible {
    let mut next_check = Instant::now();
    loop {
        database.wait_until_up().await;
        if let Err(error) = tally::fold(database).await {
            tracing::warn!(error = error_chain(&error), "cannot fold the tally");
        }
        if Instant::now() >= next_check {
            next_check = Instant::now() + CHECK_INTERVAL;
            // Also if another replica checks: each has a memory of its own.
            pending.forget();
            check(database, checks).await;
        }
        sleep(FOLD_INTERVAL).await;
    }
}

async fn check(database: &Database, checks: &CountChecks) {
    let outcome = tally::check_in_turn(database).await;
    checks.count(&outcome);
    match outcome {
        Ok(Some(check)) if !check.is_clean() => tracing::error!(
            counted = check.counted,
            tallied = check.tallied,
            drift = check.drift(),
            wrongBuckets = check.wrong_buckets,
            disabledTriggers = ?check.disabled_triggers,
            "the tally of the pending tasks is wrong or will be; see `task-status verify --repair`"
        ),
        Ok(Some(_)) => tracing::debug!("the tally of the pending tasks is right"),
        // Another replica has checked it.
        Ok(None) => {}
        Err(error) => tracing::warn!(error = error_chain(&error), "cannot check the tally"),
    }
}
