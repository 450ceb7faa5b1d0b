//! Bulk clear: completes pending tasks that match a filter, in small batches.

use chrono::{DateTime, Utc};
use sqlx::postgres::PgArguments;
use sqlx::{Arguments, AssertSqlSafe};

use super::statement::condition;
use super::{Database, StoreError};
use crate::listing::filter::Filter;
use crate::task::CompletionStatus;

/// Tasks completed with one statement.
const BATCH: i64 = 1000;

const COUNT: &str = "select count(*) from task_status where completion_status is null and {filter}";

const COMPLETE: &str = "
with batch as (
    select id
    from task_status
    where completion_status is null and {filter}
    order by created, id
    limit $1
    for update skip locked
)
update task_status
set completion_status = $2, completed = coalesce($3, now()), modified = task_status_advanced(modified, now())
from batch
where task_status.id = batch.id
returning task_status.id::text collate \"C\"
";

/// How matching tasks are completed.
#[derive(Debug, Clone, Copy)]
pub struct Completion {
    pub status: CompletionStatus,
    /// Without it, the time of the statement.
    pub completed: Option<DateTime<Utc>>,
}

/// How many pending tasks match.
pub async fn count(database: &Database, filter: &Filter) -> Result<i64, StoreError> {
    let (filter, arguments) = condition(PgArguments::default(), |sql| filter.push_sql(sql))?;
    let statement = COUNT.replace("{filter}", &filter);
    let mut connection = database.connection().await?;
    let count = sqlx::query_scalar_with(AssertSqlSafe(statement), arguments)
        .persistent(false)
        .fetch_one(&mut *connection);
    let count = database.bounded(count).await;
    connection.release(count).await
}

/// Completes one batch of the pending tasks that match, the oldest first, and returns their ids. An empty batch means
/// that none is left, except those that are being changed at the moment. After an error none of the batch is completed.
pub async fn batch(
    database: &Database,
    filter: &Filter,
    completion: Completion,
) -> Result<Vec<String>, StoreError> {
    let mut arguments = PgArguments::default();
    arguments
        .add(BATCH)
        .and_then(|()| arguments.add(completion.status))
        .and_then(|()| arguments.add(completion.completed))
        .map_err(sqlx::Error::Encode)?;
    let (filter, arguments) = condition(arguments, |sql| filter.push_sql(sql))?;
    let statement = COMPLETE.replace("{filter}", &filter);
    let mut connection = database.connection().await?;
    let done = sqlx::query_scalar_with(AssertSqlSafe(statement), arguments)
        .persistent(false)
        .fetch_all(&mut *connection);
    let done = database.bounded(done).await;
    connection.release(done).await.map_err(StoreError::of_write)
}
