//! `GET`, `HEAD` and `PATCH /task-status/{id}`.

use axum::Extension;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::auth::audit::AuditRecord;
use crate::http::error::ApiError;
use crate::http::etag::ETag;
use crate::http::extract::{JSON, JsonPatchContent, TaskId};
use crate::http::middleware::long_poll::PREFER;
use crate::http::openapi::{READING, WRITING, examples};
use crate::http::preconditions;
use crate::http::representation::{accepted_encoding, coded, tagged};
use crate::http::state::AppState;
use crate::memory::Reserved;
use crate::pending::content_encoding::ContentEncoding;
use crate::pending::digest::Digest;
use crate::pending::wait::Wait;
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
    params(("id", Path), ("If-None-Match", Header), ("Prefer", Header), ("Accept-Encoding", Header)),
    responses(
        (
            status = 200,
            description = "The task as it is now.",
            body = TaskStatus,
            headers(("Vary"), ("Content-Encoding"), ("Preference-Applied"), ("CodedETag")),
            example = json!(examples::completed())
        ),
        (
            status = 304,
            description = "The task that the client has is current: see `If-None-Match`.",
            headers(("Vary"), ("Preference-Applied"), ("CodedETag"))
        ),
        (status = 404)
    )
)]
pub async fn get(state: AppState, TaskId(id): TaskId, headers: HeaderMap) -> Result<Response, ApiError> {
    let task = task::get(&state.database, &id)
        .await?
        .ok_or_else(|| ApiError::unknown_task(&id))?;
    let (digest, bytes) = representation(&task)?;
    let encoding = accepted_encoding(&headers).for_length(bytes.len());
    let etag = ETag::compressed(digest, encoding);
    let tagged = tagged(&etag);
    if etag.is_known_to(&headers) {
        let mut response = (StatusCode::NOT_MODIFIED, tagged).into_response();
        if headers.contains_key(PREFER) {
            let wait = Wait::for_another_task(&state.pending, &task, digest);
            response.extensions_mut().insert(wait);
        }
        return Ok(response);
    }
    let mut reserved = state.pending.response_memory().reserve();
    reserved.add(bytes.len()).await?;
    let body = state
        .pending
        .compressed(held(bytes, reserved), digest, encoding)
        .await?;
    Ok((tagged, coded(JSON, encoding, body)).into_response())
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
    params(("id", Path), ("If-Match", Header), ("If-None-Match", Header)),
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
        expect(&headers, &id, Some(task))?;
        patch.apply(task).map_err(ApiError::from)
    })
    .await?
    .ok_or_else(|| ApiError::unknown_task(&id))??;
    task_response(&state, StatusCode::OK, &changed).await
}

/// 412 unless the stored task is as the request expects.
pub(super) fn expect(headers: &HeaderMap, id: &str, stored: Option<&TaskStatus>) -> Result<(), ApiError> {
    let current = stored.map(representation).transpose()?;
    let etag = current.map(|(digest, _)| ETag::compressed(digest, ContentEncoding::Identity));
    preconditions::check(headers, id, etag.as_ref())
}

/// The response to a write, with the task and its tag.
pub(super) async fn task_response(
    state: &AppState,
    status: StatusCode,
    task: &TaskStatus,
) -> Result<Response, ApiError> {
    let (digest, bytes) = representation(task)?;
    let etag = ETag::compressed(digest, ContentEncoding::Identity);
    let mut reserved = state.pending.response_memory().reserve();
    // The write is done, so the response is sent even if there is no room for it.
    let _ = reserved.add(bytes.len()).await;
    Ok((
        status,
        [(header::CONTENT_TYPE, JSON)],
        [(header::ETAG, &etag)],
        held(bytes, reserved),
    )
        .into_response())
}

fn representation(task: &TaskStatus) -> Result<(Digest, Vec<u8>), ApiError> {
    let bytes = serde_json::to_vec(task).map_err(|error| ApiError::Internal(Box::new(error)))?;
    Ok((Digest::of(&bytes), bytes))
}

fn held(bytes: Vec<u8>, reserved: Reserved) -> Bytes {
    reserved.hold([bytes]).next().unwrap_or_default()
}
