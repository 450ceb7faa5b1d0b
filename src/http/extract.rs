//! Extractors: the parts of a request, parsed and within bounds.

use std::error::Error;

use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::LengthLimitError;
use serde_json::Value;
use tokio::time::timeout;

use crate::http::bounds::{BODY_TIMEOUT, MAX_BODY_BYTES};
use crate::http::error::ApiError;
use crate::http::query::{self, Query};
use crate::messages::cause::Cause;
use crate::task::json;
use crate::task::violation::Problem;

/// The media types of newline-delimited JSON; none of them is registered, all are in use.
pub const NDJSON: [&str; 4] = [
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/x-jsonlines",
];
pub const JSON: &str = "application/json";
pub const JSON_PATCH: &str = "application/json-patch+json";

/// The whole query, decoded.
impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Query::read(parts.uri.query().unwrap_or_default())
    }
}

impl Query {
    /// Decodes the query of a request: 400 if that cannot be done.
    pub fn read(raw: &str) -> Result<Self, ApiError> {
        Self::parse(raw).map_err(|cause| ApiError::BadSyntax(vec![cause]))
    }
}

/// The id of a task: the last segment of the path, decoded.
pub struct TaskId(pub String);

impl<S: Sync> FromRequestParts<S> for TaskId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let segment = parts.uri.path().rsplit('/').next().unwrap_or_default();
        let id = query::decode_segment(segment).map_err(|cause| ApiError::BadSyntax(vec![cause]))?;
        if id.contains('\0') {
            // PostgreSQL cannot store it, and refuses it in a parameter.
            return Err(vec![Problem::NulCharacter.at("/id")].into());
        }
        Ok(Self(id))
    }
}

/// JSON content of type `application/json`.
pub struct JsonContent(pub Value);

impl<S: Sync> FromRequest<S> for JsonContent {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        json_content(request, &[JSON]).await.map(Self)
    }
}

/// JSON content of type `application/json-patch+json`. `application/json` is accepted too.
pub struct JsonPatchContent(pub Value);

impl<S: Sync> FromRequest<S> for JsonPatchContent {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        json_content(request, &[JSON_PATCH, JSON]).await.map(Self)
    }
}

/// The media type of the content without its parameters, in lower case; empty if there is none.
pub fn media_type(headers: &HeaderMap) -> String {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    value
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase()
}

/// 415 with the allowed types.
pub fn unsupported_media_type(given: String, allowed: &[&str]) -> ApiError {
    let cause = Cause::UnsupportedMediaType {
        given,
        allowed: allowed.join(", "),
    };
    ApiError::Refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, vec![cause])
}

/// Reads JSON content whole, at most [`MAX_BODY_BYTES`] of it.
async fn json_content(request: Request, allowed: &[&str]) -> Result<Value, ApiError> {
    let given = media_type(request.headers());
    if !allowed.contains(&given.as_str()) {
        return Err(unsupported_media_type(given, allowed));
    }
    let bytes = whole(request).await?;
    Ok(json::parse(&bytes)?)
}

/// The content whole, at most [`MAX_BODY_BYTES`] of it.
/// 408 if it does not arrive in time, 413 if it is longer, 400 if it ends early.
pub async fn whole(request: Request) -> Result<Bytes, ApiError> {
    let too_large = || {
        let cause = Cause::PayloadTooLarge {
            limit: MAX_BODY_BYTES,
        };
        ApiError::Refused(StatusCode::PAYLOAD_TOO_LARGE, vec![cause])
    };
    let announced = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok());
    if announced
        .and_then(|length| length.parse().ok())
        .is_some_and(|length: usize| length > MAX_BODY_BYTES)
    {
        return Err(too_large());
    }
    let content = to_bytes(request.into_body(), MAX_BODY_BYTES);
    let Ok(content) = timeout(BODY_TIMEOUT, content).await else {
        return Err(ApiError::Refused(StatusCode::REQUEST_TIMEOUT, Vec::new()));
    };
    content.map_err(|error| {
        if error.source().is_some_and(<dyn Error>::is::<LengthLimitError>) {
            too_large()
        } else {
            ApiError::BadSyntax(vec![Cause::ContentIncomplete])
        }
    })
}
