//! Rows of `task_status`: the only place that knows which column holds which field.

use serde_json::value::RawValue;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::types::Json;
use sqlx::{Arguments, FromRow, Row};

use crate::task::report::Report;
use crate::task::{Target, TaskDefinitionSummary, TaskStatus};

/// Defines the columns, how each is read, and the value of each for a report.
macro_rules! columns {
    ($first:literal $first_cast:literal: $first_value:expr, $($name:literal $cast:literal: $value:expr,)*) => {
        /// All columns, in the order in which [`arguments`] binds them.
        pub(super) const COLUMN_NAMES: &[&str] = &[$first, $($name),*];

        /// The same as a list in SQL, to write them.
        pub(super) const COLUMNS: &str = concat!($first, $(", ", $name),*);

        /// The columns of `task_status` as a list in SQL, to read them as a [`TaskStatus`]. It names their types: a
        /// session refuses to run a prepared statement whose result has another type than when it was prepared, so a
        /// statement with the table's own types would not survive a change of one.
        pub(super) const STORED: &str = concat!(
            "task_status.", $first, $first_cast,
            $(", task_status.", $name, $cast),*
        );

        /// The values of these reports, an array for each column: [`given`] makes rows of them.
        pub(super) fn arguments(reports: &[&Report]) -> Result<PgArguments, BoxDynError> {
            fn column<'a, T>(reports: &[&'a Report], value: impl Fn(&'a Report) -> T) -> Vec<T> {
                reports.iter().map(|report| value(report)).collect()
            }
            let mut arguments = PgArguments::default();
            arguments.add(column(reports, $first_value))?;
            $(arguments.add(column(reports, $value))?;)*
            Ok(arguments)
        }
    };
}

columns! {
    "id" "::text collate \"C\"": |report| report.task.id.as_str(),
    "type" "::text collate \"C\"": |report| report.task.r#type,
    "unique_name" "::text collate \"C\"": |report| report.task.unique_name.as_str(),
    "description" "::text collate \"C\"": |report| report.task.description.as_str(),
    "parent_name" "::text collate \"C\"": |report| report.task.parent_name.as_deref(),
    "launcher" "::text collate \"C\"": |report| report.task.launcher.as_str(),
    "target_id" "::text collate \"C\"": |report| report.task.target.as_ref().map(|target| target.id.as_str()),
    "target_type" "::text collate \"C\"": |report| report.task.target.as_ref().and_then(|target| target.r#type),
    "target_name" "::text collate \"C\"": |report| report.task.target.as_ref().map(|target| target.name.as_str()),
    "created" "::timestamptz": |report| report.created,
    "modified" "::timestamptz": |report| report.modified,
    "launched" "::timestamptz": |report| report.task.launched,
    "completed" "::timestamptz": |report| report.task.completed,
    "completion_status" "::text collate \"C\"": |report| report.task.completion_status,
    "messages" "::jsonb": |report| Json(&report.task.messages),
    "returns" "::jsonb": |report| Json(&report.task.returns),
    "attributes" "::jsonb": |report| Json(&report.task.attributes),
    "progress" "::text collate \"C\"": |report| report.task.progress.as_deref(),
    "percent_complete" "::integer": |report| report.task.percent_complete,
    "task_definition_summary" "::jsonb": |report| report.task.task_definition_summary.as_ref().map(Json),
}

/// Columns of type `jsonb`.
pub(super) const JSON_COLUMNS: [&str; 4] = ["messages", "returns", "attributes", "task_definition_summary"];

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

/// Some columns as a list in SQL, each in the form that `sql` gives it.
pub(super) fn list<'a>(
    columns: impl IntoIterator<Item = &'a &'a str>,
    sql: impl Fn(&str) -> String,
) -> String {
    let columns: Vec<String> = columns.into_iter().map(|column| sql(column)).collect();
    columns.join(", ")
}

/// A query whose rows are the tasks that [`arguments`] has bound.
pub(super) fn given() -> String {
    let values: Vec<String> = (1..)
        .zip(COLUMN_NAMES)
        .map(|(number, column)| format!("unnest(${number}) as {column}"))
        .collect();
    format!("select {}", values.join(", "))
}
