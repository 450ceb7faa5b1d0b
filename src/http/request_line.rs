//! Reads targets with characters that are to be percent-encoded and often are not, such as the quotation marks of a filter.
//! hyper refuses them.

use crate::messages::cause::Cause;

/// The line of a request as far as it has been read.
#[derive(Debug, Clone, Copy, Default)]
pub struct RequestLine {
    part: Part,
    /// Blanks in the target, and the one after it.
    blanks: usize,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Part {
    /// Empty lines before the request, which mean nothing (RFC 9112, section 2.2).
    #[default]
    Before,
    Method,
    /// The target and the version.
    Target,
    /// The line is over, or is none.
    Rest,
}

impl RequestLine {
    /// Goes on with the bytes that follow. They are returned if some of them had to be encoded.
    ///
    /// The bytes are of a head, maybe of the middle of one. Nothing after the first end of a line is touched, so content
    /// stays as it is: its length must not change.
    pub fn encode(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        if self.part == Part::Before
            && let Some(blanks) = blanks_of_plain(bytes)
        {
            let part = Part::Rest;
            *self = Self { part, blanks };
            return None;
        }
        let mut encoded = Vec::new();
        let mut copied = 0;
        for (index, &byte) in bytes.iter().enumerate() {
            match (self.part, byte) {
                (Part::Before, b'A'..=b'Z') => self.part = Part::Method,
                (Part::Method, b' ') => self.part = Part::Target,
                (Part::Before, b'\r' | b'\n') | (Part::Method, b'A'..=b'Z') => {}
                (Part::Target, byte) if must_be_encoded(byte) => {
                    encoded.extend_from_slice(&bytes[copied..index]);
                    encoded.extend_from_slice(percent_encoding::percent_encode_byte(byte).as_bytes());
                    copied = index + 1;
                }
                (Part::Target, b' ') => self.blanks += 1,
                (Part::Target, byte) if byte != b'\n' => {}
                _ => {
                    self.part = Part::Rest;
                    break;
                }
            }
        }
        if copied == 0 {
            return None;
        }
        encoded.extend_from_slice(&bytes[copied..]);
        Some(encoded)
    }

    /// Why the line cannot be read, if the reason is the target. Where a target with a blank ends is anyone's guess, and a
    /// proxy may guess otherwise (RFC 9112, section 3.2).
    pub fn cause(&self) -> Option<Cause> {
        (self.blanks > 1).then_some(Cause::BlankInTarget)
    }
}

/// The blanks in the target and after it, if the line is here as a whole and has nothing to encode, as nearly all have.
fn blanks_of_plain(bytes: &[u8]) -> Option<usize> {
    let method = bytes.iter().position(|byte| !byte.is_ascii_uppercase())?;
    let rest = bytes[method..].strip_prefix(b" ").filter(|_| method > 0)?;
    let target = &rest[..rest.iter().position(|byte| *byte == b'\n')?];
    let is_plain = !target
        .iter()
        .fold(false, |odd, byte| odd | must_be_encoded(*byte));
    is_plain.then(|| target.split(|byte| *byte == b' ').count() - 1)
}

const fn must_be_encoded(byte: u8) -> bool {
    matches!(byte, b'"' | b'<' | b'>' | b'`' | 0x80..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_encoded_however_the_bytes_arrive() {
        let sent = "\r\nGET /<a>?b=\"é`\" HTTP/1.1\r\nIf-None-Match: \"é\"\r\n\r\n".as_bytes();
        let read = "\r\nGET /%3Ca%3E?b=%22%C3%A9%60%22 HTTP/1.1\r\nIf-None-Match: \"é\"\r\n\r\n".as_bytes();
        for size in 1..=sent.len() {
            let mut line = RequestLine::default();
            let pieces = sent.chunks(size);
            let encoded: Vec<u8> = pieces
                .flat_map(|piece| line.encode(piece).unwrap_or_else(|| piece.to_vec()))
                .collect();
            assert_eq!(encoded, read, "in pieces of {size}");
            assert_eq!(line.cause(), None);
        }
    }

    #[test]
    fn what_is_no_target_stays_as_it_is() {
        for sent in [
            "GET /a?b=%22 HTTP/1.1\r\nA: \"\r\n",
            "If-None-Match: \"a\"\r\n",
            "\r GET \"",
            "{\"GET \":\"\"}",
        ] {
            assert_eq!(RequestLine::default().encode(sent.as_bytes()), None, "{sent}");
        }
    }
}
