//! Lists as CSV and newline-delimited JSON: whole, from one snapshot, and never a part that looks whole.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use task_status::pending::PendingConfig;
use task_status::store::database::Limits;
use task_status::store::schema::Schema;

use crate::support::database::TestDatabase;
use crate::support::service::{Answer, LIMITS, PENDING_TASKS, Service, Setup, watched};
use crate::support::{tasks, until};

const TASKS: &str = "/task-status";
const CSV: [(&str, &str); 1] = [("Accept", "text/csv")];
const NDJSON: [(&str, &str); 1] = [("Accept", "application/x-ndjson")];

/// The tasks of newline-delimited JSON.
fn lines(answer: &Answer) -> Value {
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
    assert!(answer.body.is_empty() || answer.body.ends_with('\n'));
    answer
        .body
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .collect()
}

/// The records of a CSV file; a cell without quotes that is empty is none.
fn records(text: &str) -> Vec<Vec<Option<String>>> {
    let (mut records, mut record, mut rest) = (Vec::new(), Vec::new(), text);
    while !rest.is_empty() {
        let cell;
        if let Some(mut quoted) = rest.strip_prefix('"') {
            let mut text = String::new();
            loop {
                let (part, after) = quoted.split_once('"').expect("a closing quote");
                text += part;
                quoted = after;
                match quoted.strip_prefix('"') {
                    Some(after) => (text, quoted) = (text + "\"", after),
                    None => break,
                }
            }
            (cell, rest) = (Some(text), quoted);
        } else {
            let end = rest.find([',', '\r']).unwrap();
            cell = Some(rest[..end].to_owned()).filter(|cell| !cell.is_empty());
            rest = &rest[end..];
        }
        record.push(cell);
        if let Some(after) = rest.strip_prefix(',') {
            rest = after;
        } else {
            rest = rest.strip_prefix("\r\n").expect("the end of a record");
            records.push(std::mem::take(&mut record));
        }
    }
    records
}

#[tokio::test]
async fn every_list_is_exported_whole_and_in_its_order() {
    let database = TestDatabase::new().await;
    database
        .insert_many(1000, "n::text", "n * interval '1 minute'")
        .await;
    database
        .execute("update task_status set completion_status = 'ERROR' where id::integer % 3 = 0")
        .await;
    let service = Service::start(&database).await;
    for (target, number) in [
        (PENDING_TASKS.to_owned(), 667),
        (
            format!("{TASKS}?filters=completionStatus+isnull&sorters=-uniqueName,created"),
            667,
        ),
        (TASKS.to_owned(), 1000),
        (format!("{TASKS}?sorters=completed"), 1000),
        (format!("{TASKS}?offset=900"), 100),
        (format!("{TASKS}?offset=10&limit=500"), 500),
        (format!("{TASKS}?limit=0"), 0),
        (format!("{TASKS}?filters=id+eq+%22none%22"), 0),
        (
            format!(
                "{TASKS}{}",
                service
                    .get(&format!("{TASKS}?limit=250"))
                    .await
                    .next()
                    .unwrap()
                    .replace("limit=250&", "")
            ),
            750,
        ),
    ] {
        // The same tasks as on its pages.
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let mut pages = Vec::new();
        let mut next = Some(format!("{path}?{}", query.replace("limit=500", "limit=250")));
        while let Some(page) = next {
            let page = service.get(&page).await;
            pages.extend(page.json().as_array().unwrap().clone());
            next = page
                .next()
                .map(|next| format!("{path}{next}"))
                .filter(|_| pages.len() < number);
        }
        let export = service.request(Method::GET, &target, &NDJSON).await;
        assert_eq!(lines(&export), json!(pages), "{target}");
        assert_eq!(pages.len(), number, "{target}");
        let csv = service.request(Method::GET, &target, &CSV).await;
        assert_eq!(records(&csv.body).len(), number + 1, "{target}");
    }
    let csv = service.request(Method::GET, PENDING_TASKS, &CSV).await;
    assert_eq!(
        [
            "content-type",
            "content-disposition",
            "vary",
            "cache-control",
            "content-length",
            "etag"
        ]
        .map(|name| csv.header(name)),
        [
            Some("text/csv; charset=utf-8; header=present"),
            Some("attachment; filename=\"pending-tasks.csv\""),
            Some("accept"),
            Some("no-store"),
            None,
            None,
        ],
    );
    let head = service.request(Method::HEAD, TASKS, &NDJSON).await;
    assert_eq!(
        head.header("content-disposition"),
        Some("attachment; filename=\"task-status.ndjson\"")
    );
    // Nothing at all is not 204.
    database.execute("delete from task_status").await;
    let csv = service.request(Method::GET, PENDING_TASKS, &CSV).await;
    assert_eq!((csv.status, records(&csv.body).len()), (StatusCode::OK, 1));
}

