//! Strong entity tags (RFC 9110, section 8.8.3): equal tags mean equal bytes.

use std::fmt;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::pending::content_encoding::ContentEncoding;
use crate::pending::digest::Digest;

/// An entity tag: a digest in quotes, and the coding of the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ETag(String);

impl ETag {
    /// The tag of a representation.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self::compressed(Digest::of(bytes), ContentEncoding::Identity)
    }

    /// The tag of a representation in some coding. Other bytes need another tag.
    pub fn compressed(digest: Digest, coding: ContentEncoding) -> Self {
        Self(match coding.token() {
            None => format!("\"{digest}\""),
            Some(token) => format!("\"{digest}-{token}\""),
        })
    }

    /// Whether the request's `If-Match` lets it go on: there is none, it is `*`, or it names this tag.
    pub fn satisfies_if_match(&self, headers: &HeaderMap) -> bool {
        !headers.contains_key(header::IF_MATCH) || self.is_in(headers, &header::IF_MATCH)
    }

    /// Whether the request's `If-None-Match` names this representation.
    pub fn is_known_to(&self, headers: &HeaderMap) -> bool {
        self.is_in(headers, &header::IF_NONE_MATCH)
    }

    /// A weak tag in the header means the same bytes to `If-None-Match`, and never matches for `If-Match` (RFC 9110,
    /// sections 13.1.1 and 13.1.2).
    fn is_in(&self, headers: &HeaderMap, name: &HeaderName) -> bool {
        headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .map(|tag| {
                if name == header::IF_NONE_MATCH {
                    tag.trim_start_matches("W/")
                } else {
                    tag
                }
            })
            .any(|tag| tag == "*" || tag == self.0)
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl From<&ETag> for HeaderValue {
    fn from(etag: &ETag) -> Self {
        // Quotes and hexadecimal digits are always a header value; the empty one is never seen.
        HeaderValue::from_str(&etag.0).unwrap_or(HeaderValue::from_static(""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read_as_lists() {
        let etag = ETag::from_bytes(b"bytes");
        assert_ne!(etag, ETag::from_bytes(b"other"));
        let conditions = |name: HeaderName, values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(name.clone(), HeaderValue::from_str(value).expect("a value"));
            }
            headers
        };
        let weak = format!("W/{etag}");
        let list = format!("\"x\", {etag}");
        assert!(etag.satisfies_if_match(&HeaderMap::new()));
        assert!(!etag.is_known_to(&HeaderMap::new()));
        for (values, matches, known) in [
            (&["*"][..], true, true),
            (&[&list], true, true),
            (&["\"x\"", &etag.to_string()], true, true),
            (&[&weak], false, true),
            (&["\"x\""], false, false),
            (&[""], false, false),
        ] {
            assert_eq!(
                etag.satisfies_if_match(&conditions(header::IF_MATCH, values)),
                matches,
                "{values:?}"
            );
            assert_eq!(
                etag.is_known_to(&conditions(header::IF_NONE_MATCH, values)),
                known,
                "{values:?}"
            );
        }
    }
}
