//! Gives each request its tracking id, logs it, and traces it if traces are made.

use std::pin::pin;
use std::time::Instant;

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, Uri};
use axum::response::Response;

use crate::http::error_body::ErrorType;
use crate::http::request_metrics::{OTHER_METHOD, RequestMetrics, RoutePath, known};
use crate::http::tracking_id::{SLPT_REQUEST_ID, TrackingId};
use crate::telemetry::request::RequestIds;
use crate::telemetry::traces::Span;

/// The longest path in a trace: paths that are too long are traced too.
const MAX_PATH_BYTES: usize = 1024;
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// Gives the request its tracking id, sends it with the response, and logs one line.
///
/// The query is not logged, since a filter may hold personal data. Successful reads are logged at debug level only, and so are
/// responses with 503: their failure is logged already, and an outage has many.
pub async fn track<F: Future<Output = Response>>(
    metrics: &RequestMetrics,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let begun = Instant::now();
    let id = TrackingId::inbound(request.headers()).unwrap_or_else(TrackingId::random);
    let method = request.method().clone();
    let uri = request.uri().clone();

    let trace = Span::of_request(request.headers()).map(|span| Trace::begin(span, id, &method, &uri));
    let ids = RequestIds {
        tracking_id: id.simple(),
        trace: trace.as_ref().map(|trace| trace.span.ids()),
    };
    // It owns the work: what is logged when that is dropped has the ids too.
    let respond = pin!(ids.around(async {
        let (request, measured) = metrics.begin(request);
        let mut response = next(request).await;
        let elapsed = begun.elapsed();
        response = metrics.end(measured, elapsed, response);
        response.headers_mut().insert(SLPT_REQUEST_ID, id.into());
        let path = uri.path();
        let status = response.status().as_u16();
        let duration_ms = elapsed.as_secs_f64() * 1000.0;
        if (method.is_safe() && status < 400) || status == 503 {
            tracing::debug!(%method, path, status, duration_ms, "answered");
        } else {
            tracing::info!(%method, path, status, duration_ms, "answered");
        }
        response
    }));
    match trace {
        None => respond.await,
        Some(trace) => {
            let mut response = trace.span.around(respond).await;
            trace.end(&mut response, begun);
            response
        }
    }
}

/// The span of a request, by the names of OpenTelemetry's conventions for HTTP servers. The query is left out here too.
struct Trace {
    span: Span,
    method: &'static str,
}

impl Trace {
    fn begin(span: Span, id: TrackingId, method: &Method, uri: &Uri) -> Self {
        let method = known(method);
        if span.is_sampled() {
            span.set("http.request.method", method);
            let path = uri.path();
            span.set(
                "url.path",
                path[..path.floor_char_boundary(MAX_PATH_BYTES)].to_owned(),
            );
            span.set("task_status.tracking_id", id.to_string());
        }
        Self { span, method }
    }

    /// Tells the client too, in the header that browsers show with a request.
    fn end(self, response: &mut Response, begun: Instant) {
        let Self { span, method } = self;
        if !span.is_sampled() {
            return;
        }
        let name = if method == OTHER_METHOD { "HTTP" } else { method };
        if let Some(RoutePath(route)) = response.extensions().get() {
            span.rename(format!("{name} {route}"));
            span.set("http.route", route.to_string());
        } else {
            span.rename(name.to_owned());
        }
        let status = response.status();
        span.set("http.response.status_code", i64::from(status.as_u16()));
        match response.extensions().get() {
            Some(ErrorType(name)) => span.set("error.type", *name),
            None if status.is_server_error() => span.set("error.type", status.as_str().to_owned()),
            None => {}
        }
        if status.is_server_error() {
            span.fail();
        }
        let duration_ms = begun.elapsed().as_secs_f64() * 1000.0;
        let (trace_id, span_id) = span.ids();
        let timing = format!("total;dur={duration_ms:.3}, traceparent;desc=\"00-{trace_id}-{span_id}-01\"");
        if let Ok(timing) = HeaderValue::try_from(timing) {
            response.headers_mut().insert(SERVER_TIMING, timing);
        }
    }
}
