//! Gives each request its tracking id and logs it.

use std::time::Instant;

use axum::extract::Request;
use axum::response::Response;
use tracing::Instrument;

use crate::http::request_metrics::RequestMetrics;
use crate::http::tracking_id::{SLPT_REQUEST_ID, TrackingId};

/// Gives the request its tracking id, sends it with the response, and logs one line.
///
/// The query is not logged, since a filter may hold personal data. Successful reads are logged at debug level only, and so are
/// responses with 503: their failure is logged already, and an outage has many.
pub async fn track<F: Future<Output = Response>>(
    metrics: &RequestMetrics,
    mut request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let begun = Instant::now();
    let id = TrackingId::inbound(request.headers()).unwrap_or_else(TrackingId::random);
    request.extensions_mut().insert(id);
    let method = request.method().clone();
    let uri = request.uri().clone();

    let span = tracing::info_span!("request", trackingId = %id);
    async {
        let mut response = metrics.measure(request, next).await;
        response.headers_mut().insert(SLPT_REQUEST_ID, id.into());
        let path = uri.path();
        let status = response.status().as_u16();
        let duration_ms = begun.elapsed().as_secs_f64() * 1000.0;
        if (method.is_safe() && status < 400) || status == 503 {
            tracing::debug!(%method, path, status, duration_ms, "answered");
        } else {
            tracing::info!(%method, path, status, duration_ms, "answered");
        }
        response
    }
    .instrument(span)
    .await
}
