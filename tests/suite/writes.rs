//! `GET`, `PUT` and `PATCH /task-status/{id}`, `POST /task-status`, and the bulk clear.

use chrono::{TimeDelta, Utc};
use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use task_status::task::written;

use crate::support::database::TestDatabase;
use crate::support::service::{Answer, Service};
use crate::support::{decoded, tasks};

const JSON: &str = "application/json";
const PATCH: &str = "application/json-patch+json";
const NDJSON: &str = "application/x-ndjson";

fn least(id: &str) -> Value {
    let mut report: Value = serde_json::from_str(tasks::REPORT).unwrap();
    report["id"] = id.into();
    report
}

impl Service {
    async fn put(&self, id: &str, task: &Value) -> Answer {
        self.send(Method::PUT, &format!("/task-status/{id}"), JSON, task.to_string())
            .await
    }

    async fn patch(&self, id: &str, patch: &Value) -> Answer {
        self.send(
            Method::PATCH,
            &format!("/task-status/{id}"),
            PATCH,
            patch.to_string(),
        )
        .await
    }
}

#[tokio::test]
async fn a_report_creates_then_replaces_and_is_safe_to_repeat() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    let mut report = least("a");
    report["type"] = "quartz".into();
    report["progress"] = "x".into();
    report["created"] = "2026-01-01T00:00:00Z".into();
    report["modified"] = "2026-01-01T00:00:00Z".into();
    let created = service.put("a", &report).await;
    assert_eq!(created.status, StatusCode::CREATED);
    assert_eq!(created.header("content-type"), Some("application/json"));
    assert_eq!(
        created.body,
        tasks::body(&[
            ("id", r#""a""#),
            ("type", r#""QUARTZ""#),
            ("created", r#""2026-01-01T00:00:00.000Z""#),
            ("modified", r#""2026-01-01T00:00:00.000Z""#),
            ("progress", r#""x""#),
        ])
    );
    let got = service.get("/v2026/task-status/a").await;
    assert_eq!(
        (got.status, &got.body, got.header("etag")),
        (StatusCode::OK, &created.body, created.header("etag"))
    );

    // Missing fields of the new report are cleared.
    let replaced = service.put("a", &least("a")).await;
    assert_eq!(replaced.status, StatusCode::OK);
    assert_eq!(
        (&replaced.json()["progress"], &replaced.json()["type"]),
        (&Value::Null, &json!("QPOC"))
    );
    assert_ne!(replaced.header("etag"), created.header("etag"));

    // Older than the stored task.
    let mut late = least("a");
    late["modified"] = "2026-01-01T00:00:00Z".into();
    late["progress"] = "late".into();
    let superseded = service.put("a", &late).await;
    assert_eq!(
        (superseded.status, superseded.body),
        (StatusCode::OK, replaced.body.clone())
    );

    // The earliest time of creation stays.
    assert_eq!(replaced.json()["created"], "2026-01-01T00:00:00.000Z");

    // A repeated report changes nothing.
    let mut full = least("b");
    full["modified"] = "2026-01-01T00:00:00Z".into();
    full["created"] = "2026-01-01T00:00:00Z".into();
    let first = service.put("b", &full).await;
    let second = service.put("b", &full).await;
    assert_eq!(
        (first.status, second.status),
        (StatusCode::CREATED, StatusCode::OK)
    );
    assert_eq!(
        (first.body, first.headers.get("etag")),
        (second.body, second.headers.get("etag"))
    );
}

#[tokio::test]
async fn modified_never_decreases() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    let report = |modified: &str| {
        let mut task = least("a");
        task["modified"] = modified.into();
        task
    };
    // The clock of the executor is ahead, and a clear is later than its report.
    let now = Utc::now();
    let (earlier, later) = (
        written(&(now + TimeDelta::minutes(8))),
        written(&(now + TimeDelta::minutes(9))),
    );
    service.put("a", &report(&later)).await;
    let patch = json!([{ "op": "replace", "path": "/completionStatus", "value": "Error" }]);
    let cleared = service.patch("a", &patch).await.json();
    assert_eq!(
        (&cleared["modified"], &cleared["completionStatus"]),
        (&json!(later), &json!("ERROR"))
    );
    assert_eq!(service.put("a", &report(&earlier)).await.json(), cleared);

    // The last report is repeated, as after a lost response: the task ended the first time.
    let mut last = least("b");
    last["completionStatus"] = "SUCCESS".into();
    let first = service.put("b", &last).await.json();
    let second = service.put("b", &last).await.json();
    assert_eq!(first["completed"], second["completed"]);
}

#[tokio::test]
async fn a_304_has_no_length() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    let etag = service.put("a", &least("a")).await.etag();
    for method in [Method::GET, Method::HEAD] {
        let answer = service
            .request(method, "/task-status/a", &[("If-None-Match", &etag)])
            .await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (StatusCode::NOT_MODIFIED, "")
        );
        assert_eq!(
            (answer.header("etag"), answer.header("content-length")),
            (Some(etag.as_str()), None)
        );
    }
}

#[tokio::test]
async fn every_field_survives_the_round_trip() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    let task: Value = serde_json::from_str(&tasks::whole()).unwrap();
    let put = service.put("every%2Fthing%20%C3%A9", &task).await;
    assert_eq!(put.status, StatusCode::CREATED, "{put:?}");
    assert_eq!(put.json(), task);
    assert_eq!(service.get("/task-status/every%2fthing%20é").await.json(), task);
    assert_eq!(
        service.get("/task-status/v1/every%2Fthing%20%C3%A9").await.json(),
        task
    );
}

