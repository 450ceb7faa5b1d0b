//! A literal of the language as a value of a field: what each kind of field takes, and the error for what it does not.

use winnow::combinator::{alt, cut_err};
use winnow::prelude::*;

use super::error::{Expected, FilterError, Given};
use super::field::{Field, Kind};
use super::token::{Input, Parsed, bare, position, quoted, refuse};
use super::value::{self, Invalid, Number, Value};

enum Literal<'t> {
    Quoted(String),
    Bare(&'t str),
}

/// A value for the field.
pub(super) fn value(field: Field, input: &mut Input<'_>) -> Parsed<Value> {
    let position = position(input);
    let literal = literal(input, expected(field))?;
    value_of(field, literal, position).or_else(refuse)
}

/// A value for the field, or `null`.
pub(super) fn value_or_null(field: Field, input: &mut Input<'_>) -> Parsed<Option<Value>> {
    let position = position(input);
    match literal(input, expected_or_null(field))? {
        Literal::Bare("null") => Ok(None),
        literal => value_of(field, literal, position).map(Some).or_else(refuse),
    }
}

/// A piece of a text field.
pub(super) fn text(field: Field, input: &mut Input<'_>) -> Parsed<String> {
    let position = position(input);
    match literal(input, expected(field))? {
        Literal::Quoted(text) => Ok(text),
        Literal::Bare(word) => refuse(misplaced(field, word, position)),
    }
}

fn literal<'t>(input: &mut Input<'t>, expected: &'static [Expected]) -> Parsed<Literal<'t>> {
    let literal = alt((quoted.map(Literal::Quoted), bare.map(Literal::Bare)));
    cut_err(literal.context(expected)).parse_next(input)
}

const fn expected(field: Field) -> &'static [Expected] {
    match field.kind() {
        Kind::Text | Kind::Enumeration(_) | Kind::OpenEnumeration(_) => &[Expected::Text],
        Kind::Time => &[Expected::Time],
        Kind::Integer => &[Expected::Number],
    }
}

const fn expected_or_null(field: Field) -> &'static [Expected] {
    match field.kind() {
        Kind::Text | Kind::Enumeration(_) | Kind::OpenEnumeration(_) => &[Expected::Text, Expected::Null],
        Kind::Time => &[Expected::Time, Expected::Null],
        Kind::Integer => &[Expected::Number, Expected::Null],
    }
}

fn value_of(field: Field, literal: Literal<'_>, position: usize) -> Result<Value, FilterError> {
    match (field.kind(), literal) {
        (Kind::Text, Literal::Quoted(text)) => Ok(Value::Text(text)),
        (Kind::OpenEnumeration(_), Literal::Quoted(name)) => Ok(Value::Text(name.to_ascii_uppercase())),
        (Kind::Enumeration(names), Literal::Quoted(value)) => {
            match names.iter().find(|name| name.eq_ignore_ascii_case(&value)) {
                Some(&name) => Ok(Value::Text(name.to_owned())),
                None => Err(FilterError::UnknownName {
                    position,
                    field,
                    value,
                }),
            }
        }
        (Kind::Time, Literal::Quoted(given)) => time(&given, position),
        (Kind::Time, Literal::Bare(given)) if given.starts_with(|first: char| !first.is_alphabetic()) => {
            time(given, position)
        }
        (Kind::Integer, Literal::Quoted(_)) => Err(FilterError::WrongType {
            position,
            field,
            given: Given::Text,
        }),
        (Kind::Integer, Literal::Bare(given)) => match Number::parse(given) {
            Ok(number) => Ok(Value::Number(number)),
            Err(Invalid::Form) => Err(misplaced(field, given, position)),
            Err(Invalid::Range) => Err(FilterError::NumberOutOfRange {
                position,
                given: given.to_owned(),
            }),
        },
        (_, Literal::Bare(word)) => Err(misplaced(field, word, position)),
    }
}

fn time(given: &str, position: usize) -> Result<Value, FilterError> {
    let given_again = || given.to_owned();
    match value::time(given) {
        Ok(time) => Ok(Value::Time(time)),
        Err(Invalid::Form) => Err(FilterError::InvalidTime {
            position,
            given: given_again(),
        }),
        Err(Invalid::Range) => Err(FilterError::TimeOutOfRange {
            position,
            given: given_again(),
        }),
    }
}

/// What is wrong with a word where the field takes something else: it is a value of another type, or none at all.
fn misplaced(field: Field, word: &str, position: usize) -> FilterError {
    let given = match word {
        "null" => Some(Given::Null),
        "true" | "false" => Some(Given::Boolean),
        _ if Number::parse(word) != Err(Invalid::Form) => Some(Given::Number),
        _ if value::time(word) != Err(Invalid::Form) => Some(Given::Time),
        _ => None,
    };
    match given {
        Some(given) => FilterError::WrongType {
            position,
            field,
            given,
        },
        None => FilterError::Unexpected {
            position,
            found: Some(word.to_owned()),
            expected: expected(field),
        },
    }
}
