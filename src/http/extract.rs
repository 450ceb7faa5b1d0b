//! What handlers take from a request: parsed, within bounds, and refused in the envelope otherwise.

use std::error::Error;

use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::LengthLimitError;
use serde_json::Value;
use tokio::time::timeout;

use crate::http::error::ApiError;
use crate::http::middleware::limits;
use crate::http::query::{self, Query};
use crate::messages::cause::Cause;

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
        Query::parse(parts.uri.query().unwrap_or_default()).map_err(|cause| ApiError::BadSyntax(vec![cause]))
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
            // PostgreSQL cannot even be asked for it.
            let cause = Cause::NullCharacter {
                pointer: "/id".to_owned(),
            };
            return Err(ApiError::BadContent(vec![cause]));
        }
        Ok(Self(id))
    }
}

/// JSON content of type `application/json`.
pub struct JsonContent(pub Value);

impl<S: Sync> FromRequest<S> for JsonContent {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        json(request, &[JSON]).await.map(Self)
    }
}

/// JSON content of type `application/json-patch+json`. `application/json` is taken too: it says less, not other.
pub struct JsonPatchContent(pub Value);

impl<S: Sync> FromRequest<S> for JsonPatchContent {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        json(request, &[JSON_PATCH, JSON]).await.map(Self)
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

/// 415, naming what is allowed.
pub fn unsupported_media_type(given: String, allowed: &[&str]) -> ApiError {
    let cause = Cause::UnsupportedMediaType {
        given,
        allowed: allowed.join(", "),
    };
    ApiError::Refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, vec![cause])
}

/// Reads JSON content whole, at most [`limits::BODY_BYTES`] of it.
async fn json(request: Request, allowed: &[&str]) -> Result<Value, ApiError> {
    let given = media_type(request.headers());
    if !allowed.contains(&given.as_str()) {
        return Err(unsupported_media_type(given, allowed));
    }
    let bytes = whole(request).await?;
    parse_json(&bytes).map_err(|cause| ApiError::BadSyntax(vec![cause]))
}

/// The content whole, at most [`limits::BODY_BYTES`] of it.
///
/// # Errors
/// 408 where it does not arrive in time, 413 where it is longer, 400 where it ends early.
pub async fn whole(request: Request) -> Result<Bytes, ApiError> {
    let too_large = || {
        let cause = Cause::PayloadTooLarge {
            limit: limits::BODY_BYTES,
        };
        ApiError::Refused(StatusCode::PAYLOAD_TOO_LARGE, vec![cause])
    };
    let announced = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok());
    if announced
        .and_then(|length| length.parse().ok())
        .is_some_and(|length: usize| length > limits::BODY_BYTES)
    {
        return Err(too_large());
    }
    let content = to_bytes(request.into_body(), limits::BODY_BYTES);
    let Ok(content) = timeout(limits::BODY_TIMEOUT, content).await else {
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

/// Parses JSON.
///
/// # Errors
/// Where it stops being JSON, or is nested deeper than 128 levels.
pub fn parse_json(bytes: &[u8]) -> Result<Value, Cause> {
    if names_private_keys(bytes) {
        return Err(Cause::ReservedKey { key: PRIVATE_KEYS });
    }
    serde_json::from_slice(bytes).map_err(|error| Cause::NotJson {
        line: error.line(),
        column: error.column(),
    })
}

/// How the JSON library names keys that mean something to it alone. A client that names them would be misread.
const PRIVATE_KEYS: &str = "$serde_json::private::";

/// Whether the prefix of private keys is in the content, also where its characters are written as escapes.
fn names_private_keys(bytes: &[u8]) -> bool {
    let contains = |bytes: &[u8]| {
        bytes
            .windows(PRIVATE_KEYS.len())
            .any(|window| window == PRIVATE_KEYS.as_bytes())
    };
    if !bytes.windows(4).any(|window| window == b"\\u00") {
        return contains(bytes);
    }
    let mut unescaped = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        let escape = rest.strip_prefix(b"\\u00").and_then(|digits| digits.get(..2));
        let code = escape
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        unescaped.push(code.unwrap_or(byte));
        rest = if code.is_some() { &rest[6..] } else { after };
    }
    contains(&unescaped)
}
