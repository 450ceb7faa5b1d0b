//! `PUT /task-status/{id}` and `POST /task-status`: what executors report.

use axum::body::Body;
use axum::extract::{FromRequest, Request, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use chrono::Utc;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{AppState, ndjson, single};
use crate::auth::audit::AuditRecord;
use crate::http::error::ApiError;
use crate::http::extract::{JSON, JsonContent, NDJSON, TaskId, media_type, unsupported_media_type};
use crate::http::openapi::schemas::{Lines, TaskReport, TaskReports};
use crate::http::openapi::{self, answers, errors, examples, parameters};
use crate::store::report::{self, Outcome};
use crate::store::task;
use crate::task::TaskStatus;
use crate::task::report::{MAX_VIOLATIONS, read};
use crate::task::violation::{Problem, Violation};

/// The most tasks of one JSON array.
pub const MAX_BATCH: usize = 1000;

/// What became of one task of a batch.
#[derive(Debug, Serialize, ToSchema)]
pub struct Reported {
    /// The task's id.
    pub id: String,
    pub outcome: Outcome,
}

/// Stores a task whole, made or replaced. Safe to repeat, and a report that is older by `modified` than what is stored
/// changes nothing: the answer is the task as it is then.
///
/// # Errors
/// 400 for content that is no task.
#[utoipa::path(
    put,
    path = "/task-status/{id}",
    operation_id = "reportTaskStatus",
    security(("bearerToken" = ["idn:task-management:write"])),
    tag = openapi::WRITING,
    summary = "Report a task",
    description = "Stores the task whole: made if there was none with this id, else replaced. Safe to repeat; a report \
                   that is older by `modified` than what is stored changes nothing. The content may have the `id` too, \
                   if it is that of the path.",
    params(parameters::OneTask, parameters::Everywhere),
    request_body(content = TaskReport, content_type = "application/json", description = "The task."),
    responses(answers::Stored, errors::BadReport, errors::BadContent, errors::Authenticator, errors::Database, errors::Everywhere)
)]
pub async fn put(
    State(state): State<AppState>,
    Extension(record): Extension<AuditRecord>,
    TaskId(id): TaskId,
    JsonContent(content): JsonContent,
) -> Result<Response, ApiError> {
    let task = read(&content, Some(&id), Utc::now())?;
    let (status, task) = store(&state, &record, task).await?;
    single::answer(status, &task)
}

/// Stores one task (a JSON object), a batch whole or not at all (a JSON array), or a stream of tasks, each on its own
/// (newline-delimited JSON).
///
/// # Errors
/// 400 for content that is no task, 415 for other media types.
#[utoipa::path(
    post,
    path = "/task-status",
    operation_id = "reportTaskStatuses",
    security(("bearerToken" = ["idn:task-management:write"])),
    tag = openapi::WRITING,
    summary = "Report several tasks, or one without an id",
    description = "Stores tasks as `reportTaskStatus` does. A JSON object is one task. A JSON array is stored whole or \
                   not at all. Newline-delimited JSON is stored line by line as it arrives, each line on its own, and \
                   may be of any length up to 100000 lines and an hour.",
    params(parameters::Everywhere),
    request_body(
        description = "A task, an array of tasks, or a task on each line. For newline-delimited JSON the types \
                       `application/ndjson`, `application/jsonl` and `application/x-jsonlines` are taken too.",
        content(
            (
                TaskReports = "application/json",
                examples(
                    ("one" = (summary = "A task without an id", value = json!(examples::least_report()))),
                    ("batch" = (summary = "A batch", value = json!([examples::identified_report()])))
                )
            ),
            (Lines = "application/x-ndjson", example = json!(examples::lines()))
        )
    ),
    responses(answers::AllStored, errors::BadReport, errors::BadContent, errors::Authenticator, errors::Database, errors::Everywhere)
)]
pub async fn post(
    State(state): State<AppState>,
    Extension(record): Extension<AuditRecord>,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    let given = media_type(request.headers());
    if NDJSON.contains(&given.as_str()) {
        return Ok(ndjson::store(state, record, request));
    }
    if given != JSON {
        return Err(unsupported_media_type(given, &[&[JSON][..], &NDJSON].concat()));
    }
    let uri = request.uri().clone();
    let JsonContent(content) = JsonContent::from_request(request, &state).await?;
    match content {
        Value::Array(items) => batch(&state, &record, &items).await,
        one => post_one(&state, &record, &uri, one).await,
    }
}

/// A single task; one without an id is given one.
async fn post_one(
    state: &AppState,
    record: &AuditRecord,
    uri: &Uri,
    mut content: Value,
) -> Result<Response, ApiError> {
    if let Value::Object(object) = &mut content
        && object.get("id").is_none_or(Value::is_null)
    {
        object.insert("id".to_owned(), Uuid::now_v7().simple().to_string().into());
    }
    let task = read(&content, None, Utc::now())?;
    let (status, task) = store(state, record, task).await?;
    let mut response = single::answer(status, &task)?;
    // Relative to the request's own URL (RFC 3986, section 5.2), which a gateway may have rewritten.
    let last_segment = uri.path().rsplit('/').next().unwrap_or_default();
    let location = format!(
        "{last_segment}/{}",
        utf8_percent_encode(&task.id, NON_ALPHANUMERIC)
    );
    if let Ok(location) = location.try_into() {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

async fn batch(state: &AppState, record: &AuditRecord, items: &[Value]) -> Result<Response, ApiError> {
    if items.len() > MAX_BATCH {
        let limit = MAX_BATCH;
        return Err(vec![Problem::TooManyItems { limit }.at("")].into());
    }
    let now = Utc::now();
    let mut tasks = Vec::with_capacity(items.len());
    let mut violations: Vec<Violation> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        if violations.len() >= MAX_VIOLATIONS {
            break;
        }
        match read(item, None, now) {
            Ok(task) => tasks.push(task),
            Err(found) => violations.extend(found.into_iter().map(|violation| violation.inside(index))),
        }
    }
    if !violations.is_empty() {
        violations.truncate(MAX_VIOLATIONS);
        return Err(violations.into());
    }
    record.set_tasks(tasks.iter().map(|task| task.id.clone()).collect());
    let outcomes = report::report(&state.database, &tasks).await?;
    let reported: Vec<Reported> = tasks
        .into_iter()
        .zip(outcomes)
        .map(|(task, outcome)| Reported { id: task.id, outcome })
        .collect();
    let stored = reported.iter().filter(|task| task.outcome.is_stored());
    record.set_tasks(stored.map(|task| task.id.clone()).collect());
    Ok(Json(reported).into_response())
}

/// Stores a task and returns it as it is stored then, with the status that says what happened.
async fn store(
    state: &AppState,
    record: &AuditRecord,
    task: TaskStatus,
) -> Result<(StatusCode, TaskStatus), ApiError> {
    record.set_tasks(vec![task.id.clone()]);
    let outcomes = report::report(&state.database, std::slice::from_ref(&task)).await?;
    if !outcomes.iter().all(|outcome| outcome.is_stored()) {
        record.set_tasks(Vec::new());
    }
    let status = if outcomes == [Outcome::Created] {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    // Gone again already if its last sign of life was out of the window of retention.
    let stored = task::get(&state.database, &task.id).await?.unwrap_or(task);
    Ok((status, stored))
}
