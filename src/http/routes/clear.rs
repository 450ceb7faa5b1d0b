//! `PATCH /task-status?filters=...`: completes all matching pending tasks.

use std::time::Instant;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Serialize;
use utoipa::ToSchema;

use super::{AppState, list};
use crate::auth::audit::AuditRecord;
use crate::http::error::ApiError;
use crate::http::extract::JsonPatchContent;
use crate::http::openapi::schemas::CompletionPatch;
use crate::http::openapi::{self, answers, errors, parameters};
use crate::http::query::Query;
use crate::messages::cause::Cause;
use crate::store::clear::{self, Completion};
use crate::task::patch;

/// The part of its time that a request spends on completing; the rest is for the batch under way and the last count.
const SHARE: u32 = 3;

/// What a bulk clear has done.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cleared {
    /// How many tasks were completed; with `dryRun`, how many would be.
    #[schema(minimum = 0)]
    completed: u64,
    /// How many matching tasks are still pending, for the next request; null where there was no time to count them.
    #[schema(minimum = 0, required)]
    remaining: Option<i64>,
    /// Whether this only counted.
    dry_run: bool,
}

/// Completes the pending tasks that match `filters`, in batches for a part of the time
/// that a request may take. The content is the patch that clears a
/// single task. Safe to repeat until nothing remains.
///
/// # Errors
/// 400 without a filter, or for a patch that does anything but complete.
#[utoipa::path(
    patch,
    path = "/task-status",
    operation_id = "clearTaskStatuses",
    security(("bearerToken" = ["idn:task-management:write"])),
    tag = openapi::WRITING,
    summary = "Complete all matching pending tasks",
    description = "Gives every pending task that the filter matches the status of the patch, and its time or else now. \
                   One request goes on for some seconds: repeat it until `remaining` is 0.",
    params(parameters::Clear, parameters::Everywhere),
    request_body(
        description = "A JSON Patch that sets the status, and the time if it is not to be now: what clears a single task.",
        content((CompletionPatch = "application/json-patch+json"), (CompletionPatch = "application/json"))
    ),
    responses(answers::ClearedTasks, errors::BadClear, errors::BadContent, errors::Authenticator, errors::Database, errors::Everywhere)
)]
pub async fn clear(
    State(state): State<AppState>,
    Extension(record): Extension<AuditRecord>,
    query: Query,
    JsonPatchContent(content): JsonPatchContent,
) -> Result<Response, ApiError> {
    let begun = Instant::now();
    let mut causes = Vec::new();
    let filter = list::filter(&query, &mut causes);
    let dry_run = query.boolean("dryRun").unwrap_or_else(|cause| {
        causes.push(cause);
        None
    });
    let Some(filter) = filter.filter(|_| causes.is_empty()) else {
        // An empty filter would clear everything, and be sent by mistake.
        if causes.is_empty() {
            causes.push(Cause::ParameterRequired { parameter: "filters" });
        }
        return Err(ApiError::of_query(causes));
    };
    let (status, completed) = patch::completion(content)?;
    let completion = Completion { status, completed };
    let dry_run = dry_run.unwrap_or(false);
    if dry_run {
        let matching = clear::count(&state.database, &filter).await?;
        record.counted(text(&query), matching.unsigned_abs());
        let counted = Cleared {
            completed: matching.unsigned_abs(),
            remaining: Some(matching),
            dry_run,
        };
        return Ok(Json(counted).into_response());
    }
    record.clears(text(&query));
    let mut completed = 0;
    while begun.elapsed() < state.request_timeout / SHARE {
        match clear::batch(&state.database, &filter, completion).await {
            Ok(batch) if batch.is_empty() => break,
            Ok(batch) => {
                record.log_partial(&batch);
                completed += batch.len() as u64;
            }
            // What was completed until now is, and has to be said.
            Err(_) if completed > 0 => break,
            Err(error) => return Err(error.into()),
        }
    }
    let remaining = clear::count(&state.database, &filter).await.ok();
    let cleared = Cleared {
        completed,
        remaining,
        dry_run,
    };
    Ok(Json(cleared).into_response())
}

/// The filter as it was sent.
fn text(query: &Query) -> &str {
    query.single("filters").ok().flatten().unwrap_or_default()
}
