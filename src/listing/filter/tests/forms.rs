//! Accepted forms and their canonical text.

use super::parsed;
use crate::listing::filter::{
    Field, FieldType, MAX_COMPARISONS, MAX_DEPTH, MAX_LENGTH, MAX_TEXT_LENGTH, MAX_VALUES, Operator, field,
};

#[test]
fn every_documented_form_is_accepted() {
    for (text, canonical) in [
        ("sourceId eq \"x\"", "sourceId eq \"x\""),
        ("sourceId eq\"x\"", "sourceId eq \"x\""),
        ("id in (\"a\",\"b\")", "id in (\"a\",\"b\")"),
        ("id in(\"a\" , \"b\" )", "id in (\"a\",\"b\")"),
        ("progress ca (\"a\",\"b\")", "progress ca (\"a\",\"b\")"),
        ("launcher co \"a\"", "launcher co \"a\""),
        ("launcher sw \"a\"", "launcher sw \"a\""),
        ("pr launched", "pr launched"),
        ("launched pr", "pr launched"),
        ("launched isnull", "launched isnull"),
        ("launched eq null", "launched isnull"),
        ("launched ne null", "pr launched"),
        ("not launched isnull", "pr launched"),
        ("not pr launched", "launched isnull"),
        ("not id eq \"a\"", "id ne \"a\""),
        ("not id ne \"a\"", "id eq \"a\""),
        ("not not id sw \"a\"", "id sw \"a\""),
        ("not(id sw \"a\")", "not id sw \"a\""),
        (
            "type eq \"cloud_account_aggregation\"",
            "type eq \"CLOUD_ACCOUNT_AGGREGATION\"",
        ),
        (
            "completionStatus eq \"TempError\"",
            "completionStatus eq \"TEMPERROR\"",
        ),
        ("target.type ne \"Application\"", "target.type ne \"APPLICATION\""),
        ("percentComplete ge 50", "percentComplete ge 50"),
        ("percentComplete ge -50.0", "percentComplete ge -50"),
        ("percentComplete ge 50.25", "percentComplete ge 50.5"),
        (
            "created gt 2018-12-18T23:05:55Z",
            "created gt 2018-12-18T23:05:55Z",
        ),
        (
            "created gt 2018-12-18T23:05:55.12+02:00",
            "created gt 2018-12-18T21:05:55.120Z",
        ),
        ("created gt 2018-12-18", "created gt 2018-12-18T00:00:00Z"),
        ("created gt 2018", "created gt 2018-01-01T00:00:00Z"),
        ("created gt \"2018\"", "created gt 2018-01-01T00:00:00Z"),
        (
            "created in (\"2018-12-18 23:05:55.123456+00:00\",2019)",
            "created in (2018-12-18T23:05:55.123456Z,2019-01-01T00:00:00Z)",
        ),
        ("\t( (\nid\r\neq\u{a0}\"a\"\u{3000}) ) ", "id eq \"a\""),
        (
            "(id eq\"a\")and(id eq\"b\"or pr progress)",
            "id eq \"a\" and (id eq \"b\" or pr progress)",
        ),
        ("id eq\"a\"and id eq\"b\"", "id eq \"a\" and id eq \"b\""),
        (
            "id eq \"and or not ( ) , isnull\"",
            "id eq \"and or not ( ) , isnull\"",
        ),
        (r#"id eq "source-\"abc\"\\""#, r#"id eq "source-\"abc\"\\""#),
        ("id eq \"\n\t😀é%_'\"", "id eq \"\n\t😀é%_'\""),
        (
            r#"id eq "\/\b\f\n\r\t\u00e9\ud83d\ude00""#,
            "id eq \"/\u{8}\u{c}\n\r\té😀\"",
        ),
        ("id eq \"\"", "id eq \"\""),
    ] {
        let filter = parsed(text);
        assert_eq!(filter.to_string(), canonical, "{text}");
        assert_eq!(parsed(canonical), filter, "{text}");
    }
}

#[test]
fn not_binds_tighter_than_and_and_and_tighter_than_or() {
    for (text, same) in [
        (
            "not id eq \"1\" or id eq \"2\" and id eq \"3\"",
            "(not (id eq \"1\")) or ((id eq \"2\") and (id eq \"3\"))",
        ),
        (
            "not (id eq \"1\" or id eq \"2\") and id eq \"3\"",
            "(not (id eq \"1\" or id eq \"2\")) and id eq \"3\"",
        ),
        (
            "id eq \"1\" and (id eq \"2\" and id eq \"3\")",
            "(id eq \"1\" and id eq \"2\") and id eq \"3\"",
        ),
        (
            "id eq \"1\" or (id eq \"2\" or id eq \"3\")",
            "(id eq \"1\" or id eq \"2\") or id eq \"3\"",
        ),
    ] {
        assert_eq!(parsed(text), parsed(same), "{text}");
    }
    assert_ne!(
        parsed("(id eq \"1\" or id eq \"2\") and id eq \"3\""),
        parsed("id eq \"1\" or id eq \"2\" and id eq \"3\"")
    );
}

#[test]
fn the_filter_for_all_pending_tasks_is_recognised_in_any_form() {
    for text in [
        "completionStatus isnull",
        " ((completionStatus  isnull)) ",
        "completionStatus eq null",
        "not (pr completionStatus)",
    ] {
        assert!(parsed(text).is_pending_only(), "{text}");
    }
    for text in [
        "completed isnull",
        "pr completionStatus",
        "completionStatus isnull or completionStatus isnull",
        "completionStatus isnull and id eq \"a\"",
    ] {
        assert!(!parsed(text).is_pending_only(), "{text}");
    }
}

#[test]
fn values_at_a_limit_are_accepted() {
    let long = "é".repeat(MAX_TEXT_LENGTH);
    parsed(&format!("id eq \"{long}\""));
    parsed(&format!("id eq \"{}\"", "\\\"".repeat(MAX_TEXT_LENGTH)));
    parsed(&format!("id in ({})", vec!["\"a\""; MAX_VALUES].join(",")));
    parsed(&vec!["pr id"; MAX_COMPARISONS].join(" or "));
    parsed(&format!(
        "{}pr id{}",
        "(".repeat(MAX_DEPTH),
        ")".repeat(MAX_DEPTH)
    ));
    parsed(&format!("{}pr id", "not ".repeat(MAX_DEPTH)));
    // Only open parentheses count.
    parsed(&vec!["((pr id))"; MAX_DEPTH].join(" and "));
    parsed(&format!("pr id{}", " ".repeat(MAX_LENGTH - 5)));
}

#[test]
fn the_table_of_fields_is_complete() {
    assert_eq!(Field::ALL.len(), 16);
    for field in Field::ALL {
        assert_eq!(Field::named(field.name()), Some(field));
        assert!(field.operators().contains(&Operator::IsNull));
        let takes_order = field.operators().contains(&Operator::Gt);
        let is_enumerated = matches!(
            field.field_type(),
            FieldType::Enumeration(_) | FieldType::OpenEnumeration(_)
        );
        assert_eq!(takes_order, !is_enumerated, "{field}");
    }
    for operator in Operator::ALL {
        assert_eq!(Operator::named(operator.name()), Some(operator));
    }
    let markdown = field::markdown();
    assert_eq!(markdown.lines().count(), 2 + Field::ALL.len());
    assert!(markdown.contains(
        "\n| `percentComplete` | number | `eq`, `ne`, `gt`, `ge`, `lt`, `le`, `in`, `pr`, `isnull` |\n"
    ));
}
