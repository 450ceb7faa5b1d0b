//! The body of errors from every layer, in the default language and another.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::database::TestDatabase;
use crate::support::service::{PENDING_TASKS, Service};
use crate::support::tasks::REPORT;

const GERMAN: &[(&str, &str)] = &[("Accept-Language", "de-AT, fr;q=0.5")];

#[tokio::test]
async fn errors_of_parameters_and_routes_have_the_error_body() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    for (name, method, target) in [
        (
            "content",
            Method::GET,
            "/task-status/pending-tasks?limit=251&offset=-1&count=maybe",
        ),
        (
            "percent_encoding",
            Method::GET,
            "/task-status/pending-tasks?limit=1&x=%zz",
        ),
        ("not_utf8", Method::GET, "/task-status/pending-tasks?limit=%ff"),
        ("unknown_path", Method::GET, "/v2025/task-statuses?secret=1"),
        ("method", Method::POST, "/v2025/task-status/pending-tasks"),
    ] {
        let english = service.request(method.clone(), target, &[]).await;
        insta::assert_snapshot!(format!("{name}.en-US"), english.snapshot());
        let german = service.request(method, target, GERMAN).await;
        insta::assert_snapshot!(format!("{name}.de"), german.snapshot());
    }
    let large = "x".repeat(2 * 1024 * 1024);
    for (language, accept_language) in [("en-US", "en"), ("de", "de")] {
        let headers = [
            ("Content-Type", "application/json"),
            ("Accept-Language", accept_language),
        ];
        let answer = service
            .send_with(Method::PUT, "/task-status/a", &headers, large.clone())
            .await;
        insta::assert_snapshot!(format!("payload_too_large.{language}"), answer.snapshot());
    }
}

#[tokio::test]
async fn errors_of_layers_and_handlers_have_the_error_body() {
    let database = TestDatabase::new().await;
    let routes = Router::new()
        .route("/panic", get(panic_on_purpose))
        .route("/slow", get(std::future::pending::<()>))
        .route("/forbidden", get(async || axum::http::StatusCode::FORBIDDEN))
        .route(
            "/unauthorized",
            get(async || axum::http::StatusCode::UNAUTHORIZED),
        )
        .route("/teapot", get(async || axum::http::StatusCode::IM_A_TEAPOT))
        .route(
            "/busy",
            get(async || {
                (
                    axum::http::StatusCode::TOO_MANY_REQUESTS,
                    [("retry-after", "7")],
                    "plain text",
                )
            }),
        );
    let service = Service::layered(&database, routes, Duration::from_secs(1));
    let long = format!("{PENDING_TASKS}?filters={}", "x".repeat(20_000));
    for (name, target) in [
        ("panic", "/panic"),
        ("deadline", "/slow"),
        ("forbidden", "/forbidden"),
        ("unauthorized", "/unauthorized"),
        ("unknown_status", "/teapot"),
        ("too_many_requests", "/busy"),
        ("uri_too_long", long.as_str()),
    ] {
        let english = service.get(target).await;
        insta::assert_snapshot!(format!("{name}.en-US"), english.snapshot());
        let german = service.request(Method::GET, target, GERMAN).await;
        insta::assert_snapshot!(format!("{name}.de"), german.snapshot());
    }
}

#[expect(clippy::panic, reason = "the handler under test panics")]
async fn panic_on_purpose() {
    panic!("with a secret");
}

#[tokio::test]
async fn an_invalid_http_message_gets_an_error_body_too() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    let target_of_70_kb = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(70_000));
    let many_headers = format!("GET / HTTP/1.1\r\nhost: x\r\n{}\r\n", "a: b\r\n".repeat(200));
    for (status, detail_code, request) in [
        (
            "400 Bad Request",
            "400.0 Bad request syntax",
            &b"GARBAGE\r\n\r\n"[..],
        ),
        (
            "400 Bad Request",
            "400.0 Bad request syntax",
            b"GET /\x01 HTTP/1.1\r\nhost: x\r\n\r\n",
        ),
        (
            "400 Bad Request",
            "400.0 Bad request syntax",
            b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
        ),
        ("414 URI Too Long", "414 URI too long", target_of_70_kb.as_bytes()),
        (
            "431 Request Header Fields Too Large",
            "431 Request header fields too large",
            many_headers.as_bytes(),
        ),
    ] {
        let answer = service.raw(request).await;
        let (head, body) = answer
            .split_once("\r\n\r\n")
            .unwrap_or_else(|| panic!("no response: {answer:?}"));
        assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{answer}");
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["detailCode"], detail_code, "{answer}");
        assert_eq!(body["messages"][0]["localeOrigin"], "DEFAULT");
        let tracking_id = body["trackingId"].as_str().unwrap();
        assert!(
            head.contains(&format!("\r\nSlpt-Request-Id: {tracking_id}\r\n")),
            "{answer}"
        );
        for field in ["Content-Type: application/json", "Cache-Control: no-store"] {
            assert!(head.contains(&format!("\r\n{field}\r\n")), "{answer}");
        }
    }
}

