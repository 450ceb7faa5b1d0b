//! Properties of every filter and every text.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::listing::filter::expression::{Expression, Relation, Test};
use crate::listing::filter::field::{Field, FieldType};
use crate::listing::filter::value::{self, Number, Value};
use crate::listing::filter::{Filter, FilterProblem, MAX_LENGTH};

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ab\"\\\\ (),é😀]{0,6}",
        any::<String>().prop_map(|text| text.replace('\0', "")),
    ]
}

fn value(kind: FieldType) -> BoxedStrategy<Value> {
    match kind {
        FieldType::Text => text().prop_map(Value::Text).boxed(),
        FieldType::Enumeration(names) => select(names)
            .prop_map(|name| Value::Text(name.to_owned()))
            .boxed(),
        FieldType::OpenEnumeration(names) => prop_oneof![
            select(names).prop_map(str::to_owned),
            text().prop_map(|name| name.to_ascii_uppercase()),
        ]
        .prop_map(Value::Text)
        .boxed(),
        FieldType::Time => (
            1..10_000u32,
            1..13u32,
            1..29u32,
            0..86_400u32,
            0..1_000_000_000u32,
        )
            .prop_filter_map("a time", |(year, month, day, second, nano)| {
                let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
                let text =
                    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nano:09}Z");
                value::time(&text).ok().map(Value::Time)
            })
            .boxed(),
        FieldType::Integer => (any::<i64>(), any::<bool>())
            .prop_map(|(floor, is_whole)| Value::Number(Number { floor, is_whole }))
            .boxed(),
    }
}

fn test(kind: FieldType) -> BoxedStrategy<Test> {
    let relation = select(&[Relation::Gt, Relation::Ge, Relation::Lt, Relation::Le][..]);
    let of_all = prop_oneof![
        Just(Test::Null),
        value(kind).prop_map(|value| Test::Compare(Relation::Eq, value)),
        vec(value(kind), 1..4).prop_map(Test::In),
    ];
    let of_ordered = (relation, value(kind)).prop_map(|(relation, value)| Test::Compare(relation, value));
    let of_text = prop_oneof![
        text().prop_map(Test::StartsWith),
        text().prop_map(Test::Contains),
        vec(text(), 1..4).prop_map(Test::ContainsAll),
    ];
    match kind {
        FieldType::Text => prop_oneof![of_all, of_ordered, of_text].boxed(),
        FieldType::Enumeration(_) | FieldType::OpenEnumeration(_) => of_all.boxed(),
        FieldType::Time | FieldType::Integer => prop_oneof![of_all, of_ordered].boxed(),
    }
}

fn filter() -> impl Strategy<Value = Filter> {
    select(&Field::ALL[..])
        .prop_flat_map(|field| test(field.field_type()).prop_map(move |test| Expression::Is(field, test)))
        .prop_recursive(4, 12, 4, |inner| {
            prop_oneof![
                inner.clone().prop_map(Expression::negated),
                vec(inner.clone(), 1..4).prop_map(Expression::all),
                vec(inner, 1..4).prop_map(Expression::any),
            ]
        })
        .prop_map(Filter)
}

proptest! {
    #[test]
    fn the_canonical_text_of_a_filter_is_that_filter(filter in filter()) {
        let text = filter.to_string();
        prop_assume!(text.chars().count() <= MAX_LENGTH);
        prop_assert_eq!(Filter::parse(&text), Ok(filter), "{}", text);
    }

    #[test]
    fn whitespace_and_parentheses_change_nothing(filter in filter(), blanks in "[ \t\r\n]{0,3}") {
        let text = filter.to_string();
        prop_assume!(text.chars().count() <= MAX_LENGTH / 2);
        let wrapped = format!("{blanks}({blanks}{text}{blanks}){blanks}");
        prop_assert_eq!(Filter::parse(&wrapped), Ok(filter), "{}", wrapped);
    }

    #[test]
    fn any_text_parses_or_has_an_error_within_it(text in any::<String>()) {
        holds(&text)?;
    }

    #[test]
    fn any_tokens_parse_or_have_an_error_within_them(
        tokens in vec(select(&[
            "id", "type", "created", "percentComplete", "name", "eq", "in", "gt", "co", "ca", "pr", "isnull", "not",
            "and", "or", "(", ")", ",", "\"a\"", "\"QUARTZ\"", "\"", "\\", "5", "5.5", "2018", "null", "true", "😀", " ",
        ][..]), 0..12),
        blank in select(&["", " "][..]),
    ) {
        holds(&tokens.join(blank))?;
    }

    #[test]
    fn a_truncated_filter_parses_or_has_an_error_within_it(filter in filter(), cut in any::<prop::sample::Index>()) {
        let text = filter.to_string();
        prop_assume!(text.chars().count() <= MAX_LENGTH);
        let cut: String = text.chars().take(cut.index(text.chars().count())).collect();
        holds(&cut)?;
    }

    #[test]
    fn positions_count_characters(before in "[aé😀]{0,9}", garbage in "[%&=;😀]") {
        let text = format!("id eq \"{before}\" {garbage}");
        let position = text.chars().count();
        let found = Filter::parse(&text).map_err(|error| error.position);
        prop_assert_eq!(found, Err(position));
    }
}

fn holds(text: &str) -> Result<(), TestCaseError> {
    match Filter::parse(text) {
        Ok(filter) => prop_assert_eq!(Filter::parse(&filter.to_string()), Ok(filter)),
        Err(error) => {
            prop_assert!(
                (1..=text.chars().count() + 1).contains(&error.position),
                "{:?}",
                error
            );
            if let FilterProblem::Unexpected { expected, .. } = error.problem {
                prop_assert!(!expected.is_empty());
            }
        }
    }
    Ok(())
}
