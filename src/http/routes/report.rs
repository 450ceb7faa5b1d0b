//! `PUT /task-status/{id}` and `POST /task-status`: the reports of executors.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use chrono::{TimeDelta, Utc};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use uuid::Uuid;

use super::{ndjson, single};
use crate::auth::audit::AuditRecord;
use crate::http::bounds::MAX_BATCH;
use crate::http::error::ApiError;
use crate::http::extract::{JSON, JsonContent, NDJSON, TaskId, media_type, unsupported_media_type};
use crate::http::middleware::authorize::original_uri;
use crate::http::openapi::schemas::{TaskReport, TaskReports};
use crate::http::openapi::{WRITING, examples};
use crate::http::preconditions;
use crate::http::shares::Place;
use crate::http::state::AppState;
use crate::http::types::{ReportResult, Reported};
use crate::store::report::{self, Outcome};
use crate::store::{Refusal, StoreError, task};
use crate::task::report::{MAX_VIOLATIONS, Report, read};
use crate::task::violation::{Problem, Violation};
use crate::task::{TaskStatus, limits};

/// Report a task
///
/// Stores the task whole: made if there was none with this id, else replaced. Safe to repeat; a report that is older by
/// `modified` than what is stored changes nothing. The content may have the `id` too, if it is that of the path.
/// `If-None-Match: *` only creates, `If-Match` only replaces.
#[utoipa::path(
    put,
    path = "/task-status/{id}",
    operation_id = "reportTaskStatus",
    tag = WRITING,
    params(("id", Path), ("If-Match", Header), ("If-None-Match", Header)),
    request_body(content = TaskReport, description = "The task."),
    responses(
        (
            status = 200,
            description = "A task with this id existed. The content is the task as it is stored now: the one that was \
                           reported, or the one that is newer by `modified`.",
            body = TaskStatus,
            headers(("ETag")),
            example = json!(examples::completed())
        ),
        (status = 201, description = "The task was new, and is stored.", body = TaskStatus, headers(("ETag")), example = json!(examples::completed())),
        (status = 412)
    )
)]
pub async fn put(
    state: AppState,
    Extension(record): Extension<AuditRecord>,
    TaskId(id): TaskId,
    headers: HeaderMap,
    JsonContent(content): JsonContent,
) -> Result<Response, ApiError> {
    let report = read(&content, Some(&id))?;
    // Parsed content is many times as large as its text, and the database may take a while.
    drop(content);
    let (status, task) = store(&state, &record, report, &headers).await?;
    single::task_response(&state, status, &task).await
}

/// Report several tasks, or one without an id
///
/// Stores tasks as `reportTaskStatus` does. A JSON object is one task. A JSON array is stored whole or not at all.
/// Newline-delimited JSON is stored line by line as it arrives, each line on its own, and may be of any length up to
/// 100000 lines and an hour.
#[utoipa::path(
    post,
    path = "/task-status",
    operation_id = "reportTaskStatuses",
    tag = WRITING,
    request_body(
        description = "A task, an array of tasks, or a task on each line. For newline-delimited JSON the types \
                       `application/ndjson`, `application/jsonl` and `application/x-jsonlines` are accepted too.",
        content(
            (
                TaskReports = "application/json",
                examples(
                    ("one" = (summary = "A task without an id", value = json!(examples::least_report()))),
                    ("batch" = (summary = "A batch", value = json!([examples::identified_report()])))
                )
            ),
            (ref("#/components/schemas/Lines") = "application/x-ndjson", example = json!(examples::lines()))
        )
    ),
    responses(
        (
            status = 200,
            description = "The result. For one task that existed: the task as it is stored now. For an array: an outcome \
                           for each task, in the same order. For newline-delimited JSON: a line for each task, as they \
                           are stored, and a summary at the end, without which the response is not complete.",
            headers(
                ("ETag" = String, description = "The tag of the task, if one was sent."),
                ("Location" = String, description = "The URL of the task, if one was sent.")
            ),
            content(
                (
                    ReportResult = "application/json",
                    examples(
                        ("task" = (summary = "One task that existed", value = json!(examples::completed()))),
                        ("batch" = (summary = "An array of tasks", value = json!(examples::outcomes())))
                    )
                ),
                (ref("#/components/schemas/ResultLines") = "application/x-ndjson", example = json!(examples::result_lines()))
            )
        ),
        (
            status = 201,
            description = "One new task was sent, and is stored.",
            body = TaskStatus,
            headers(("ETag"), ("Location")),
            example = json!(examples::completed())
        ),
        (status = 412)
    )
)]
pub async fn post(
    state: AppState,
    Extension(place): Extension<Place>,
    Extension(record): Extension<AuditRecord>,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    preconditions::check_list(request.headers())?;
    let given = media_type(request.headers());
    if NDJSON.contains(&given.as_str()) {
        return ndjson::store(state, &place, record, request);
    }
    if given != JSON {
        return Err(unsupported_media_type(given, &[&[JSON][..], &NDJSON].concat()));
    }
    let path = original_uri(&request).path().to_owned();
    let JsonContent(content) = JsonContent::from_request(request, &state).await?;
    match content {
        Value::Array(items) => batch(&state, &record, items).await,
        one => post_one(&state, &record, &path, one).await,
    }
}

