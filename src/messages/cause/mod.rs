//! What exactly was wrong with a request, and what would have been allowed: one variant per fault.
//!
//! A cause becomes one entry of `causes` in the error envelope, in the languages that apply. It says nothing of the
//! HTTP status: that is [`crate::http::error`]'s part.

mod language;

use crate::auth::IdentityError;
use crate::listing::filter::FilterError;
use crate::listing::sorters::SortersError;
use crate::messages::locale::Message;

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
    NotABoolean {
        parameter: &'static str,
        given: String,
    },
    /// A query parameter that may be given once was given more often.
    ParameterRepeated {
        parameter: &'static str,
        times: usize,
    },
    /// A `%` in the query is not followed by two hexadecimal digits. Positions count bytes from 1.
    PercentEncoding {
        position: usize,
    },
    /// A name or a value in the query is not UTF-8. The position is that of its first byte, from 1.
    QueryNotUtf8 {
        position: usize,
    },
    /// No resource has this path.
    UnknownPath {
        path: String,
    },
    /// The resource does not support the method. `allowed` is the value of the `Allow` header.
    MethodNotAllowed {
        method: String,
        allowed: String,
    },
    /// The request target is longer than `limit` bytes.
    UriTooLong {
        limit: usize,
    },
    /// The content is longer than `limit` bytes.
    PayloadTooLarge {
        limit: usize,
    },
    /// `filters` cannot be read.
    Filter(FilterError),
    /// `sorters` cannot be read.
    Sorters(SortersError),
    /// The content is of another media type than those that are accepted.
    UnsupportedMediaType {
        given: String,
        allowed: String,
    },
    /// A key begins with a text that is not the client's to use.
    ReservedKey {
        key: &'static str,
    },
    /// The content ended early: the client went away, or its length was wrong.
    ContentIncomplete,
    /// A line of newline-delimited JSON is longer than `limit` bytes.
    LineTooLong {
        limit: usize,
    },
    /// The content has more than `limit` lines.
    TooManyLines {
        limit: usize,
    },
    /// No task has this id.
    UnknownTask {
        id: String,
    },
    /// The task is not the one that `If-Match` names any more.
    EtagDiffers {
        current: String,
    },
    /// A query parameter that must be given is not.
    ParameterRequired {
        parameter: &'static str,
    },
    /// A cursor that is none of this list's.
    NotACursor {
        parameter: &'static str,
    },
    /// Two query parameters that mean different things to the same page.
    ParametersExclude {
        parameter: &'static str,
        other: &'static str,
    },
    /// A `%` in the path is not followed by two hexadecimal digits, or what is encoded is not UTF-8.
    PathEncoding {
        segment: String,
    },
    /// The content is not JSON from this place on, counted from 1.
    NotJson {
        line: usize,
        column: usize,
    },
    /// A member that must be there is not. Pointers are JSON pointers (RFC 6901).
    FieldRequired {
        pointer: String,
    },
    /// A key that looks like a slip for another.
    UnknownField {
        pointer: String,
        suggestion: &'static str,
    },
    NotAString {
        pointer: String,
    },
    NotAnObject {
        pointer: String,
    },
    NotAnArray {
        pointer: String,
    },
    FieldNotAnInteger {
        pointer: String,
        given: String,
        min: i32,
        max: i32,
    },
    /// Neither RFC 3339 nor what else is read as a time.
    NotATime {
        pointer: String,
        given: String,
    },
    /// Not one of the values of an enumeration.
    NotOneOf {
        pointer: String,
        given: String,
        allowed: String,
    },
    /// More than `limit` characters.
    TextTooLong {
        pointer: String,
        limit: usize,
    },
    /// More than `limit` bytes of JSON.
    JsonTooLarge {
        pointer: String,
        limit: usize,
    },
    TooManyItems {
        pointer: String,
        limit: usize,
    },
    /// A text has the character NUL, which PostgreSQL cannot hold.
    NullCharacter {
        pointer: String,
    },
    /// A text that no task may have for its id.
    ReservedId {
        given: String,
    },
    /// The content's id is not the one of the path.
    IdDiffers {
        given: String,
    },
    /// `completed` without a `completionStatus`.
    CompletedWithoutStatus {
        pointer: String,
    },
    /// A number has more than `limit` digits.
    NumberTooLong {
        pointer: String,
        limit: usize,
    },
    /// A patch would change what is immutable.
    Immutable {
        pointer: String,
        allowed: String,
    },
    /// An item of a patch is no operation of RFC 6902.
    NotAPatchOperation {
        pointer: String,
    },
    /// What an operation of a patch refers to is not there.
    PatchTargetMissing {
        pointer: String,
    },
    /// A `test` operation of a patch found another value.
    TestFailed {
        pointer: String,
    },
    /// The database refused a value by this constraint.
    Constraint {
        constraint: String,
    },
    /// It is not known who calls.
    Identity(IdentityError),
    /// More requests than `requests` within `period`.
    TooManyRequests {
        requests: u32,
        period: String,
    },
    /// Too many requests are under way.
    Overloaded,
    /// There is no connection to the database.
    DatabaseUnavailable,
    /// The database has not said in time that what is in memory is still right.
    NotConfirmed,
    /// The answer was not ready in time.
    DeadlineExceeded {
        seconds: u64,
    },
}

