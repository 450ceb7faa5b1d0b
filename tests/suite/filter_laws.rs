//! Filters on a real PostgreSQL: they select the right rows, never fail, are safe from injection, and use indexes.

mod random;
mod reference;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use random::{law, row};
use reference::Row;
use sqlx::{PgConnection, Postgres, QueryBuilder};
use task_status::listing::filter::{Field, FieldType, Filter, Operator};

use super::support::database::TestDatabase;

const ROWS: usize = 60;
const LAWS: usize = 200;

async fn insert(row: &Row, connection: &mut PgConnection) {
    let time = |millis| DateTime::<Utc>::from_timestamp_millis(millis).unwrap();
    let (target_id, target_type, target_name) = match &row.target {
        Some((id, target_type, name)) => (Some(id), *target_type, Some(name)),
        None => (None, None, None),
    };
    sqlx::query(
        "insert into task_status (id, type, unique_name, parent_name, launcher, target_id, target_type, target_name, \
         created, modified, launched, completed, completion_status, progress, percent_complete, \
         task_definition_summary) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10, $11, $12, $13, $14, \
         case when $15::text is not null then jsonb_build_object('id', '', 'uniqueName', $15, 'description', null, \
         'parentName', '', 'executor', null, 'arguments', '{}'::jsonb) end)",
    )
    .bind(&row.id)
    .bind(row.task_type)
    .bind(&row.unique_name)
    .bind(&row.parent_name)
    .bind(&row.launcher)
    .bind(target_id)
    .bind(target_type)
    .bind(target_name)
    .bind(time(row.created))
    .bind(row.launched.map(time))
    .bind(row.completed.map(|(_, millis)| time(millis)))
    .bind(row.completed.map(|(status, _)| status))
    .bind(&row.progress)
    .bind(row.percent_complete)
    .bind(&row.definition)
    .execute(connection)
    .await
    .unwrap();
}