/// As others export tasks.
#[tokio::test]
async fn what_others_leave_out_or_send_as_null_is_read() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    let sparse = json!({
        "target": { "id": "t", "type": null },
        "messages": [
            { "type": "INFO", "key": null, "localizedText": { "locale": null, "message": "m" }, "parameters": [null] },
            { "type": "INFO", "key": "k", "localizedText": { "locale": null, "message": null } },
        ],
        "returns": [{ "name": null, "attributeName": "a" }],
        "taskDefinitionSummary": { "id": "i", "uniqueName": "u", "parentName": null, "arguments": null },
    });
    let read = json!({
        "target": { "id": "t", "type": null, "name": "" },
        "messages": [
            { "type": "INFO", "key": "", "localizedText": { "locale": "und", "message": "m" }, "parameters": [""] },
            { "type": "INFO", "key": "k", "localizedText": null, "parameters": null },
        ],
        "returns": [{ "name": "", "attributeName": "a" }],
        "taskDefinitionSummary": {
            "id": "i", "uniqueName": "u", "description": null, "parentName": "", "executor": null, "arguments": {},
        },
    });
    let report = |id: &str| {
        let mut task = least(id);
        task.as_object_mut()
            .unwrap()
            .extend(sparse.as_object().unwrap().clone());
        task
    };
    service.put("put", &report("put")).await;
    service
        .send(Method::POST, "/task-status", JSON, report("post").to_string())
        .await;
    service
        .send(
            Method::POST,
            "/task-status",
            JSON,
            json!([report("batch")]).to_string(),
        )
        .await;
    service
        .send(
            Method::POST,
            "/task-status",
            "application/x-ndjson",
            report("line").to_string(),
        )
        .await;
    for id in ["put", "post", "batch", "line"] {
        let task = service.get(&format!("/task-status/{id}")).await.json();
        for (key, value) in read.as_object().unwrap() {
            assert_eq!(&task[key], value, "{id}");
        }
    }
    let replace = |value: Value| json!([{ "op": "replace", "path": "/target", "value": value }]);
    for (target, read) in [
        (
            json!({ "name": "n" }),
            json!({ "id": "", "type": null, "name": "n" }),
        ),
        (sparse["target"].clone(), read["target"].clone()),
        (json!({ "id": null, "type": null, "name": null }), Value::Null),
    ] {
        assert_eq!(
            service.patch("put", &replace(target)).await.json()["target"],
            read
        );
    }
    database
        .execute("update task_status set target_id = 't' where id = 'put'")
        .await;
    let task = service.get("/task-status/put").await.json();
    assert_eq!(task["target"], read["target"]);
}

