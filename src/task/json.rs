//! Parses JSON content.

use serde_json::Value;

/// The prefix of keys that the JSON library interprets itself: a client that sent one would be misread.
const PRIVATE_KEYS: &str = "$serde_json::private::";

/// Why content is not accepted as JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JsonError {
    /// A string begins with a prefix that is reserved.
    ReservedKey { key: &'static str },
    /// Nested deeper than [`CONTENT_DEPTH`] levels.
    TooDeep,
    /// Not JSON from here on. Counted from 1.
    Syntax { line: usize, column: usize },
}

/// How deep content may be nested, in levels of arrays and objects. The JSON library sets it.
pub const CONTENT_DEPTH: usize = 127;

/// Parses JSON, nested at most [`CONTENT_DEPTH`] levels deep.
pub fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    if names_private_keys(bytes) {
        return Err(JsonError::ReservedKey { key: PRIVATE_KEYS });
    }
    serde_json::from_slice(bytes).map_err(|error| {
        // The library tells them apart by the text alone.
        if error.to_string().starts_with("recursion limit exceeded") {
            return JsonError::TooDeep;
        }
        JsonError::Syntax {
            line: error.line(),
            column: error.column(),
        }
    })
}

/// Whether arrays and objects are nested deeper than this number of levels. A string has none.
pub fn is_deeper(value: &Value, levels: usize) -> bool {
    let is_deeper = |value| levels == 0 || is_deeper(value, levels - 1);
    match value {
        Value::Array(items) => levels == 0 || items.iter().any(is_deeper),
        Value::Object(members) => levels == 0 || members.values().any(is_deeper),
        _ => false,
    }
}

/// Whether the prefix of private keys occurs, be it with characters written as escapes.
fn names_private_keys(bytes: &[u8]) -> bool {
    let contains = |bytes: &[u8]| {
        bytes
            .windows(PRIVATE_KEYS.len())
            .any(|window| window == PRIVATE_KEYS.as_bytes())
    };
    if !bytes.windows(4).any(|window| window == b"\\u00") {
        return contains(bytes);
    }
    let mut unescaped = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        let escape = rest.strip_prefix(b"\\u00").and_then(|digits| digits.get(..2));
        let code = escape
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        unescaped.push(code.unwrap_or(byte));
        rest = if code.is_some() { &rest[6..] } else { after };
    }
    contains(&unescaped)
}
