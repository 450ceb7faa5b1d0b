//! Acts as the executors of the sample tasks: creates, advances and completes them.

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use fastrand::Rng;
use tokio::time::{MissedTickBehavior, interval};

use super::sample;
use crate::listing::filter::Filter;
use crate::listing::page::{Limit, Offset};
use crate::listing::sorters::Sorters;
use crate::memory::Reserved;
use crate::store::list::{Entry, PageQuery, page};
use crate::store::{Database, StoreError, report};
use crate::task::TaskStatus;
use crate::task::report::Report;
use crate::telemetry::error_chain;

/// The age of the oldest completed tasks.
const HISTORY_DAYS: i64 = 90;
/// Number of tasks per statement.
const BATCH: usize = 1000;
/// The interval between steps.
const TICK: Duration = Duration::from_millis(500);
/// How far back tasks that have ended are looked for: more than a step.
const OVERLAP: TimeDelta = TimeDelta::seconds(5);
/// A pending task whose `modified` is older than this is stuck and stays so.
const STUCK_AFTER: TimeDelta = TimeDelta::minutes(30);

/// The pending tasks that are not stuck.
pub struct Tasks {
    running: Vec<TaskStatus>,
    /// The number of them to keep up.
    wanted: usize,
    rng: Rng,
}

/// Fills an empty table with `pending` and `history` tasks, or continues with those of the last run.
pub async fn begin(database: &Database, pending: u32, history: u32) -> Result<Tasks, StoreError> {
    let mut rng = Rng::new();
    let now = Utc::now();
    let mut running = all(database, &Filter::pending()).await?;
    if running.is_empty() {
        let completed = |rng: &mut Rng| {
            let age = TimeDelta::seconds(rng.i64(7_200..HISTORY_DAYS * 86_400));
            sample::completed(rng, now - age)
        };
        fill(
            database,
            &mut rng,
            history as usize,
            "completed tasks",
            completed,
            drop,
        )
        .await?;
        let started = |rng: &mut Rng| pending_task(rng, now);
        let keep = |task| running.push(task);
        fill(
            database,
            &mut rng,
            pending as usize,
            "pending tasks",
            started,
            keep,
        )
        .await?;
    } else {
        tracing::info!(pending = running.len(), "found the tasks of the last run");
    }
    running.retain(|task| now - task.modified < STUCK_AFTER);
    Ok(Tasks {
        wanted: running.len().max(1),
        running,
        rng,
    })
}

/// Advances the tasks for ever.
pub async fn run(database: &Database, mut tasks: Tasks) -> Result<(), StoreError> {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let advanced = async {
            tasks.drop_ended(database).await?;
            let reports = tasks.step(Utc::now());
            report::report(database, &reports).await
        };
        match advanced.await {
            Ok(_) => {}
            Err(error) if error.is_transient() => {
                tracing::warn!(error = error_chain(&error), "some reports of the demo were lost");
            }
            Err(error) => return Err(error),
        }
    }
}

impl Tasks {
    /// Drops the tasks that somebody else has ended, on the dashboard for example: a report would make them pending again.
    async fn drop_ended(&mut self, database: &Database) -> Result<(), StoreError> {
        let since = Utc::now() - OVERLAP;
        let filter = format!("completed ge \"{}\"", since.to_rfc3339());
        // A filter that is written here can be parsed.
        let Ok(filter) = Filter::parse(&filter) else {
            return Ok(());
        };
        let ended: HashSet<String> = all(database, &filter)
            .await?
            .into_iter()
            .map(|task| task.id)
            .collect();
        self.running.retain(|task| !ended.contains(&task.id));
        Ok(())
    }

    /// Advances or completes one task in ten, and adds new ones for those completed. Returns the tasks to report.
    fn step(&mut self, now: DateTime<Utc>) -> Vec<Report> {
        let mut reports = Vec::new();
        for task in &mut self.running {
            if self.rng.u8(..10) == 0 {
                if task.percent_complete >= 90 {
                    sample::complete(&mut self.rng, task, now);
                } else {
                    sample::advance(&mut self.rng, task, now);
                }
                reports.push(sign_of_life(task));
            }
        }
        self.running.retain(|task| task.completion_status.is_none());
        // Sometimes a few more than wanted, so that the number changes too.
        let missing =
            (self.wanted + self.rng.usize(..=self.wanted / 50 + 1)).saturating_sub(self.running.len());
        for _ in 0..missing.min(BATCH) {
            let task = sample::queued(&mut self.rng, now);
            reports.push(sign_of_life(&task));
            self.running.push(task);
        }
        reports
    }
}

/// A report that is made now.
fn sign_of_life(task: &TaskStatus) -> Report {
    Report {
        modified: None,
        ..task.clone().into()
    }
}

/// A pending task: waiting, running, or (one in twelve) stuck for hours or days.
fn pending_task(rng: &mut Rng, now: DateTime<Utc>) -> TaskStatus {
    let stuck = rng.u8(..12) == 0;
    let age = if stuck {
        rng.i64(7_200..12 * 86_400)
    } else {
        rng.i64(0..1_500)
    };
    let created = now - TimeDelta::seconds(age);
    let mut task = sample::queued(rng, created);
    for step in 0..rng.i64(0..8) {
        let moment = created + TimeDelta::seconds(step * 60);
        sample::advance(rng, &mut task, moment.min(now));
    }
    task
}

/// Writes tasks in batches, and passes each to `keep`.
async fn fill(
    database: &Database,
    rng: &mut Rng,
    number: usize,
    what: &str,
    make: impl Fn(&mut Rng) -> TaskStatus,
    mut keep: impl FnMut(TaskStatus),
) -> Result<(), StoreError> {
    for begin in (0..number).step_by(BATCH) {
        let end = (begin + BATCH).min(number);
        let batch: Vec<Report> = (begin..end).map(|_| make(rng).into()).collect();
        report::report(database, &batch).await?;
        batch.into_iter().map(|report| report.task).for_each(&mut keep);
        if end.is_multiple_of(20 * BATCH) && end < number {
            tracing::info!("wrote {end} of {number} {what}");
        }
    }
    tracing::info!("wrote {number} {what}");
    Ok(())
}

async fn all(database: &Database, filter: &Filter) -> Result<Vec<TaskStatus>, StoreError> {
    let order = Sorters::oldest_first();
    let mut tasks = Vec::new();
    let mut cursor = None;
    loop {
        let query = PageQuery {
            filter: Some(filter),
            order: &order,
            after: cursor.as_ref(),
            offset: Offset::default(),
            limit: Limit::default(),
            count: false,
        };
        let page = page(database, query, None, None, &mut Reserved::default()).await?;
        tasks.extend(page.tasks.into_iter().filter_map(Entry::into_task));
        if page.next.is_none() {
            return Ok(tasks);
        }
        cursor = page.next;
    }
}