#[tokio::test]
async fn a_single_post_makes_an_id_and_a_location() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    let made = service
        .send(Method::POST, "/v2025/task-status", JSON, tasks::REPORT)
        .await;
    assert_eq!(made.status, StatusCode::CREATED);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(id.len(), 32);
    assert_eq!(
        made.header("location"),
        Some(format!("task-status/{id}").as_str())
    );
    assert_eq!(
        service.get(&format!("/v2025/task-status/{id}")).await.body,
        made.body
    );

    let slash = service
        .send(Method::POST, "/beta/task-status/", JSON, least("s").to_string())
        .await;
    assert_eq!(
        (slash.status, slash.header("location")),
        (StatusCode::CREATED, Some("s"))
    );
    let named = service
        .send(Method::POST, "/task-status/v1", JSON, least("a b/c").to_string())
        .await;
    assert_eq!(
        (named.status, named.header("location")),
        (StatusCode::CREATED, Some("v1/a%20b%2Fc"))
    );
    let again = service
        .send(Method::POST, "/task-status/v1", JSON, least("a b/c").to_string())
        .await;
    assert_eq!(again.status, StatusCode::OK);
}

#[tokio::test]
async fn an_array_is_stored_whole_or_not_at_all() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    let post = async |content: Value| {
        service
            .send(Method::POST, "/task-status", JSON, content.to_string())
            .await
    };

    let mut older = least("b");
    older["modified"] = "2026-01-01T00:00:00Z".into();
    let batch = json!([least("a"), least("b"), older]);
    let stored = post(batch.clone()).await;
    assert_eq!(stored.status, StatusCode::OK);
    assert_eq!(
        stored.json(),
        json!([{ "id": "a", "outcome": "CREATED" }, { "id": "b", "outcome": "CREATED" }, { "id": "b", "outcome": "SUPERSEDED" }])
    );
    assert_eq!(
        post(batch).await.json()[0],
        json!({ "id": "a", "outcome": "REPLACED" })
    );

    let mut bad = least("d");
    bad["percentComplete"] = 101.into();
    let refused = post(json!([least("c"), bad, { "id": "e", "type": "QPOC" }])).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        refused.causes(),
        [
            "“/1/percentComplete” must be an integer from 0 to 100, not “101”.",
            "“/2/uniqueName” is required.",
            "“/2/launcher” is required."
        ]
    );
    assert_eq!(database.value::<i64>("select count(*) from task_status").await, 2);
    assert_eq!(post(json!([])).await.body, "[]");
    let many: Vec<Value> = (0..1001).map(|n| least(&n.to_string())).collect();
    assert_eq!(
        post(many.into()).await.causes(),
        ["“/” may have at most 1000 items."]
    );
}

