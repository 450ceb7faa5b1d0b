//! No spelling of a path bypasses the authorizer, and only the description is public.

use task_status::auth::caller::READ;
use task_status::http::middleware::hosts::AllowedHosts;
use task_status::http::stop::Stop;

use super::*;

/// Spellings of a path that could be mistaken for a public one.
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
async fn no_spelling_of_a_path_bypasses_the_authorizer() {
    let database = TestDatabase::new().await;
    let service = service(&database).await;
    let before = rows(&database).await;
    for target in TRICKS {
        for method in [
            "GET", "HEAD", "PATCH", "PUT", "POST", "DELETE", "OPTIONS", "TRACE", "CONNECTX",
        ] {
            // Over a bare connection, since clients normalise such paths.
            let request = format!(
                "{method} {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n\
                 x-original-url: /docs\r\nx-rewrite-url: /docs\r\nx-http-method-override: GET\r\ncontent-length: 2\r\n\r\n[]"
            );
            let answer = service.raw(request.as_bytes()).await;
            assert!(answer.starts_with("HTTP/1.1 401 "), "{method} {target}: {answer}");
            assert!(answer.contains("Www-Authenticate: Bearer"), "{answer}");
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
async fn only_the_description_and_the_dashboard_are_public() {
    let database = TestDatabase::new().await;
    let service = service(&database).await;
    for (method, target, status) in [
        (Method::GET, "/docs", 200),
        (Method::HEAD, "/docs", 200),
        (Method::GET, "/openapi.json", 200),
        (Method::HEAD, "/openapi.json", 200),
        (Method::POST, "/docs", 401),
        (Method::OPTIONS, "/docs", 401),
        (Method::GET, "/v2025/docs", 200),
        (Method::GET, "/ui/config.json", 200),
        (Method::GET, "/ui/any/main.js", 200),
        (Method::GET, "/ui/any/none.js", 404),
        (Method::POST, "/ui/config.json", 401),
        (Method::GET, "/ui", 401),
        (Method::GET, "/v2025", 401),
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
async fn an_authenticated_caller_gets_404_and_405() {
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
        // The permission is checked before the content is read.
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
async fn only_listed_origins_may_call() {
    let database = TestDatabase::new().await;
    let mut setup = Setup::with_authenticator(access(keys()));
    setup.api.cors_origins = vec!["https://ops.example.com".parse().unwrap()];
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
    // The page can read a refusal too.
    let refused = allowing
        .request(Method::GET, "/task-status", &preflight[..1])
        .await;
    assert_eq!(refused.status, 401);
    assert_eq!(
        refused.header("access-control-allow-origin"),
        Some("https://ops.example.com")
    );
    let vary: Vec<_> = refused.headers.get_all("vary").iter().collect();
    assert_eq!(vary, ["accept-language, origin"]);
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
async fn health_is_served_to_everybody_if_set() {
    let database = TestDatabase::new().await;
    let mut setup = Setup::with_authenticator(access(keys()));
    setup.api.allowed_hosts = AllowedHosts::Listed(["tasks.example".parse().unwrap()].into());
    setup.api.health = Some(Stop::default());
    let service = Service::with(&database, setup).await;
    for target in ["/livez", "/livez/", "/readyz", "/"] {
        for (method, body) in [(Method::GET, "ok\n"), (Method::HEAD, "")] {
            let answer = service.request(method, target, &[]).await;
            assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, body));
            assert!(answer.header("slpt-request-id").is_some());
        }
        let answer = service.request(Method::POST, target, &[]).await;
        assert_eq!(answer.status, 405);
        assert_eq!(answer.json()["detailCode"], "405 Method not allowed");
    }
    assert_eq!(service.get("/task-status").await.status, 403);
    let by_default = super::service(&database).await;
    for target in ["/livez", "/readyz", "/"] {
        assert_eq!(by_default.get(target).await.status, 401, "{target}");
    }
}

#[tokio::test]
async fn only_allowed_hosts_are_served() {
    let database = TestDatabase::new().await;
    database.insert(&["t"]).await;
    let mut setup = Setup::default();
    setup.api.allowed_hosts = AllowedHosts::Loopback;
    let here = Service::with(&database, setup).await;
    let everywhere = Service::start(&database).await;
    let status = |answer: String| answer.split(' ').nth(1).unwrap().to_owned();
    for (target, host, expected) in [
        ("/task-status/t", "localhost:1", "200"),
        ("/task-status/t", "127.0.0.1", "200"),
        ("/task-status/t", "[::1]:80", "200"),
        ("http://localhost/task-status/t", "127.0.0.1", "200"),
        ("/task-status/t", "evil.example", "403"),
        ("/task-status/t", "192.0.2.1", "403"),
        // Either form of the target, every route, and paths that do not exist.
        ("http://evil.example/task-status/t", "localhost", "403"),
        ("http://localhost/task-status/t", "evil.example", "403"),
        ("/docs", "evil.example", "403"),
        ("/openapi.json", "evil.example", "403"),
        ("/nowhere", "evil.example", "403"),
    ] {
        for method in ["GET", "HEAD", "PUT", "PATCH", "POST", "OPTIONS"] {
            let content = tasks::REPORT;
            let request = format!(
                "{method} {target} HTTP/1.1\r\nhost: {host}\r\nx-forwarded-host: localhost\r\nconnection: close\r\n\
                 content-type: application/json\r\ncontent-length: {}\r\n\r\n{content}",
                content.len()
            );
            let refused = status(here.raw(request.as_bytes()).await) == "403";
            assert_eq!(refused, expected == "403", "{method} {target} {host}");
            let elsewhere = status(everywhere.raw(request.as_bytes()).await);
            assert_ne!(elsewhere, "403", "{method} {target} {host}");
        }
    }
    let refused = here
        .request(Method::GET, "/task-status", &[("Host", "evil.example")])
        .await;
    assert_eq!(
        refused.causes(),
        [
            "This service does not respond to the host “evil.example”. The setting --allowed-hosts lists the hosts that it responds to."
        ]
    );
    // HTTP/1.0 does not need the header, so that it could get around the list.
    let unnamed = "GET /task-status/t HTTP/1.0\r\n\r\n".as_bytes();
    assert_eq!(status(here.raw(unnamed).await), "403");
    assert_eq!(status(everywhere.raw(unnamed).await), "200");
}
