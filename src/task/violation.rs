//! What is wrong with a part of a task or of a patch, and which part it is.

use std::fmt::Display;

use chrono::{DateTime, Utc};

/// A part of the content that is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// JSON pointer (RFC 6901) to the part; empty for the whole content.
    pub pointer: String,
    pub problem: Problem,
}

/// Why a part of the content is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    Required,
    /// The key is unknown and looks like a slip for another.
    UnknownField {
        suggestion: &'static str,
    },
    NotAString,
    NotAnObject,
    NotAnArray,
    NotAnInteger {
        given: String,
        min: i32,
        max: i32,
    },
    /// None of the forms that [`report::time`](super::report::time) reads.
    NotATime {
        given: String,
    },
    /// Not one of the names of an enumeration.
    NotOneOf {
        given: String,
        allowed: String,
    },
    /// More than `limit` characters.
    TextTooLong {
        limit: usize,
    },
    /// More than `limit` bytes of JSON.
    JsonTooLarge {
        limit: usize,
    },
    /// JSON nested deeper than `limit` levels.
    JsonTooDeep {
        limit: usize,
    },
    TooManyItems {
        limit: usize,
    },
    /// A number with more than `limit` digits.
    NumberTooLong {
        limit: usize,
    },
    /// A number is larger than a double can be.
    NumberTooLarge,
    /// A string contains NUL, which PostgreSQL cannot store.
    NulCharacter,
    /// The id is empty or belongs to a route of the API.
    ReservedId {
        given: String,
    },
    /// The id in the content is not the one in the path.
    IdDiffers {
        given: String,
    },
    /// A `modified` more than [`MINUTES_AHEAD`](super::limits::MINUTES_AHEAD) later than the database's time.
    Ahead {
        given: DateTime<Utc>,
        now: DateTime<Utc>,
    },
    /// `completed` without a `completionStatus`.
    CompletedWithoutStatus,
    /// A patch would change an immutable member.
    Immutable {
        allowed: String,
    },
    /// An item of a patch is not an operation of RFC 6902.
    NotAPatchOperation,
    /// An operation of a patch refers to a missing member.
    PatchTargetMissing,
    /// A `test` operation of a patch found another value.
    TestFailed,
}

impl Problem {
    /// This problem of the part at `pointer`.
    pub fn at(self, pointer: impl Into<String>) -> Violation {
        Violation {
            pointer: pointer.into(),
            problem: self,
        }
    }
}

impl Violation {
    /// The same violation, seen from the value that holds the part as its member or item `key`.
    #[must_use]
    pub fn inside(mut self, key: impl Display) -> Self {
        let key = key.to_string().replace('~', "~0").replace('/', "~1");
        self.pointer.insert_str(0, &format!("/{key}"));
        self
    }
}

/// A problem of a value as a whole.
impl From<Problem> for Vec<Violation> {
    fn from(problem: Problem) -> Self {
        vec![problem.at("")]
    }
}
