//! The response headers that every list has: `X-Total-Count` and `Link`.

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::IntoResponseParts;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::http::bounds::MAX_LINK_BYTES;
use crate::http::query::Query;

/// How many tasks there are without offset and limit, in the snapshot of the page.
const X_TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

/// The parameters of lists, which each may be given once.
const PARAMETERS: [&str; 5] = ["limit", "count", "filters", "sorters", "after"];
/// A value that was too long for the header. A request with it is refused.
pub const LEFT_OUT: &str = "…";

/// To allocate it once.
const TYPICAL_LINK_BYTES: usize = 256;

/// Everything but the unreserved characters (RFC 3986, section 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// `X-Total-Count` if `total` is known, and `Link` (RFC 8288) if there is a next page.
pub fn page_headers(query: &Query, total: Option<i64>, next: Option<&str>) -> impl IntoResponseParts + use<> {
    let total = total.map(|total| [(X_TOTAL_COUNT, HeaderValue::from(total))]);
    let link = next
        .and_then(|cursor| link(query, cursor))
        .map(|link| [(header::LINK, link)]);
    (total, link)
}

/// The same query from the cursor on. Relative to the request's own URL, which a gateway may have rewritten.
///
/// A longer link than [`MAX_LINK_BYTES`] has only the parameters of lists, and [`LEFT_OUT`] in place of the longest values:
/// without a link, a client would take the page for the last.
fn link(query: &Query, cursor: &str) -> Option<HeaderValue> {
    let same = query
        .iter()
        .filter(|(name, _)| !["offset", "after"].contains(name));
    let mut parameters: Vec<(&str, &str)> = same.chain([("after", cursor)]).collect();
    let mut link = written(&parameters);
    if link.len() > MAX_LINK_BYTES {
        parameters.retain(|(name, _)| PARAMETERS.contains(name));
        link = written(&parameters);
    }
    while link.len() > MAX_LINK_BYTES {
        let (_, longest) = parameters.iter_mut().max_by_key(|(_, value)| value.len())?;
        *longest = LEFT_OUT;
        link = written(&parameters);
    }
    link.try_into().ok()
}

fn written(parameters: &[(&str, &str)]) -> String {
    let mut link = String::with_capacity(TYPICAL_LINK_BYTES);
    let mut separator = "<?";
    for (name, value) in parameters {
        link.push_str(separator);
        link.extend(utf8_percent_encode(name, RESERVED));
        link.push('=');
        link.extend(utf8_percent_encode(value, RESERVED));
        separator = "&";
    }
    link.push_str(">; rel=\"next\"");
    link
}