/// Stores a single task; one without an id is given one.
async fn post_one(
    state: &AppState,
    record: &AuditRecord,
    path: &str,
    mut content: Value,
) -> Result<Response, ApiError> {
    if let Value::Object(object) = &mut content
        && object.get("id").is_none_or(Value::is_null)
    {
        object.insert("id".to_owned(), Uuid::now_v7().simple().to_string().into());
    }
    let report = read(&content, None)?;
    drop(content);
    let (status, task) = store(state, record, report, &HeaderMap::new()).await?;
    let mut response = single::task_response(state, status, &task).await?;
    // Relative to the request's own URL (RFC 3986, section 5.2), which a gateway may have rewritten.
    let id = utf8_percent_encode(&task.id, NON_ALPHANUMERIC);
    let location = match path.rsplit('/').next().unwrap_or_default() {
        "" => id.to_string(),
        last_segment => format!("{last_segment}/{id}"),
    };
    if let Ok(location) = location.try_into() {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

async fn batch(state: &AppState, record: &AuditRecord, items: Vec<Value>) -> Result<Response, ApiError> {
    if items.len() > MAX_BATCH {
        let limit = MAX_BATCH;
        return Err(vec![Problem::TooManyItems { limit }.at("")].into());
    }
    let mut reports = Vec::with_capacity(items.len());
    let mut violations: Vec<Violation> = Vec::new();
    for (index, item) in items.into_iter().enumerate() {
        if violations.len() >= MAX_VIOLATIONS {
            break;
        }
        match read(&item, None) {
            Ok(report) => reports.push(report),
            Err(found) => violations.extend(found.into_iter().map(|violation| violation.inside(index))),
        }
    }
    if !violations.is_empty() {
        violations.truncate(MAX_VIOLATIONS);
        return Err(violations.into());
    }
    record.set_tasks(reports.iter().map(|report| report.task.id.clone()).collect());
    let outcomes = report::report(&state.database, &reports)
        .await
        .map_err(|error| name_items(error, &reports))?;
    let reported: Vec<Reported> = reports
        .into_iter()
        .zip(outcomes)
        .map(|(report, outcome)| Reported {
            id: report.task.id,
            outcome,
        })
        .collect();
    let stored = reported.iter().filter(|task| task.outcome.is_stored());
    record.set_tasks(stored.map(|task| task.id.clone()).collect());
    Ok(Json(reported).into_response())
}

/// Names every item of a batch whose `modified` is too far ahead; the database names the first.
fn name_items(error: StoreError, reports: &[Report]) -> ApiError {
    let StoreError::Refused {
        refusal: Refusal::Violation(violation),
        ..
    } = &error
    else {
        return error.into();
    };
    let Problem::Ahead { given, now } = violation.problem else {
        return error.into();
    };
    // The time of the error is a little later than that of the comparison.
    let first_refused = given.min(now + TimeDelta::minutes(limits::MINUTES_AHEAD));
    let violations = reports.iter().enumerate().filter_map(|(index, report)| {
        let given = report.modified.filter(|given| *given >= first_refused)?;
        Some(Problem::Ahead { given, now }.at("/modified").inside(index))
    });
    violations.take(MAX_VIOLATIONS).collect::<Vec<_>>().into()
}

/// Stores a task under the conditions of the request, and returns it as it is stored then, with 201 if it is new.
async fn store(
    state: &AppState,
    record: &AuditRecord,
    report: Report,
    headers: &HeaderMap,
) -> Result<(StatusCode, TaskStatus), ApiError> {
    let id = &report.task.id;
    record.set_tasks(vec![id.clone()]);
    let (outcome, stored) = if preconditions::are_stated(headers) {
        let expect = |stored: Option<&TaskStatus>| single::expect(headers, id, stored);
        Box::pin(report::report_if(&state.database, &report, expect)).await??
    } else {
        let outcomes = report::report(&state.database, std::slice::from_ref(&report)).await?;
        (outcomes[0], task::get(&state.database, id).await?)
    };
    if !outcome.is_stored() {
        record.set_tasks(Vec::new());
    }
    let status = if outcome == Outcome::Created {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    // Pruned already if its last sign of life is outside the retention window.
    Ok((status, stored.unwrap_or_else(|| report.into_task(Utc::now()))))
}
