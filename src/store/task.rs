//! One task: read it, or change it under a lock.

use sqlx::postgres::PgArguments;
use sqlx::query::QueryAs;
use sqlx::{Connection, Postgres, Transaction};

use super::{Database, StoreError};
use crate::task::{CompletionStatus, TargetType, TaskStatus};

/// The task with this id.
///
/// # Errors
/// The database is unavailable, or the statement took too long.
pub async fn get(database: &Database, id: &str) -> Result<Option<TaskStatus>, StoreError> {
    let mut connection = database.connection().await?;
    let task = whole(id).fetch_optional(&mut *connection).await;
    connection.release(task)
}

/// Changes the task with this id: `change` is given the task as it is, nobody else can change it meanwhile, and what
/// `change` returns is stored. Where it returns an error nothing is changed and the error is handed on.
///
/// # Errors
/// The database is unavailable, the statement took too long, or the outcome breaks a constraint.
pub async fn change<E>(
    database: &Database,
    id: &str,
    change: impl FnOnce(&TaskStatus) -> Result<TaskStatus, E>,
) -> Result<Option<Result<TaskStatus, E>>, StoreError> {
    let mut connection = database.connection().await?;
    let mut transaction = connection.begin().await?;
    let task: Option<TaskStatus> = sqlx::query_as("select * from task_status where id = $1 for update")
        .persistent(false)
        .bind(id)
        .fetch_optional(&mut *transaction)
        .await?;
    let outcome = match task.map(|task| change(&task)) {
        Some(Ok(changed)) => Some(Ok(store(&mut transaction, changed).await?)),
        other => other,
    };
    transaction.commit().await?;
    connection.finish();
    Ok(outcome)
}

/// Writes what of a task can change, and returns it as it is stored.
async fn store(
    transaction: &mut Transaction<'_, Postgres>,
    task: TaskStatus,
) -> Result<TaskStatus, StoreError> {
    let target = task.target.as_ref();
    sqlx::query!(
        "
        update task_status
        set description = $2, target_id = $3, target_type = $4, target_name = $5, modified = $6, launched = $7,
            completed = $8, completion_status = $9, messages = $10::text::jsonb, returns = $11::text::jsonb,
            attributes = $12::text::jsonb, progress = $13, percent_complete = $14
        where id = $1
        ",
        task.id,
        task.description,
        target.map(|target| target.id.as_str()),
        target.and_then(|target| target.r#type) as Option<TargetType>,
        target.map(|target| target.name.as_str()),
        task.modified,
        task.launched,
        task.completed,
        task.completion_status as Option<CompletionStatus>,
        task.messages.get(),
        task.returns.get(),
        task.attributes.get(),
        task.progress,
        task.percent_complete,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(whole(&task.id).fetch_one(&mut **transaction).await?)
}

/// Every column of a task. Planned anew each time: a plan from before a migration would refuse to give a new column.
fn whole(id: &str) -> QueryAs<'_, Postgres, TaskStatus, PgArguments> {
    sqlx::query_as("select * from task_status where id = $1")
        .persistent(false)
        .bind(id)
}
