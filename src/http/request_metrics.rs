//! Metrics of requests, by the names of OpenTelemetry's semantic conventions for HTTP servers.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::extract::Request;
use axum::http::Method;
use axum::response::Response;
use http_body_util::BodyExt as _;
use prometheus_client::encoding::{EncodeLabel, EncodeLabelSet, LabelSetEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::http::error_body::ErrorType;
use crate::http::middleware::long_poll;
use crate::http::routes::health::Probe;

/// The upper bounds of the buckets, in seconds, as the conventions say.
const BUCKETS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// The requests of this process. Clones share everything.
#[derive(Debug, Clone)]
pub struct RequestMetrics {
    duration: Family<Labels, Histogram, fn() -> Histogram>,
    active: Gauge,
    /// Bytes of contents of requests and of responses.
    pub received: Counter,
    pub sent: Counter,
}

/// The path of a route, with names for its parameters and without the base path. Extension of its responses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutePath(pub Arc<str>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Labels {
    method: &'static str,
    /// None for paths that do not exist.
    route: Option<RoutePath>,
    status: u16,
    error_type: Option<&'static str>,
    is_held: bool,
}

/// A request in flight. It counts as active until it is dropped.
#[derive(Debug)]
pub struct Measured {
    method: &'static str,
    active: Gauge,
}

impl Default for RequestMetrics {
    fn default() -> Self {
        Self {
            duration: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            active: Gauge::default(),
            received: Counter::default(),
            sent: Counter::default(),
        }
    }
}

impl RequestMetrics {
    pub fn register(&self, registry: &mut Registry) {
        registry.register_with_unit(
            "http_server_request_duration",
            "Time until the head of a response was ready, by route and status. Long polls that were held are apart, as \
             long_poll=\"true\"",
            Unit::Seconds,
            self.duration.clone(),
        );
        registry.register(
            "http_server_active_requests",
            "Requests in flight, long polls included",
            self.active.clone(),
        );
    }

    /// Begins to measure a request.
    pub fn begin(&self, request: Request) -> (Request, Measured) {
        self.active.inc();
        let measured = Measured {
            method: known(request.method()),
            active: self.active.clone(),
        };
        (request.map(|content| counted(content, &self.received)), measured)
    }

    /// Measures the request, whose response was ready after this time.
    pub fn end(&self, measured: Measured, elapsed: Duration, response: Response) -> Response {
        let method = measured.method;
        drop(measured);
        let response = response.map(|content| counted(content, &self.sent));
        if response.extensions().get::<Probe>().is_some() {
            return response;
        }
        let labels = Labels {
            method,
            route: response.extensions().get().cloned(),
            status: response.status().as_u16(),
            error_type: response.extensions().get().map(|ErrorType(name)| *name),
            is_held: response.headers().contains_key(long_poll::PREFERENCE_APPLIED),
        };
        self.duration
            .get_or_create(&labels)
            .observe(elapsed.as_secs_f64());
        response
    }
}

/// Content, with its bytes counted: at once if it is not streamed.
fn counted(content: Body, bytes: &Counter) -> Body {
    if let Some(length) = content.size_hint().exact() {
        bytes.inc_by(length);
        return content;
    }
    let bytes = bytes.clone();
    Body::new(content.map_frame(move |frame| {
        bytes.inc_by(frame.data_ref().map_or(0, |data| data.len() as u64));
        frame
    }))
}

impl Drop for Measured {
    fn drop(&mut self) {
        self.active.dec();
    }
}

/// Of what few series have in common. To hash all of a path would take longer than to compare it once.
impl Hash for Labels {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let length = self.route.as_ref().map_or(0, |RoutePath(path)| path.len());
        (length, self.status).hash(hasher);
    }
}

impl EncodeLabelSet for Labels {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> std::fmt::Result {
        ("http_request_method", self.method).encode(encoder.encode_label())?;
        if let Some(RoutePath(path)) = &self.route {
            ("http_route", &**path).encode(encoder.encode_label())?;
        }
        ("http_response_status_code", self.status).encode(encoder.encode_label())?;
        if let Some(name) = self.error_type {
            ("error_type", name).encode(encoder.encode_label())?;
        }
        if self.is_held {
            ("long_poll", "true").encode(encoder.encode_label())?;
        }
        Ok(())
    }
}

/// The label of methods that are not known.
pub const OTHER_METHOD: &str = "_OTHER";

/// A method as a label: callers must not be able to add labels without end.
pub fn known(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] = [
        "GET", "HEAD", "PUT", "PATCH", "POST", "OPTIONS", "DELETE", "CONNECT", "TRACE",
    ];
    KNOWN
        .into_iter()
        .find(|known| *known == method.as_str())
        .unwrap_or(OTHER_METHOD)
}
