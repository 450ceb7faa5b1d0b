//! `PATCH /task-status?filters=...`: completes all matching pending tasks.

use std::time::Instant;

use axum::http::HeaderMap;
use axum::{Extension, Json};

use crate::auth::audit::AuditRecord;
use crate::http::error::ApiError;
use crate::http::extract::JsonPatchContent;
use crate::http::openapi::WRITING;
use crate::http::page_params::PageParams;
use crate::http::preconditions;
use crate::http::query::Query;
use crate::http::state::AppState;
use crate::http::types::Cleared;
use crate::store::clear::{self, Completion};
use crate::task::patch;

/// A request completes tasks for this fraction of its time; the rest is for the last batch and the count.
const SHARE: u32 = 3;

/// Complete all matching pending tasks
///
/// Gives every pending task that the filter matches the status of the patch, and its time or else now. One request goes on
/// for some seconds: repeat it until `remaining` is 0.
#[utoipa::path(
    patch,
    path = "/task-status",
    operation_id = "clearTaskStatuses",
    tag = WRITING,
    params(
        ("filters" = String, Query, min_length = 1, description = "Which pending tasks to complete; there must be one."),
        ("dryRun", Query)
    ),
    request_body(
        description = "A JSON Patch that sets the status, and the time if it is not to be now: what clears a single task. \
                       `application/json` is read too.",
        content((ref("#/components/schemas/CompletionPatch") = "application/json-patch+json"))
    ),
    responses(
        (
            status = 200,
            description = "The result.",
            body = Cleared,
            example = json!({ "completed": 250, "remaining": 0, "dryRun": false })
        ),
        (status = 412)
    )
)]
pub async fn clear(
    state: AppState,
    Extension(record): Extension<AuditRecord>,
    query: Query,
    headers: HeaderMap,
    JsonPatchContent(content): JsonPatchContent,
) -> Result<Json<Cleared>, ApiError> {
    let begun = Instant::now();
    preconditions::check_list(&headers)?;
    let mut params = PageParams::new(&query);
    let filter = params.filters();
    let dry_run = params.dry_run();
    // Without a filter everything would be cleared, by mistake.
    let filter = params.require("filters", filter)?;
    let (status, completed) = patch::completion(content)?;
    let completion = Completion { status, completed };
    if dry_run {
        let matching = clear::count(&state.database, &filter).await?;
        record.counted(text(&query), matching.unsigned_abs());
        return Ok(Json(Cleared {
            completed: matching.unsigned_abs(),
            remaining: Some(matching),
            dry_run,
        }));
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
            // Earlier batches are committed: the response has to say so.
            Err(_) if completed > 0 => break,
            Err(error) => return Err(error.into()),
        }
    }
    let remaining = clear::count(&state.database, &filter).await.ok();
    Ok(Json(Cleared {
        completed,
        remaining,
        dry_run,
    }))
}

/// The filter as it was sent, for the audit record.
fn text(query: &Query) -> &str {
    query.single("filters").ok().flatten().unwrap_or_default()
}