/// curl, among others, sends what is in the URL.
#[tokio::test]
async fn characters_that_should_be_percent_encoded_are_read() {
    let database = TestDatabase::new().await;
    let strange = "<a>`\u{e9}\"{|}^[~]'\\";
    let service = Service::start(&database).await;
    let put = format!("/task-status/{}", utf8_percent_encode(strange, NON_ALPHANUMERIC));
    service.send(Method::PUT, &put, "application/json", REPORT).await;
    let quoted = strange.replace('\\', r"\\").replace('"', "\\\"");
    for target in [
        format!("/task-status/{strange}"),
        format!("http://a/task-status/{strange}"),
        format!("/task-status?filters=id+eq+\"{quoted}\""),
    ] {
        let request = format!("GET {target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        let answer = service.raw(request.as_bytes()).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 "), "{target}: {answer}");
        let body: Value = serde_json::from_str(body).unwrap();
        let task = body.get(0).unwrap_or(&body);
        assert_eq!(task["id"], strange, "{target}");
    }
    for (target, cause) in [
        (
            &b"?filters=id eq \"a\""[..],
            "The request target has a blank in it. Write it as %20.",
        ),
        (
            b"?x=\xff",
            "The parameter at position 3 of the query is not UTF-8.",
        ),
    ] {
        let request = [
            b"GET /task-status",
            target,
            b" HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
        ]
        .concat();
        let answer = service.raw(&request).await;
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["detailCode"], "400.0 Bad request syntax");
        assert_eq!(body["causes"][0]["text"], cause, "{answer}");
    }
    // Empty lines before a request mean nothing. What comes in one piece with an earlier request is not read, and told.
    let raw = "GET /task-status?filters=pr+\"\" HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let parsed = service.raw(format!("\r\n{raw}").as_bytes()).await;
    assert!(parsed.contains("of the filter"), "{parsed}");
    let pipelined = format!("GET /task-status?limit=0 HTTP/1.1\r\nhost: a\r\n\r\n{raw}");
    let answers = service.raw(pipelined.as_bytes()).await;
    assert!(answers.starts_with("HTTP/1.1 200 "), "{answers}");
    assert!(answers.contains("write these as %22 and %20"), "{answers}");
}

