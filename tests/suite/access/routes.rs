//! Every route states what it needs, and no spelling of a path leads around the gate.

use axum::Router;
use axum::routing::get;
use serde_json::{Value, json};
use task_status::auth::Authenticator;
use task_status::auth::caller::{READ, WRITE};
use task_status::http::middleware::authorize::Requirement;

use super::*;
use crate::support::PATIENCE;

/// What an operation needs that states this.
fn requirement(security: &Value) -> Requirement {
    let operation = json!({ "responses": {}, "security": security });
    Requirement::of(&serde_json::from_value(operation).unwrap())
}

#[test]
fn every_operation_states_the_right_that_it_needs() {
    let document: Value = serde_json::from_str(&task_status::http::router::description(&[])).unwrap();
    let mut stated = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item
            .as_object()
            .unwrap()
            .iter()
            .filter(|(key, _)| *key != "servers")
        {
            let requirement = match requirement(&operation["security"]) {
                Requirement::Nothing => "nothing",
                Requirement::Permission(permission) => permission.scope(),
                Requirement::Unstated => panic!("{method} {path} does not say what it needs"),
            };
            stated.push(format!("{method} {path}: {requirement}"));
        }
    }
    stated.sort();
    insta::assert_snapshot!("what_routes_need", stated.join("\n"));
}

#[test]
fn what_is_stated_otherwise_is_not_stated() {
    let scopes = |scopes: &[&str]| requirement(&json!([{ "bearerToken": scopes }]));
    assert_eq!(requirement(&json!([{}])), Requirement::Nothing);
    assert!(matches!(scopes(&[READ]), Requirement::Permission(_)));
    for unstated in [
        json!(null),
        json!([]),
        json!([{ "bearerToken": [] }]),
        json!([{ "bearerToken": ["idn:task-management:red"] }]),
        json!([{ "bearerToken": [READ, WRITE] }]),
        json!([{ "bearerToken": [READ] }, {}]),
    ] {
        assert_eq!(requirement(&unstated), Requirement::Unstated, "{unstated}");
    }
}

/// Ways to write a path that other services have taken for one that needs no credentials.
const TRICKS: [&str; 30] = [
    "/docs/../task-status",
    "/docs/..%2ftask-status",
    "/docs/%2e%2e/task-status",
    "/docs/..;/task-status",
    "/docs;/../task-status",
    "/openapi.json/../task-status/pending-tasks",
    "/openapi.json%2f..%2ftask-status",
    "/openapi.json/..",
    "//task-status",
    "///task-status/pending-tasks",
    "/./task-status",
    "/task-status/",
    "/task-status//pending-tasks",
    "/task-status/./pending-tasks",
    "/task-status/../task-status",
    "/task-status%2fpending-tasks",
    "/task-status/%70ending-tasks",
    "/%74ask-status",
    "/task%2dstatus/pending-tasks",
    "/TASK-STATUS/pending-tasks",
    "/v2025/../task-status",
    "/v2025%2ftask-status",
    "/v2025//task-status",
    "/v2025/docs/../task-status/t",
    "/beta/beta/task-status",
    "/task-status/v1/../pending-tasks",
    "/task-status/docs",
    "/task-status/openapi.json",
    "/task-status/t?x=/docs",
    "/task-status;/docs",
];

#[tokio::test]
async fn no_spelling_of_a_path_leads_around_the_gate() {
    let database = TestDatabase::new().await;
    let service = service(&database).await;
    let before = rows(&database).await;
    for target in TRICKS {
        for method in [
            "GET", "HEAD", "PATCH", "PUT", "POST", "DELETE", "OPTIONS", "TRACE", "CONNECTX",
        ] {
            // By hand, as clients mend such paths before they send them.
            let request = format!(
                "{method} {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n\
                 x-original-url: /docs\r\nx-rewrite-url: /docs\r\nx-http-method-override: GET\r\ncontent-length: 2\r\n\r\n[]"
            );
            let answer = service.raw(request.as_bytes()).await;
            assert!(answer.starts_with("HTTP/1.1 401 "), "{method} {target}: {answer}");
            assert!(answer.contains("www-authenticate: Bearer"), "{answer}");
        }
    }
    let absolute = "GET http://docs/task-status HTTP/1.1\r\nhost: docs\r\nconnection: close\r\n\r\n";
    assert!(
        service
            .raw(absolute.as_bytes())
            .await
            .starts_with("HTTP/1.1 401 ")
    );
    assert_eq!(rows(&database).await, before);
}

#[tokio::test]
async fn what_is_for_everybody_is_only_the_description() {
    let database = TestDatabase::new().await;
    let service = service(&database).await;
    for (method, target, status) in [
        (Method::GET, "/docs", 200),
        (Method::HEAD, "/docs", 200),
        (Method::GET, "/openapi.json", 200),
        (Method::HEAD, "/openapi.json", 200),
        (Method::POST, "/docs", 401),
        (Method::OPTIONS, "/docs", 401),
        (Method::GET, "/v2025/docs", 401),
        (Method::GET, "/", 401),
        (Method::GET, "/nowhere", 401),
        (Method::GET, "/oauth/token", 401),
        (Method::POST, "/oauth/token", 401),
        (Method::GET, "/livez", 401),
        (Method::OPTIONS, "/task-status", 401),
        (Method::DELETE, "/task-status/t", 401),
    ] {
        let answer = service.request(method.clone(), target, &[]).await;
        assert_eq!(answer.status.as_u16(), status, "{method} {target}: {answer:?}");
    }
    let page = service.get("/docs").await;
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(page.header(name), Some(value));
    }
    assert!(
        page.header("content-security-policy")
            .unwrap()
            .starts_with("default-src 'none'; ")
    );
}

