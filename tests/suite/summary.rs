//! `GET /task-status/summary`: exact numbers of one snapshot, counted once for all who ask.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use futures_util::future::join_all;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::Connection;
use task_status::store::database::Limits;
use task_status::store::schema::Schema;

use crate::support::database::TestDatabase;
use crate::support::service::{Answer, LIMITS, Service, Setup, watched};
use crate::support::{eventually, until};

const SUMMARY: &str = "/task-status/summary";

fn filtered(path: &str, filter: &str) -> String {
    format!("{path}?filters={}", utf8_percent_encode(filter, NON_ALPHANUMERIC))
}

fn written(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// Inserts tasks: columns of each after its id, in SQL.
async fn insert(database: &TestDatabase, rows: &[&str]) {
    let rows: Vec<String> = (1..)
        .zip(rows)
        .map(|(id, row)| format!("('{id}', {row})"))
        .collect();
    database
        .execute(&format!(
            "insert into task_status (id, type, unique_name, launcher, target_id, target_name, created, modified,
                 launched, completed, completion_status)
             values {}",
            rows.join(", ")
        ))
        .await;
}

#[tokio::test]
async fn a_summary_counts_what_is_pending_and_what_started_and_ended_lately() {
    let database = TestDatabase::new().await;
    insert(
        &database,
        &[
            "'QUARTZ', 'Big task', 'Sweep', 't', 'Tom', '2026-01-01Z', now() - interval '3 minutes', now() - interval '2 minutes', null, null",
            "'QUARTZ', 'big TASK!', 'sweep', 't', 'tom', '2026-01-02Z', now() - interval '1 minutes', null, null, null",
            "'QPOC', 'Small', 'it''s \"me\"', null, null, '2026-01-03Z', now() - interval '1 hour', now() + interval '1 hour', null, null",
            "'QPOC', 'Small', 'sweep', 't', 'T', '2025-01-01Z', '2026-01-01Z', now() - interval '2 minutes', now() - interval '2 minutes', 'ERROR'",
            "'QPOC', 'Small', 'sweep', 't', 'T', '2025-01-01Z', '2026-01-01Z', now() - interval '23 hours', now() - interval '3 hours', 'ERROR'",
            "'QPOC', 'Small', 'sweep', 't', 'T', '2025-01-01Z', '2026-01-01Z', null, now() - interval '3 hours', 'SUCCESS'",
            "'QPOC', 'Small', 'sweep', 't', 'T', '2025-01-01Z', '2026-01-01Z', '2026-01-01Z', now() - interval '25 hours', 'SUCCESS'",
            "'QPOC', 'Small', 'sweep', 't', 'T', '2025-01-01Z', '2026-01-01Z', null, now() + interval '1 hour', 'TEMPERROR'",
        ],
    )
    .await;
    let inserted: DateTime<Utc> = database
        .value("select max(launched) - interval '1 hour' from task_status")
        .await;
    let service = Service::start(&database).await;
    let answer = service.get(&format!("{SUMMARY}?stuckAfter=120")).await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let body = answer.json();
    let as_of: DateTime<Utc> = body["asOf"].as_str().unwrap().parse().unwrap();
    let now: DateTime<Utc> = database.value("select now()").await;
    assert!(
        inserted <= as_of + TimeDelta::milliseconds(1) && as_of <= now,
        "{as_of} {now}"
    );

    let groups = |values: &[(Value, i64)]| {
        let values = values
            .iter()
            .map(|(value, count)| json!({ "value": value, "count": count }));
        json!({ "values": values.collect::<Value>(), "rest": 0 })
    };
    let intervals = |number: i32, length: TimeDelta, filled: &[(DateTime<Utc>, i64, Value)]| {
        let from = |before: i32| as_of.duration_trunc(length).unwrap() - length * before;
        let intervals = (0..number).rev().map(from).map(|from| {
            let in_it = filled
                .iter()
                .filter(|(time, ..)| time.duration_trunc(length).unwrap() == from);
            let (mut started, mut ended) = (0, json!({}));
            for (_, launched, completed) in in_it {
                started += launched;
                for (status, count) in completed.as_object().unwrap() {
                    ended[status] =
                        (ended[status].as_i64().unwrap_or_default() + count.as_i64().unwrap()).into();
                }
            }
            json!({ "from": written(from), "started": started, "ended": ended })
        });
        intervals.collect::<Value>()
    };
    let two_minutes_ago = inserted - TimeDelta::minutes(2);
    let three_hours_ago = inserted - TimeDelta::hours(3);
    let filled = [
        (two_minutes_ago, 2, json!({ "ERROR": 1 })),
        (inserted - TimeDelta::hours(23), 1, json!({})),
        (three_hours_ago, 0, json!({ "ERROR": 1, "SUCCESS": 1 })),
    ];
    let expected = json!({
        "asOf": body["asOf"],
        "stuckAfter": 120,
        "pending": {
            "count": 3,
            "oldestCreated": "2026-01-01T00:00:00.000Z",
            "stuck": 2,
            "byType": groups(&[(json!("QUARTZ"), 2), (json!("QPOC"), 1)]),
            "byKind": groups(&[(json!("BIG_TASK"), 2), (json!("SMALL"), 1)]),
            "byLauncher": groups(&[(json!("sweep"), 2), (json!("it's \"me\""), 1)]),
            "byTarget": groups(&[(json!("tom"), 2), (json!(null), 1)]),
        },
        "ended": {
            "from": written(as_of.duration_trunc(TimeDelta::minutes(1)).unwrap() - TimeDelta::days(1)),
            "count": 3,
            "byCompletionStatus": groups(&[(json!("ERROR"), 2), (json!("SUCCESS"), 1)]),
        },
        "perMinute": intervals(60, TimeDelta::minutes(1), &filled),
        "perHour": intervals(24, TimeDelta::hours(1), &filled),
    });
    assert_eq!(body, expected);

    // A filter restricts everything.
    let answer = service
        .get(&filtered(SUMMARY, "percentComplete gt 0"))
        .await
        .json();
    assert_eq!(answer["pending"]["count"], 0);
    assert_eq!(answer["pending"]["oldestCreated"], json!(null));
    assert_eq!(answer["pending"]["byTarget"], groups(&[]));
    assert_eq!(answer["ended"]["byCompletionStatus"], groups(&[]));
    assert_eq!(answer["perHour"], intervals(24, TimeDelta::hours(1), &[]));
    let answer = service
        .get(&filtered(
            SUMMARY,
            r#"launcher eq "SWEEP" and completionStatus in ("ERROR")"#,
        ))
        .await
        .json();
    assert_eq!(
        (&answer["pending"]["count"], &answer["ended"]["count"]),
        (&json!(0), &json!(2))
    );
}

