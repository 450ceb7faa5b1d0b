//! The bounds that every request is held to, and the layers that do it.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;

use crate::cause::Cause;
use crate::error::ApiError;

/// The longest request target, in bytes. A filter with hundreds of ids fits.
pub const URI_BYTES: usize = 16 * 1024;
/// The largest content of a request, in bytes.
pub const BODY_BYTES: usize = 1024 * 1024;

/// How long the content of a request may take to arrive.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(8);

/// Middleware: refuses a request target that is longer than [`URI_BYTES`].
pub async fn uri_length(request: Request, next: Next) -> Response {
    let target = request.uri().path_and_query();
    if target.is_some_and(|target| target.as_str().len() > URI_BYTES) {
        let cause = Cause::UriTooLong { limit: URI_BYTES };
        ApiError::Refused(StatusCode::URI_TOO_LONG, vec![cause]).into_response()
    } else {
        next.run(request).await
    }
}

/// Middleware: answers 503 where the rest of the service did not in time.
pub async fn deadline(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    timeout(limit, next.run(request)).await.unwrap_or_else(|_| {
        ApiError::DeadlineExceeded {
            seconds: limit.as_secs(),
        }
        .into_response()
    })
}
