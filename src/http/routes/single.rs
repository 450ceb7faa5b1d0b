//! `GET`, `HEAD` and `PATCH /task-status/{id}`.

use axum::Extension;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::auth::audit::AuditRecord;
use crate::http::error::ApiError;
use crate::http::etag::ETag;
use crate::http::extract::{JSON, JsonPatchContent, TaskId};
use crate::http::openapi::{READING, WRITING, examples};
use crate::http::state::AppState;
use crate::memory::Reserved;
use crate::messages::cause::Cause;
use crate::store::task;
use crate::task::TaskStatus;
use crate::task::patch::TaskPatch;

/// Show a task
///
/// One task of any state.
#[utoipa::path(
    get,
    path = "/task-status/{id}",
    operation_id = "getTaskStatus",
    tag = READING,
    params(("id", Path), ("If-None-Match", Header)),
    responses(
        (status = 200, description = "The task as it is now.", body = TaskStatus, headers(("ETag")), example = json!(examples::completed())),
        (status = 304, description = "The task that the client has is current: see `If-None-Match`.", headers(("ETag"))),
        (status = 404)
    )
)]
pub async fn get(state: AppState, TaskId(id): TaskId, headers: HeaderMap) -> Result<Response, ApiError> {
    let task = task::get(&state.database, &id)
        .await?
        .ok_or_else(|| ApiError::unknown_task(&id))?;
    let (etag, bytes) = representation(&task)?;
    if etag.is_known_to(&headers) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, &etag)]).into_response());
    }
    let mut reserved = state.pending.response_memory().reserve();
    reserved.add(bytes.len()).await?;
    Ok(respond(StatusCode::OK, &etag, bytes, reserved))
}

/// Change a task, or clear a pending one
///
/// Applies a JSON Patch (RFC 6902) to the task, whole or not at all. Completing a task sets `completionStatus` and
/// `completed` together: a status without a time completes it now, and setting both to null reopens it. It changes the
/// record only: no job is stopped.
#[utoipa::path(
    patch,
    path = "/task-status/{id}",
    operation_id = "updateTaskStatus",
    tag = WRITING,
    params(("id", Path), ("If-Match", Header)),
    request_body(
        description = "At most 100 operations. `application/json` is read too.",
        content((ref("#/components/schemas/JsonPatch") = "application/json-patch+json"))
    ),
    responses(
        (status = 200, description = "The task as it is now.", body = TaskStatus, headers(("ETag")), example = json!(examples::completed())),
        (status = 404),
        (status = 412)
    )
)]
pub async fn patch(
    state: AppState,
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
        Ok(patch.apply(task)?)
    })
    .await?
    .ok_or_else(|| ApiError::unknown_task(&id))??;
    task_response(&state, StatusCode::OK, &changed).await
}

/// The response to a write, with the task and its tag.
pub(super) async fn task_response(
    state: &AppState,
    status: StatusCode,
    task: &TaskStatus,
) -> Result<Response, ApiError> {
    let (etag, bytes) = representation(task)?;
    let mut reserved = state.pending.response_memory().reserve();
    // The write is done, so the response is sent even if there is no room for it.
    let _ = reserved.add(bytes.len()).await;
    Ok(respond(status, &etag, bytes, reserved))
}

fn representation(task: &TaskStatus) -> Result<(ETag, Vec<u8>), ApiError> {
    let bytes = serde_json::to_vec(task).map_err(|error| ApiError::Internal(Box::new(error)))?;
    Ok((ETag::from_bytes(&bytes), bytes))
}

fn respond(status: StatusCode, etag: &ETag, bytes: Vec<u8>, reserved: Reserved) -> Response {
    let body: Bytes = reserved.hold([bytes]).next().unwrap_or_default();
    (
        status,
        [(header::CONTENT_TYPE, JSON)],
        [(header::ETAG, etag)],
        body,
    )
        .into_response()
}
