//! Wire types of the API that are neither a task nor an error.

use serde::Serialize;
use utoipa::ToSchema;

use crate::store::report::Outcome;
use crate::task::TaskStatus;

/// The result of one task of a batch.
#[derive(Debug, Serialize, ToSchema)]
pub struct Reported {
    /// The task's id.
    pub id: String,
    pub outcome: Outcome,
}

/// The result of a report in JSON.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum ReportResult {
    /// One task was sent: the task as it is stored now.
    Task(Box<TaskStatus>),
    /// An array was sent: an outcome for each task, in the same order.
    Batch(Vec<Reported>),
}

/// The result of a bulk clear.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cleared {
    /// How many tasks were completed; with `dryRun`, how many would be.
    #[schema(minimum = 0)]
    pub completed: u64,
    /// How many matching tasks are still pending, for the next request; null if there was no time to count them.
    #[schema(minimum = 0, required)]
    pub remaining: Option<i64>,
    /// Whether this only counted.
    pub dry_run: bool,
}