#[tokio::test]
async fn newline_delimited_json_has_a_result_for_each_line() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    let mut lines = vec![
        least("a").to_string(),
        String::new(),
        "not JSON".to_owned(),
        json!({ "id": "b" }).to_string(),
    ];
    lines.extend((0..1200).map(|n| least(&format!("n{n}")).to_string()));
    // A value that only PostgreSQL refuses rejects only its own line.
    let mut huge = least("huge").to_string();
    huge.insert_str(1, r#""attributes": { "n": 1e999999 }, "#);
    lines.push(huge);
    lines.push(least("a").to_string());
    let content = lines.join("\r\n").into_bytes();
    let answer = service.send(Method::POST, "/task-status", NDJSON, content).await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (StatusCode::OK, Some("application/x-ndjson"))
    );
    let results: Vec<Value> = answer
        .body
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(results.len(), 1 + 2 + 1200 + 2 + 1);
    let of_line = |line: usize| {
        results
            .iter()
            .find(|result| result["line"] == json!(line))
            .unwrap()
    };
    assert_eq!(*of_line(1), json!({ "line": 1, "id": "a", "outcome": "CREATED" }));
    assert_eq!(of_line(3)["error"]["detailCode"], "400.0 Bad request syntax");
    assert_eq!(
        of_line(3)["error"]["trackingId"],
        answer.header("slpt-request-id").unwrap()
    );
    assert_eq!(of_line(4)["error"]["causes"].as_array().unwrap().len(), 3);
    assert_eq!(of_line(1205)["error"]["causes"].as_array().unwrap().len(), 1);
    assert_eq!(
        *of_line(1206),
        json!({ "line": 1206, "id": "a", "outcome": "REPLACED" })
    );
    assert_eq!(
        *results.last().unwrap(),
        json!({ "created": 1201, "replaced": 1, "superseded": 0, "refused": 3 })
    );
    assert_eq!(
        database.value::<i64>("select count(*) from task_status").await,
        1201
    );
}

#[tokio::test]
async fn a_patch_changes_a_task_whole_or_not_at_all() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    service.put("a", &least("a")).await;
    let cleared = service
        .patch(
            "a",
            &json!([
                { "op": "replace", "path": "/completionStatus", "value": "Error" },
                { "op": "replace", "path": "/completed", "value": "2024-05-17T19:33:16.470Z" }
            ]),
        )
        .await;
    assert_eq!(cleared.status, StatusCode::OK);
    assert_eq!(cleared.json()["completionStatus"], "ERROR");
    assert_eq!(cleared.json()["completed"], "2024-05-17T19:33:16.470Z");
    assert_eq!(service.get("/task-status/a").await.body, cleared.body);

    for (patch, cause) in [
        (
            json!([{ "op": "replace", "path": "/progress", "value": "x" }, { "op": "replace", "path": "/id", "value": "b" }]),
            "“/id” cannot be changed. These can: /completionStatus, ",
        ),
        (
            json!([{ "op": "replace", "path": "/progress", "value": "x" }, { "op": "test", "path": "/percentComplete", "value": 7 }]),
            "The patch expected another value at “/percentComplete”.",
        ),
        (
            json!([{ "op": "replace", "path": "/progress", "value": "x" }, { "op": "remove", "path": "/attributes/none" }]),
            "The patch refers to “/attributes/none”, which is missing.",
        ),
        (
            json!([{ "op": "replace", "path": "/progress", "value": "x" }, { "op": "replace", "path": "/percentComplete", "value": "7" }]),
            "“/percentComplete” must be an integer from 0 to 100, not “7”.",
        ),
        (
            json!([{ "op": "replace", "path": "/completionStatus", "value": null }]),
            "“/completed” can be set only together with “/completionStatus”.",
        ),
        (json!({ "op": "replace" }), "“/” must be an array."),
        (
            json!([{ "op": "nonsense", "path": "/progress" }]),
            "“/0” is not an operation of JSON Patch (RFC 6902).",
        ),
    ] {
        let answer = service.patch("a", &patch).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{patch}");
        let causes = answer.causes();
        assert!(
            causes.len() == 1 && causes[0].starts_with(cause),
            "{patch}: {causes:?}"
        );
        assert_eq!(service.get("/task-status/a").await.body, cleared.body, "{patch}");
    }
    let unknown = service.patch("b", &json!([])).await;
    assert_eq!(
        (unknown.status, unknown.causes()),
        (
            StatusCode::NOT_FOUND,
            vec!["There is no task with the id “b”.".to_owned()]
        )
    );
}

