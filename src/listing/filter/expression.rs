//! A filter as a tree in canonical form, and as canonical text.
//!
//! `x ne 1` is `not x eq 1`, `pr x` is `not x isnull`, two negations cancel, and nested `and`s are one. Filters that mean
//! the same by these rules are equal.

use std::fmt::{self, Display, Formatter};

use super::field::Field;
use super::value::{Quoted, Value};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Expression {
    Is(Field, Test),
    /// Constructed by [`Expression::negated`], so never of a negation.
    Not(Box<Expression>),
    /// Constructed by [`Expression::all`], so two or more parts, none of them an `And`.
    And(Vec<Expression>),
    /// Constructed by [`Expression::any`], so two or more parts, none of them an `Or`.
    Or(Vec<Expression>),
}

/// A test of a field's value. For null, only [`Test::Null`] is true.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Test {
    Null,
    Compare(Relation, Value),
    In(Vec<Value>),
    StartsWith(String),
    Contains(String),
    ContainsAll(Vec<String>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Relation {
    Eq,
    Gt,
    Ge,
    Lt,
    Le,
}

impl Expression {
    pub(crate) fn negated(self) -> Self {
        match self {
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }

    pub(crate) fn all(parts: Vec<Self>) -> Self {
        let flat = parts.into_iter().flat_map(|part| match part {
            Self::And(parts) => parts,
            other => vec![other],
        });
        Self::one_or(flat.collect(), Self::And)
    }

    pub(crate) fn any(parts: Vec<Self>) -> Self {
        let flat = parts.into_iter().flat_map(|part| match part {
            Self::Or(parts) => parts,
            other => vec![other],
        });
        Self::one_or(flat.collect(), Self::Or)
    }

    fn one_or(parts: Vec<Self>, join: fn(Vec<Self>) -> Self) -> Self {
        match <[Self; 1]>::try_from(parts) {
            Ok([only]) => only,
            Err(parts) => join(parts),
        }
    }

    /// How tightly it binds as text.
    fn precedence(&self) -> u8 {
        match self {
            Self::Or(_) => 0,
            Self::And(_) => 1,
            Self::Not(_) | Self::Is(..) => 2,
        }
    }

    /// Writes it as a part of an expression with precedence `outer`.
    fn write_within(&self, outer: u8, formatter: &mut Formatter<'_>) -> fmt::Result {
        if self.precedence() < outer {
            write!(formatter, "({self})")
        } else {
            self.fmt(formatter)
        }
    }
}

impl Display for Expression {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(field, test) => write_test(*field, test, formatter),
            Self::Not(inner) => match &**inner {
                Self::Is(field, Test::Null) => write!(formatter, "pr {field}"),
                Self::Is(field, Test::Compare(Relation::Eq, value)) => {
                    write!(formatter, "{field} ne {value}")
                }
                other => {
                    formatter.write_str("not ")?;
                    other.write_within(2, formatter)
                }
            },
            Self::And(parts) | Self::Or(parts) => {
                let word = if matches!(self, Self::And(_)) {
                    " and "
                } else {
                    " or "
                };
                for (index, part) in parts.iter().enumerate() {
                    if index > 0 {
                        formatter.write_str(word)?;
                    }
                    part.write_within(self.precedence() + 1, formatter)?;
                }
                Ok(())
            }
        }
    }
}

fn write_test(field: Field, test: &Test, formatter: &mut Formatter<'_>) -> fmt::Result {
    match test {
        Test::Null => write!(formatter, "{field} isnull"),
        Test::Compare(relation, value) => write!(formatter, "{field} {relation} {value}"),
        Test::In(values) => {
            write!(formatter, "{field} in ")?;
            write_list(values, formatter)
        }
        Test::StartsWith(beginning) => write!(formatter, "{field} sw {}", Quoted(beginning)),
        Test::Contains(part) => write!(formatter, "{field} co {}", Quoted(part)),
        Test::ContainsAll(parts) => {
            write!(formatter, "{field} ca ")?;
            write_list(parts.iter().map(|part| Quoted(part)), formatter)
        }
    }
}

fn write_list(items: impl IntoIterator<Item: Display>, formatter: &mut Formatter<'_>) -> fmt::Result {
    let mut before = "(";
    for item in items {
        write!(formatter, "{before}{item}")?;
        before = ",";
    }
    formatter.write_str(")")
}

impl Display for Relation {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Eq => "eq",
            Self::Gt => "gt",
            Self::Ge => "ge",
            Self::Lt => "lt",
            Self::Le => "le",
        })
    }
}
