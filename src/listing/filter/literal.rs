//! Literals as values of a field: what each type of field takes, and the error for any other literal.

use super::error::{Expected, FilterError, FilterProblem, LiteralType};
use super::field::{Field, FieldType};
use super::scanner::Scanner;
use super::value::{self, Invalid, Number, Value};
use crate::task::is_name;

enum Literal<'t> {
    Quoted(String),
    Bare(&'t str),
}

/// A value for the field.
pub(super) fn value(field: Field, scanner: &mut Scanner<'_>) -> Result<Value, FilterError> {
    let begin = scanner.offset();
    let literal = literal(scanner, expected(field))?;
    value_of(field, literal).map_err(|problem| scanner.error(begin, problem))
}

/// A value for the field, or `null`.
pub(super) fn value_or_null(field: Field, scanner: &mut Scanner<'_>) -> Result<Option<Value>, FilterError> {
    let begin = scanner.offset();
    match literal(scanner, expected_or_null(field))? {
        Literal::Bare("null") => Ok(None),
        literal => value_of(field, literal)
            .map(Some)
            .map_err(|problem| scanner.error(begin, problem)),
    }
}

/// A part of the text of a field.
pub(super) fn text(field: Field, scanner: &mut Scanner<'_>) -> Result<String, FilterError> {
    let begin = scanner.offset();
    match literal(scanner, expected(field))? {
        Literal::Quoted(text) => Ok(text),
        Literal::Bare(word) => Err(scanner.error(begin, misplaced(field, word))),
    }
}

fn literal<'t>(scanner: &mut Scanner<'t>, expected: &'static [Expected]) -> Result<Literal<'t>, FilterError> {
    if let Some(text) = scanner.quoted()? {
        return Ok(Literal::Quoted(text));
    }
    let bare = scanner.bare().map(Literal::Bare);
    bare.ok_or_else(|| scanner.unexpected(expected))
}

fn expected(field: Field) -> &'static [Expected] {
    &expected_or_null(field)[..1]
}

fn expected_or_null(field: Field) -> &'static [Expected] {
    match field.field_type() {
        FieldType::Text | FieldType::Enumeration(_) | FieldType::OpenEnumeration(_) => {
            &[Expected::Text, Expected::Null]
        }
        FieldType::Time => &[Expected::Time, Expected::Null],
        FieldType::Integer => &[Expected::Number, Expected::Null],
    }
}

fn value_of(field: Field, literal: Literal<'_>) -> Result<Value, FilterProblem> {
    match (field.field_type(), literal) {
        (FieldType::Text, Literal::Quoted(text)) => Ok(Value::Text(text)),
        (FieldType::OpenEnumeration(_), Literal::Quoted(name)) => Ok(Value::Text(name.to_ascii_uppercase())),
        (FieldType::Enumeration(names), Literal::Quoted(value)) => {
            match names.iter().find(|name| is_name(name, &value)) {
                Some(&name) => Ok(Value::Text(name.to_owned())),
                None => Err(FilterProblem::UnknownName { field, value }),
            }
        }
        (FieldType::Time, Literal::Quoted(given)) => time(&given),
        (FieldType::Time, Literal::Bare(given)) if !given.starts_with(char::is_alphabetic) => time(given),
        (FieldType::Integer, Literal::Quoted(_)) => Err(FilterProblem::WrongType {
            field,
            given: LiteralType::Text,
        }),
        (FieldType::Integer, Literal::Bare(given)) => {
            Number::parse(given)
                .map(Value::Number)
                .map_err(|invalid| match invalid {
                    Invalid::Form => misplaced(field, given),
                    Invalid::Range => FilterProblem::NumberOutOfRange {
                        given: given.to_owned(),
                    },
                })
        }
        (_, Literal::Bare(word)) => Err(misplaced(field, word)),
    }
}

fn time(text: &str) -> Result<Value, FilterProblem> {
    value::time(text).map(Value::Time).map_err(|invalid| {
        let given = text.to_owned();
        match invalid {
            Invalid::Form => FilterProblem::InvalidTime { given },
            Invalid::Range => FilterProblem::TimeOutOfRange { given },
        }
    })
}

/// The error for a bare word that the field does not take: a value of another type, or no value at all.
fn misplaced(field: Field, word: &str) -> FilterProblem {
    let given = match word {
        "null" => LiteralType::Null,
        "true" | "false" => LiteralType::Boolean,
        _ if Number::parse(word) != Err(Invalid::Form) => LiteralType::Number,
        _ if value::time(word) != Err(Invalid::Form) => LiteralType::Time,
        _ => {
            return FilterProblem::Unexpected {
                found: Some(word.to_owned()),
                expected: expected(field),
            };
        }
    };
    FilterProblem::WrongType { field, given }
}
