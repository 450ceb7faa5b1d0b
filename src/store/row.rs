//! A row of `task_status` as a task status: the one place that knows which column is which field.

use serde_json::value::RawValue;
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{FromRow, Row};

use crate::task::{Target, TaskDefinitionSummary, TaskStatus};

/// All that a task is made of. A statement that names them can be kept when a migration adds another.
pub(super) const COLUMNS: &str = "id, type, unique_name, description, parent_name, launcher, target_id, target_type, \
    target_name, created, modified, launched, completed, completion_status, messages, returns, attributes, progress, \
    percent_complete, task_definition_summary";

impl FromRow<'_, PgRow> for TaskStatus {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let json = |column| row.try_get(column).map(|Json(raw): Json<Box<RawValue>>| raw);
        let target_id: Option<String> = row.try_get("target_id")?;
        let target_type = row.try_get("target_type")?;
        Ok(Self {
            id: row.try_get("id")?,
            r#type: row.try_get("type")?,
            unique_name: row.try_get("unique_name")?,
            description: row.try_get("description")?,
            parent_name: row.try_get("parent_name")?,
            launcher: row.try_get("launcher")?,
            target: target_id
                .zip(row.try_get("target_name")?)
                .map(|(id, name)| Target {
                    id,
                    r#type: target_type,
                    name,
                }),
            created: row.try_get("created")?,
            modified: row.try_get("modified")?,
            launched: row.try_get("launched")?,
            completed: row.try_get("completed")?,
            completion_status: row.try_get("completion_status")?,
            messages: json("messages")?,
            returns: json("returns")?,
            attributes: json("attributes")?,
            progress: row.try_get("progress")?,
            percent_complete: row.try_get("percent_complete")?,
            task_definition_summary: row
                .try_get::<Option<Json<TaskDefinitionSummary>>, _>("task_definition_summary")?
                .map(|Json(summary)| summary),
        })
    }
}

/// The task of a row that an outer join may have left without one.
pub(super) fn optional_task(row: &PgRow) -> sqlx::Result<Option<TaskStatus>> {
    if row.try_get::<Option<&str>, _>("id")?.is_some() {
        TaskStatus::from_row(row).map(Some)
    } else {
        Ok(None)
    }
}
