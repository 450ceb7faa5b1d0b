//! `GET` and `HEAD /task-status/pending-tasks`, as the contract and its decisions say.

use std::collections::HashSet;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use task_status::http::state::EmptyStatus;

use crate::support::database::TestDatabase;
use crate::support::eventually;
use crate::support::service::{PENDING_TASKS, Service, Setup};
use crate::support::tasks;

/// Pending tasks that share seconds and are inserted out of order, among completed ones. Returns the ids as listed.
async fn insert_pending(database: &TestDatabase, number: usize) -> Vec<String> {
    database
        .execute(&format!(
            "insert into task_status (id, type, unique_name, launcher, created)
             select md5(n::text), 'QUARTZ', 'Task ' || n, 'tests', timestamptz '2026-01-01 00:00:00Z' + n / 3 * interval '1 second'
             from generate_series(1, {number}) n order by md5(n::text);
             insert into task_status (id, type, unique_name, launcher, created, completion_status)
             select 'completed ' || n, 'QPOC', 'Task', 'tests', timestamptz '2026-01-01 00:00:00Z' + n * interval '1 second', 'SUCCESS'
             from generate_series(1, 20) n"
        ))
        .await;
    database
        .fetch("select id from task_status where completion_status is null order by created, id")
        .await
        .iter()
        .map(|row| sqlx::Row::get(row, 0))
        .collect()
}