#[tokio::test]
async fn if_match_and_if_none_match_are_honoured() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    let etag = service.put("a", &least("a")).await.etag();
    let patch = |value: &str| json!([{ "op": "replace", "path": "/progress", "value": value }]).to_string();
    let patched = async |if_match: &str, value: &str| {
        let headers = [("Content-Type", PATCH), ("If-Match", if_match)];
        service
            .send_with(Method::PATCH, "/task-status/a", &headers, patch(value))
            .await
    };
    assert_eq!(
        service
            .request(Method::GET, "/task-status/a", &[("If-None-Match", &etag)])
            .await
            .status,
        StatusCode::NOT_MODIFIED
    );
    let first = patched(&etag, "first").await;
    assert_eq!(first.status, StatusCode::OK);
    let stale = patched(&etag, "second").await;
    assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(stale.json()["detailCode"], "412 Precondition failed");
    let current = first.header("etag").unwrap();
    assert_eq!(
        stale.causes(),
        [format!("The task has changed: its ETag is now {current}.")]
    );
    assert_eq!(patched("*", "third").await.json()["progress"], "third");
    assert_eq!(
        service
            .request(Method::GET, "/task-status/a", &[("If-None-Match", &etag)])
            .await
            .status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_large_task_is_compressed_and_known_by_the_tag_of_any_coding() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    let mut large = least("a");
    large["attributes"] = json!({ "text": "x".repeat(5000) });
    for coding in ["gzip", "br", "zstd"] {
        let plain = service.put("a", &large).await;
        let headers = [("Accept-Encoding", coding)];
        let answer = service.response(Method::GET, "/task-status/a", &headers).await;
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("content-encoding"), coding);
        assert_eq!(header("vary"), "accept-encoding");
        let tag = header("etag");
        assert_eq!(tag, format!("{}-{coding}\"", plain.etag().trim_end_matches('"')));
        let body = answer.bytes().await.unwrap();
        assert!(body.len() < 1000);
        assert_eq!(decoded(Some(coding), &body), plain.body.as_bytes());
        let headers = [("Accept-Encoding", coding), ("If-None-Match", &tag)];
        let same = service.request(Method::GET, "/task-status/a", &headers).await;
        assert_eq!(
            (same.status, same.etag()),
            (StatusCode::NOT_MODIFIED, tag.clone())
        );
        let headers = [("Content-Type", PATCH), ("If-Match", &tag)];
        let nothing = service
            .send_with(Method::PATCH, "/task-status/a", &headers, "[]")
            .await;
        assert_eq!(nothing.status, StatusCode::OK, "{nothing:?}");
    }
}

impl Service {
    async fn put_if(&self, id: &str, condition: (&str, &str), task: &Value) -> Answer {
        let headers = [("Content-Type", JSON), condition];
        self.send_with(
            Method::PUT,
            &format!("/task-status/{id}"),
            &headers,
            task.to_string(),
        )
        .await
    }

    /// The only cause of the 412 to a write: its method, target, media type and content, and its condition.
    async fn refused_for(&self, write: (Method, &str, &str, &str), condition: (&str, &str)) -> String {
        let (method, target, media_type, content) = write;
        let headers = [("Content-Type", media_type), condition];
        let answer = self.send_with(method, target, &headers, content.to_owned()).await;
        assert_eq!(answer.status, StatusCode::PRECONDITION_FAILED, "{answer:?}");
        let [cause] = answer.causes().try_into().unwrap();
        cause
    }
}

