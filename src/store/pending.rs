//! The page of pending tasks.

use serde_json::value::RawValue;
use sqlx::types::Json;

use super::{Database, StoreError};
use crate::collection::Collection;
use crate::task::{CompletionStatus, Target, TargetType, TaskDefinitionSummary, TaskStatus, TaskType};

/// A part of the pending tasks, all of it from one snapshot of the database.
#[derive(Debug)]
pub struct PendingPage {
    /// Oldest first: by `created`, then by `id`.
    pub tasks: Vec<TaskStatus>,
    /// How many tasks are pending; known only if it was asked for.
    pub total: Option<i64>,
    /// Whether nothing at all is pending, on this page or any other.
    pub nothing_pending: bool,
}

/// Reads a page of the pending tasks, and their exact number if `collection.count` is set.
///
/// One statement, hence one snapshot. The page is found on the narrow index alone and its rows are fetched after: with
/// `limit` and `offset` on whole rows the planner turns to sorting all of them when the offset is deep. `limit 1` in the
/// lateral join keeps the planner from merging it back into such a plan, and `any` is asked for by order because an
/// `exists` would scan the table when most of it is believed to be pending.
///
/// # Errors
/// The database is unavailable, or the statement took too long.
pub async fn page(database: &Database, collection: Collection) -> Result<PendingPage, StoreError> {
    let mut connection = database.connection().await?;
    let rows = sqlx::query!(
        r#"
        with place as (
            select created, id
            from task_status
            where completion_status is null
            order by created, id
            limit $1 offset $2
        ), page as (
            select task.*
            from place
            cross join lateral (select * from task_status where id = place.id limit 1) as task
        ), pending as (
            select
                (select id from task_status where completion_status is null order by created, id limit 1) is not null as any,
                case when $3 then (select count(*) from task_status where completion_status is null) end as total
        )
        select
            pending.any as "any!",
            pending.total,
            id as "id?",
            type as "task_type?: TaskType",
            unique_name as "unique_name?",
            description as "description?",
            parent_name,
            launcher as "launcher?",
            target_id,
            target_type as "target_type: TargetType",
            target_name,
            created as "created?",
            modified as "modified?",
            launched,
            completed,
            completion_status as "completion_status: CompletionStatus",
            messages as "messages?: Json<Box<RawValue>>",
            returns as "returns?: Json<Box<RawValue>>",
            attributes as "attributes?: Json<Box<RawValue>>",
            progress,
            percent_complete as "percent_complete?",
            task_definition_summary as "task_definition_summary: Json<TaskDefinitionSummary>"
        from pending
        left join page on true
        order by created, id
        "#,
        collection.limit.get(),
        collection.offset.get(),
        collection.count,
    )
    .fetch_all(&mut *connection)
    .await?;
    connection.finish();

    let summary = rows.first().map(|row| (row.any, row.total));
    let tasks = rows
        .into_iter()
        // An empty page is one row without a task; the columns that `?` guards here are never null otherwise.
        .filter_map(|row| {
            Some(TaskStatus {
                id: row.id?,
                r#type: row.task_type?,
                unique_name: row.unique_name?,
                description: row.description?,
                parent_name: row.parent_name,
                launcher: row.launcher?,
                target: row.target_id.zip(row.target_name).map(|(id, name)| Target {
                    id,
                    r#type: row.target_type,
                    name,
                }),
                created: row.created?,
                modified: row.modified?,
                launched: row.launched,
                completed: row.completed,
                completion_status: row.completion_status,
                messages: row.messages?.0,
                returns: row.returns?.0,
                attributes: row.attributes?.0,
                progress: row.progress,
                percent_complete: row.percent_complete?,
                task_definition_summary: row.task_definition_summary.map(|summary| summary.0),
            })
        })
        .collect();
    let (any, total) = summary.unwrap_or((false, collection.count.then_some(0)));
    Ok(PendingPage {
        tasks,
        total,
        nothing_pending: !any,
    })
}
