//! The filter language of `GET /task-status`: text in, an expression out.
//!
//! 1. [`field`] is the table of fields and their types, [`operator`] the operators.
//! 2. `parser` reads text into an `expression`, or returns an [`error`] with its position.
//! 3. [`crate::store`] says in SQL what an expression means.
//!
//! The meaning is two-valued: a comparison with null is false, hence its negation is true, and `not (f)` always selects
//! exactly the rows that `f` does not.

pub mod error;
pub(crate) mod expression;
pub mod field;
mod literal;
pub mod operator;
mod parser;
mod scanner;
#[cfg(test)]
mod tests;
pub(crate) mod value;

use std::fmt;

pub use error::{Expected, FilterError, FilterProblem, LiteralType};
use expression::{Expression, Test};
pub use field::{Field, FieldType};
pub use operator::Operator;

/// The largest number of characters of a filter.
pub const MAX_LENGTH: usize = 8192;
/// The deepest nesting of parentheses and `not`.
pub const MAX_DEPTH: usize = 16;
/// The largest number of comparisons of a filter.
pub const MAX_COMPARISONS: usize = 100;
/// The largest number of values of a list.
pub const MAX_VALUES: usize = 500;
/// The largest number of characters of a string within a filter.
pub const MAX_TEXT_LENGTH: usize = 1024;

pub(crate) const PENDING: Expression = Expression::Is(Field::CompletionStatus, Test::Null);

/// A valid filter on task statuses.
///
/// Filters are equal if they differ only in whitespace, redundant parentheses, the case of enumerated names, the form of
/// a value, or negations that cancel.
///
/// Its `Display` is its canonical text, which parses to an equal filter. That text can be longer than the original, since
/// a year becomes a whole time, and so exceed [`MAX_LENGTH`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Filter(Expression);

impl Filter {
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        parser::parse(text).map(Self)
    }

    /// The filter that selects exactly the pending tasks: `completionStatus isnull`.
    pub const fn pending() -> Self {
        Self(PENDING)
    }

    pub(crate) const fn expression(&self) -> &Expression {
        &self.0
    }

    /// Whether it is [`Filter::pending`].
    pub fn is_pending_only(&self) -> bool {
        self.0 == PENDING
    }

    /// Whether it says of each task that it selects that the task is pending. What it selects then depends on the
    /// pending tasks alone.
    pub fn implies_pending(&self) -> bool {
        match &self.0 {
            Expression::And(parts) => parts.contains(&PENDING),
            expression => *expression == PENDING,
        }
    }

    /// A bound of its size in memory.
    pub fn bytes(&self) -> usize {
        // The shortest values, `1,`, take the most memory for their text.
        const BYTES_PER_CHARACTER: usize = 16;
        self.to_string().len() * BYTES_PER_CHARACTER
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}
