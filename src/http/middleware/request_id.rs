//! The tracking id of a request: in the answer's `SLPT-Request-ID` header, in error bodies and in every log line.

use std::fmt;
use std::time::Instant;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;
use uuid::Uuid;

/// The header that carries the tracking id, in requests and in every answer.
pub const SLPT_REQUEST_ID: HeaderName = HeaderName::from_static("slpt-request-id");
/// What other gateways call it.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// 32 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrackingId(Uuid);

impl TrackingId {
    /// A new, random one.
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }

    /// The one that a gateway has given the request, if it has the form; any other value is not ours to repeat.
    fn inbound(headers: &HeaderMap) -> Option<Self> {
        [SLPT_REQUEST_ID, X_REQUEST_ID].iter().find_map(|name| {
            let value = headers.get(name)?.as_bytes();
            let well_formed =
                value.len() == 32 && value.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            well_formed.then(|| Uuid::try_parse_ascii(value).ok().map(Self))?
        })
    }
}

impl fmt::Display for TrackingId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.simple().fmt(formatter)
    }
}

impl From<TrackingId> for HeaderValue {
    fn from(id: TrackingId) -> Self {
        let mut digits = [0; uuid::fmt::Simple::LENGTH];
        let digits = id.0.simple().encode_lower(&mut digits);
        // Hexadecimal digits are always a header value; the empty one is never seen.
        HeaderValue::from_str(digits).unwrap_or_else(|_| HeaderValue::from_static(""))
    }
}

/// Middleware, the outermost: gives the request its tracking id, puts it into the answer, and logs the request in one
/// line. The query is left out of the log, as it may hold what is nobody's business. What is read again and again, and
/// was there to be read, is not worth a line to most.
pub async fn track(mut request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let id = TrackingId::inbound(request.headers()).unwrap_or_else(TrackingId::random);
    request.extensions_mut().insert(id);
    let method = request.method().clone();
    let uri = request.uri().clone();

    let span = tracing::info_span!("request", trackingId = %id);
    async {
        let mut response = next.run(request).await;
        response.headers_mut().insert(SLPT_REQUEST_ID, id.into());
        let path = uri.path();
        let status = response.status().as_u16();
        let duration_ms = begun.elapsed().as_secs_f64() * 1000.0;
        if method.is_safe() && status < 400 {
            tracing::debug!(%method, path, status, duration_ms, "answered");
        } else {
            tracing::info!(%method, path, status, duration_ms, "answered");
        }
        response
    }
    .instrument(span)
    .await
}
