//! Literals as values of a field: what each type of field takes, and the error for any other literal.

use super::error::{Expected, FilterError, LiteralType};
use super::field::{Field, FieldType};
use super::scanner::Scanner;
use super::value::{self, Invalid, Number, Value};

enum Literal<'t> {
    Quoted(String),
    Bare(&'t str),
}

/// A value for the field.
pub(super) fn value(field: Field, scanner: &mut Scanner<'_>) -> Result<Value, FilterError> {
    let begin = scanner.offset();
    let literal = literal(scanner, expected(field))?;
    value_of(field, literal, || scanner.position(begin))
}

/// A value for the field, or `null`.
pub(super) fn value_or_null(field: Field, scanner: &mut Scanner<'_>) -> Result<Option<Value>, FilterError> {
    let begin = scanner.offset();
    match literal(scanner, expected_or_null(field))? {
        Literal::Bare("null") => Ok(None),
        literal => value_of(field, literal, || scanner.position(begin)).map(Some),
    }
}

/// A part of the text of a field.
pub(super) fn text(field: Field, scanner: &mut Scanner<'_>) -> Result<String, FilterError> {
    let begin = scanner.offset();
    match literal(scanner, expected(field))? {
        Literal::Quoted(text) => Ok(text),
        Literal::Bare(word) => Err(misplaced(field, word, scanner.position(begin))),
    }
}

fn literal<'t>(scanner: &mut Scanner<'t>, expected: &'static [Expected]) -> Result<Literal<'t>, FilterError> {
    match scanner.quoted()? {
        Some(text) => Ok(Literal::Quoted(text)),
        None => {
            let bare = scanner.bare().map(Literal::Bare);
            bare.ok_or_else(|| scanner.unexpected(expected))
        }
    }
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

fn value_of(field: Field, literal: Literal<'_>, position: impl Fn() -> usize) -> Result<Value, FilterError> {
    match (field.field_type(), literal) {
        (FieldType::Text, Literal::Quoted(text)) => Ok(Value::Text(text)),
        (FieldType::OpenEnumeration(_), Literal::Quoted(name)) => Ok(Value::Text(name.to_ascii_uppercase())),
        (FieldType::Enumeration(names), Literal::Quoted(value)) => {
            match names.iter().find(|name| name.eq_ignore_ascii_case(&value)) {
                Some(&name) => Ok(Value::Text(name.to_owned())),
                None => Err(FilterError::UnknownName {
                    position: position(),
                    field,
                    value,
                }),
            }
        }
        (FieldType::Time, Literal::Quoted(given)) => time(&given, position),
        (FieldType::Time, Literal::Bare(given))
            if given.starts_with(|first: char| !first.is_alphabetic()) =>
        {
            time(given, position)
        }
        (FieldType::Integer, Literal::Quoted(_)) => Err(FilterError::WrongType {
            position: position(),
            field,
            given: LiteralType::Text,
        }),
        (FieldType::Integer, Literal::Bare(given)) => match Number::parse(given) {
            Ok(number) => Ok(Value::Number(number)),
            Err(Invalid::Form) => Err(misplaced(field, given, position())),
            Err(Invalid::Range) => Err(FilterError::NumberOutOfRange {
                position: position(),
                given: given.to_owned(),
            }),
        },
        (_, Literal::Bare(word)) => Err(misplaced(field, word, position())),
    }
}

fn time(text: &str, position: impl Fn() -> usize) -> Result<Value, FilterError> {
    value::time(text).map(Value::Time).map_err(|invalid| {
        let (position, given) = (position(), text.to_owned());
        match invalid {
            Invalid::Form => FilterError::InvalidTime { position, given },
            Invalid::Range => FilterError::TimeOutOfRange { position, given },
        }
    })
}

/// The error for a bare word that the field does not take: a value of another type, or no value at all.
fn misplaced(field: Field, word: &str, position: usize) -> FilterError {
    let given = match word {
        "null" => Some(LiteralType::Null),
        "true" | "false" => Some(LiteralType::Boolean),
        _ if Number::parse(word) != Err(Invalid::Form) => Some(LiteralType::Number),
        _ if value::time(word) != Err(Invalid::Form) => Some(LiteralType::Time),
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