fn parsed(text: &str) -> Filter {
    Filter::parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

/// The ids that the filter selects.
async fn selected(text: &str, connection: &mut PgConnection) -> BTreeSet<String> {
    let mut query = QueryBuilder::<Postgres>::new("select id from task_status where id is not null and ");
    parsed(text).push_sql(&mut query);
    let sql = query.sql();
    let ids: Vec<String> = query
        .build_query_scalar()
        .persistent(false)
        .fetch_all(connection)
        .await
        .unwrap_or_else(|error| panic!("{text}: {error}: {}", sql.as_str()));
    ids.into_iter().collect()
}

#[tokio::test]
async fn a_filter_selects_its_rows_and_its_negation_all_others() {
    let database = TestDatabase::new().await;
    let mut connection = database.connect().await;
    let mut runner = TestRunner::default();
    let mut rows = Vec::new();
    for number in 0..ROWS {
        let row = row(number).new_tree(&mut runner).unwrap().current();
        insert(&row, &mut connection).await;
        rows.push(row);
    }
    let ids: BTreeSet<String> = rows.iter().map(|row| row.id.clone()).collect();

    let laws = law();
    let mut telling = 0;
    for _ in 0..LAWS {
        let law = laws.new_tree(&mut runner).unwrap().current();
        let text = law.text();
        let expected: BTreeSet<String> = rows
            .iter()
            .filter(|row| law.holds(row))
            .map(|row| row.id.clone())
            .collect();
        let found = selected(&text, &mut connection).await;
        let differing: Vec<&Row> = rows
            .iter()
            .filter(|row| expected.contains(&row.id) != found.contains(&row.id))
            .collect();
        assert!(differing.is_empty(), "{text} is wrong about {differing:#?}");
        let others = selected(&format!("not ({text})"), &mut connection).await;
        assert_eq!(others, &ids - &found, "not ({text})");
        telling += usize::from(!found.is_empty() && found != ids);
    }
    assert!(
        telling > LAWS / 4,
        "only {telling} of {LAWS} filters select some of the rows"
    );
}

#[tokio::test]
async fn every_operator_works_on_every_field() {
    let database = TestDatabase::new().await;
    let mut connection = database.connect().await;
    database
        .execute("insert into task_status (id, type, unique_name, launcher) values ('1', 'QUARTZ', '', '')")
        .await;
    for field in Field::ALL {
        let values: &[&str] = match field.field_type() {
            FieldType::Text => &["\"x\"", "\"\"", "\"%😀\\\"\""],
            FieldType::Enumeration(names) => &[&format!("\"{}\"", names[0])],
            FieldType::OpenEnumeration(names) => &[&format!("\"{}\"", names[0]), "\"x\""],
            FieldType::Time => &["0001-01-01", "2018", "9999-12-31T23:59:59.999999999Z"],
            FieldType::Integer => &["50", "50.5", "-9223372036854775808", "9223372036854775807.5"],
        };
        for operator in field.operators() {
            let texts: Vec<String> = match operator {
                Operator::Pr => vec![format!("pr {field}")],
                Operator::IsNull => vec![format!("{field} isnull")],
                Operator::In | Operator::Ca => vec![
                    format!("{field} {operator} ({})", values[0]),
                    format!("{field} {operator} ({})", values.join(",")),
                ],
                _ => values
                    .iter()
                    .map(|value| format!("{field} {operator} {value}"))
                    .collect(),
            };
            for text in texts {
                let of_it = selected(&text, &mut connection).await.len();
                let of_its_negation = selected(&format!("not {text}"), &mut connection).await.len();
                assert_eq!(of_it + of_its_negation, 1, "{text}");
            }
        }
    }
}

#[tokio::test]
async fn values_are_bound_and_never_executed() {
    let database = TestDatabase::new().await;
    let mut connection = database.connect().await;
    database
        .execute(
            "insert into task_status (id, type, unique_name, launcher) values ('1', 'QUARTZ', '$1', '%')",
        )
        .await;
    let attempts = [
        "'; drop table task_status; --",
        "x' or '1'='1",
        "\\'; drop table task_status; --",
        "\") or (1=1",
        "$2",
        "\\",
        "_",
        "/*",
    ];
    for field in Field::ALL
        .into_iter()
        .filter(|field| field.field_type() == FieldType::Text)
    {
        for attempt in attempts {
            let value = attempt.replace('\\', "\\\\").replace('"', "\\\"");
            for operator in ["eq", "co", "sw"] {
                let text = format!("{field} {operator} \"{value}\"");
                assert_eq!(selected(&text, &mut connection).await.len(), 0, "{text}");
            }
            let text = format!("{field} in (\"{value}\",\"{value}\") or {field} ca (\"{value}\")");
            assert_eq!(selected(&text, &mut connection).await.len(), 0, "{text}");
        }
    }
    assert_eq!(selected("uniqueName eq \"$1\"", &mut connection).await.len(), 1);
    assert_eq!(selected("launcher sw \"%\"", &mut connection).await.len(), 1);
}

#[tokio::test]
async fn an_index_on_the_compared_expression_serves_equality_ranges_and_prefixes() {
    let database = TestDatabase::new().await;
    let mut connection = database.connect().await;
    database
        .execute(
            "insert into task_status (id, type, unique_name, launcher, target_id, target_type, completion_status) \
             select n, 'QUARTZ', 'n' || n, 'l' || n, 't' || n, 'APPLICATION', 'SUCCESS' from generate_series(1, 2000) as n; \
             analyze task_status",
        )
        .await;
    // A small table would be scanned anyway.
    sqlx::query("set enable_seqscan = off")
        .execute(&mut connection)
        .await
        .unwrap();
    for (text, condition) in [
        ("launcher eq \"X\"", "(lower((launcher)::text))::text = "),
        (
            "launcher in (\"X\",\"Y\")",
            "(lower((launcher)::text))::text = ANY",
        ),
        ("launcher gt \"X\"", "(lower((launcher)::text))::text > "),
        ("launcher sw \"X\"", "(lower((launcher)::text))::text >= 'x'"),
        ("id eq \"X\"", "(lower((id)::text))::text = "),
        (
            "sourceId in (\"X\",\"Y\")",
            "(lower((target_id)::text))::text = ANY",
        ),
        ("target.id sw \"X\"", "(lower((target_id)::text))::text >= 'x'"),
        // Plans show the function inlined.
        ("type eq \"REFRESH\"", " = 'REFRESH'"),
    ] {
        let plan = plan(text, &mut connection).await;
        let is_served = plan
            .lines()
            .any(|line| line.contains("Index Cond") && line.contains(condition));
        assert!(is_served, "{text}: {plan}");
    }
    let pending = plan("completionStatus isnull", &mut connection).await;
    assert!(pending.contains("task_status_pending_"), "{pending}");
}

async fn plan(text: &str, connection: &mut PgConnection) -> String {
    let mut query = QueryBuilder::<Postgres>::new("explain select created, id from task_status where ");
    parsed(text).push_sql(&mut query);
    let lines: Vec<String> = query
        .build_query_scalar()
        .persistent(false)
        .fetch_all(connection)
        .await
        .unwrap();
    lines.join("\n")
}

#[tokio::test]
async fn enumerations_have_the_names_that_the_columns_allow() {
    let database = TestDatabase::new().await;
    for (field, constraint) in [
        (Field::Type, "task_status_type_check"),
        (Field::TargetType, "task_status_target_type_check"),
        (Field::CompletionStatus, "task_status_completion_status_check"),
    ] {
        let definition: String = database
            .value(&format!(
                "select pg_get_constraintdef(oid) from pg_constraint where conname = '{constraint}'"
            ))
            .await;
        let allowed: Vec<&str> = definition.split('\'').skip(1).step_by(2).collect();
        let (FieldType::Enumeration(names) | FieldType::OpenEnumeration(names)) = field.field_type() else {
            panic!("{field} is not an enumeration");
        };
        assert_eq!(names, allowed, "{field}");
    }
}
