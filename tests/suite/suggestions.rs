//! `GET /task-status/suggestions`: values that begin with a prefix.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::StatusCode;
use serde_json::json;

use crate::support::database::TestDatabase;
use crate::support::service::Service;

const SUGGESTIONS: &str = "/task-status/suggestions";

/// Text fields, and the column of each.
const TEXTS: [(&str, &str); 8] = [
    ("id", "id"),
    ("uniqueName", "unique_name"),
    ("parentName", "parent_name"),
    ("launcher", "launcher"),
    ("sourceId", "target_id"),
    ("target.id", "target_id"),
    ("target.name", "target_name"),
    ("progress", "progress"),
];

fn target(field: &str, prefix: &str) -> String {
    format!(
        "{SUGGESTIONS}?field={field}&prefix={}",
        utf8_percent_encode(prefix, NON_ALPHANUMERIC)
    )
}

#[tokio::test]
async fn every_text_field_is_completed_in_order() {
    let database = TestDatabase::new().await;
    let values = [
        "sweep",
        "Sweeper",
        "SWEEP",
        "sw%",
        "sw_",
        "s",
        "x",
        "",
        "\"sw\"",
        "Ünit",
        "ünlü",
        "\u{1f600}",
    ];
    for (number, value) in (0..).zip(values) {
        let id = if value.is_empty() { "empty" } else { value };
        database
            .execute(&format!(
                "insert into task_status (id, type, unique_name, launcher, parent_name, target_id, target_type, target_name,
                     progress, completion_status)
                 values ('{id}', 'QPOC', '{value}', '{value}', '{value}', '{value}', 'APPLICATION', '{value}', '{value}',
                     case when {number} % 2 = 0 then 'ERROR' end)"
            ))
            .await;
    }
    database.insert(&["without a target"]).await;
    let service = Service::start(&database).await;
    for (field, column) in TEXTS {
        for (prefix, expected) in [
            ("sw", json!(["sw%", "sw_", "sweep", "sweeper"])),
            ("SWEEP", json!(["sweep", "sweeper"])),
            ("sweepe", json!(["sweeper"])),
            ("sw%", json!(["sw%"])),
            ("ün", json!(["ünit", "ünlü"])),
            ("ÜNL", json!(["ünlü"])),
            ("\u{1f600}", json!(["\u{1f600}"])),
            ("zz", json!([])),
            ("\0", json!([])),
            ("'; drop table task_status; --", json!([])),
        ] {
            let answer = service.get(&target(field, prefix)).await;
            assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
            let given: Vec<String> = serde_json::from_str(&answer.body).unwrap();
            let folded: Vec<String> = given.iter().map(|value| value.to_lowercase()).collect();
            assert_eq!(json!(folded), expected, "{field} {prefix}");
            // Each is a value of a task.
            for value in given {
                let found: i64 = database
                    .value(&format!(
                        "select count(*) from task_status where {column} = $v${value}$v$"
                    ))
                    .await;
                assert_ne!(found, 0, "{field} {value}");
            }
        }
        let first = service.get(&(target(field, "s") + "&limit=2")).await;
        assert_eq!(first.json(), json!(["s", "sw%"]));
    }
}

#[tokio::test]
async fn names_are_completed_with_the_kinds_of_tasks() {
    let database = TestDatabase::new().await;
    database
        .execute(
            "insert into task_status (id, type, unique_name, launcher)
             select n::text, 'QPOC', case n % 3 when 0 then 'Query all' when 1 then 'quartz' else 'Big task' end, 'l'
             from generate_series(1, 9) n",
        )
        .await;
    let service = Service::start(&database).await;
    for (field, prefix, expected) in [
        (
            "type",
            "",
            json!(["BIG_TASK", "QPOC", "QUARTZ", "QUERY_ALL", "QUEUED_TASK"]),
        ),
        ("type", "qu", json!(["QUARTZ", "QUERY_ALL", "QUEUED_TASK"])),
        ("type", "é", json!([])),
        ("target.type", "", json!(["APPLICATION", "IDENTITY"])),
        ("completionStatus", "te", json!(["TEMPERROR", "TERMINATED"])),
        ("parentName", "", json!([])),
    ] {
        assert_eq!(
            service.get(&target(field, prefix)).await.json(),
            expected,
            "{field} {prefix}"
        );
    }
    assert_eq!(
        service
            .get(&format!("{SUGGESTIONS}?field=type&limit=2"))
            .await
            .json(),
        json!(["BIG_TASK", "QPOC"])
    );
}

#[tokio::test]
async fn faulty_parameters_are_refused() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    for (query, causes) in [
        ("", vec!["“field” is required."]),
        (
            "field=created",
            vec![
                "“field” must be one of id, type, uniqueName, parentName, launcher, sourceId, target.id, target.type, \
                 target.name, completionStatus, progress, not “created”.",
            ],
        ),
        (
            "field=id&limit=0",
            vec!["“limit” must be an integer from 1 to 50, not “0”."],
        ),
        (
            "field=id&limit=51&prefix=a&prefix=b",
            vec![
                "“prefix” may be given only once; it was given 2 times.",
                "“limit” must be an integer from 1 to 50, not “51”.",
            ],
        ),
    ] {
        let answer = service.get(&format!("{SUGGESTIONS}?{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(answer.causes(), causes);
    }
}
