//! What is wrong with a filter, and where.

use super::field::Field;

/// The first error of a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterError {
    /// Counts characters from 1; the end of the text is one past the last.
    pub position: usize,
    pub problem: FilterProblem,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FilterProblem {
    /// The whole text is longer than [`MAX_LENGTH`](super::MAX_LENGTH) characters.
    TooLong {
        length: usize,
    },
    /// Only one of `expected` is allowed here. Nothing is found at the end of the text.
    Unexpected {
        found: Option<String>,
        expected: &'static [Expected],
    },
    UnknownField {
        name: String,
    },
    /// The operator is none of [`Field::operators`].
    OperatorNotTaken {
        field: Field,
        operator: String,
    },
    /// The value is not of the field's type.
    WrongType {
        field: Field,
        given: LiteralType,
    },
    /// The field is an enumeration, and the value is none of its names.
    UnknownName {
        field: Field,
        value: String,
    },
    /// A time is expected, or the value begins like one.
    InvalidTime {
        given: String,
    },
    /// The time is outside the years 0001 to 9999, in UTC.
    TimeOutOfRange {
        given: String,
    },
    /// The number does not fit into 64 bits.
    NumberOutOfRange {
        given: String,
    },
    /// A string begins here and never ends.
    UnterminatedText,
    /// The backslash here begins no escape of JSON.
    UnknownEscape,
    /// NUL, which PostgreSQL cannot store.
    NulCharacter,
    /// The string has more than [`MAX_TEXT_LENGTH`](super::MAX_TEXT_LENGTH) characters.
    TextTooLong,
    /// The parenthesis or `not` is nested deeper than [`MAX_DEPTH`](super::MAX_DEPTH).
    TooDeep,
    /// The comparison is one more than [`MAX_COMPARISONS`](super::MAX_COMPARISONS).
    TooManyComparisons,
    /// The value is one more than [`MAX_VALUES`](super::MAX_VALUES) in its list.
    TooManyValues,
}

impl FilterError {
    /// Whether the text breaks the grammar, rather than naming something that does not exist or is not allowed.
    pub const fn is_syntax(&self) -> bool {
        matches!(
            self.problem,
            FilterProblem::Unexpected { .. } | FilterProblem::UnterminatedText | FilterProblem::UnknownEscape
        )
    }
}

/// What the grammar allows at some point of a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    Field,
    /// An operator after a field.
    Operator,
    And,
    Or,
    Not,
    /// `pr` before a field.
    Pr,
    OpeningParenthesis,
    ClosingParenthesis,
    Comma,
    /// A string in double quotes.
    Text,
    /// A number without quotes.
    Number,
    /// A time, with or without double quotes.
    Time,
    Null,
    /// The end of the filter.
    End,
}

/// The type of a literal that the field does not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LiteralType {
    Text,
    Number,
    Boolean,
    Time,
    Null,
}
