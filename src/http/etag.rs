//! Strong entity tags (RFC 9110, section 8.8.3): equal tags mean equal bytes, and equal digests the same content.

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

    /// A weak tag: representations of equal digests mean the same, though their bytes differ.
    pub fn weak(digest: Digest) -> Self {
        Self(format!("W/\"{digest}\""))
    }

    /// Whether the request's `If-None-Match` names this representation.
    pub fn is_known_to(&self, headers: &HeaderMap) -> bool {
        named(headers, &header::IF_NONE_MATCH).any(|named| self.is(named))
    }

    /// Whether a request means the content that this tag is of, in any coding.
    pub fn is(&self, named: Named<'_>) -> bool {
        match named {
            Named::Any => true,
            Named::Tag { digest, .. } => digest == digest_of(&self.0),
        }
    }
}

/// An item of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named<'a> {
    /// `*`
    Any,
    Tag {
        digest: &'a str,
        is_weak: bool,
    },
}

/// Everything that a condition names. Several header lines mean the same as one.
pub fn named<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = Named<'a>> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|item| match item.trim() {
            "*" => Named::Any,
            tag => Named::Tag {
                digest: digest_of(tag),
                is_weak: tag.starts_with("W/"),
            },
        })
}

/// The digest in a tag, without the coding after it. Besides our own codings it may be that of a proxy which has compressed
/// the response: `-gzip` and `-br` of Apache and Caddy, `--gzip` of Jetty. The same content in another coding is known to the
/// client all the same.
fn digest_of(tag: &str) -> &str {
    let tag = tag.trim_start_matches("W/").trim_matches('"');
    tag.split(|c: char| !c.is_ascii_hexdigit())
        .next()
        .unwrap_or_default()
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
    fn conditions_are_read_as_lists_without_codings() {
        let etag = ETag::from_bytes(b"bytes");
        let digest = Digest::of(b"bytes").to_string();
        assert_ne!(etag, ETag::from_bytes(b"other"));
        let knows = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                let value = HeaderValue::from_str(value).expect("a value");
                headers.append(header::IF_NONE_MATCH, value);
            }
            ContentEncoding::COMPRESSED
                .map(|coding| ETag::compressed(Digest::of(b"bytes"), coding))
                .iter()
                .chain([&etag])
                .all(|etag| etag.is_known_to(&headers))
        };
        for tag in ["", "-gzip", "-br", "-zstd", "--gzip", ";gzip", "-gzip-gzip"] {
            let tag = format!("\"{digest}{tag}\"");
            assert!(knows(&[&tag]) && knows(&[&format!("W/{tag}")]), "{tag}");
            assert!(knows(&["\"x\"", &format!("\"y\" ,{tag}")]), "{tag}");
        }
        assert!(knows(&["*"]));
        let other = ETag::from_bytes(b"other").to_string();
        for values in [&[][..], &[""], &["\"\""], &["\"x\""], &[&other], &[&digest[1..]]] {
            assert!(!knows(values), "{values:?}");
        }
    }
}
