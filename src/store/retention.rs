//! Retention: tasks that have given no sign of life for long enough are deleted, pending or not.
//!
//! In small batches, each a transaction of its own, so that writers do not wait; and by one process at a time, the one
//! that holds the advisory lock.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Database, StoreError};

/// The key of the advisory lock: any number that nothing else uses.
const LOCK: i64 = 0x7461_736b_5f73_7461;
/// Tasks deleted with one statement.
const BATCH: i64 = 1000;

/// The number of tasks that have given no sign of life since `before`.
pub async fn count(database: &Database, before: DateTime<Utc>) -> Result<i64, StoreError> {
    let mut connection = database.connection().await?;
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from task_status where modified < $1"#,
        before
    )
    .fetch_one(&mut *connection);
    let count = database.bounded(count).await;
    connection.release(count).await
}

/// Deletes the tasks that have given no sign of life since `before`, and calls `deleted` with the size of each batch.
/// Returns false, and stops, if another process is deleting. Batches that were deleted before an error stay deleted.
pub async fn prune(
    database: &Database,
    before: DateTime<Utc>,
    mut deleted: impl FnMut(u64),
) -> Result<bool, StoreError> {
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
            before,
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

/// The begin of a window of this length that ends now.
pub fn window_begins(window: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(window)
        .ok()
        .and_then(|window| Utc::now().checked_sub_signed(window))
        .unwrap_or(DateTime::<Utc>::MIN_UTC)
}