#[tokio::test]
async fn whoever_is_known_hears_what_there_is_not() {
    let database = TestDatabase::new().await;
    let service = service(&database).await;
    let read = format!("Bearer {}", token(&[READ]));
    let headers = [("Authorization", read.as_str())];
    for (method, target, status) in [
        (Method::GET, "/nowhere", 404),
        (Method::DELETE, "/task-status/t", 405),
        (Method::OPTIONS, "/task-status", 405),
        (Method::POST, "/docs", 405),
        (Method::GET, "/task-status/none", 404),
        (Method::GET, "/task-status?limit=x", 400),
        // The right is asked for before the content is looked at.
        (Method::POST, "/task-status", 403),
        (Method::PATCH, "/task-status?filters=x", 403),
        (Method::PUT, "/task-status/%zz", 403),
    ] {
        let answer = service.request(method.clone(), target, &headers).await;
        assert_eq!(answer.status.as_u16(), status, "{method} {target}: {answer:?}");
    }
    let allowed = service.request(Method::DELETE, "/task-status/t", &headers).await;
    assert_eq!(allowed.header("allow"), Some("GET,HEAD,PUT,PATCH"));
}

#[tokio::test]
async fn pages_of_named_origins_may_call_and_no_others() {
    let database = TestDatabase::new().await;
    let mut setup = Setup::with_access(access(KeySource::fixed(KeySet::from_secret(&[1; 32]).unwrap())));
    setup.serving.cors_origins = vec!["https://ops.example.com".parse().unwrap()];
    let allowing = Service::with(&database, setup).await;
    let preflight = [
        ("Origin", "https://ops.example.com"),
        ("Access-Control-Request-Method", "PATCH"),
        ("Access-Control-Request-Headers", "authorization,content-type"),
    ];
    let answer = allowing
        .request(Method::OPTIONS, "/v2025/task-status/t", &preflight)
        .await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, ""));
    assert_eq!(
        answer.header("access-control-allow-origin"),
        Some("https://ops.example.com")
    );
    assert_eq!(
        answer.header("access-control-allow-methods"),
        Some("GET,HEAD,PATCH,POST,PUT")
    );
    let headers = answer.header("access-control-allow-headers").unwrap();
    assert!(
        ["authorization", "if-none-match", "prefer", "x-sailpoint-sdk"]
            .iter()
            .all(|name| headers.contains(name)),
        "{headers}"
    );
    assert_eq!(answer.header("access-control-allow-credentials"), None);
    assert!(answer.header("slpt-request-id").is_some());
    // A refusal can be read by the page as well.
    let refused = allowing
        .request(Method::GET, "/task-status", &preflight[..1])
        .await;
    assert_eq!(refused.status, 401);
    assert_eq!(
        refused.header("access-control-allow-origin"),
        Some("https://ops.example.com")
    );
    let exposed = refused.header("access-control-expose-headers").unwrap();
    assert!(
        exposed.contains("x-total-count") && exposed.contains("slpt-request-id"),
        "{exposed}"
    );
    for foreign in ["https://evil.example", "http://ops.example.com", "null"] {
        let answer = allowing
            .request(Method::GET, "/task-status", &[("Origin", foreign)])
            .await;
        assert_eq!(answer.header("access-control-allow-origin"), None, "{foreign}");
    }

    let by_default = Service::start(&database).await;
    let answer = by_default
        .request(Method::GET, "/task-status", &preflight[..1])
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), None);
    let answer = by_default
        .request(Method::OPTIONS, "/task-status", &preflight)
        .await;
    assert_eq!(answer.status, 405);
}

#[tokio::test]
async fn a_route_beside_the_gate_answers_nobody() {
    let database = TestDatabase::new().await;
    let authorizer = Setup::default().serving.authorizer;
    let forgotten = Router::new().route("/forgotten", get(async || "secret"));
    let service = Service::layered(&database, authorizer.with_fallback(forgotten), PATIENCE);
    let answer = service.get("/forgotten").await;
    assert_eq!((answer.status.as_u16(), answer.causes()), (403, Vec::new()));
    assert_eq!(service.get("/nowhere").await.status, 404);
}

#[tokio::test]
async fn where_nobody_is_asked_only_this_machine_is_answered() {
    let database = TestDatabase::new().await;
    insert_task(&database).await;
    let here = Service::with(&database, Setup::with_access(Authenticator::LoopbackOnly)).await;
    let everywhere = Service::start(&database).await;
    let write = r#"{"type":"QPOC","uniqueName":"n","launcher":"l"}"#;
    for (host, status) in [
        ("localhost:1", 200),
        ("127.0.0.1", 200),
        ("[::1]:80", 200),
        ("evil.example", 403),
        ("192.0.2.1", 403),
    ] {
        let headers = [("Host", host), ("Content-Type", "application/json")];
        let answer = here
            .send_with(Method::PUT, "/task-status/t", &headers, write)
            .await;
        assert_eq!(answer.status.as_u16(), status, "{host}");
        assert_eq!(
            everywhere
                .send_with(Method::PUT, "/task-status/t", &headers, write)
                .await
                .status,
            200
        );
    }
}
