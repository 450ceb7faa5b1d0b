//! Violations of tasks and patches, and content that is not JSON, in words.

use crate::messages::locale::Message;
use crate::task::json::{CONTENT_DEPTH, JsonError};
use crate::task::violation::{Problem, Violation};
use crate::task::{limits, written};

pub(super) fn json(error: &JsonError) -> Message {
    match error {
        JsonError::ReservedKey { key } => Message::new("cause-reserved-key").with("key", key),
        JsonError::TooDeep => Message::new("cause-content-too-deep").with("limit", CONTENT_DEPTH),
        JsonError::Syntax { line, column } => Message::new("cause-not-json")
            .with("line", line)
            .with("column", column),
    }
}

pub(super) fn violation(violation: &Violation) -> Message {
    let limited = |id, limit: &usize| Message::new(id).with("limit", limit);
    let message = match &violation.problem {
        Problem::Required => Message::new("cause-field-required"),
        Problem::UnknownField { suggestion } => {
            Message::new("cause-unknown-field").with("suggestion", suggestion)
        }
        Problem::NotAString => Message::new("cause-not-a-string"),
        Problem::NotAnObject => Message::new("cause-not-an-object"),
        Problem::NotAnArray => Message::new("cause-not-an-array"),
        Problem::NotAnInteger { given, min, max } => Message::new("cause-field-not-an-integer")
            .with("given", given)
            .with("min", min)
            .with("max", max),
        Problem::NotATime { given } => Message::new("cause-not-a-time").with("given", given),
        Problem::NotOneOf { given, allowed } => Message::new("cause-not-one-of")
            .with("given", given)
            .with_whole("allowed", allowed),
        Problem::TextTooLong { limit } => limited("cause-text-too-long", limit),
        Problem::JsonTooLarge { limit } => limited("cause-json-too-large", limit),
        Problem::JsonTooDeep { limit } => limited("cause-json-too-deep", limit),
        Problem::TooManyItems { limit } => limited("cause-too-many-items", limit),
        Problem::NumberTooLong { limit } => limited("cause-number-too-long", limit),
        Problem::NumberTooLarge => Message::new("cause-number-too-large"),
        Problem::NulCharacter => Message::new("cause-null-character"),
        Problem::ReservedId { given } => Message::new("cause-reserved-id").with("given", given),
        Problem::IdDiffers { given } => Message::new("cause-id-differs").with("given", given),
        Problem::Ahead { given, now } => Message::new("cause-ahead")
            .with("limit", limits::MINUTES_AHEAD)
            .with("given", written(given))
            .with("now", written(now)),
        Problem::CompletedWithoutStatus => Message::new("cause-completed-without-status"),
        Problem::Immutable { allowed } => Message::new("cause-immutable").with_whole("allowed", allowed),
        Problem::NotAPatchOperation => Message::new("cause-not-a-patch-operation"),
        Problem::PatchTargetMissing => Message::new("cause-patch-target-missing"),
        Problem::TestFailed => Message::new("cause-test-failed"),
    };
    // The empty pointer is the whole content (RFC 6901, section 5).
    let pointer = if violation.pointer.is_empty() {
        "/"
    } else {
        &violation.pointer
    };
    message.with("pointer", pointer)
}
