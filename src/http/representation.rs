//! The representation of a resource that a request gets: its coding and its tag (RFC 9110, sections 8.4, 8.8 and 12.5).

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::IntoResponse;

use crate::http::etag::ETag;
use crate::pending::content_encoding::ContentEncoding;

const ACCEPT_ENCODING: HeaderValue = HeaderValue::from_static("accept-encoding");

/// The best encoding that a request accepts. Several header lines mean the same as one (RFC 9110, section 5.3).
pub fn accepted_encoding(request: &HeaderMap) -> ContentEncoding {
    let lines = request.get_all(header::ACCEPT_ENCODING).iter();
    ContentEncoding::negotiate(lines.filter_map(|line| line.to_str().ok()))
}

/// The headers of every representation that depends on `Accept-Encoding`, of a 304 too.
pub fn tagged(etag: &ETag) -> [(HeaderName, HeaderValue); 2] {
    [(header::VARY, ACCEPT_ENCODING), (header::ETAG, etag.into())]
}

/// The content in its coding.
pub fn coded(media_type: &'static str, encoding: ContentEncoding, body: Bytes) -> impl IntoResponse {
    let content_encoding = encoding.token().map(|token| [(header::CONTENT_ENCODING, token)]);
    ([(header::CONTENT_TYPE, media_type)], content_encoding, body)
}
