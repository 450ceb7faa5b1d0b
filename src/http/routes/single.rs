//! `GET`, `HEAD` and `PATCH /task-status/{id}`: one task.

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::Utc;

use super::AppState;
use crate::auth::audit::AuditRecord;
use crate::http::error::ApiError;
use crate::http::etag::ETag;
use crate::http::extract::{JSON, JsonPatchContent, TaskId};
use crate::http::openapi::schemas::JsonPatch;
use crate::http::openapi::{self, answers, errors, parameters};
use crate::messages::cause::Cause;
use crate::store::task;
use crate::task::TaskStatus;
use crate::task::patch::TaskPatch;

/// Shows a task.
///
/// # Errors
/// 404 where there is none with this id.
#[utoipa::path(
    get,
    path = "/task-status/{id}",
    operation_id = "getTaskStatus",
    security(("bearerToken" = ["idn:task-management:read"])),
    tag = openapi::READING,
    summary = "Show a task",
    description = "One task of any state.",
    params(parameters::OneTask, parameters::IfNoneMatch, parameters::Everywhere),
    responses(answers::TaskUnlessKnown, errors::BadId, errors::NoTask, errors::Authenticator, errors::Database, errors::Everywhere)
)]
pub async fn get(
    State(state): State<AppState>,
    TaskId(id): TaskId,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let task = task::get(&state.database, &id)
        .await?
        .ok_or_else(|| ApiError::unknown_task(&id))?;
    let (etag, bytes) = representation(&task)?;
    if etag.is_known_to(&headers) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, &etag)]).into_response());
    }
    Ok(respond(StatusCode::OK, &etag, bytes))
}

/// Changes a task by JSON Patch, whole or not at all.
///
/// # Errors
/// 400 for a patch that cannot be applied, 404 where there is no such task, 412 where `If-Match` names another state.
#[utoipa::path(
    patch,
    path = "/task-status/{id}",
    operation_id = "updateTaskStatus",
    security(("bearerToken" = ["idn:task-management:write"])),
    tag = openapi::WRITING,
    summary = "Change a task, or clear a pending one",
    description = "Applies a JSON Patch (RFC 6902) to the task, whole or not at all. Completing a task sets \
                   `completionStatus` and `completed` together: a status without a time completes it now, and setting \
                   both to null reopens it. It changes the record only: no job is stopped.",
    params(parameters::OneTask, parameters::IfMatch, parameters::Everywhere),
    request_body(
        description = "At most 100 operations.",
        content((JsonPatch = "application/json-patch+json"), (JsonPatch = "application/json"))
    ),
    responses(
        answers::Task,
        errors::BadPatch,
        errors::NoTask,
        errors::Stale,
        errors::BadContent,
        errors::Authenticator, errors::Database, errors::Everywhere
    )
)]
pub async fn patch(
    State(state): State<AppState>,
    Extension(record): Extension<AuditRecord>,
    TaskId(id): TaskId,
    headers: HeaderMap,
    JsonPatchContent(content): JsonPatchContent,
) -> Result<Response, ApiError> {
    record.set_tasks(vec![id.clone()]);
    let patch = TaskPatch::read(content)?;
    let changed = task::change(&state.database, &id, |task| {
        let (etag, _) = representation(task)?;
        if !etag.satisfies_if_match(&headers) {
            let cause = Cause::EtagDiffers {
                current: etag.to_string(),
            };
            return Err(ApiError::Refused(StatusCode::PRECONDITION_FAILED, vec![cause]));
        }
        Ok(patch.apply(task, Utc::now())?)
    })
    .await?
    .ok_or_else(|| ApiError::unknown_task(&id))??;
    answer(StatusCode::OK, &changed)
}

/// A task as an answer, with its tag.
pub(super) fn answer(status: StatusCode, task: &TaskStatus) -> Result<Response, ApiError> {
    let (etag, bytes) = representation(task)?;
    Ok(respond(status, &etag, bytes))
}

fn representation(task: &TaskStatus) -> Result<(ETag, Vec<u8>), ApiError> {
    let bytes = serde_json::to_vec(task).map_err(|error| ApiError::Internal(Box::new(error)))?;
    Ok((ETag::of(&bytes), bytes))
}

fn respond(status: StatusCode, etag: &ETag, bytes: Vec<u8>) -> Response {
    (
        status,
        [(header::CONTENT_TYPE, JSON)],
        [(header::ETAG, etag)],
        bytes,
    )
        .into_response()
}