impl Cause {
    /// The same cause about a part of the content: `parent` is put before its pointer.
    #[must_use]
    pub fn inside(mut self, parent: &str) -> Self {
        match &mut self {
            Self::FieldRequired { pointer }
            | Self::UnknownField { pointer, .. }
            | Self::NotAString { pointer }
            | Self::NotAnObject { pointer }
            | Self::NotAnArray { pointer }
            | Self::FieldNotAnInteger { pointer, .. }
            | Self::NotATime { pointer, .. }
            | Self::NotOneOf { pointer, .. }
            | Self::TextTooLong { pointer, .. }
            | Self::JsonTooLarge { pointer, .. }
            | Self::TooManyItems { pointer, .. }
            | Self::CompletedWithoutStatus { pointer }
            | Self::NumberTooLong { pointer, .. }
            | Self::NullCharacter { pointer } => pointer.insert_str(0, parent),
            _ => {}
        }
        self
    }

    /// The message that puts the cause into words.
    #[expect(clippy::too_many_lines, reason = "a table, one row for each cause")]
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
            Self::Filter(error) => language::filter(error),
            Self::Sorters(error) => language::sorters(error),
            Self::UnsupportedMediaType { given, allowed } => Message::new("cause-unsupported-media-type")
                .with("given", quote(given))
                .with("allowed", allowed),
            Self::ReservedKey { key } => Message::new("cause-reserved-key").with("key", key),
            Self::ContentIncomplete => Message::new("cause-content-incomplete"),
            Self::LineTooLong { limit } => Message::new("cause-line-too-long").with("limit", limit),
            Self::TooManyLines { limit } => Message::new("cause-too-many-lines").with("limit", limit),
            Self::UnknownTask { id } => Message::new("cause-unknown-task").with("id", quote(id)),
            Self::EtagDiffers { current } => Message::new("cause-etag-differs").with("current", current),
            Self::ParameterRequired { parameter } => {
                Message::new("cause-parameter-required").with("parameter", parameter)
            }
            Self::NotACursor { parameter } => Message::new("cause-not-a-cursor").with("parameter", parameter),
            Self::ParametersExclude { parameter, other } => Message::new("cause-parameters-exclude")
                .with("parameter", parameter)
                .with("other", other),
            Self::PathEncoding { segment } => {
                Message::new("cause-path-encoding").with("segment", quote(segment))
            }
            Self::NotJson { line, column } => Message::new("cause-not-json")
                .with("line", line)
                .with("column", column),
            Self::FieldRequired { pointer } => at("cause-field-required", pointer),
            Self::UnknownField { pointer, suggestion } => {
                at("cause-unknown-field", pointer).with("suggestion", suggestion)
            }
            Self::NotAString { pointer } => at("cause-not-a-string", pointer),
            Self::NotAnObject { pointer } => at("cause-not-an-object", pointer),
            Self::NotAnArray { pointer } => at("cause-not-an-array", pointer),
            Self::FieldNotAnInteger {
                pointer,
                given,
                min,
                max,
            } => at("cause-field-not-an-integer", pointer)
                .with("given", quote(given))
                .with("min", min)
                .with("max", max),
            Self::NotATime { pointer, given } => at("cause-not-a-time", pointer).with("given", quote(given)),
            Self::NotOneOf {
                pointer,
                given,
                allowed,
            } => at("cause-not-one-of", pointer)
                .with("given", quote(given))
                .with("allowed", allowed),
            Self::TextTooLong { pointer, limit } => at("cause-text-too-long", pointer).with("limit", limit),
            Self::JsonTooLarge { pointer, limit } => at("cause-json-too-large", pointer).with("limit", limit),
            Self::TooManyItems { pointer, limit } => at("cause-too-many-items", pointer).with("limit", limit),
            Self::NullCharacter { pointer } => at("cause-null-character", pointer),
            Self::ReservedId { given } => Message::new("cause-reserved-id").with("given", quote(given)),
            Self::IdDiffers { given } => Message::new("cause-id-differs").with("given", quote(given)),
            Self::CompletedWithoutStatus { pointer } => at("cause-completed-without-status", pointer),
            Self::NumberTooLong { pointer, limit } => {
                at("cause-number-too-long", pointer).with("limit", limit)
            }
            Self::Immutable { pointer, allowed } => at("cause-immutable", pointer).with("allowed", allowed),
            Self::NotAPatchOperation { pointer } => at("cause-not-a-patch-operation", pointer),
            Self::PatchTargetMissing { pointer } => at("cause-patch-target-missing", pointer),
            Self::TestFailed { pointer } => at("cause-test-failed", pointer),
            Self::Constraint { constraint } => {
                Message::new("cause-constraint").with("constraint", constraint)
            }
            Self::Identity(error) => language::identity(error),
            Self::TooManyRequests { requests, period } => Message::new("cause-too-many-requests")
                .with("requests", requests)
                .with("period", period),
            Self::Overloaded => Message::new("cause-overloaded"),
            Self::DatabaseUnavailable => Message::new("cause-database-unavailable"),
            Self::NotConfirmed => Message::new("cause-not-confirmed"),
            Self::DeadlineExceeded { seconds } => {
                Message::new("cause-deadline-exceeded").with("seconds", seconds)
            }
        }
    }
}

/// A message about the place that a JSON pointer names; the empty pointer is the whole content (RFC 6901, section 5).
fn at(id: &'static str, pointer: &str) -> Message {
    Message::new(id).with("pointer", quote(if pointer.is_empty() { "/" } else { pointer }))
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
