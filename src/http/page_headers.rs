//! The response headers that every list has: `X-Total-Count` and `Link`.

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::IntoResponseParts;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::http::query::Query;

/// How many tasks there are without offset and limit, in the snapshot of the page.
const X_TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

/// Everything but the unreserved characters (RFC 3986, section 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// `X-Total-Count` if `total` is known, and `Link` (RFC 8288) if there is a next page.
pub fn page_headers(query: &Query, total: Option<i64>, next: Option<&str>) -> impl IntoResponseParts + use<> {
    let total = total.map(|total| [(X_TOTAL_COUNT, total.to_string())]);
    let link = next
        .and_then(|cursor| link(query, cursor))
        .map(|link| [(header::LINK, link)]);
    (total, link)
}

/// The same query from the cursor on. Relative to the request's own URL, which a gateway may have rewritten.
fn link(query: &Query, cursor: &str) -> Option<HeaderValue> {
    let kept = query
        .iter()
        .filter(|(name, _)| !["offset", "after"].contains(name));
    let mut link = "<?".to_owned();
    for (name, value) in kept {
        link.extend(utf8_percent_encode(name, RESERVED));
        link.push('=');
        link.extend(utf8_percent_encode(value, RESERVED));
        link.push('&');
    }
    format!("{link}after={cursor}>; rel=\"next\"").try_into().ok()
}
