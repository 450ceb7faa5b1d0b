//! Errors and their positions.

use super::fault;
use crate::listing::filter::FilterProblem::{
    InvalidTime, NulCharacter, NumberOutOfRange, OperatorNotTaken, TextTooLong, TimeOutOfRange, TooDeep,
    TooLong, TooManyComparisons, TooManyValues, Unexpected, UnknownEscape, UnknownField, UnknownName,
    UnterminatedText, WrongType,
};
use crate::listing::filter::{
    Expected, Field, FilterError, FilterProblem, LiteralType, MAX_COMPARISONS, MAX_DEPTH, MAX_LENGTH,
    MAX_TEXT_LENGTH, MAX_VALUES,
};

fn unexpected(found: &str, expected: &'static [Expected]) -> FilterProblem {
    Unexpected {
        found: (!found.is_empty()).then(|| found.to_owned()),
        expected,
    }
}

fn at(position: usize, problem: FilterProblem) -> FilterError {
    FilterError { position, problem }
}

#[test]
fn a_syntax_error_has_the_position_of_the_first_wrong_token() {
    use Expected::{
        And, ClosingParenthesis, Comma, End, Field, Not, Null, Number, OpeningParenthesis, Operator, Or, Pr,
        Text, Time,
    };
    const OPERAND: &[Expected] = &[Field, Not, Pr, OpeningParenthesis];
    for (text, position, found, expected) in [
        ("", 1, "", OPERAND),
        ("  ", 3, "", OPERAND),
        (")", 1, ")", OPERAND),
        ("\"id\" eq 1", 1, "\"", OPERAND),
        ("id eq \"a\" and", 14, "", OPERAND),
        ("id eq \"a\" and )", 15, ")", OPERAND),
        ("id eq \"a\" or ,", 14, ",", OPERAND),
        ("not", 4, "", OPERAND),
        ("()", 2, ")", OPERAND),
        ("pr", 3, "", &[Field]),
        ("pr (id)", 4, "(", &[Field]),
        ("id", 3, "", &[Operator]),
        ("id \"a\"", 4, "\"", &[Operator]),
        ("id = \"a\"", 4, "=", &[Operator]),
        ("id eq", 6, "", &[Text, Null]),
        ("id eq abc", 7, "abc", &[Text]),
        ("id eq 'abc'", 7, "'", &[Text, Null]),
        ("id gt", 6, "", &[Text]),
        ("id sw (", 7, "(", &[Text]),
        ("created gt", 11, "", &[Time]),
        ("created gt yesterday", 12, "yesterday", &[Time]),
        ("created eq (", 12, "(", &[Time, Null]),
        ("percentComplete eq )", 20, ")", &[Number, Null]),
        ("percentComplete eq 1e3", 20, "1e3", &[Number]),
        ("id in \"a\"", 7, "\"", &[OpeningParenthesis]),
        ("id in ()", 8, ")", &[Text]),
        ("id in (\"a\",)", 12, ")", &[Text]),
        ("id in (\"a\" \"b\")", 12, "\"", &[Comma, ClosingParenthesis]),
        ("id in (\"a\"", 11, "", &[Comma, ClosingParenthesis]),
        ("id eq \"a\" AND id eq \"b\"", 11, "AND", &[And, Or, End]),
        ("id eq \"😀é\" x", 12, "x", &[And, Or, End]),
        ("id eq \"a\")", 10, ")", &[And, Or, End]),
        ("id isnull \"a\"", 11, "\"", &[And, Or, End]),
        ("percentComplete ge 50%", 22, "%", &[And, Or, End]),
        ("(id eq \"a\"", 11, "", &[And, Or, ClosingParenthesis]),
        ("((id eq \"a\") id", 14, "id", &[And, Or, ClosingParenthesis]),
    ] {
        assert_eq!(fault(text), at(position, unexpected(found, expected)), "{text}");
        assert!(fault(text).is_syntax());
    }
    for (text, expected) in [
        ("id eq \"a", at(7, UnterminatedText)),
        ("id eq \"é😀\" and id eq \"a\\\"", at(22, UnterminatedText)),
        ("id eq \"😀a\\x\"", at(10, UnknownEscape)),
        (r#"id eq "\u12 4""#, at(8, UnknownEscape)),
        (r#"id eq "\ud83d\u0041""#, at(8, UnknownEscape)),
        ("id eq \"a\\", at(9, UnknownEscape)),
    ] {
        assert_eq!(fault(text), expected, "{text}");
        assert!(fault(text).is_syntax());
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn an_invalid_name_or_value_is_refused() {
    let wrong_type = |position, field, given| at(position, WrongType { field, given });
    let invalid_time = |position, given: &str| {
        at(
            position,
            InvalidTime {
                given: given.to_owned(),
            },
        )
    };
    let not_taken = |position, field, operator: &str| {
        at(
            position,
            OperatorNotTaken {
                field,
                operator: operator.to_owned(),
            },
        )
    };
    let unknown_field = |position, name: &str| {
        at(
            position,
            UnknownField {
                name: name.to_owned(),
            },
        )
    };
    let unknown_name = |position, field, value: &str| {
        at(
            position,
            UnknownName {
                field,
                value: value.to_owned(),
            },
        )
    };
    let (status, percent) = (Field::CompletionStatus, Field::PercentComplete);
    for (text, expected) in [
        ("name eq \"x\"", unknown_field(1, "name")),
        ("ID eq \"x\"", unknown_field(1, "ID")),
        ("(pr id) and pr Id", unknown_field(16, "Id")),
        ("id eq \"😀\" or 5 eq 5", unknown_field(14, "5")),
        ("launcher EQ \"x\"", not_taken(10, Field::Launcher, "EQ")),
        ("launcher ew \"x\"", not_taken(10, Field::Launcher, "ew")),
        ("launcher and pr id", not_taken(10, Field::Launcher, "and")),
        ("completionStatus co \"x\"", not_taken(18, status, "co")),
        ("created sw \"x\"", not_taken(9, Field::Created, "sw")),
        ("percentComplete ca (\"x\")", not_taken(17, percent, "ca")),
        ("id eq 5", wrong_type(7, Field::Id, LiteralType::Number)),
        (
            "id in (\"a\", true)",
            wrong_type(13, Field::Id, LiteralType::Boolean),
        ),
        ("id gt null", wrong_type(7, Field::Id, LiteralType::Null)),
        ("id co 2018-12-18", wrong_type(7, Field::Id, LiteralType::Time)),
        (
            "completionStatus eq true",
            wrong_type(21, status, LiteralType::Boolean),
        ),
        (
            "created gt null",
            wrong_type(12, Field::Created, LiteralType::Null),
        ),
        (
            "created eq false",
            wrong_type(12, Field::Created, LiteralType::Boolean),
        ),
        (
            "percentComplete eq \"50\"",
            wrong_type(20, percent, LiteralType::Text),
        ),
        (
            "percentComplete eq 2018-12-18",
            wrong_type(20, percent, LiteralType::Time),
        ),
        (
            "percentComplete in (1,null)",
            wrong_type(23, percent, LiteralType::Null),
        ),
        ("completionStatus eq \"DONE\"", unknown_name(21, status, "DONE")),
        (
            "target.type in (\"identity\", \"\")",
            unknown_name(29, Field::TargetType, ""),
        ),
        ("created gt \"yesterday\"", invalid_time(12, "yesterday")),
        ("created gt 2018-13-01", invalid_time(12, "2018-13-01")),
        ("created gt 1545174355000", invalid_time(12, "1545174355000")),
        // The "+" of the offset was decoded to a space.
        (
            "created gt 2018-12-18T23:05:55 02:00",
            invalid_time(12, "2018-12-18T23:05:55"),
        ),
        (
            "created gt 10000-01-01",
            at(
                12,
                TimeOutOfRange {
                    given: "10000-01-01".to_owned(),
                },
            ),
        ),
        (
            "percentComplete gt 9223372036854775808",
            at(
                20,
                NumberOutOfRange {
                    given: "9223372036854775808".to_owned(),
                },
            ),
        ),
        ("id eq \"é\0\"", at(9, NulCharacter)),
        (r#"id eq "é\u0000""#, at(9, NulCharacter)),
    ] {
        assert_eq!(fault(text), expected, "{text}");
        assert!(!fault(text).is_syntax());
    }
}

#[test]
fn a_limit_is_enforced_where_it_is_exceeded() {
    let length = MAX_LENGTH + 1;
    assert_eq!(fault(&"é".repeat(length)), at(length, TooLong { length }));
    let long = "é".repeat(MAX_TEXT_LENGTH + 1);
    assert_eq!(fault(&format!("id eq \"{long}\"")), at(7, TextTooLong));
    let values = vec!["\"😀\""; MAX_VALUES + 1].join(",");
    let position = "id in (".len() + 4 * MAX_VALUES + 1;
    assert_eq!(fault(&format!("id in ({values})")), at(position, TooManyValues));
    let comparisons = vec!["pr id"; MAX_COMPARISONS + 1].join(" or ");
    let position = 9 * MAX_COMPARISONS + 1;
    assert_eq!(fault(&comparisons), at(position, TooManyComparisons));
    for open in ["(", "not ", "not("] {
        let position = (MAX_DEPTH / open.matches(['(', 'n']).count()) * open.len() + 1;
        assert_eq!(fault(&open.repeat(1000)), at(position, TooDeep), "{open}");
    }
}
