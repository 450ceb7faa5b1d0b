//! `PATCH /task-status?filters=...`: completes all matching pending tasks.

use std::time::Instant;

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::{AppState, list};
use crate::cause::Cause;
use crate::error::ApiError;
use crate::extract::JsonPatchContent;
use crate::query::Query;
use crate::store::clear::{self, Completion};
use crate::task::patch;

/// The part of its time that a request spends on completing; the rest is for the batch under way and the last count.
const SHARE: u32 = 3;

/// What a bulk clear has done.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cleared {
    /// How many tasks were completed; with `dryRun`, how many would be.
    completed: u64,
    /// Whether matching tasks are still pending: more than one request clears, or others are changing them.
    remaining: i64,
    dry_run: bool,
}

/// Completes the pending tasks that match `filters`, in batches for a part of the time
/// that a request may take. The content is the patch that clears a
/// single task. Safe to repeat until nothing remains.
///
/// # Errors
/// 400 without a filter, or for a patch that does anything but complete.
pub async fn clear(
    State(state): State<AppState>,
    query: Query,
    JsonPatchContent(content): JsonPatchContent,
) -> Result<Json<Cleared>, ApiError> {
    let begun = Instant::now();
    let filter = list::filter(&query)?
        // An empty filter would clear everything, and be sent by mistake.
        .ok_or_else(|| ApiError::BadContent(vec![Cause::ParameterRequired { parameter: "filters" }]))?;
    let dry_run = query
        .boolean("dryRun")
        .map_err(|cause| ApiError::BadContent(vec![cause]))?
        .unwrap_or(false);
    let (status, completed) = patch::completion(content).map_err(ApiError::BadContent)?;
    let completion = Completion { status, completed };
    if dry_run {
        let matching = clear::count(&state.database, &filter).await?;
        return Ok(Json(Cleared {
            completed: matching.unsigned_abs(),
            remaining: matching,
            dry_run,
        }));
    }
    let mut completed = 0;
    while begun.elapsed() < state.request_timeout / SHARE {
        match clear::batch(&state.database, &filter, completion).await? {
            0 => break,
            batch => completed += batch,
        }
    }
    let remaining = clear::count(&state.database, &filter).await?;
    Ok(Json(Cleared {
        completed,
        remaining,
        dry_run,
    }))
}
