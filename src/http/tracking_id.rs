//! The tracking id of a request: in the `SLPT-Request-ID` header of the response, in error bodies and in every log line.

use std::fmt;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use uuid::fmt::Simple;
use uuid::{Builder, Uuid};

use crate::telemetry::request::RequestIds;

/// The header of the tracking id, in requests and in every response.
pub const SLPT_REQUEST_ID: HeaderName = HeaderName::from_static("slpt-request-id");
/// The name that other gateways use.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// 32 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrackingId(Uuid);

impl TrackingId {
    /// A new one. It tells requests apart and is no secret, so it needs no call of the system.
    pub fn random() -> Self {
        Self(Builder::from_random_bytes(fastrand::u128(..).to_ne_bytes()).into_uuid())
    }

    /// That of the request which is worked for.
    pub fn current() -> Option<Self> {
        RequestIds::current().map(|ids| Self(ids.tracking_id.into_uuid()))
    }

    pub fn simple(self) -> Simple {
        self.0.simple()
    }

    /// The id that a gateway has given the request. A value of any other form is not repeated.
    pub fn inbound(headers: &HeaderMap) -> Option<Self> {
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
        // Hexadecimal digits are always a valid header value.
        HeaderValue::from_str(digits).unwrap_or_else(|_| HeaderValue::from_static(""))
    }
}
