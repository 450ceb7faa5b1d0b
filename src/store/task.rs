//! One task: read it, or change it under a lock.

use std::sync::LazyLock;

use futures_util::TryStreamExt;
use sqlx::{AssertSqlSafe, PgConnection};

use super::row::{COLUMN_NAMES, STORED, arguments, given, list};
use super::{Database, StoreError};
use crate::task::TaskStatus;

/// Columns that a change leaves alone.
const IMMUTABLE: [&str; 7] = [
    "id",
    "type",
    "unique_name",
    "parent_name",
    "launcher",
    "created",
    "task_definition_summary",
];

/// Writes all else of a task, and returns it as it is stored. `modified` becomes now.
static UPDATE: LazyLock<String> = LazyLock::new(|| {
    let given = given();
    let mutable = || COLUMN_NAMES.iter().filter(|column| !IMMUTABLE.contains(column));
    let columns = list(mutable(), str::to_owned);
    let value = |column: &str| match column {
        "modified" => "task_status_advanced(task_status.modified, now())".to_owned(),
        _ => format!("given.{column}"),
    };
    let values = list(mutable(), value);
    format!(
        "update task_status set ({columns}) = ({values})
        from ({given}) as given
        where task_status.id = given.id
        returning {STORED}"
    )
});

/// The task with this id.
pub async fn get(database: &Database, id: &str) -> Result<Option<TaskStatus>, StoreError> {
    let mut connection = database.connection().await?;
    let task = database.bounded(select(&mut connection, id, "")).await;
    connection.release(task).await
}

/// Passes each of the tasks with these ids to `take`.
pub async fn each(
    database: &Database,
    ids: &[&str],
    mut take: impl FnMut(TaskStatus),
) -> Result<(), StoreError> {
    let mut connection = database.connection().await?;
    let reading = async {
        let select = AssertSqlSafe(format!("select {STORED} from task_status where id = any($1)"));
        let mut tasks = sqlx::query_as(select).bind(ids).fetch(&mut *connection);
        while let Some(task) = tasks.try_next().await? {
            take(task);
        }
        Ok(())
    };
    let read = database.bounded(reading).await;
    connection.release(read).await
}

/// Changes the task with this id: `change` gets the stored task, which is locked meanwhile, and the task that it returns
/// is stored. If it returns an error nothing is changed, and the error is handed on.
pub async fn change<E>(
    database: &Database,
    id: &str,
    change: impl FnOnce(&TaskStatus) -> Result<TaskStatus, E>,
) -> Result<Option<Result<TaskStatus, E>>, StoreError> {
    let mut connection = database.connection().await?;
    connection.begin().await?;
    let task = match database.bounded(select(&mut connection, id, "for update")).await {
        Ok(task) => task,
        Err(error) => return connection.release(Err(error)).await,
    };
    let outcome = match task.map(|task| change(&task)) {
        Some(Ok(changed)) => {
            let values = arguments(&[&changed.into()]).map_err(sqlx::Error::Encode)?;
            let update = sqlx::query_as_with(UPDATE.as_str(), values).fetch_one(&mut *connection);
            let stored = database.bounded(update).await;
            Some(Ok(stored.map_err(|error| StoreError::from(error).of_write())?))
        }
        other => other,
    };
    connection.finish().await?;
    Ok(outcome)
}

pub(super) async fn select(
    connection: &mut PgConnection,
    id: &str,
    lock: &str,
) -> sqlx::Result<Option<TaskStatus>> {
    sqlx::query_as(AssertSqlSafe(format!(
        "select {STORED} from task_status where id = $1 {lock}"
    )))
    .bind(id)
    .fetch_optional(connection)
    .await
}
