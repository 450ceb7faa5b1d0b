//! `GET` and `HEAD /task-status/suggestions`.

use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::http::error::ApiError;
use crate::http::etag::ETag;
use crate::http::extract::JSON;
use crate::http::openapi::READING;
use crate::http::page_params::PageParams;
use crate::http::query::Query;
use crate::http::representation::{accepted_encoding, coded, tagged};
use crate::http::state::AppState;
use crate::pending::digest::Digest;
use crate::store::suggestions::suggestions;

/// The default and the most of `limit`.
pub const LIMIT: i32 = 10;
pub const MAX_LIMIT: i32 = 50;

/// Suggest values
///
/// The values of a field that begin with a prefix, in the order of filters, for completion. Values of `id`, `type`,
/// `uniqueName`, `launcher` and `sourceId` are those of all tasks. Of other texts, they are those of the 5000 tasks that
/// were created last, and of the 5000 pending ones.
#[utoipa::path(
    get,
    path = "/task-status/suggestions",
    operation_id = "getTaskStatusSuggestions",
    tag = READING,
    params(
        ("field" = String, Query), ("prefix", Query), ("limit", Query),
        ("If-None-Match", Header), ("Accept-Encoding", Header)
    ),
    responses(
        (
            status = 200,
            description = "The values, each in one of its spellings.",
            body = Vec<String>,
            headers(("Vary"), ("Content-Encoding"), ("CodedETag")),
            example = json!(["sweep", "sweeper"])
        ),
        (
            status = 304,
            description = "The values that the client has are current: see `If-None-Match`.",
            headers(("Vary"), ("CodedETag"))
        )
    )
)]
pub async fn suggest(state: AppState, query: Query, headers: HeaderMap) -> Result<Response, ApiError> {
    let mut params = PageParams::new(&query);
    let field = params.field();
    let prefix = params.text("prefix").unwrap_or_default();
    let limit = params.integer("limit", 1, MAX_LIMIT).unwrap_or(LIMIT);
    let field = params.require("field", field)?;
    let at_least = state.pending.for_standby().await?;
    let values = Box::pin(suggestions(&state.database, at_least, field, prefix, limit)).await?;
    let body = serde_json::to_vec(&values).map_err(|error| ApiError::Internal(Box::new(error)))?;
    let (digest, encoding) = (
        Digest::of(&body),
        accepted_encoding(&headers).for_length(body.len()),
    );
    let etag = ETag::compressed(digest, encoding);
    if etag.is_known_to(&headers) {
        return Ok((StatusCode::NOT_MODIFIED, tagged(&etag)).into_response());
    }
    let body = state.pending.compressed(body.into(), digest, encoding).await?;
    Ok((tagged(&etag), coded(JSON, encoding, body)).into_response())
}
