//! The faults of tokens, filters and sorters in words.

use std::fmt::Display;

use crate::auth::IdentityError;
use crate::auth::jwt::{MAX_TOKEN_BYTES, TokenError};
use crate::listing::filter::{self, Expected, Field, FilterError, Given, Kind};
use crate::listing::sorters::{Sorter, SortersError};
use crate::messages::locale::Message;

use super::quote;

/// Why it is not known who calls.
pub(super) fn identity(error: &IdentityError) -> Message {
    match error {
        IdentityError::NoToken => Message::new("cause-no-token"),
        IdentityError::Token(error) => token(*error),
        IdentityError::NotTheGateway => Message::new("cause-not-the-gateway"),
        IdentityError::NoIdentity => Message::new("cause-no-identity"),
        IdentityError::UnreadableIdentity(header) => {
            Message::new("cause-unreadable-identity").with("header", quote(header))
        }
    }
}

fn token(error: TokenError) -> Message {
    match error {
        TokenError::TooLong => Message::new("cause-token-too-long").with("limit", MAX_TOKEN_BYTES),
        TokenError::Malformed => Message::new("cause-token-malformed"),
        TokenError::Kind => Message::new("cause-token-kind"),
        TokenError::Algorithm => Message::new("cause-token-algorithm"),
        TokenError::Signature => Message::new("cause-token-signature"),
        TokenError::Expired => Message::new("cause-token-expired"),
        TokenError::NotYetValid => Message::new("cause-token-not-yet-valid"),
        TokenError::Issuer => Message::new("cause-token-issuer"),
        TokenError::Audience => Message::new("cause-token-audience"),
        TokenError::Claim(claim) => Message::new("cause-token-claim").with("claim", claim),
        TokenError::NoKeys => Message::new("cause-token-no-keys"),
    }
}

/// A fault of a filter.
pub(super) fn filter(error: &FilterError) -> Message {
    let at = |id| Message::new(id).with("position", error.position());
    match error {
        FilterError::TooLong { length } => Message::new("cause-filter-too-long")
            .with("length", length)
            .with("limit", filter::MAX_LENGTH),
        FilterError::Unexpected { found, expected, .. } => {
            let expected = expected
                .iter()
                .map(|expected| self::expected(*expected))
                .collect();
            match found {
                Some(found) => at("cause-filter-unexpected").with("found", quote(found)),
                None => at("cause-filter-ends-early"),
            }
            .with_list("expected", expected)
        }
        FilterError::UnknownField { name, .. } => at("cause-filter-unknown-field")
            .with("given", quote(name))
            .with("allowed", names(&Field::ALL)),
        FilterError::OperatorNotTaken { field, operator, .. } => at("cause-filter-operator")
            .with("field", field)
            .with("given", quote(operator))
            .with("allowed", names(field.operators())),
        FilterError::WrongType { field, given, .. } => at("cause-filter-wrong-type")
            .with("field", field)
            .with_list("expected", vec![kind(field.kind())])
            .with_list("given", vec![self::given(*given)]),
        FilterError::UnknownName { field, value, .. } => at("cause-filter-unknown-name")
            .with("field", field)
            .with("given", quote(value))
            .with_list("expected", vec![kind(field.kind())]),
        FilterError::InvalidTime { given, .. } => at("cause-filter-invalid-time").with("given", quote(given)),
        FilterError::TimeOutOfRange { given, .. } => {
            at("cause-filter-time-out-of-range").with("given", quote(given))
        }
        FilterError::NumberOutOfRange { given, .. } => at("cause-filter-number-out-of-range")
            .with("given", quote(given))
            .with("min", i64::MIN)
            .with("max", i64::MAX),
        FilterError::UnterminatedText { .. } => at("cause-filter-unterminated-text"),
        FilterError::UnknownEscape { .. } => at("cause-filter-unknown-escape"),
        FilterError::NulCharacter { .. } => at("cause-filter-null-character"),
        FilterError::TextTooLong { .. } => {
            at("cause-filter-text-too-long").with("limit", filter::MAX_TEXT_LENGTH)
        }
        FilterError::TooDeep { .. } => at("cause-filter-too-deep").with("limit", filter::MAX_DEPTH),
        FilterError::TooManyComparisons { .. } => {
            at("cause-filter-too-many-comparisons").with("limit", filter::MAX_COMPARISONS)
        }
        FilterError::TooManyValues { .. } => {
            at("cause-filter-too-many-values").with("limit", filter::MAX_VALUES)
        }
    }
}

/// A fault of sorters.
pub(super) fn sorters(error: &SortersError) -> Message {
    let at = |id, item: &usize| Message::new(id).with("item", item);
    match error {
        SortersError::Empty { item } => at("cause-sorter-empty", item).with("allowed", names(&Sorter::ALL)),
        SortersError::Unknown { item, name } => at("cause-sorter-unknown", item)
            .with("given", quote(name))
            .with("allowed", names(&Sorter::ALL)),
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

fn kind(kind: Kind) -> Message {
    match kind {
        Kind::Text | Kind::OpenEnumeration(_) => Message::new("kind-text"),
        Kind::Enumeration(names) => Message::new("kind-enumeration").with("names", self::names(names)),
        Kind::Time => Message::new("kind-time"),
        Kind::Integer => Message::new("kind-number"),
    }
}

fn given(given: Given) -> Message {
    Message::new(match given {
        Given::Text => "kind-text",
        Given::Number => "kind-number",
        Given::Boolean => "kind-boolean",
        Given::Time => "kind-time",
        Given::Null => "kind-null",
    })
}

fn names(names: &[impl Display]) -> String {
    names
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}
