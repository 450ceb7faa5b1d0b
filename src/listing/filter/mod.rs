//! The filter language of `GET /task-status`: text in, an expression out.
//!
//! 1. [`field`] is the table of fields and their types, [`operator`] the operators.
//! 2. `parser` reads text into an [`expression`], or returns an [`error`] with its position.
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

/// The most characters of a filter.
pub const MAX_LENGTH: usize = 8192;
/// How deep parentheses and `not` may be nested.
pub const MAX_DEPTH: usize = 16;
/// The most comparisons of a filter.
pub const MAX_COMPARISONS: usize = 100;
/// The most values of a list.
pub const MAX_VALUES: usize = 500;
/// The most characters of a text within a filter.
pub const MAX_TEXT_LENGTH: usize = 1024;

/// A filter on task statuses that is known to make sense.
///
/// Equal filters mean the same; two that mean the same are equal if they differ only in blanks, redundant parentheses,
/// the case of enumerated names, forms of a value, or negations that cancel.
///
/// Displaying one gives its canonical text, which parses to an equal filter. It can be longer than the text that was
/// parsed (a year becomes a whole time), so of a filter near [`MAX_LENGTH`] it may not be accepted again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter(Expression);

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// The first fault of the text.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        parser::parse(text).map(Self)
    }

    pub(crate) const fn expression(&self) -> &Expression {
        &self.0
    }

    /// Whether it asks for the pending tasks, all of them and nothing else: `completionStatus isnull`.
    pub fn is_pending_only(&self) -> bool {
        self.0 == Expression::Is(Field::CompletionStatus, Test::Null)
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}
