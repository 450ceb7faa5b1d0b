//! Retention: tasks that have given no sign of life for long enough are deleted, pending or not.
//!
//! In small batches, each a transaction of its own, so that writers do not wait; and by one process at a time, the one
//! that holds the advisory lock.
//!
//! Time is the database's. If its clock, or the window, is wrong by far, most tasks seem to have expired; such a run needs
//! somebody's confirmation.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Database, StoreError};

/// The key of the advisory lock: any number that nothing else uses.
const LOCK: i64 = 0x7461_736b_5f73_7461;
/// Tasks deleted with one statement.
const BATCH: i64 = 1000;

/// A run that would delete more tasks than this, and more than it keeps, is implausible.
const MAX_UNQUESTIONED: i64 = 10;
/// How many tasks are counted at first to compare those that expired with those that did not.
const COUNTED_AT_FIRST: i64 = 1000;
/// A longer window reaches beyond the first time that PostgreSQL knows.
const MAX_WINDOW: Duration = Duration::from_hours(6000 * 365 * 24);

/// The tasks that one run deletes: those that gave no sign of life during a window, which ends when the run begins.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// By the database's clock. A clock that jumps during the run changes nothing.
    before: DateTime<Utc>,
    /// How many tasks expired, and how many did not. Neither is counted further than it takes to see which are more.
    pub expired: i64,
    pub kept: i64,
}

impl Run {
    pub async fn new(database: &Database, window: Duration) -> Result<Self, StoreError> {
        let mut connection = database.connection().await?;
        let window = window.min(MAX_WINDOW).as_secs_f64();
        let before = sqlx::query_scalar!(r#"select now() - make_interval(secs => $1) as "before!""#, window)
            .fetch_one(&mut *connection);
        let before = database.bounded(before).await;
        let before = connection.release(before).await?;
        Self::until(database, before).await
    }

    /// The run that somebody has to confirm before this one deletes anything: this one, or a `former` one that was not
    /// confirmed. Its tasks wait even if newer ones outnumber them by now.
    pub async fn question(
        self,
        former: Option<Self>,
        database: &Database,
    ) -> Result<Option<Self>, StoreError> {
        if let Some(former) = former
            && former.before <= self.before
            && Self::until(database, former.before).await?.expired > MAX_UNQUESTIONED
        {
            return Ok(Some(former));
        }
        Ok(self.is_implausible().then_some(self))
    }

    async fn until(database: &Database, before: DateTime<Utc>) -> Result<Self, StoreError> {
        let mut connection = database.connection().await?;
        let mut limit = COUNTED_AT_FIRST;
        loop {
            // The order makes the planner use the index, however many rows it expects.
            let counts = sqlx::query!(
                r#"
                select
                    (select count(*) from (
                        select from task_status where modified < $1 order by modified limit $2
                    ) as expired) as "expired!",
                    (select count(*) from (
                        select from task_status where modified >= $1 order by modified limit $2
                    ) as kept) as "kept!"
                "#,
                before,
                limit,
            )
            .fetch_one(&mut *connection);
            let counts = database.bounded(counts).await?;
            if counts.expired < limit || counts.kept < limit {
                connection.finish().await?;
                return Ok(Self {
                    before,
                    expired: counts.expired,
                    kept: counts.kept,
                });
            }
            limit *= 8;
        }
    }

    /// Whether more than half of all tasks expired. Then a clock or the window is likelier to be wrong than the tasks to
    /// be old.
    pub fn is_implausible(&self) -> bool {
        self.expired > MAX_UNQUESTIONED && self.expired > self.kept
    }
}

/// The number of tasks that the run would delete.
pub async fn count(database: &Database, run: Run) -> Result<i64, StoreError> {
    let mut connection = database.connection().await?;
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from task_status where modified < $1"#,
        run.before
    )
    .fetch_one(&mut *connection);
    let count = database.bounded(count).await;
    connection.release(count).await
}

/// Deletes the tasks of the run, plausible or not, and calls `deleted` with the size of each batch. Returns false, and
/// stops, if another process is deleting. Batches that were deleted before an error stay deleted.
pub async fn prune(database: &Database, run: Run, mut deleted: impl FnMut(u64)) -> Result<bool, StoreError> {
    loop {
        let mut connection = database.connection().await?;
        // The lock lasts for the transaction, so it works through a transaction pooler and cannot be left behind.
        let batch = sqlx::query!(
            r#"
            with turn as materialized (select pg_try_advisory_xact_lock($3) as mine),
            old as (
                select id from task_status
                where modified < $1 and (select mine from turn)
                order by modified, id
                limit $2
                for update skip locked
            ), deleted as (
                delete from task_status using old where task_status.id = old.id returning task_status.id
            )
            select mine as "mine!", (select count(*) from deleted) as "deleted!" from turn
            "#,
            run.before,
            BATCH,
            LOCK,
        )
        .fetch_one(&mut *connection);
        let batch = database.bounded(batch).await;
        let batch = connection.release(batch).await?;
        deleted(batch.deleted.unsigned_abs());
        if !batch.mine || batch.deleted < BATCH {
            return Ok(batch.mine);
        }
    }
}
