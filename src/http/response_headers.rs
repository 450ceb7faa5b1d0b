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
    // The files of the dashboard have one of their own.
    headers.entry(header::CACHE_CONTROL).or_insert(cache_control);
    merge_vary(headers);
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        CROSS_ORIGIN_RESOURCE_POLICY,
        HeaderValue::from_static("same-origin"),
    );
}

/// Each layer adds a line of its own to `Vary`, and some caches read the first alone.
fn merge_vary(headers: &mut HeaderMap) {
    let mut lines = headers.get_all(header::VARY).iter();
    if lines.next().is_none() || lines.next().is_none() {
        return;
    }
    let lines: Vec<&[u8]> = headers
        .get_all(header::VARY)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    if let Ok(merged) = HeaderValue::from_bytes(&lines.join(&b", "[..])) {
        headers.insert(header::VARY, merged);
    }
}