#[tokio::test]
async fn an_export_has_every_field_exactly() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    let hostile = [
        "=1+1",
        "\"",
        ",",
        "\r\n",
        "\u{202e}",
        "",
        "'",
        "-",
        "é\u{1f600}",
        "\\",
    ];
    for (number, text) in (0..).zip(hostile) {
        let mut report: Value = serde_json::from_str(tasks::REPORT).unwrap();
        for field in ["uniqueName", "launcher", "description", "parentName", "progress"] {
            report[field] = text.into();
        }
        report["target"] = json!({ "id": text, "name": text });
        report["attributes"] = json!({ text: text });
        let put = service
            .send(
                Method::PUT,
                &format!("{TASKS}/{number}"),
                "application/json",
                report.to_string(),
            )
            .await;
        assert_eq!(put.status, StatusCode::CREATED, "{put:?}");
    }
    let whole: Value = serde_json::from_str(&tasks::whole()).unwrap();
    let post = service
        .send(Method::POST, TASKS, "application/json", tasks::whole())
        .await;
    assert_eq!(post.status, StatusCode::CREATED);

    let page = service.get(TASKS).await;
    let export = service.request(Method::GET, TASKS, &NDJSON).await;
    // To the byte, numbers included.
    let joined: Vec<&str> = export.body.lines().collect();
    assert_eq!(format!("[{}]", joined.join(",")), page.body);

    let csv = records(&service.request(Method::GET, TASKS, &CSV).await.body);
    let names: Vec<String> = csv[0].iter().map(|name| name.clone().unwrap()).collect();
    for (record, task) in csv[1..].iter().zip(page.json().as_array().unwrap()) {
        assert_eq!(record.len(), names.len());
        let cells: BTreeMap<&str, &Option<String>> = names.iter().map(String::as_str).zip(record).collect();
        for (name, cell) in &cells {
            let (field, part) = name.split_once('.').unwrap_or((name, ""));
            let value = if part.is_empty() {
                &task[field]
            } else {
                &task[field][part]
            };
            let exact = cell.as_ref().map(|cell| cell.strip_prefix('\'').unwrap_or(cell));
            match value {
                Value::Null => assert_eq!(exact, None, "{name}"),
                Value::String(text) => assert_eq!(exact, Some(text.as_str()), "{name}"),
                other => assert_eq!(
                    &serde_json::from_str::<Value>(exact.unwrap()).unwrap(),
                    other,
                    "{name}"
                ),
            }
            let formula = |cell: &String| cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
            assert!(!cell.as_ref().is_some_and(formula), "{name}: {cell:?}");
        }
        let keys = task.as_object().unwrap().keys().filter(|key| *key != "target");
        assert!(keys.into_iter().all(|key| cells.contains_key(key.as_str())));
    }
    assert_eq!(page.json()[10]["id"].is_string(), whole["id"].is_string());
}

#[tokio::test]
async fn an_export_is_of_one_snapshot() {
    let database = TestDatabase::new().await;
    database
        .insert_many(5000, "n::text", "n * interval '1 second'")
        .await;
    let service = Service::start(&database).await;
    let mut connection = database.connect().await;
    let writer = tokio::spawn(async move {
        for round in 1.. {
            // In one transaction each: a task of the end and one of the beginning change places, and all are renamed.
            sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
                "update task_status set unique_name = '{round}' where id::integer % 97 = 0;
                 update task_status set created = timestamptz '2026-01-01Z' + interval '5001 seconds' - (created - timestamptz '2026-01-01Z')
                 where id in ('1', '5000', '100', '4901')"
            )))
            .execute(&mut connection)
            .await
            .unwrap();
        }
    });
    let mut rounds = Vec::new();
    for _ in 0..5 {
        let export = lines(
            &service
                .request(Method::GET, &format!("{TASKS}?sorters=created"), &NDJSON)
                .await,
        );
        let export = export.as_array().unwrap();
        let mut ids: Vec<u32> = export
            .iter()
            .map(|task| task["id"].as_str().unwrap().parse().unwrap())
            .collect();
        ids.sort_unstable();
        assert_eq!(ids, (1..=5000).collect::<Vec<u32>>());
        let mut names: Vec<&str> = export
            .iter()
            .filter(|task| task["id"].as_str().unwrap().parse::<u32>().unwrap() % 97 == 0)
            .map(|task| task["uniqueName"].as_str().unwrap())
            .collect();
        names.dedup();
        assert_eq!(names.len(), 1, "{names:?}");
        rounds.push(names[0].to_owned());
    }
    rounds.dedup();
    assert!(
        rounds.len() > 1 && !writer.is_finished(),
        "nothing was written meanwhile"
    );
    writer.abort();
}

