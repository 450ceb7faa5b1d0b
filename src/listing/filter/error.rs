//! What is wrong with a filter: one variant per fault, with its position and what would have been right.
//!
//! Positions count characters from 1; the end of the text is one past the last. The texts here are for logs: what users
//! read is worded elsewhere, in their language.

use std::fmt::{self, Display, Formatter};

use super::field::{Field, FieldType};
use super::{MAX_COMPARISONS, MAX_DEPTH, MAX_LENGTH, MAX_TEXT_LENGTH, MAX_VALUES};

/// The first fault of a filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// The whole text is longer than [`MAX_LENGTH`] characters.
    #[error("the filter has {length} characters, at most {MAX_LENGTH} are allowed")]
    TooLong { length: usize },
    /// `found` (nothing at the end of the text) stands where only one of `expected` can.
    #[error("at character {position}: expected {}, found {}", list(expected, "or"), or_end(found.as_deref()))]
    Unexpected {
        position: usize,
        found: Option<String>,
        expected: &'static [Expected],
    },
    /// There is no such field. [`Field::ALL`] exist.
    #[error("at character {position}: there is no field {name:?}, only {}", list(&Field::ALL, "and"))]
    UnknownField { position: usize, name: String },
    /// The field does not take the operator, or there is none of this name. It takes [`Field::operators`].
    #[error(
        "at character {position}: {field} does not take the operator {operator:?}, only {}",
        list(field.operators(), "and")
    )]
    OperatorNotTaken {
        position: usize,
        field: Field,
        operator: String,
    },
    /// The value is not of the field's [`Field::field_type`].
    #[error("at character {position}: {field} is compared with {}, not with {given}", field.field_type())]
    WrongType {
        position: usize,
        field: Field,
        given: LiteralType,
    },
    /// The field's [`Field::field_type`] is an enumeration, and the value is none of its names.
    #[error("at character {position}: {field} is {}, not {value:?}", field.field_type())]
    UnknownName {
        position: usize,
        field: Field,
        value: String,
    },
    /// A time was begun or is due, but this is none.
    #[error(
        "at character {position}: {given:?} is not {}; an offset is needed after the time of day, \
         and its \"+\" is %2B in a URL",
        FieldType::Time
    )]
    InvalidTime { position: usize, given: String },
    /// The time is outside the years 0001 to 9999, in UTC.
    #[error("at character {position}: the time {given:?} is outside the years 0001 to 9999")]
    TimeOutOfRange { position: usize, given: String },
    /// The number has no place in 64 bits.
    #[error(
        "at character {position}: the number {given:?} is outside {} to {}",
        i64::MIN,
        i64::MAX
    )]
    NumberOutOfRange { position: usize, given: String },
    /// A text begins at the position and never ends.
    #[error("at character {position}: the text that begins here has no closing double quote")]
    UnterminatedText { position: usize },
    /// After the backslash at the position stands neither a backslash nor a double quote.
    #[error("at character {position}: a backslash must be followed by another one or by a double quote")]
    UnknownEscape { position: usize },
    /// The NUL character, which PostgreSQL cannot hold.
    #[error("at character {position}: the NUL character is not allowed")]
    NulCharacter { position: usize },
    /// The text that begins at the position means more than [`MAX_TEXT_LENGTH`] characters.
    #[error("at character {position}: the text that begins here is longer than {MAX_TEXT_LENGTH} characters")]
    TextTooLong { position: usize },
    /// The parenthesis or `not` at the position is nested deeper than [`MAX_DEPTH`].
    #[error("at character {position}: parentheses and \"not\" may be nested {MAX_DEPTH} deep")]
    TooDeep { position: usize },
    /// The comparison at the position is one more than [`MAX_COMPARISONS`].
    #[error("at character {position}: at most {MAX_COMPARISONS} comparisons are allowed")]
    TooManyComparisons { position: usize },
    /// The value at the position is one more than [`MAX_VALUES`] in its list.
    #[error("at character {position}: a list may have at most {MAX_VALUES} values")]
    TooManyValues { position: usize },
}

impl FilterError {
    /// Where the fault is.
    pub const fn position(&self) -> usize {
        match self {
            Self::TooLong { .. } => MAX_LENGTH + 1,
            Self::Unexpected { position, .. }
            | Self::UnknownField { position, .. }
            | Self::OperatorNotTaken { position, .. }
            | Self::WrongType { position, .. }
            | Self::UnknownName { position, .. }
            | Self::InvalidTime { position, .. }
            | Self::TimeOutOfRange { position, .. }
            | Self::NumberOutOfRange { position, .. }
            | Self::UnterminatedText { position }
            | Self::UnknownEscape { position }
            | Self::NulCharacter { position }
            | Self::TextTooLong { position }
            | Self::TooDeep { position }
            | Self::TooManyComparisons { position }
            | Self::TooManyValues { position } => *position,
        }
    }

    /// Whether the text is no sentence of the language at all, rather than one that is not allowed here.
    pub const fn is_syntax(&self) -> bool {
        matches!(
            self,
            Self::Unexpected { .. } | Self::UnterminatedText { .. } | Self::UnknownEscape { .. }
        )
    }
}

/// What can stand somewhere in a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Expected {
    /// The name of a field.
    Field,
    /// An operator after a field.
    Operator,
    And,
    Or,
    Not,
    /// `pr`, which stands before a field.
    Pr,
    OpeningParenthesis,
    ClosingParenthesis,
    Comma,
    /// A text in double quotes.
    Text,
    /// A number without quotes.
    Number,
    /// A time without quotes, or in double quotes.
    Time,
    Null,
    /// The end of the filter.
    End,
}

impl Display for Expected {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Field => "a field",
            Self::Operator => "an operator",
            Self::And => "\"and\"",
            Self::Or => "\"or\"",
            Self::Not => "\"not\"",
            Self::Pr => "\"pr\"",
            Self::OpeningParenthesis => "\"(\"",
            Self::ClosingParenthesis => "\")\"",
            Self::Comma => "\",\"",
            Self::Text => "a text in double quotes",
            Self::Number => "a number",
            Self::Time => "a time",
            Self::Null => "\"null\"",
            Self::End => "the end of the filter",
        })
    }
}

/// What kind of value was given where another kind is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LiteralType {
    Text,
    Number,
    Boolean,
    Time,
    Null,
}

impl Display for LiteralType {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Text => "a text",
            Self::Number => "a number",
            Self::Boolean => "a boolean",
            Self::Time => "a time",
            Self::Null => "null",
        })
    }
}

fn list(items: &[impl Display], last: &str) -> String {
    match items {
        [] => "nothing".to_owned(),
        [only] => only.to_string(),
        [first @ .., end] => {
            let first: Vec<String> = first.iter().map(ToString::to_string).collect();
            format!("{} {last} {end}", first.join(", "))
        }
    }
}

fn or_end(found: Option<&str>) -> String {
    found.map_or_else(|| "the end".to_owned(), |found| format!("{found:?}"))
}
