//! Cross-origin requests: browsers let the pages of configured origins call the API. By default there are none.

use std::str::FromStr;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, header};
use thiserror::Error;
use tower_http::cors::CorsLayer;

use crate::http::tracking_id::SLPT_REQUEST_ID;

/// How long a browser may cache the response to a preflight request.
const MAX_AGE: Duration = Duration::from_hours(1);

/// The origin of a page, such as `https://ops.example.com`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(HeaderValue);

/// The string is not an origin.
#[derive(Debug, Error)]
#[error(
    "an origin is a scheme, a host and, if it is not the usual one, a port: https://ops.example.com, http://localhost:3000"
)]
pub struct OriginError;

impl FromStr for Origin {
    type Err = OriginError;

    /// In the form that browsers send (RFC 6454, section 6.2), since it is compared as a string.
    fn from_str(text: &str) -> Result<Self, OriginError> {
        let url = reqwest::Url::parse(text).map_err(|_| OriginError)?;
        let serialized = url.origin().ascii_serialization();
        if serialized != text || !["http", "https"].contains(&url.scheme()) {
            return Err(OriginError);
        }
        HeaderValue::from_str(text).map(Self).map_err(|_| OriginError)
    }
}

/// Responds to preflight requests, which carry no credentials, and allows the pages of these origins to read responses.
/// Credentials that browsers add by themselves, such as cookies, are never allowed.
pub fn layer(origins: &[Origin]) -> Option<CorsLayer> {
    (!origins.is_empty()).then(|| allowing(origins))
}

fn allowing(origins: &[Origin]) -> CorsLayer {
    let requested = [
        header::ACCEPT_LANGUAGE,
        header::AUTHORIZATION,
        header::CONTENT_TYPE,
        header::IF_MATCH,
        header::IF_NONE_MATCH,
        SLPT_REQUEST_ID,
        HeaderName::from_static("prefer"),
        HeaderName::from_static("x-request-id"),
        HeaderName::from_static("x-sailpoint-experimental"),
        HeaderName::from_static("x-sailpoint-sdk"),
    ];
    let exposed = [
        header::ETAG,
        header::LINK,
        header::LOCATION,
        header::RETRY_AFTER,
        header::WWW_AUTHENTICATE,
        SLPT_REQUEST_ID,
        HeaderName::from_static("preference-applied"),
        HeaderName::from_static("x-total-count"),
    ];
    CorsLayer::new()
        .allow_origin(
            origins
                .iter()
                .map(|Origin(origin)| origin.clone())
                .collect::<Vec<_>>(),
        )
        .allow_methods([
            Method::GET,
            Method::HEAD,
            Method::PATCH,
            Method::POST,
            Method::PUT,
        ])
        .allow_headers(requested)
        .expose_headers(exposed)
        .max_age(MAX_AGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_browsers_send_it() {
        for valid in [
            "https://ops.example.com",
            "http://localhost:3000",
            "http://[::1]:3000",
        ] {
            assert!(valid.parse::<Origin>().is_ok(), "{valid}");
        }
        for invalid in [
            "*",
            "null",
            "",
            "ops.example.com",
            "https://ops.example.com/",
            "https://OPS.example.com",
            "https://ops.example.com:443",
            "https://u@ops.example.com",
            "file:///x",
        ] {
            assert!(invalid.parse::<Origin>().is_err(), "{invalid}");
        }
    }
}
