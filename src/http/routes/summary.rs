//! `GET` and `HEAD /task-status/summary`.

use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::http::error::ApiError;
use crate::http::etag::ETag;
use crate::http::extract::JSON;
use crate::http::middleware::long_poll::PREFER;
use crate::http::openapi::{READING, examples};
use crate::http::page_params::PageParams;
use crate::http::query::Query;
use crate::http::representation::{accepted_encoding, coded, tagged};
use crate::http::state::AppState;
use crate::listing::summary::Summary;
use crate::pending::digest::Digest;
use crate::pending::summary::SummaryQuery;
use crate::pending::wait::Wait;

/// The default of `stuckAfter`, in seconds.
pub const STUCK_AFTER: i32 = 3600;
/// The most, in seconds: a year.
pub const MAX_STUCK_AFTER: i32 = 31_536_000;

/// Summarize tasks
///
/// How many tasks are pending, by type, kind, launcher and target, and how many started and ended lately: exact numbers of
/// one snapshot. They are counted anew if a task has changed or a new minute begins, but no sooner than a second,
/// or four times as long as counting took, after the last count. `asOf` is the time of the snapshot.
#[utoipa::path(
    get,
    path = "/task-status/summary",
    operation_id = "getTaskStatusSummary",
    tag = READING,
    params(
        ("filters", Query, description = "Which tasks to count; all of them unless given."), ("stuckAfter", Query),
        ("If-None-Match", Header), ("Prefer", Header), ("Accept-Encoding", Header)
    ),
    responses(
        (status = 200, description = "The numbers.", body = Summary, headers(("SummaryETag"), ("Vary"), ("Content-Encoding"), ("Preference-Applied")), example = json!(examples::summary())),
        (
            status = 304,
            description = "The numbers that the client has are current: see `If-None-Match`.",
            headers(("SummaryETag"), ("Vary"), ("Preference-Applied"))
        )
    )
)]
pub async fn summary(state: AppState, query: Query, headers: HeaderMap) -> Result<Response, ApiError> {
    let mut params = PageParams::new(&query);
    let asked = SummaryQuery {
        filter: params.filters(),
        stuck_after: params
            .integer("stuckAfter", 1, MAX_STUCK_AFTER)
            .unwrap_or(STUCK_AFTER),
    };
    params.check()?;
    let counted = state.pending.summary(&asked).await?;
    let etag = ETag::weak(counted.digest);
    let tagged = tagged(&etag);
    if etag.is_known_to(&headers) {
        let mut response = (StatusCode::NOT_MODIFIED, tagged).into_response();
        if headers.contains_key(PREFER) {
            let wait = Wait::for_another_summary(&state.pending, asked, &counted);
            response.extensions_mut().insert(wait);
        }
        return Ok(response);
    }
    let encoding = accepted_encoding(&headers).for_length(counted.body.len());
    // Of the time of the snapshot too: the tag leaves it out.
    let digest = Digest::of(&counted.body);
    let body = state.pending.compressed(counted.body, digest, encoding).await?;
    Ok((tagged, coded(JSON, encoding, body)).into_response())
}