/// A click on a value filters by it.
#[tokio::test]
async fn a_filter_by_a_value_finds_as_many_tasks() {
    let database = TestDatabase::new().await;
    let hostile = [
        "x",
        "X",
        "",
        " ",
        "\"",
        "\\",
        "a\\\"b",
        "İ",
        "i̇",
        "ı",
        "I",
        "ς",
        "σ",
        "Σ",
        "ß",
        "ẞ",
        "\u{212a}",
        "k",
        "=1+1",
        "\u{202e}x",
        "\u{1f600}",
        "%",
        "_",
        "'",
        "a\nb",
        "Å",
        "å",
    ];
    let rows: Vec<String> = (1_usize..)
        .zip(hostile)
        .map(|(copies, value)| {
            let value = value.replace('\'', "''");
            format!(
                "insert into task_status (id, type, unique_name, launcher, target_id, target_name)
                 select gen_random_uuid(), 'QPOC', '{value}', '{value}', 't', '{value}' from generate_series(1, {copies})"
            )
        })
        .collect();
    database.execute(&rows.join(";")).await;
    let service = Service::start(&database).await;
    let pending = service.get(SUMMARY).await.json()["pending"].take();
    for (groups, field) in [
        ("byLauncher", "launcher"),
        ("byTarget", "target.name"),
        ("byKind", "type"),
        ("byType", "type"),
    ] {
        let values = pending[groups]["values"].as_array().unwrap();
        let mut before = i64::MAX;
        let mut counted = pending[groups]["rest"].as_i64().unwrap();
        for group in values {
            let value = group["value"]
                .as_str()
                .unwrap()
                .replace('\\', "\\\\")
                .replace('"', "\\\"");
            let filter = format!("{field} eq \"{value}\"");
            let found = service
                .get(&(filtered("/task-status", &filter) + "&count=true&limit=0"))
                .await;
            assert_eq!(found.total_count(), group["count"].as_i64(), "{filter}");
            let count = found.total_count().unwrap();
            assert!(count <= before, "{groups}: {values:?}");
            (before, counted) = (count, counted + count);
        }
        assert_eq!(pending["count"], counted);
        assert!(values.len() <= 20);
    }
    assert_eq!(pending["byLauncher"]["values"].as_array().unwrap().len(), 20);
    assert_ne!(pending["byLauncher"]["rest"], 0);
}

