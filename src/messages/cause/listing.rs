//! Errors of filters and sorters in words.

use std::fmt::Display;

use crate::listing::filter::{self, Expected, Field, FieldType, FilterError, FilterProblem, LiteralType};
use crate::listing::sorters::{Sorter, SortersError};
use crate::messages::locale::Message;

pub(super) fn filter(error: &FilterError) -> Message {
    let at = |id| Message::new(id).with("position", error.position);
    match &error.problem {
        FilterProblem::TooLong { length } => Message::new("cause-filter-too-long")
            .with("length", length)
            .with("limit", filter::MAX_LENGTH),
        FilterProblem::Unexpected { found, expected } => {
            let expected = expected
                .iter()
                .map(|expected| self::expected(*expected))
                .collect();
            match found {
                Some(found) => at("cause-filter-unexpected").with("found", found),
                None => at("cause-filter-ends-early"),
            }
            .with_list("expected", expected)
        }
        FilterProblem::UnknownField { name } => at("cause-filter-unknown-field")
            .with("given", name)
            .with_whole("allowed", names(&Field::ALL)),
        FilterProblem::OperatorNotTaken { field, operator } => at("cause-filter-operator")
            .with("field", field)
            .with("given", operator)
            .with_whole("allowed", names(field.operators())),
        FilterProblem::WrongType { field, given } => at("cause-filter-wrong-type")
            .with("field", field)
            .with_list("expected", vec![kind(field.field_type())])
            .with_list("given", vec![self::given(*given)]),
        FilterProblem::UnknownName { field, value } => at("cause-filter-unknown-name")
            .with("field", field)
            .with("given", value)
            .with_list("expected", vec![kind(field.field_type())]),
        FilterProblem::InvalidTime { given } => at("cause-filter-invalid-time").with("given", given),
        FilterProblem::TimeOutOfRange { given } => at("cause-filter-time-out-of-range").with("given", given),
        FilterProblem::NumberOutOfRange { given } => at("cause-filter-number-out-of-range")
            .with("given", given)
            .with("min", i64::MIN)
            .with("max", i64::MAX),
        FilterProblem::UnterminatedText => at("cause-filter-unterminated-text"),
        FilterProblem::UnknownEscape => at("cause-filter-unknown-escape"),
        FilterProblem::NulCharacter => at("cause-filter-null-character"),
        FilterProblem::TextTooLong => at("cause-filter-text-too-long").with("limit", filter::MAX_TEXT_LENGTH),
        FilterProblem::TooDeep => at("cause-filter-too-deep").with("limit", filter::MAX_DEPTH),
        FilterProblem::TooManyComparisons => {
            at("cause-filter-too-many-comparisons").with("limit", filter::MAX_COMPARISONS)
        }
        FilterProblem::TooManyValues => at("cause-filter-too-many-values").with("limit", filter::MAX_VALUES),
    }
}

pub(super) fn sorters(error: &SortersError) -> Message {
    let at = |id, item: &usize| Message::new(id).with("item", item);
    match error {
        SortersError::Empty { item } => {
            at("cause-sorter-empty", item).with_whole("allowed", names(&Sorter::ALL))
        }
        SortersError::Unknown { item, name } => at("cause-sorter-unknown", item)
            .with("given", name)
            .with_whole("allowed", names(&Sorter::ALL)),
        SortersError::Repeated { item, sorter } => at("cause-sorter-repeated", item).with("sorter", sorter),
    }
}

fn expected(expected: Expected) -> Message {
    let word = |word: &str| Message::new("word").with("word", word);
    match expected {
        Expected::Field => Message::new("expected-field"),
        Expected::Operator => Message::new("expected-operator"),
        Expected::And => word("and"),
        Expected::Or => word("or"),
        Expected::Not => word("not"),
        Expected::Pr => word("pr"),
        Expected::OpeningParenthesis => word("("),
        Expected::ClosingParenthesis => word(")"),
        Expected::Comma => word(","),
        Expected::Text => Message::new("kind-text"),
        Expected::Number => Message::new("kind-number"),
        Expected::Time => Message::new("kind-time"),
        Expected::Null => word("null"),
        Expected::End => Message::new("expected-end"),
    }
}

fn kind(kind: FieldType) -> Message {
    match kind {
        FieldType::Text | FieldType::OpenEnumeration(_) => Message::new("kind-text"),
        FieldType::Enumeration(names) => {
            Message::new("kind-enumeration").with_whole("names", self::names(names))
        }
        FieldType::Time => Message::new("kind-time"),
        FieldType::Integer => Message::new("kind-number"),
    }
}

fn given(given: LiteralType) -> Message {
    Message::new(match given {
        LiteralType::Text => "kind-text",
        LiteralType::Number => "kind-number",
        LiteralType::Boolean => "kind-boolean",
        LiteralType::Time => "kind-time",
        LiteralType::Null => "kind-null",
    })
}

fn names(names: &[impl Display]) -> String {
    names
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}