/// It comes where a request could begin.
#[tokio::test]
async fn content_that_looks_like_a_request_stays_as_it_is() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    let content = format!("GET /\"\" HTTP/1.1\n{}", REPORT.replacen('{', r#"{"id":"a","#, 1));
    let head = format!(
        "POST /task-status HTTP/1.1\r\nhost: a\r\nconnection: close\r\nexpect: 100-continue\r\n\
         content-type: application/x-ndjson\r\ncontent-length: {}\r\n\r\n",
        content.len()
    );
    let mut stream = TcpStream::connect(service.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut go_on = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
    stream.read_exact(&mut go_on).await.unwrap();
    stream.write_all(content.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains(r#""id":"a","outcome":"CREATED""#), "{answer}");
    assert!(answer.contains(r#""refused":1"#), "{answer}");
}

#[tokio::test]
async fn a_request_without_one_valid_host_or_with_another_coding_than_chunked_is_400() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    let host = "The request needs the header Host exactly once, with a host and, if necessary, a port.";
    let coding = |given: &str| format!("The header Transfer-Encoding can only be “chunked”, not “{given}”.");
    for (fields, cause) in [
        ("", Some(host.to_owned())),
        ("host:\r\n", Some(host.to_owned())),
        ("host: a\r\nhost: a\r\n", Some(host.to_owned())),
        ("host: a\r\nhost: b\r\n", Some(host.to_owned())),
        ("host: a/b\r\n", Some(host.to_owned())),
        ("host: user@a\r\n", Some(host.to_owned())),
        ("host: a:x\r\n", Some(host.to_owned())),
        ("host: \u{fc}\r\n", Some(host.to_owned())),
        (
            "host: a\r\ntransfer-encoding: gzip, chunked\r\n",
            Some(coding("gzip, chunked")),
        ),
        (
            "host: a\r\ntransfer-encoding: chunked, chunked\r\n",
            Some(coding("chunked, chunked")),
        ),
        (
            "host: a\r\ntransfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n",
            Some(coding("gzip, chunked")),
        ),
        // Without a final `chunked` the parser refuses.
        ("host: a\r\ntransfer-encoding: gzip\r\n", None),
        ("host: a\r\ntransfer-encoding: identity\r\n", None),
        ("host: a\r\ntransfer-encoding: chunked, gzip\r\n", None),
    ] {
        for request in [
            "GET /task-status",
            "HEAD /task-status",
            "GET http://a/task-status",
            "PUT /task-status/a",
            "POST /task-status",
            "GET /docs",
            "GET /nowhere",
        ] {
            let request = format!(
                "{request} HTTP/1.1\r\nconnection: close\r\ncontent-type: application/x-ndjson\r\n{fields}\r\n0\r\n\r\n"
            );
            let answer = service.raw(request.as_bytes()).await;
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with("HTTP/1.1 400 "), "{request} {answer}");
            if body.is_empty() {
                assert!(request.starts_with("HEAD"), "{answer}");
                continue;
            }
            let body: Value = serde_json::from_str(body).unwrap();
            assert_eq!(body["detailCode"], "400.0 Bad request syntax");
            assert!(head.contains(&format!(
                "Slpt-Request-Id: {}",
                body["trackingId"].as_str().unwrap()
            )));
            let given = body["causes"].get(0).map(|cause| cause["text"].as_str().unwrap());
            assert_eq!(given, cause.as_deref(), "{request}");
        }
    }
}

#[tokio::test]
async fn an_error_response_to_head_has_no_body() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    let answer = service.request(Method::HEAD, "/nowhere", &[]).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (404, ""));
    assert!(answer.header("slpt-request-id").is_some());
}

#[tokio::test]
async fn a_valid_tracking_id_is_kept_and_an_invalid_one_replaced() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    let id = "0123456789abcdef0123456789abcdef";
    let other = "ffffffffffffffffffffffffffffffff";
    let tracked = async |headers: &[(&str, &str)]| {
        let answer = service
            .request(Method::GET, "/task-status/pending-tasks?limit=x", headers)
            .await;
        assert_eq!(
            answer.json()["trackingId"],
            answer.header("slpt-request-id").unwrap()
        );
        answer.header("slpt-request-id").unwrap().to_owned()
    };
    assert_eq!(tracked(&[("SLPT-Request-ID", id)]).await, id);
    assert_eq!(tracked(&[("X-Request-ID", id)]).await, id);
    assert_eq!(
        tracked(&[("X-Request-ID", other), ("slpt-request-id", id)]).await,
        id
    );
    assert_eq!(
        tracked(&[("SLPT-Request-ID", "no"), ("X-Request-ID", id)]).await,
        id
    );
    for invalid in [
        "",
        "abc",
        &id.to_uppercase(),
        &id[1..],
        "01234567-89ab-cdef-0123-456789abcdef",
        &format!("{id}0"),
    ] {
        let made = tracked(&[("SLPT-Request-ID", invalid)]).await;
        assert!(made.len() == 32 && made != id.to_uppercase(), "{invalid}");
        assert_ne!(made, tracked(&[]).await);
    }
}

#[tokio::test]
async fn the_requested_language_comes_second_unless_it_is_the_default() {
    let database = TestDatabase::new().await;
    let service = Service::start(&database).await;
    for (accept, expected) in [
        ("", None),
        ("en-GB", None),
        ("*", None),
        ("sv;q=0.9, ja;q=0.1", Some("ja")),
        ("zh", Some("zh-CN")),
        ("pt", Some("pt-BR")),
        ("nl-BE", Some("nl")),
    ] {
        let answer = service
            .request(Method::GET, "/nowhere", &[("Accept-Language", accept)])
            .await;
        let body = answer.json();
        for list in ["messages", "causes"] {
            let texts = body[list].as_array().unwrap();
            let origins: Vec<_> = texts
                .iter()
                .map(|text| {
                    (
                        text["locale"].as_str().unwrap(),
                        text["localeOrigin"].as_str().unwrap(),
                    )
                })
                .collect();
            let mut wanted = vec![("en-US", "DEFAULT")];
            wanted.extend(expected.map(|locale| (locale, "REQUEST")));
            assert_eq!(origins, wanted, "{accept}");
        }
    }
}
