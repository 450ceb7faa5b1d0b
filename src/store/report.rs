//! Writing tasks: what executors report.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;

use super::{Database, StoreError};
use crate::task::{CompletionStatus, TargetType, TaskStatus, TaskType};

/// What became of a reported task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Outcome {
    /// There was none with this id.
    Created,
    /// It took the place of what was stored.
    Replaced,
    /// What is stored is newer by `modified`; nothing was changed.
    Superseded,
}

impl Outcome {
    /// Whether what is stored now is what was reported.
    pub fn is_stored(self) -> bool {
        self != Self::Superseded
    }
}

/// Writes each task whole, made or replaced, in one statement: all of them or, where one breaks a constraint, none.
/// It stays as old as it was, and it ended when the first report with its status says: an executor need not remember
/// either. A report that is older by `modified` than what is stored changes nothing. Of several with the same id the newest
/// counts, of equally new ones the last.
///
/// # Errors
/// The database is unavailable, the statement took too long, or a task breaks a constraint.
pub async fn report(database: &Database, tasks: &[TaskStatus]) -> Result<Vec<Outcome>, StoreError> {
    let mut newest: HashMap<&str, &TaskStatus> = HashMap::with_capacity(tasks.len());
    for task in tasks {
        let known = newest.entry(&task.id).or_insert(task);
        if task.modified >= known.modified {
            *known = task;
        }
    }
    // In the order of ids, so that two batches that share some wait for each other and do not deadlock.
    let mut batch: Vec<&TaskStatus> = newest.values().copied().collect();
    batch.sort_unstable_by_key(|task| &task.id);

    let mut connection = database.connection().await?;
    let outcomes = write(&mut connection, &batch).await;
    let outcomes = connection.release(outcomes)?;
    Ok(tasks
        .iter()
        .map(|task| match outcomes.get(&task.id) {
            Some(outcome) if std::ptr::eq(newest[task.id.as_str()], task) => *outcome,
            _ => Outcome::Superseded,
        })
        .collect())
}

/// Returns what was created or replaced, by id.
async fn write(
    connection: &mut PgConnection,
    tasks: &[&TaskStatus],
) -> Result<HashMap<String, Outcome>, sqlx::Error> {
    /// A column of the batch as PostgreSQL's `unnest` takes it.
    fn column<'a, T>(tasks: &[&'a TaskStatus], of: impl Fn(&'a TaskStatus) -> T) -> Vec<T> {
        tasks.iter().copied().map(of).collect()
    }

    let rows = sqlx::query!(
        r#"
        insert into task_status (
            id, type, unique_name, description, parent_name, launcher, target_id, target_type, target_name,
            created, modified, launched, completed, completion_status,
            messages, returns, attributes, progress, percent_complete, task_definition_summary)
        select
            id, type, unique_name, description, parent_name, launcher, target_id, target_type, target_name,
            created, modified, launched, completed, completion_status,
            messages::jsonb, returns::jsonb, attributes::jsonb, progress, percent_complete,
            task_definition_summary::jsonb
        from unnest(
            $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
            $10::timestamptz[], $11::timestamptz[], $12::timestamptz[], $13::timestamptz[], $14::text[],
            $15::text[], $16::text[], $17::text[], $18::text[], $19::integer[], $20::text[]
        ) as task (
            id, type, unique_name, description, parent_name, launcher, target_id, target_type, target_name,
            created, modified, launched, completed, completion_status,
            messages, returns, attributes, progress, percent_complete, task_definition_summary)
        on conflict (id) do update set (
            type, unique_name, description, parent_name, launcher, target_id, target_type, target_name,
            created, modified, launched, completed, completion_status,
            messages, returns, attributes, progress, percent_complete, task_definition_summary
        ) = (
            excluded.type, excluded.unique_name, excluded.description, excluded.parent_name, excluded.launcher,
            excluded.target_id, excluded.target_type, excluded.target_name,
            least(task_status.created, excluded.created), excluded.modified, excluded.launched,
            case when task_status.completion_status = excluded.completion_status
                then least(task_status.completed, excluded.completed) else excluded.completed end,
            excluded.completion_status, excluded.messages, excluded.returns, excluded.attributes, excluded.progress, excluded.percent_complete,
            excluded.task_definition_summary)
        where task_status.modified <= excluded.modified
        -- A row that was inserted has had no other version.
        returning id, xmax = 0 as "created!"
        "#,
        &column(tasks, |task| task.id.clone()),
        &column(tasks, |task| task.r#type) as &[TaskType],
        &column(tasks, |task| task.unique_name.clone()),
        &column(tasks, |task| task.description.clone()),
        &column(tasks, |task| task.parent_name.clone()) as &[Option<String>],
        &column(tasks, |task| task.launcher.clone()),
        &column(tasks, |task| task.target.as_ref().map(|target| target.id.clone())) as &[Option<String>],
        &column(tasks, |task| task.target.as_ref().and_then(|target| target.r#type)) as &[Option<TargetType>],
        &column(tasks, |task| task.target.as_ref().map(|target| target.name.clone())) as &[Option<String>],
        &column(tasks, |task| task.created),
        &column(tasks, |task| task.modified),
        &column(tasks, |task| task.launched) as &[Option<DateTime<Utc>>],
        &column(tasks, |task| task.completed) as &[Option<DateTime<Utc>>],
        &column(tasks, |task| task.completion_status) as &[Option<CompletionStatus>],
        &column(tasks, |task| task.messages.get().to_owned()),
        &column(tasks, |task| task.returns.get().to_owned()),
        &column(tasks, |task| task.attributes.get().to_owned()),
        &column(tasks, |task| task.progress.clone()) as &[Option<String>],
        &column(tasks, |task| task.percent_complete),
        &column(tasks, |task| task
            .task_definition_summary
            .as_ref()
            .and_then(|summary| serde_json::to_string(summary).ok())) as &[Option<String>],
    )
    .fetch_all(connection)
    .await?;
    let outcome = |created| {
        if created {
            Outcome::Created
        } else {
            Outcome::Replaced
        }
    };
    Ok(rows
        .into_iter()
        .map(|row| (row.id, outcome(row.created)))
        .collect())
}
