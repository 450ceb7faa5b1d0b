//! `GET /metrics`, for Prometheus. It is served on an address of its own, so that it needs no credentials.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::pending::Pending;
use crate::pending::counters::{CONTENT_TYPE, Checks, Metrics};

/// The figures of this process. Where the database does not say how many tasks are pending all others are told.
pub async fn metrics(State((pending, checks)): State<(Pending, Checks)>) -> Response {
    let metrics = Metrics {
        // Asked for now: the last that anybody else has asked for may be of long ago.
        pending: pending.number().await.ok(),
        reads: pending.reads().clone(),
        pages: pending.cache_stats().clone(),
        page_cache_bytes: pending.cached_bytes(),
        checks,
    };
    match metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