#[tokio::test]
async fn the_reference_example_is_served_unchanged() {
    let database = TestDatabase::new().await;
    database
        .execute(
            r#"insert into task_status (
                id, type, unique_name, description, parent_name, launcher, target_id, target_type, target_name,
                created, modified, launched, messages, returns, attributes, progress, percent_complete,
                task_definition_summary)
            values ('id12345', 'QUARTZ', 'Big Task', 'A Really Big Task', 'Parent Task', 'sweep',
                'c6dc37bf508149b28ce5b7d90ca4bbf9', 'APPLICATION', 'Active Directory [source]',
                '2020-07-11T21:23:15.000Z', '2020-07-11T21:23:15.000Z', '2020-07-11T21:23:15.000Z',
                '[{"type": "INFO", "localizedText": {"locale": "An error has occurred!", "message": "Error has occurred!"},
                   "key": "akey", "parameters": [{"name": "value"}]}]',
                '[{"name": "label", "attributeName": "identityCount"}]',
                '{"identityCount": 0}', 'Started', 100,
                '{"id": "2c91808475b4334b0175e1dff64b63c5", "uniqueName": "Cloud Account Aggregation",
                  "description": "Aggregates from the specified application.", "parentName": "Cloud Account Aggregation",
                  "executor": "sailpoint.task.ServiceTaskExecutor", "arguments": {}}')"#,
        )
        .await;
    let answer = Service::start(&database).await.get(PENDING_TASKS).await;

    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.total_count(), None);
    let example = tasks::body(&[
        ("id", r#""id12345""#),
        ("type", r#""QUARTZ""#),
        ("uniqueName", r#""Big Task""#),
        ("description", r#""A Really Big Task""#),
        ("parentName", r#""Parent Task""#),
        ("launcher", r#""sweep""#),
        (
            "target",
            r#"{"id":"c6dc37bf508149b28ce5b7d90ca4bbf9","type":"APPLICATION","name":"Active Directory [source]"}"#,
        ),
        ("created", r#""2020-07-11T21:23:15.000Z""#),
        ("modified", r#""2020-07-11T21:23:15.000Z""#),
        ("launched", r#""2020-07-11T21:23:15.000Z""#),
        (
            "messages",
            r#"[{"type":"INFO","localizedText":{"locale":"An error has occurred!","message":"Error has occurred!"},
                "key":"akey","parameters":[{"name":"value"}]}]"#,
        ),
        ("returns", r#"[{"name":"label","attributeName":"identityCount"}]"#),
        ("attributes", r#"{"identityCount":0}"#),
        ("progress", r#""Started""#),
        ("percentComplete", "100"),
        (
            "taskDefinitionSummary",
            r#"{"id":"2c91808475b4334b0175e1dff64b63c5","uniqueName":"Cloud Account Aggregation",
                "description":"Aggregates from the specified application.","parentName":"Cloud Account Aggregation",
                "executor":"sailpoint.task.ServiceTaskExecutor","arguments":{}}"#,
        ),
    ]);
    let example: Value = serde_json::from_str(&format!("[{example}]")).unwrap();
    assert_eq!(answer.json(), example);
}

#[tokio::test]
async fn the_keys_are_complete_and_in_the_order_of_the_reference() {
    let database = TestDatabase::new().await;
    database
        .execute(
            r#"insert into task_status (id, type, unique_name, launcher, created, modified, percent_complete)
               values ('least', 'QUEUED_TASK', 'n', 'l', '2026-01-02 03:04:05.678+02', '0001-01-01 00:00:00+00', 7);
               insert into task_status (id, type, unique_name, launcher, created, modified, target_id, target_name,
                   attributes, task_definition_summary)
               values ('more', 'QPOC', 'n', 'l', '9999-12-31 23:59:59.999+00', '2026-01-02', 't', 'T', '{"b": [1.50, "é\u0001"], "a": null}',
                   '{"uniqueName": "u", "arguments": {"x": {}}, "executor": null, "parentName": "p", "id": "i", "description": null, "extra": 1}')"#,
        )
        .await;
    let answer = Service::start(&database).await.get(PENDING_TASKS).await;
    let least = tasks::body(&[
        ("id", r#""least""#),
        ("type", r#""QUEUED_TASK""#),
        ("created", r#""2026-01-02T01:04:05.678Z""#),
        ("modified", r#""0001-01-01T00:00:00.000Z""#),
        ("percentComplete", "7"),
    ]);
    let more = tasks::body(&[
        ("id", r#""more""#),
        ("target", r#"{"id":"t","type":null,"name":"T"}"#),
        ("created", r#""9999-12-31T23:59:59.999Z""#),
        ("modified", r#""2026-01-02T00:00:00.000Z""#),
        ("attributes", r#"{"a": null, "b": [1.50, "é\u0001"]}"#),
        (
            "taskDefinitionSummary",
            r#"{"id":"i","uniqueName":"u","description":null,"parentName":"p","executor":null,"arguments":{"x": {}}}"#,
        ),
    ]);
    assert_eq!(answer.body, format!("[{least},{more}]"));
}

#[tokio::test]
async fn an_empty_list_is_204_or_by_setting_200() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    for target in [
        PENDING_TASKS,
        "/task-status/pending-tasks?limit=0",
        "/task-status/pending-tasks?offset=5",
    ] {
        let answer = service.get(target).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (StatusCode::NO_CONTENT, ""),
            "{target}"
        );
        assert_eq!(
            (answer.header("content-type"), answer.total_count()),
            (None, None)
        );
        assert!(answer.header("slpt-request-id").is_some());
    }
    let counted = service.get("/task-status/pending-tasks?count=true").await;
    assert_eq!(
        (counted.status, counted.total_count()),
        (StatusCode::NO_CONTENT, Some(0))
    );

    // A completed task is not pending.
    database
        .execute("insert into task_status (id, type, unique_name, launcher, completion_status) values ('a', 'QPOC', 'n', 'l', 'ERROR')")
        .await;
    assert_eq!(service.get(PENDING_TASKS).await.status, StatusCode::NO_CONTENT);

    let service = Service::with(&database, Setup::with_empty_status(EmptyStatus::Ok)).await;
    let answer = service.get("/task-status/pending-tasks?count=true").await;
    assert_eq!(
        (answer.status, answer.body.as_str(), answer.total_count()),
        (StatusCode::OK, "[]", Some(0))
    );
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn a_page_past_the_end_is_200_and_empty() {
    let database = TestDatabase::new().await;
    insert_pending(&database, 3).await;
    let service = Service::start(&database).await;
    for query in ["offset=3", "offset=2147483647", "limit=0", "offset=1&limit=0"] {
        let answer = service.get(&format!("{PENDING_TASKS}?{query}&count=true")).await;
        assert_eq!(
            (answer.status, answer.body.as_str(), answer.total_count()),
            (StatusCode::OK, "[]", Some(3)),
            "{query}"
        );
    }
}

#[tokio::test]
async fn every_base_path_has_the_same_routes() {
    let database = TestDatabase::new().await;
    let ids = insert_pending(&database, 2).await;
    let service = Service::start(&database).await;
    for base in [
        "", "/beta", "/v2024", "/v2025", "/v2026", "/latest", "/", "//v2025", "///beta",
    ] {
        for route in [PENDING_TASKS, "/task-status/v1/pending-tasks"] {
            for end in ["", "/", "//"] {
                let answer = service.get(&format!("{base}{route}{end}?limit=2")).await;
                assert_eq!(answer.ids(), ids, "{base}{route}{end}");
            }
        }
    }
    for unknown in [
        "/v3/task-status/pending-tasks",
        "/beta//task-status/pending-tasks",
        "/",
    ] {
        assert_eq!(
            service.get(unknown).await.status,
            StatusCode::NOT_FOUND,
            "{unknown}"
        );
    }
}

#[tokio::test]
async fn unknown_parameters_and_headers_are_ignored() {
    let database = TestDatabase::new().await;
    let ids = insert_pending(&database, 2).await;
    let service = Service::start(&database).await;
    let answer = service
        .request(
            Method::GET,
            "/v2024/task-status/pending-tasks?filters=nonsense&Limit=1&x=1&x=2&",
            &[
                ("X-SailPoint-Experimental", "true"),
                ("Accept", "text/html"),
                ("Accept-Language", "\u{e9}"),
            ],
        )
        .await;
    assert_eq!(answer.ids(), ids);
}

#[tokio::test]
async fn head_responds_as_get_without_the_body() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    let targets = ["?count=true", "", "?limit=1&offset=1&count=true", "?limit=251"];
    for filled in [false, true] {
        if filled {
            insert_pending(&database, 3).await;
        }
        for target in targets.map(|query| format!("{PENDING_TASKS}{query}")) {
            let get = service.get(&target).await;
            let head = service.request(Method::HEAD, &target, &[]).await;
            assert_eq!(head.body, "");
            assert_eq!(head.status, get.status, "{target}");
            for name in ["content-type", "content-length", "x-total-count"] {
                assert_eq!(head.header(name), get.header(name), "{name} of {target}");
            }
        }
    }
}

/// The Python SDKs hand headers over as a plain dict.
#[tokio::test]
async fn names_of_headers_are_written_in_title_case() {
    let database = TestDatabase::new().await;
    insert_pending(&database, 2).await;
    let service = Service::start(&database).await;
    let request = format!(
        "HEAD {PENDING_TASKS}?limit=1&count=true HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
    );
    let head = service.raw(request.as_bytes()).await;
    let lines = head.trim_end().lines().skip(1);
    let mut names: Vec<&str> = lines.map(|line| line.split_once(": ").unwrap().0).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "Cache-Control",
            "Connection",
            "Content-Length",
            "Content-Type",
            "Cross-Origin-Resource-Policy",
            "Date",
            "Etag",
            "Link",
            "Slpt-Request-Id",
            "Vary",
            "X-Content-Type-Options",
            "X-Total-Count",
        ]
    );
}

#[tokio::test]
async fn every_allowed_bound_of_a_parameter_is_accepted() {
    let database = TestDatabase::new().await;
    let ids = insert_pending(&database, 251).await;
    let service = Service::start(&database).await;
    for (query, page, total) in [
        ("", &ids[..250], None),
        ("limit=250", &ids[..250], None),
        ("limit=1", &ids[..1], None),
        ("offset=250", &ids[250..], None),
        ("offset=249&limit=2&count=true", &ids[249..], Some(251)),
        ("offset=0&limit=1&count=false", &ids[..1], None),
        ("limit=1&count=True", &ids[..1], Some(251)),
        ("limit=1&count=FALSE", &ids[..1], None),
        ("offset=007&limit=%31", &ids[7..8], None),
    ] {
        let answer = service.get(&format!("{PENDING_TASKS}?{query}")).await;
        assert_eq!(answer.ids(), page, "{query}");
        assert_eq!(answer.total_count(), total, "{query}");
    }
}

#[tokio::test]
async fn every_value_out_of_bounds_is_refused() {
    let database = TestDatabase::new().await;
    insert_pending(&database, 1).await;
    let service = Service::start(&database).await;
    let offset = |given: &str| format!("“offset” must be an integer from 0 to 2147483647, not “{given}”.");
    let limit = |given: &str| format!("“limit” must be an integer from 0 to 250, not “{given}”.");
    let count = |given: &str| format!("“count” must be “true” or “false”, not “{given}”.");
    let repeated =
        |name: &str, times: u8| format!("“{name}” may be given only once; it was given {times} times.");
    let long = "9".repeat(100);
    for (query, causes) in [
        ("offset=-1", vec![offset("-1")]),
        ("offset=2147483648", vec![offset("2147483648")]),
        ("offset=", vec![offset("")]),
        ("offset", vec![offset("")]),
        ("offset=1.0", vec![offset("1.0")]),
        ("offset=1e3", vec![offset("1e3")]),
        ("offset=+1", vec![offset(" 1")]),
        ("offset=%2B1", vec![offset("+1")]),
        ("offset=0x10", vec![offset("0x10")]),
        ("offset=%D9%A1", vec![offset("١")]),
        ("offset=null", vec![offset("null")]),
        ("limit=251", vec![limit("251")]),
        ("limit=-0", vec![limit("-0")]),
        ("limit=ten", vec![limit("ten")]),
        (
            &format!("limit={long}"),
            vec![limit(&format!("{}…", &long[..80]))],
        ),
        ("count=TRUES", vec![count("TRUES")]),
        ("count=1", vec![count("1")]),
        ("count=", vec![count("")]),
        ("limit=10&limit=10", vec![repeated("limit", 2)]),
        (
            "limit=1&limit=2&count=x&%6Cimit=3&offset=-5",
            vec![offset("-5"), repeated("limit", 3), count("x")],
        ),
    ] {
        let answer = service.get(&format!("{PENDING_TASKS}?{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
        let body = answer.json();
        assert_eq!(body["detailCode"], "400.1 Bad Request Content", "{query}");
        let texts: Vec<&str> = body["causes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|cause| cause["text"].as_str().unwrap())
            .collect();
        assert_eq!(texts, causes, "{query}");
    }
}

#[tokio::test]
async fn paging_by_any_step_gives_each_task_once_and_in_order() {
    let database = TestDatabase::new().await;
    let ids = insert_pending(&database, 1001).await;
    let service = Service::start(&database).await;
    for step in [11, 83, 143, 249, 250] {
        let mut seen = Vec::new();
        loop {
            let page = service
                .get(&format!("{PENDING_TASKS}?offset={}&limit={step}", seen.len()))
                .await
                .ids();
            seen.extend_from_slice(&page);
            if page.len() < step {
                break;
            }
        }
        assert_eq!(seen, ids, "step {step}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_page_is_a_slice_of_the_whole_list() {
    let database = TestDatabase::new().await;
    let ids = insert_pending(&database, 300).await;
    let service = Service::start(&database).await;
    let runtime = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| {
        TestRunner::default()
            .run(
                &(0..400usize, 0..=250usize, any::<bool>()),
                |(offset, limit, count)| {
                    let target = format!("{PENDING_TASKS}?offset={offset}&limit={limit}&count={count}");
                    let answer = runtime.block_on(service.get(&target));
                    let begin = offset.min(ids.len());
                    let end = (offset + limit).min(ids.len());
                    prop_assert_eq!(answer.ids(), &ids[begin..end]);
                    prop_assert_eq!(answer.total_count(), count.then_some(300));
                    Ok(())
                },
            )
            .unwrap();
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_count_and_the_page_are_of_one_snapshot() {
    const PENDING: usize = 40;
    let database = TestDatabase::new().await;
    insert_pending(&database, PENDING).await;
    let service = Service::start(&database).await;
    // Each transaction ends one task and begins two, or ends two and begins one: the number changes all the time, and
    // never between the statements of a transaction.
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let options = database.options();
            tokio::spawn(async move {
                let mut connection = <sqlx::PgConnection as sqlx::Connection>::connect_with(&options).await.unwrap();
                for round in 0..100 {
                    let (end, begin) = if round % 2 == 0 { (1, 2) } else { (2, 1) };
                    sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
                        "begin;
                         update task_status set completion_status = 'SUCCESS' where id in
                             (select id from task_status where completion_status is null order by random() limit {end} for update skip locked);
                         insert into task_status (id, type, unique_name, launcher)
                         select 'w{writer}-{round}-' || n, 'QPOC', 'n', 'l' from generate_series(1, {begin}) n;
                         commit"
                    )))
                    .execute(&mut connection)
                    .await
                    .unwrap();
                }
            })
        })
        .collect();
    let mut totals = HashSet::new();
    while !writers.iter().all(tokio::task::JoinHandle::is_finished) {
        let answer = service.get("/task-status/pending-tasks?count=true").await;
        let total = answer.total_count().unwrap();
        assert_eq!(i64::try_from(answer.ids().len()).unwrap(), total);
        totals.insert(total);
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert!(totals.len() > 1, "the number never changed");
}

#[tokio::test]
async fn a_closed_connection_cancels_its_statement() {
    let database = TestDatabase::new().await;
    insert_pending(&database, 1).await;
    let service = Service::start(&database).await;
    let _holder = database.lock().await;

    let client = tokio::spawn({
        let url = format!("http://{}{PENDING_TASKS}", service.address);
        async move { reqwest::get(url).await }
    });
    database.until_blocked(1, "with tally").await;
    client.abort();
    database.until_blocked(0, "with tally").await;
}

#[tokio::test]
async fn a_deep_page_is_an_index_only_scan() {
    let database = TestDatabase::new().await;
    // Only the service reads this table, so the counts are its own.
    database
        .insert_many(20_000, "md5(n::text)", "n * interval '1 second'")
        .await;
    database.execute("vacuum analyze task_status").await;
    let service = Service::start(&database).await;
    // PostgreSQL counted index scans, and never a scan of the whole table.
    let before: (i64, i64) = scans(&database).await;
    let answer = service.get("/task-status/pending-tasks?offset=19900").await;
    assert_eq!(answer.ids().len(), 100);
    // A connection reports its counts when it ends.
    service.database.close().await;
    eventually("statistics", async || {
        let after = scans(&database).await;
        (after.1 > before.1).then(|| assert_eq!(after.0, before.0, "a scan of the whole table"))
    })
    .await;
}

/// Sequential scans of the table, and scans of the index of pending tasks.
async fn scans(database: &TestDatabase) -> (i64, i64) {
    let sequential = "select seq_scan from pg_stat_user_tables where relname = 'task_status'";
    let index = "select idx_scan from pg_stat_user_indexes where indexrelname = 'task_status_pending_idx'";
    (database.value(sequential).await, database.value(index).await)
}

#[tokio::test]
async fn json_columns_are_served_as_json() {
    let database = TestDatabase::new().await;
    let strange = json!({ "quote\"\\": ["\u{2028}", 1.25, -0.5, 123_456_789_012_345_678_i64, {}, [[]], "𝄞", null, true] });
    database
        .execute(&format!(
            "insert into task_status (id, type, unique_name, launcher, attributes) values ('a\"\\\n', 'QPOC', '\u{1}', 'l', '{strange}')"
        ))
        .await;
    let page: Value = Service::start(&database).await.get(PENDING_TASKS).await.json();
    assert_eq!(page[0]["attributes"], strange);
    assert_eq!(page[0]["id"], "a\"\\\n");
    assert_eq!(page[0]["uniqueName"], "\u{1}");
}
