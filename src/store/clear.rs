//! Bulk clear: completes pending tasks that match a filter, in small batches.

use chrono::{DateTime, Utc};
use sqlx::QueryBuilder;

use super::{Database, StoreError};
use crate::listing::filter::Filter;
use crate::task::CompletionStatus;

/// Tasks completed with one statement.
const BATCH: i64 = 1000;

/// How matching tasks are completed.
#[derive(Debug, Clone, Copy)]
pub struct Completion {
    pub status: CompletionStatus,
    /// None is the time of the statement.
    pub completed: Option<DateTime<Utc>>,
}

/// How many pending tasks match.
///
/// # Errors
/// The database is unavailable, or the statement took too long.
pub async fn count(database: &Database, filter: &Filter) -> Result<i64, StoreError> {
    let mut connection = database.connection().await?;
    let mut sql = QueryBuilder::new("select count(*) from task_status where completion_status is null and ");
    filter.push_sql(&mut sql);
    let count = sql
        .build_query_scalar()
        .persistent(false)
        .fetch_one(&mut *connection)
        .await;
    connection.release(count)
}

/// Completes one batch of the pending tasks that match, the oldest first, and returns their ids. None means
/// that none is left but those that somebody else is changing at the moment.
///
/// # Errors
/// The database is unavailable, or the statement took too long; then none of the batch is completed.
pub async fn batch(
    database: &Database,
    filter: &Filter,
    completion: Completion,
) -> Result<Vec<String>, StoreError> {
    let mut connection = database.connection().await?;
    let mut sql =
        QueryBuilder::new("with batch as (select id from task_status where completion_status is null and ");
    filter.push_sql(&mut sql);
    sql.push(" order by created, id limit ").push_bind(BATCH);
    sql.push(" for update skip locked) update task_status set completion_status = ")
        .push_bind(completion.status);
    sql.push(", completed = coalesce(")
        .push_bind(completion.completed);
    sql.push(", now()), modified = greatest(modified, now()) from batch where task_status.id = batch.id returning task_status.id");
    let done = sql
        .build_query_scalar()
        .persistent(false)
        .fetch_all(&mut *connection)
        .await;
    connection.release(done)
}