#[tokio::test]
async fn a_write_whose_condition_is_not_met_changes_nothing() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    let mut report = least("a");
    let absent = service.put_if("a", ("If-Match", "*"), &report).await;
    assert_eq!(absent.status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(absent.causes(), ["There is no task with the id “a”."]);
    assert_eq!(service.get("/task-status/a").await.status, StatusCode::NOT_FOUND);
    let created = service.put_if("a", ("If-None-Match", "*"), &report).await;
    assert_eq!(created.status, StatusCode::CREATED);

    report["progress"] = "x".into();
    let replaced = service.put_if("a", ("If-Match", &created.etag()), &report).await;
    assert_eq!(replaced.status, StatusCode::OK);
    assert_eq!(replaced.json()["progress"], "x");
    let current = replaced.etag();
    let changed = format!("The task has changed: its ETag is now {current}.");
    let exists = format!("The task exists, which If-None-Match rules out: its ETag is {current}.");
    let weak = format!(
        "If-Match needs a strong ETag, and W/{current} is weak: a proxy that compresses has made it so. Let it pass on \
         the responses of this service uncompressed (nginx: gzip off)."
    );
    let content = report.to_string();
    let put = async |header, value: &str| {
        let sent = (Method::PUT, "/task-status/a", JSON, content.as_str());
        service.refused_for(sent, (header, value)).await
    };
    let patch = async |header, value: &str| {
        let patch = r#"[{"op":"replace","path":"/progress","value":"y"}]"#;
        let sent = (Method::PATCH, "/task-status/a", PATCH, patch);
        service.refused_for(sent, (header, value)).await
    };
    assert_eq!(put("If-Match", &created.etag()).await, changed);
    assert_eq!(put("If-Match", &format!("W/{current}")).await, weak);
    assert_eq!(put("If-None-Match", "*").await, exists);
    assert_eq!(patch("If-None-Match", &current).await, exists);
    assert_eq!(patch("If-Match", &format!("W/{current}")).await, weak);
    assert_eq!(service.get("/task-status/a").await.body, replaced.body);
    // A report that would be refused anyway is refused for its own fault.
    let bad = service.put_if("a", ("If-None-Match", "*"), &json!({})).await;
    assert_eq!(bad.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_condition_that_a_list_cannot_meet_is_not_passed_over() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    let stored = service.put("a", &least("a")).await;
    let report = least("b").to_string();
    let batch = format!("[{report}]");
    let clear = r#"[{"op":"replace","path":"/completionStatus","value":"Error"}]"#;
    for (method, target, media_type, content) in [
        (Method::POST, "/task-status", JSON, report.as_str()),
        (Method::POST, "/task-status", JSON, &batch),
        (Method::POST, "/task-status", NDJSON, &report),
        (Method::PATCH, "/task-status?filters=pr+id", PATCH, clear),
    ] {
        for (header, value) in [("If-Match", stored.etag()), ("If-None-Match", "*".to_owned())] {
            let sent = (method.clone(), target, media_type, content);
            let cause = service.refused_for(sent, (header, &value)).await;
            let only = "It is for a single task, with PUT or PATCH on /task-status/ and its id.";
            assert_eq!(cause, format!("{header} cannot be met here. {only}"));
        }
    }
    assert_eq!(
        service.get("/task-status").await.body,
        format!("[{}]", stored.body)
    );
}

#[tokio::test]
async fn of_concurrent_conditional_reports_one_counts() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    // None of them sees the task, and then it is there.
    let mut other = database.connect().await;
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("begin; {}", tasks::insert(&["a"]))))
        .execute(&mut other)
        .await
        .unwrap();
    let report = least("a");
    let creating = join_all((0..2).map(|_| service.put_if("a", ("If-None-Match", "*"), &report)));
    let created = async {
        database.until_blocked(1, "insert into task_status").await;
        sqlx::raw_sql("commit").execute(&mut other).await.unwrap();
    };
    let (answers, ()) = tokio::join!(creating, created);
    for answer in answers {
        assert_eq!(answer.status, StatusCode::PRECONDITION_FAILED, "{answer:?}");
    }

    let count = async || {
        for _ in 0..5 {
            loop {
                let stored = service.get("/task-status/a").await;
                let mut task = stored.json();
                task["percentComplete"] = (task["percentComplete"].as_i64().unwrap() + 1).into();
                task["modified"] = Value::Null;
                let answer = service.put_if("a", ("If-Match", &stored.etag()), &task).await;
                if answer.status == StatusCode::OK {
                    assert_eq!(answer.json()["percentComplete"], task["percentComplete"]);
                    break;
                }
                assert_eq!(answer.status, StatusCode::PRECONDITION_FAILED);
            }
        }
    };
    join_all((0..4).map(|_| count())).await;
    let counted = service.get("/task-status/a").await;
    assert_eq!(counted.json()["percentComplete"], 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_patches_lose_no_change() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    service.put("a", &least("a")).await;
    let url = format!("http://{}/task-status/a", service.address);
    let clients: Vec<_> = (0..8)
        .map(|client| {
            let url = url.clone();
            tokio::spawn(async move {
                let http = reqwest::Client::new();
                for round in 0..10 {
                    let patch =
                        json!([{ "op": "add", "path": format!("/attributes/{client}-{round}"), "value": 1 }]);
                    let sent = http
                        .patch(&url)
                        .header("Content-Type", PATCH)
                        .body(patch.to_string())
                        .send()
                        .await;
                    assert_eq!(sent.unwrap().status(), StatusCode::OK);
                }
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    let task = service.get("/task-status/a").await.json();
    assert_eq!(task["attributes"].as_object().unwrap().len(), 80);
}

#[tokio::test]
async fn a_bulk_clear_completes_all_matching_tasks() {
    let database = TestDatabase::new().await;
    database
        .execute(
            "insert into task_status (id, type, unique_name, launcher)
             select n::text, 'QPOC', 'n', case when n % 2 = 0 then 'even' else 'odd' end from generate_series(1, 5000) n",
        )
        .await;
    let service = Service::start(&database).await;
    let patch = json!([{ "op": "replace", "path": "/completionStatus", "value": "Terminated" }]).to_string();
    let clear = async |query: &str| {
        service
            .send(
                Method::PATCH,
                &format!("/task-status{query}"),
                PATCH,
                patch.clone(),
            )
            .await
    };
    let pending = async || {
        database
            .value::<i64>("select count(*) from task_status where completion_status is null")
            .await
    };

    let dry = clear("?filters=launcher+eq+%22EVEN%22&dryRun=true").await;
    assert_eq!(
        (dry.status, dry.json()),
        (
            StatusCode::OK,
            json!({ "completed": 2500, "remaining": 2500, "dryRun": true })
        )
    );
    assert_eq!(pending().await, 5000);
    let cleared = clear("?filters=launcher+eq+%22EVEN%22").await;
    assert_eq!(
        cleared.json(),
        json!({ "completed": 2500, "remaining": 0, "dryRun": false })
    );
    assert_eq!(pending().await, 2500);
    let ended = "select count(*) from task_status where launcher = 'even' and completion_status = 'TERMINATED' and completed is not null";
    assert_eq!(database.value::<i64>(ended).await, 2500);
    assert_eq!(
        clear("?filters=launcher+eq+%22EVEN%22").await.json()["completed"],
        0
    );

    for (query, cause) in [
        ("", "“filters” is required."),
        ("?filters=", "“filters” is required."),
        (
            "?filters=pr+id&dryRun=1",
            "“dryRun” must be “true” or “false”, not “1”.",
        ),
    ] {
        let refused = clear(query).await;
        assert_eq!(
            (refused.status, refused.causes()),
            (StatusCode::BAD_REQUEST, vec![cause.to_owned()]),
            "{query}"
        );
    }
    let other = json!([{ "op": "replace", "path": "/progress", "value": "x" }]).to_string();
    let refused = service
        .send(Method::PATCH, "/task-status?filters=pr+id", PATCH, other)
        .await;
    assert_eq!(
        refused.causes(),
        ["“/progress” cannot be changed. These can: /completionStatus, /completed."]
    );
    assert_eq!(pending().await, 2500);
}

#[tokio::test]
async fn a_missing_task_is_404() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    let answer = service.get("/task-status/none%20such").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(answer.json()["detailCode"], "404 Not found");
    assert_eq!(answer.causes(), ["There is no task with the id “none such”."]);
}