async fn conditional(service: &Service, target: &str, etag: &str, prefer: &str) -> Answer {
    let headers = [("If-None-Match", etag), ("Prefer", prefer)];
    service.request(Method::GET, target, &headers).await
}

#[tokio::test]
async fn a_summary_is_304_until_a_number_changes() {
    let database = TestDatabase::new().await;
    database.insert(&["a", "b"]).await;
    let service = Arc::new(Service::start(&database).await);
    let filter = filtered(SUMMARY, r#"launcher eq "l""#);
    for target in [SUMMARY, &filter] {
        let first = service.get(target).await;
        let etag = first.etag();
        let known = conditional(&service, target, &etag, "").await;
        assert_eq!(
            (known.status, known.body.as_str(), known.etag()),
            (StatusCode::NOT_MODIFIED, "", etag.clone())
        );

        let waiting = {
            let (service, target, etag) = (Arc::clone(&service), target.to_owned(), etag.clone());
            tokio::spawn(async move { conditional(&service, &target, &etag, "wait=50").await })
        };
        database
            .execute(&format!(
                "update task_status set launcher = launcher || 'x' where id = '{}'",
                if target == SUMMARY { "a" } else { "b" }
            ))
            .await;
        let changed = waiting.await.unwrap();
        assert_eq!(changed.status, StatusCode::OK, "{changed:?}");
        assert_eq!(changed.header("preference-applied"), Some("wait=50"));
        assert_ne!(changed.etag(), etag);
        assert_eq!(
            first.json()["pending"]["byLauncher"]["values"],
            json!([{ "value": "l", "count": if target == SUMMARY { 2 } else { 1 } }])
        );
    }
    // What has ended is counted when the revision moves.
    database
        .execute("update task_status set completion_status = 'ERROR'")
        .await;
    until("the tasks have ended", async || {
        let body = service.get(SUMMARY).await.json();
        (&body["pending"]["count"], &body["ended"]["count"]) == (&json!(0), &json!(2))
    })
    .await;
}

#[tokio::test]
async fn a_change_is_counted_within_its_minute() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    // A new minute is a reason to count too: none begins meanwhile.
    until("the minute has ten seconds left", async || {
        database
            .value::<i64>("select extract(second from clock_timestamp())::bigint")
            .await
            < 50
    })
    .await;
    let before = service.get(SUMMARY).await.json();
    database.insert(&["a"]).await;
    let counted = eventually("the task is counted", async || {
        let summary = service.get(SUMMARY).await.json();
        (summary["pending"]["count"] == 1).then_some(summary)
    })
    .await;
    // The count for a new minute may begin a moment before it.
    let minute = |summary: &Value| summary["asOf"].as_str().unwrap()[..16].to_owned();
    let second = &counted["asOf"].as_str().unwrap()[17..19];
    assert!(
        minute(&counted) == minute(&before) && second < "58",
        "counted by the minute alone: {counted}"
    );
}

