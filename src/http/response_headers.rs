//! The headers that every response has, whatever made it: a handler, a layer, or the parser of requests.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// For responses without a tag: errors, and whatever is read anew for each request.
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// For responses with a tag: the client may keep them, and has to ask each time whether they are current.
const PRIVATE_NO_CACHE: HeaderValue = HeaderValue::from_static("private, no-cache");
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Adds them. No shared cache may hand one caller's response to another, and no page of another origin may embed it; CORS
/// is a matter of its own.
pub fn complete(headers: &mut HeaderMap) {
    let cache_control = if headers.contains_key(header::ETAG) {
        PRIVATE_NO_CACHE
    } else {
        NO_STORE
    };
    headers.insert(header::CACHE_CONTROL, cache_control);
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        CROSS_ORIGIN_RESOURCE_POLICY,
        HeaderValue::from_static("same-origin"),
    );
}
