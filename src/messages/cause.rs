//! What exactly was wrong with a request, and what is allowed instead: one variant per cause.
//!
//! A cause becomes one entry of `causes` in an error response, in one or two languages.

mod auth;
mod listing;
mod task;

use crate::auth::IdentityError;
use crate::listing::filter::FilterError;
use crate::listing::sorters::SortersError;
use crate::messages::locale::Message;
use crate::task::json::JsonError;
use crate::task::violation::Violation;

/// Defines [`Cause`]: each variant, its fields, and the id of its message. The fields are the message's variables.
macro_rules! causes {
    ($($(#[$doc:meta])* $name:ident $({ $($variable:ident: $type:ty),+ })? => $id:literal,)+) => {
        /// Why a request failed, as far as the caller is told.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Cause {
            $($(#[$doc])* $name $({ $($variable: $type),+ })?,)+
            /// `allowed` are the media types that are accepted.
            UnsupportedMediaType { given: String, allowed: String },
            Violation(Violation),
            Json(JsonError),
            Filter(FilterError),
            Sorters(SortersError),
            Identity(IdentityError),
        }

        impl Cause {
            /// The message that puts the cause into words.
            pub fn message(&self) -> Message {
                match self {
                    $(Self::$name $({ $($variable),+ })? => Message::new($id)
                        $($(.with(stringify!($variable), $variable))+)?,)+
                    Self::UnsupportedMediaType { given, allowed } => Message::new("cause-unsupported-media-type")
                        .with("given", given)
                        .with_whole("allowed", allowed),
                    Self::Violation(violation) => task::violation(violation),
                    Self::Json(error) => task::json(error),
                    Self::Filter(error) => listing::filter(error),
                    Self::Sorters(error) => listing::sorters(error),
                    Self::Identity(error) => auth::identity(error),
                }
            }
        }
    };
}

causes! {
    NotAnInteger { parameter: &'static str, given: String, min: i32, max: i32 } => "cause-not-an-integer",
    NotABoolean { parameter: &'static str, given: String } => "cause-not-a-boolean",
    ParameterRepeated { parameter: &'static str, times: usize } => "cause-parameter-repeated",
    ParameterRequired { parameter: &'static str } => "cause-parameter-required",
    ParametersExclude { parameter: &'static str, other: &'static str } => "cause-parameters-exclude",
    /// The value is not a cursor of this list and order.
    NotACursor { parameter: &'static str } => "cause-not-a-cursor",
    /// The value stands for one that was left out of a Link header.
    LeftOutOfLink { parameter: &'static str } => "cause-left-out-of-link",
    /// A `%` in the query is not followed by two hexadecimal digits. Positions count bytes from 1.
    PercentEncoding { position: usize } => "cause-percent-encoding",
    /// The request line has a blank too many.
    BlankInTarget => "cause-blank-in-target",
    /// The head came in one piece with what was before it, and its target was not made readable.
    UnreadableHead => "cause-unreadable-head",
    /// A name or a value in the query is not UTF-8. The position is that of its first byte, from 1.
    QueryNotUtf8 { position: usize } => "cause-query-not-utf8",
    /// A segment of the path is not percent-encoded UTF-8.
    PathEncoding { segment: String } => "cause-path-encoding",
    UnknownPath { path: String } => "cause-unknown-path",
    /// `allowed` is the value of the `Allow` header.
    MethodNotAllowed { method: String, allowed: String } => "cause-method-not-allowed",
    /// The request target is longer than `limit` bytes.
    UriTooLong { limit: usize } => "cause-uri-too-long",
    /// The content is longer than `limit` bytes.
    PayloadTooLarge { limit: usize } => "cause-payload-too-large",
    /// The content is compressed or encoded in another way.
    ContentCoding { given: String } => "cause-content-coding",
    /// `Transfer-Encoding` is something else than `chunked`.
    TransferEncoding { given: String } => "cause-transfer-encoding",
    /// `Host` is missing, repeated or malformed.
    HostField => "cause-host-field",
    /// The service does not respond to this host.
    HostNotAllowed { given: String } => "cause-host-not-allowed",
    /// The content ended early: the client disconnected, or the length was wrong.
    ContentIncomplete => "cause-content-incomplete",
    /// A line of newline-delimited JSON is longer than `limit` bytes.
    LineTooLong { limit: usize } => "cause-line-too-long",
    /// The content has more than `limit` lines.
    TooManyLines { limit: usize } => "cause-too-many-lines",
    /// More than `limit` tasks would be exported.
    TooManyTasks { limit: i32 } => "cause-too-many-tasks",
    /// Over HTTP/1.0, an export that was broken off would look whole.
    ExportVersion => "cause-export-version",
    UnknownTask { id: String } => "cause-unknown-task",
    /// The task has another `ETag` than those of `If-Match`.
    EtagDiffers { current: String } => "cause-etag-differs",
    /// The tag in `If-Match` is that of the task, but a proxy has made it weak.
    EtagWeak { given: String } => "cause-etag-weak",
    /// `If-None-Match` is `*` or has the `ETag` of the task.
    TaskExists { current: String } => "cause-task-exists",
    /// A condition that cannot be met by a list.
    PreconditionOfList { header: &'static str } => "cause-precondition-of-list",
    /// The database refused a value by this constraint.
    Constraint { constraint: String } => "cause-constraint",
    /// More than `requests` requests within `period`.
    TooManyRequests { requests: u32, period: String } => "cause-too-many-requests",
    /// Too many requests are in flight.
    Overloaded => "cause-overloaded",
    DatabaseUnavailable => "cause-database-unavailable",
    /// A statement was cancelled at its timeout.
    StatementTimeout => "cause-statement-timeout",
    /// The memory for responses is in use.
    MemoryExhausted => "cause-memory-exhausted",
    /// The response would have more than `limit` bytes.
    ResponseTooLarge { limit: usize } => "cause-response-too-large",
    /// The database did not confirm in time that a page from memory is current.
    NotConfirmed => "cause-not-confirmed",
    /// The response was not ready in time.
    DeadlineExceeded { seconds: u64 } => "cause-deadline-exceeded",
}

impl From<Violation> for Cause {
    fn from(violation: Violation) -> Self {
        Self::Violation(violation)
    }
}

impl From<JsonError> for Cause {
    fn from(error: JsonError) -> Self {
        Self::Json(error)
    }
}
