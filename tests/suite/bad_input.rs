//! Invalid content and ids: a clear 4xx, and nothing is changed.

use reqwest::{Method, StatusCode};
use sqlx::Row;

use crate::support::database::TestDatabase;
use crate::support::service::{Answer, Service};

const TASK: &str = r#""type":"QPOC","uniqueName":"n","launcher":"l""#;

async fn put(service: &Service, content: impl Into<reqwest::Body>) -> Answer {
    service
        .send(Method::PUT, "/task-status/a", "application/json", content)
        .await
}

#[expect(clippy::too_many_lines, reason = "a table of cases")]
#[tokio::test]
async fn invalid_content_is_refused_and_changes_nothing() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    let nested = |levels| {
        let (open, close) = ("{\"a\":".repeat(levels), "}".repeat(levels));
        format!("{{{TASK},\"attributes\":{open}1{close}}}").into_bytes()
    };
    let large = format!("{{{TASK},\"description\":\"{}\"}}", "x".repeat(10_000_000));
    let array = format!("[{}]", vec!["{}"; 100_000].join(","));
    let long_array = format!("{{{TASK},\"messages\":[{}]}}", vec!["1"; 100_000].join(","));
    let with = |member: &str| format!("{{{TASK},{member}}}").into_bytes();
    for (name, content, cause) in [
        (
            "empty",
            vec![],
            "The content is not valid JSON at line 1, column 0.",
        ),
        (
            "no JSON",
            b"{]".to_vec(),
            "The content is not valid JSON at line 1, column 2.",
        ),
        (
            "trailing",
            b"{} x".to_vec(),
            "The content is not valid JSON at line 1, column 4.",
        ),
        ("a number", b"7".to_vec(), "“/” must be an object."),
        ("null", b"null".to_vec(), "“/” must be an object."),
        (
            "not UTF-8",
            b"{\"type\":\"\xff\"}".to_vec(),
            "The content is not valid JSON at line 1, column 10.",
        ),
        (
            "a lone surrogate",
            with(r#""progress":"\ud800""#),
            "The content is not valid JSON at line 1, column ",
        ),
        (
            "NUL",
            with(r#""progress":"a\u0000b""#),
            "“/progress” contains the character NUL (U+0000), which cannot be stored.",
        ),
        (
            "NUL deep down",
            with(r#""attributes":{"a":[{"\u0000":1}]}"#),
            "“/attributes” contains the character NUL",
        ),
        (
            "200 levels",
            nested(200),
            "The content of the request may be nested at most 127 levels deep.",
        ),
        (
            "126 levels of a value",
            nested(126),
            "“/attributes” may be nested at most 125 levels deep.",
        ),
        (
            "a number beyond doubles",
            with(r#""attributes":{"a":[-1e400]}"#),
            "“/attributes” contains a number that is too large for a 64-bit float.",
        ),
        (
            "10 MB",
            large.into_bytes(),
            "The content of the request may have at most 1048576 bytes.",
        ),
        (
            "100 000 tasks",
            array.into_bytes(),
            "“/” may have at most 1000 items.",
        ),
        (
            "100 000 messages",
            long_array.into_bytes(),
            "“/messages/0” must be an object.",
        ),
        (
            "a huge number",
            with(r#""attributes":{"n":1e-999999}"#),
            "“/attributes” contains a number with more than 16692 digits.",
        ),
        (
            "a huge percentage",
            with(r#""percentComplete":1e400"#),
            "“/percentComplete” must be an integer from 0 to 100, not “1e+400”.",
        ),
        (
            "a fraction",
            with(r#""percentComplete":0.5"#),
            "“/percentComplete” must be an integer from 0 to 100, not “0.5”.",
        ),
        (
            "text for a number",
            with(r#""percentComplete":"5""#),
            "“/percentComplete” must be an integer from 0 to 100, not “5”.",
        ),
        (
            "a number for text",
            with(r#""progress":5"#),
            "“/progress” must be a string.",
        ),
        (
            "the year 10000",
            with(r#""created":"10000-01-01T00:00:00Z""#),
            "“/created” must be a time such as ",
        ),
        (
            "before the year 1",
            with(r#""created":"-0001-01-01T00:00:00Z""#),
            "“/created” must be a time such as ",
        ),
        (
            "infinity",
            with(r#""created":"infinity""#),
            "“/created” must be a time such as ",
        ),
        (
            "another case",
            with(r#""percentcomplete":5"#),
            "“/percentcomplete” is unknown. Did you mean “percentComplete”?",
        ),
        (
            "snake case",
            with(r#""unique_name":"n""#),
            "“/unique_name” is unknown. Did you mean “uniqueName”?",
        ),
        (
            "a definition without a name",
            with(r#""taskDefinitionSummary":{"id":"t"}"#),
            "“/taskDefinitionSummary/uniqueName” is required.",
        ),
        (
            "a long name",
            with(&format!(r#""parentName":"{}""#, "é".repeat(513))),
            "“/parentName” may have at most 512 characters.",
        ),
        (
            "the wrong id",
            with(r#""id":"b""#),
            "The id in the content, “b”, is not the one in the path.",
        ),
        (
            "completed alone",
            with(r#""completed":"2026-01-01T00:00:00Z""#),
            "“/completed” can be set only together with “/completionStatus”.",
        ),
    ] {
        let (method, target) = if name.contains("tasks") {
            (Method::POST, "/task-status")
        } else {
            (Method::PUT, "/task-status/a")
        };
        let status = if name == "10 MB" { 413 } else { 400 };
        let answer = service.send(method, target, "application/json", content).await;
        assert_eq!(answer.status.as_u16(), status, "{name}: {answer:?}");
        let first = answer.causes().remove(0);
        assert!(first.starts_with(cause), "{name}: {first}");
    }
    assert_eq!(database.value::<i64>("select count(*) from task_status").await, 0);
}

#[tokio::test]
async fn an_unknown_key_is_ignored() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    let content = format!("{{{TASK},\"futureField\":1,\"attributes\":{{\"lancher\":1}},\"x\":1}}");
    let answer = put(&service, content).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    assert!(answer.json().get("futureField").is_none());
}

#[tokio::test]
async fn an_unsupported_media_type_is_415_and_names_the_supported_ones() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    for (method, target, media_type, cause) in [
        (
            Method::PUT,
            "/task-status/a",
            "text/plain",
            "The content cannot be of type “text/plain”. Supported: application/json.",
        ),
        (
            Method::PUT,
            "/task-status/a",
            "",
            "The content cannot be of type “”. Supported: application/json.",
        ),
        (
            Method::POST,
            "/task-status",
            "application/xml",
            "The content cannot be of type “application/xml”. Supported: application/json, application/x-ndjson, application/ndjson, application/jsonl, application/x-jsonlines.",
        ),
        (
            Method::PATCH,
            "/task-status/a",
            "application/merge-patch+json",
            "The content cannot be of type “application/merge-patch+json”. Supported: application/json-patch+json, application/json.",
        ),
    ] {
        let answer = service.send(method, target, media_type, "{}").await;
        assert_eq!(
            (answer.status, answer.causes()),
            (StatusCode::UNSUPPORTED_MEDIA_TYPE, vec![cause.to_owned()])
        );
    }
    let charset = service
        .send(
            Method::PUT,
            "/task-status/a",
            "Application/JSON; charset=utf-8",
            format!("{{{TASK}}}"),
        )
        .await;
    assert_eq!(charset.status, StatusCode::CREATED);
}

#[tokio::test]
async fn encoded_content_is_415_and_changes_nothing() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    let content = format!("{{{TASK}}}");
    for (method, target) in [
        (Method::PUT, "/task-status/a"),
        (Method::PATCH, "/task-status/a"),
        (Method::POST, "/task-status"),
        (Method::PATCH, "/task-status?filters=pr+id"),
    ] {
        for media_type in [
            "application/json",
            "application/x-ndjson",
            "application/json-patch+json",
        ] {
            for (coding, given) in [("gzip", "gzip"), ("identity, br", "identity, br"), ("x", "x")] {
                let headers = [("Content-Type", media_type), ("Content-Encoding", coding)];
                let answer = service
                    .send_with(method.clone(), target, &headers, content.clone())
                    .await;
                assert_eq!(
                    (answer.status, answer.causes()),
                    (
                        StatusCode::UNSUPPORTED_MEDIA_TYPE,
                        vec![format!(
                            "The content cannot be encoded as “{given}”. Send it unencoded."
                        )]
                    ),
                    "{method} {target} {media_type}"
                );
            }
        }
    }
    assert_eq!(database.value::<i64>("select count(*) from task_status").await, 0);
    let plain = [
        ("Content-Type", "application/json"),
        ("Content-Encoding", "Identity"),
    ];
    let answer = service
        .send_with(Method::PUT, "/task-status/a", &plain, content)
        .await;
    assert_eq!(answer.status, StatusCode::CREATED);
    // Without content there is nothing to decode.
    let answer = service
        .request(Method::GET, "/task-status/a", &[("Content-Encoding", "gzip")])
        .await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn any_id_that_can_be_stored_can_be_read_and_others_are_refused() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    let long = "x".repeat(256);
    for id in [
        "a%2Fb",
        "a%20b",
        "a+b",
        "%C3%A9%F0%9F%98%80",
        "%25",
        "a%3Fb%23c",
        "%5C%22",
        "...",
        "PENDING-TASKS",
        long.as_str(),
        "%0A",
    ] {
        let target = format!("/task-status/{id}");
        let put = service
            .send(Method::PUT, &target, "application/json", format!("{{{TASK}}}"))
            .await;
        assert_eq!(put.status, StatusCode::CREATED, "{id}: {put:?}");
        assert_eq!(service.get(&target).await.body, put.body, "{id}");
    }
    let decoded: Vec<String> = vec!["a/b".into(), "a b".into(), "a+b".into(), "é😀".into(), "%".into()];
    for id in decoded {
        assert_eq!(
            database
                .value::<i64>(&format!("select count(*) from task_status where id = '{id}'"))
                .await,
            1,
            "{id}"
        );
    }
    for (id, cause) in [
        (
            "%00",
            "“/id” contains the character NUL (U+0000), which cannot be stored.",
        ),
        ("%zz", "“%zz” in the path is not percent-encoded UTF-8."),
        ("%ff", "“%ff” in the path is not percent-encoded UTF-8."),
        (&"x".repeat(257), "“/id” may have at most 256 characters."),
    ] {
        let put = service
            .send(
                Method::PUT,
                &format!("/task-status/{id}"),
                "application/json",
                format!("{{{TASK}}}"),
            )
            .await;
        assert_eq!(
            (put.status, put.causes()),
            (StatusCode::BAD_REQUEST, vec![cause.to_owned()]),
            "{id}"
        );
        let get = service.get(&format!("/task-status/{id}")).await;
        assert!([400, 404].contains(&get.status.as_u16()), "{id}: {get:?}");
    }
}

#[tokio::test]
async fn a_response_does_not_grow_with_the_number_of_violations() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    let wrong = format!("{{{TASK},\"messages\":[{}]}}", vec!["1"; 400_000].join(","));
    let answer = put(&service, wrong).await;
    assert_eq!(
        (answer.status, answer.causes().len()),
        (StatusCode::BAD_REQUEST, 50)
    );
    let items = format!("[{}]", vec!["{}"; 1000].join(","));
    let answer = service
        .send(Method::POST, "/task-status", "application/json", items)
        .await;
    assert_eq!(
        (answer.status, answer.causes().len()),
        (StatusCode::BAD_REQUEST, 50)
    );
}

#[tokio::test]
async fn small_content_that_expands_is_refused() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    let numbers = format!(
        "{{{TASK},\"attributes\":{{\"a\":[{}]}}}}",
        vec!["1e-131000"; 9000].join(",")
    );
    let answer = put(&service, numbers).await;
    assert_eq!(
        answer.causes(),
        ["“/attributes” contains a number with more than 16692 digits."]
    );
    let many = format!(
        "{{{TASK},\"attributes\":{{\"a\":[{}]}}}}",
        vec!["1e300"; 9000].join(",")
    );
    let answer = put(&service, many).await;
    assert_eq!(answer.causes(), ["“/attributes” may have at most 1048576 bytes."]);
    let taken = format!("{{{TASK},\"attributes\":{{\"a\":[1e300, -1.5e-7]}}}}");
    let answer = put(&service, taken).await;
    assert_eq!(answer.status, StatusCode::CREATED);

    let copy = |n: i32| format!(r#"{{"op":"copy","from":"/attributes","path":"/attributes/x{n}"}}"#);
    let bomb = format!("[{}]", (0..40).map(copy).collect::<Vec<_>>().join(","));
    let answer = service
        .send(
            Method::PATCH,
            "/task-status/a",
            "application/json-patch+json",
            bomb,
        )
        .await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(
        answer.causes()[0].ends_with("may have at most 1048576 bytes."),
        "{answer:?}"
    );
}

#[tokio::test]
async fn private_keys_of_the_json_library_are_refused() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    for key in [
        "$serde_json::private::Number",
        "$serde_json::private::RawValue",
        r"\u0024serde_json::pri\u0076ate::RawValue",
    ] {
        let content = format!("{{{TASK},\"attributes\":{{\"x\":{{\"{key}\":\"12\"}}}}}}");
        let answer = put(&service, content).await;
        assert_eq!(
            answer.causes(),
            ["Keys that begin with “$serde_json::private::” are reserved."],
            "{key}"
        );
    }
    let content = format!("{{{TASK},\"attributes\":{{\"\\u0024x\":\"\\u00e9 \\u0041\"}}}}");
    let answer = put(&service, content).await;
    assert_eq!(answer.json()["attributes"], serde_json::json!({ "$x": "é A" }));
}

#[tokio::test]
async fn a_refusal_by_the_database_keeps_the_connection() {
    let database = TestDatabase::new().await;
    // A sequence keeps the refusing session's number although its transaction fails.
    database
        .execute(
            "create sequence refuser;
             grant update on sequence refuser to public;
             alter table task_status add constraint no_such_launcher
                 check (launcher <> 'refused' or setval('refuser', pg_backend_pid()) < 0)",
        )
        .await;
    let service = Service::start(&database).await;
    let refused = r#"{"type":"QPOC","uniqueName":"n","launcher":"refused"}"#;
    let refuse = async || {
        let answer = put(&service, refused).await;
        assert_eq!(
            answer.causes(),
            ["The database refused a value: no_such_launcher."]
        );
    };
    refuse().await;
    let first: i64 = database.fetch("select last_value from refuser").await[0].get(0);
    for _ in 0..10 {
        refuse().await;
    }
    let is_open = format!("select from pg_stat_activity where pid = {first}");
    assert_eq!(database.fetch(&is_open).await.len(), 1);
}
