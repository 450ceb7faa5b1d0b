//! What exactly was wrong with a request, and what would have been allowed: one variant per fault.
//!
//! A cause becomes one entry of `causes` in the error envelope, in the languages that apply. It says nothing of the
//! HTTP status: that is [`crate::error`]'s part.

use crate::locale::Message;

/// The longest piece of a request that a cause repeats, in characters.
const LONGEST_QUOTE: usize = 80;

/// One fault of a request, or of the service's surroundings, that the caller is told about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// A query parameter that must be an integer within bounds is not.
    NotAnInteger {
        parameter: &'static str,
        given: String,
        min: i32,
        max: i32,
    },
    /// A query parameter that must be `true` or `false` is neither.
    NotABoolean { parameter: &'static str, given: String },
    /// A query parameter that may be given once was given more often.
    ParameterRepeated { parameter: &'static str, times: usize },
    /// A `%` in the query is not followed by two hexadecimal digits. Positions count bytes from 1.
    PercentEncoding { position: usize },
    /// A name or a value in the query is not UTF-8. The position is that of its first byte, from 1.
    QueryNotUtf8 { position: usize },
    /// No resource has this path.
    UnknownPath { path: String },
    /// The resource does not support the method. `allowed` is the value of the `Allow` header.
    MethodNotAllowed { method: String, allowed: String },
    /// The request target is longer than `limit` bytes.
    UriTooLong { limit: usize },
    /// The content is longer than `limit` bytes.
    PayloadTooLarge { limit: usize },
    /// There is no connection to the database.
    DatabaseUnavailable,
    /// The answer was not ready in time.
    DeadlineExceeded { seconds: u64 },
}

impl Cause {
    /// The message that puts the cause into words.
    pub fn message(&self) -> Message {
        match self {
            Self::NotAnInteger {
                parameter,
                given,
                min,
                max,
            } => Message::new("cause-not-an-integer")
                .with("parameter", parameter)
                .with("given", quote(given))
                .with("min", min)
                .with("max", max),
            Self::NotABoolean { parameter, given } => Message::new("cause-not-a-boolean")
                .with("parameter", parameter)
                .with("given", quote(given)),
            Self::ParameterRepeated { parameter, times } => Message::new("cause-parameter-repeated")
                .with("parameter", parameter)
                .with("times", times),
            Self::PercentEncoding { position } => {
                Message::new("cause-percent-encoding").with("position", position)
            }
            Self::QueryNotUtf8 { position } => {
                Message::new("cause-query-not-utf8").with("position", position)
            }
            Self::UnknownPath { path } => Message::new("cause-unknown-path").with("path", quote(path)),
            Self::MethodNotAllowed { method, allowed } => Message::new("cause-method-not-allowed")
                .with("method", quote(method))
                .with("allowed", allowed),
            Self::UriTooLong { limit } => Message::new("cause-uri-too-long").with("limit", limit),
            Self::PayloadTooLarge { limit } => Message::new("cause-payload-too-large").with("limit", limit),
            Self::DatabaseUnavailable => Message::new("cause-database-unavailable"),
            Self::DeadlineExceeded { seconds } => {
                Message::new("cause-deadline-exceeded").with("seconds", seconds)
            }
        }
    }
}

/// What the caller sent, shortened: an error answer must not grow with the request.
fn quote(given: &str) -> String {
    match given.char_indices().nth(LONGEST_QUOTE) {
        Some((end, _)) => format!("{}…", &given[..end]),
        None => given.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_is_shortened_at_a_character() {
        assert_eq!(quote("abc"), "abc");
        let long = "é".repeat(LONGEST_QUOTE + 1);
        assert_eq!(quote(&long), format!("{}…", "é".repeat(LONGEST_QUOTE)));
    }
}