#[tokio::test]
async fn requests_share_one_count() {
    let database = TestDatabase::new().await;
    database.insert(&["a"]).await;
    let service = Service::start(&database).await;
    let lock = database.lock().await;
    let all = join_all((0..10).map(|_| service.get(SUMMARY)));
    let (answers, ()) = tokio::join!(all, async {
        database.until_blocked(1, "grouping sets").await;
        lock.close().await.unwrap();
    });
    for answer in &answers {
        assert_eq!((answer.status, &answer.body), (StatusCode::OK, &answers[0].body));
    }
    // The reader of another client, which has left, does not end the count for the others.
    let lock = database.lock().await;
    let target = format!("{SUMMARY}?stuckAfter=1");
    let left = tokio::time::timeout(Duration::from_millis(200), service.get(&target)).await;
    assert!(left.is_err());
    let (answer, ()) = tokio::join!(service.get(&target), async {
        database.until_blocked(1, "grouping sets").await;
        lock.close().await.unwrap();
    });
    assert_eq!(answer.json()["pending"]["count"], 1);
}

#[tokio::test]
async fn a_count_that_takes_too_long_is_503_until_it_may_be_tried_again() {
    let database = TestDatabase::new().await;
    let limits = Limits {
        statement_timeout: Duration::from_millis(100),
        ..LIMITS
    };
    let store = watched(database.service_options(), limits, Schema::Expect);
    store.wait_until_up().await;
    let service = Service::on(store, Setup::default());
    let lock = database.lock().await;
    for _ in 0..2 {
        let answer = service.get(SUMMARY).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(
            answer.causes()[0].starts_with("The database took too long"),
            "{answer:?}"
        );
    }
    lock.close().await.unwrap();
    until("it is counted", async || {
        service.get(SUMMARY).await.status == StatusCode::OK
    })
    .await;
}

#[tokio::test]
async fn a_summary_is_of_one_snapshot() {
    let database = TestDatabase::new().await;
    database.execute(
        "insert into task_status (id, type, unique_name, launcher) select n::text, 'QPOC', 'n', 'l' || n % 2 from generate_series(1, 100) n",
    ).await;
    let service = Service::start(&database).await;
    let mut connection = database.connect().await;
    let writer = tokio::spawn(async move {
        loop {
            // One of each launcher ends, and one of each is reopened.
            sqlx::raw_sql(
                "with task as (select id, completion_status, row_number() over (
                     partition by launcher, completion_status is null order by random()) as number from task_status)
                 update task_status set completion_status = case when task.completion_status is null then 'ERROR' end,
                     completed = null
                 from task where task_status.id = task.id and number = 1",
            )
            .execute(&mut connection)
            .await
            .unwrap();
        }
    });
    // Each filter is another summary, so each is counted.
    for number in 1..=100 {
        let body = service
            .get(&format!("{SUMMARY}?stuckAfter={number}"))
            .await
            .json();
        let launchers = body["pending"]["byLauncher"]["values"]
            .as_array()
            .unwrap()
            .clone();
        assert_eq!(launchers[0]["count"], launchers[1]["count"], "{body}");
        let pending = body["pending"]["count"].as_i64().unwrap();
        assert_eq!(pending + body["ended"]["count"].as_i64().unwrap(), 100, "{body}");
    }
    assert!(!writer.is_finished());
    writer.abort();
}

#[tokio::test]
async fn faulty_parameters_are_refused() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    for given in ["0", "31536001", "-1", "1.5", "", "1h"] {
        let answer = service
            .get(&format!("{SUMMARY}?stuckAfter={given}&filters=x"))
            .await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        let cause = format!("“stuckAfter” must be an integer from 1 to 31536000, not “{given}”.");
        assert!(
            answer.causes().contains(&cause) && answer.causes().len() == 2,
            "{answer:?}"
        );
    }
    assert_eq!(
        service
            .get(&format!("{SUMMARY}?stuckAfter=31536000"))
            .await
            .json()["stuckAfter"],
        31_536_000
    );
    let put = service.send(Method::PUT, SUMMARY, "application/json", "{}").await;
    assert_eq!(put.status, StatusCode::METHOD_NOT_ALLOWED);
    let id = r#"{"id":"summary","type":"QPOC","uniqueName":"n","launcher":"l"}"#;
    let post = service
        .send(Method::POST, "/task-status", "application/json", id)
        .await;
    assert_eq!(
        post.causes(),
        ["“summary” cannot be the id of a task: it is empty or a route of the API."]
    );
}
