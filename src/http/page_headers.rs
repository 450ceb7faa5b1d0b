//! The response headers of pages: `X-Total-Count`, `Link`, and those of their content.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::http::bounds::MAX_LINK_BYTES;
use crate::http::etag::ETag;
use crate::http::extract::JSON;
use crate::http::query::Query;
use crate::http::representation::tagged;
use crate::pending::content_encoding::ContentEncoding;
use crate::pending::digest::Digest;
use crate::pending::page::Content;

/// How many tasks there are without offset and limit, in the snapshot of the page.
const X_TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

/// The parameters of lists, which each may be given once.
const PARAMETERS: [&str; 5] = ["limit", "count", "filters", "sorters", "after"];
/// A value that was too long for the header. A request with it is refused.
pub const LEFT_OUT: &str = "…";

/// How many headers a response may have until its map grows.
const TYPICAL_HEADERS: usize = 12;
/// To allocate it once.
const TYPICAL_LINK_BYTES: usize = 256;

/// Everything but the unreserved characters (RFC 3986, section 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The headers of a page in a coding. Clones of maps are cheaper than maps made anew.
#[derive(Debug)]
pub struct PageHeaders {
    digest: Digest,
    next: Option<Arc<str>>,
    total: Option<i64>,
    coding: ContentEncoding,
    pub etag: ETag,
    /// Without content.
    pub bare: HeaderMap,
    /// With it.
    pub whole: HeaderMap,
}

impl PageHeaders {
    /// `X-Total-Count` if `total` is known, and `Link` (RFC 8288) if there is a next page.
    pub fn new(query: &Query, content: &Content, total: Option<i64>, coding: ContentEncoding) -> Self {
        let etag = ETag::compressed(content.digest, coding);
        let mut bare = HeaderMap::with_capacity(TYPICAL_HEADERS);
        bare.extend(total.map(|total| (X_TOTAL_COUNT, HeaderValue::from(total))));
        let next = content.next.clone();
        let link = next.as_ref().and_then(|cursor| link(query, cursor));
        bare.extend(link.map(|link| (header::LINK, link)));
        bare.extend(tagged(&etag));
        let mut whole = bare.clone();
        whole.insert(header::CONTENT_TYPE, HeaderValue::from_static(JSON));
        let token = coding.token().map(HeaderValue::from_static);
        whole.extend(token.map(|token| (header::CONTENT_ENCODING, token)));
        Self {
            digest: content.digest,
            next,
            total,
            coding,
            etag,
            bare,
            whole,
        }
    }

    /// Whether they are those of this content. They depend on the query and on nothing else.
    pub fn are_of(&self, content: &Content, total: Option<i64>, coding: ContentEncoding) -> bool {
        (self.digest, &self.next, self.total, self.coding) == (content.digest, &content.next, total, coding)
    }
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