/// Tasks that are too large to wait for a client in buffers.
async fn large_tasks(database: &TestDatabase) {
    database
        .execute(
            "insert into task_status (id, type, unique_name, launcher, attributes)
             select n::text, 'QPOC', 'n', 'l', jsonb_build_object('x', repeat('x', 200000)) from generate_series(1, 200) n",
        )
        .await;
}

#[tokio::test]
async fn an_export_that_fails_is_broken_off() {
    let database = TestDatabase::new().await;
    large_tasks(&database).await;
    let service = Service::start(&database).await;
    for accept in [&CSV, &NDJSON] {
        let response = service.response(Method::GET, TASKS, accept).await;
        assert_eq!(response.status(), StatusCode::OK);
        database
            .execute(
                "select pg_terminate_backend(pid) from pg_stat_activity
                 where datname = current_database() and query like '%task_status_export%' and pid <> pg_backend_pid()",
            )
            .await;
        assert!(response.text().await.is_err(), "it looks whole");
    }
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_export() {
    let database = TestDatabase::new().await;
    large_tasks(&database).await;
    let limits = Limits {
        acquire_timeout: Duration::from_secs(1),
        ..LIMITS
    };
    let store = watched(database.service_options(), limits, Schema::Expect);
    store.wait_until_up().await;
    let service = Service::on(store, Setup::default());
    let exporting = "select count(*) from pg_stat_activity
                     where datname = current_database() and query like '%task_status_export%' and pid <> pg_backend_pid()";
    let response = service.response(Method::GET, TASKS, &NDJSON).await;
    assert_eq!(database.value::<i64>(exporting).await, 1);
    // One connection of five is for exports.
    let busy = service.request(Method::GET, TASKS, &CSV).await;
    assert_eq!(
        (busy.status, busy.causes()),
        (
            StatusCode::SERVICE_UNAVAILABLE,
            vec!["Too many requests are in flight.".to_owned()]
        )
    );
    assert_eq!(service.get(TASKS).await.status, StatusCode::OK);
    drop(response);
    until("the session ends", async || {
        database.value::<i64>(exporting).await == 0
    })
    .await;
    until("another export begins", async || {
        service
            .request(Method::GET, &format!("{TASKS}?limit=1"), &CSV)
            .await
            .status
            == StatusCode::OK
    })
    .await;
}

#[tokio::test]
async fn exports_are_streams_and_have_bounds() {
    let database = TestDatabase::new().await;
    large_tasks(&database).await;
    let mut setup = Setup::default();
    setup.api.bounds.streams = 1.try_into().unwrap();
    setup.pending = PendingConfig {
        response_memory: 32 * 1024 * 1024,
        ..PendingConfig::default()
    };
    let service = Service::with(&database, setup).await;
    let response = service.response(Method::GET, TASKS, &NDJSON).await;
    let full = service
        .send(Method::POST, TASKS, "application/x-ndjson", "")
        .await;
    assert_eq!(full.status, StatusCode::SERVICE_UNAVAILABLE, "{full:?}");
    // The 40 MB fit into little memory.
    assert!(response.text().await.unwrap().len() > 200 * 200_000);

    for (query, cause) in [
        (
            "limit=1000001",
            "“limit” must be an integer from 0 to 1000000, not “1000001”.",
        ),
        ("offset=1&after=x", "“after”"),
        ("filters=x", "Position 1 of the filter: there is no field “x”."),
    ] {
        let answer = service
            .request(Method::GET, &format!("{TASKS}?{query}"), &CSV)
            .await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert!(answer.causes()[0].starts_with(cause), "{answer:?}");
    }
    for (accept, status) in [("text/csv", "400"), ("*/*", "200")] {
        let request = format!("GET {TASKS}?limit=1 HTTP/1.0\r\naccept: {accept}\r\n\r\n");
        let answer = service.raw(request.as_bytes()).await;
        assert_eq!(answer.split(' ').nth(1), Some(status), "{answer}");
    }
    // More than a million rows, of which only the count is real.
    database
        .execute("alter table task_status rename to task; create view task_status as select task.* from task, generate_series(1, 5001)")
        .await;
    database
        .execute(&format!(
            "grant select on task_status to \"{}\"",
            database.role().name()
        ))
        .await;
    for accept in [&CSV, &NDJSON] {
        let answer = service.request(Method::GET, TASKS, accept).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert_eq!(
            answer.causes(),
            ["More than 1000000 tasks match. Narrow the filter, or ask for fewer tasks with “limit”."]
        );
    }
}
