//! nginx in front of the service: configured as docs/authentication.md prints it, with other ports, or as a cache.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use serde_json::Value;
use task_status::auth::caller::{READ, WRITE};
use task_status::http::connections::ConnectionLimits;
use task_status::http::stop::Stop;

use super::*;
use crate::docs::{AUTHENTICATION, block};
use crate::support::TIMEOUT;
use crate::support::gateway::Gateway;
use crate::support::program::{Program, serve};

/// The printed server on other ports.
fn printed(front: u16, identity: u16, service: u16) -> String {
    let server = block(AUTHENTICATION, "nginx", "## A gateway");
    [(8000, front), (4180, identity), (8080, service)].iter().fold(
        server.to_owned(),
        |text, (shown, real)| {
            let shown = format!("127.0.0.1:{shown}");
            assert!(text.contains(&shown), "{shown} in {text}");
            text.replace(&shown, &format!("127.0.0.1:{real}"))
        },
    )
}

/// Identifies a caller by a cookie, as oauth2-proxy does at this path.
async fn authenticate(headers: HeaderMap) -> (StatusCode, [(&'static str, String); 2]) {
    let session = headers
        .get("cookie")
        .map(|cookie| cookie.to_str().unwrap().to_owned());
    let known = |user: &str, groups: &str| {
        let said = [
            ("x-auth-request-user", user.to_owned()),
            ("x-auth-request-groups", groups.to_owned()),
        ];
        (StatusCode::ACCEPTED, said)
    };
    match session.as_deref() {
        Some("session=reader") => known("grace", &format!("staff,{READ}")),
        Some("session=writer") => known("ada", &format!("{READ},{WRITE}")),
        Some("session=guest") => known("guest", ""),
        _ => (
            StatusCode::UNAUTHORIZED,
            ["x-auth-request-user", "x-auth-request-groups"].map(|name| (name, String::new())),
        ),
    }
}

/// nginx as printed in front of a service, with an identity provider. `None` if it is not installed.
async fn start_printed(service: u16) -> Option<Gateway> {
    let identity = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let identity_port = identity.local_addr().unwrap().port();
    let routes = Router::new().route("/oauth2/auth", get(authenticate));
    tokio::spawn(task_status::http::server::serve(
        identity,
        routes,
        ConnectionLimits::of(10),
        None,
        Stop::default(),
        TIMEOUT,
    ));
    Gateway::nginx(|_, front| printed(front, identity_port, service)).await
}

#[tokio::test]
async fn the_service_trusts_the_identity_that_nginx_sends() {
    let database = TestDatabase::new().await;
    database.insert(&["t"]).await;
    let arguments = [
        "--auth",
        "gateway",
        "--trusted-proxies",
        "127.0.0.1",
        "--log",
        "debug",
    ];
    let mut program = Program::start(serve(&database.url(), &arguments));
    let url = program.url().await;
    let (_, port) = url.rsplit_once(':').unwrap();
    program.logged("the database is up").await;

    let Some(nginx) = start_printed(port.parse().unwrap()).await else {
        return;
    };

    let client = reqwest::Client::new();
    let ask = async |method: Method, session: &str, headers: &[(&str, &str)]| {
        let mut request = client
            .request(method.clone(), nginx.url("/task-status/t"))
            .header("Cookie", format!("session={session}"));
        if method == Method::PATCH {
            request = request
                .header("Content-Type", "application/json")
                .body(r#"[{"op":"replace","path":"/progress","value":"seen"}]"#);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await
    };
    let status = async |method: Method, session: &str, headers: &[(&str, &str)]| {
        ask(method, session, headers).await.unwrap().status().as_u16()
    };
    assert_eq!(status(Method::GET, "reader", &[]).await, 200);
    assert_eq!(status(Method::PATCH, "reader", &[]).await, 403);
    assert_eq!(status(Method::PATCH, "writer", &[]).await, 200);
    assert_eq!(status(Method::GET, "guest", &[]).await, 403);
    assert_eq!(status(Method::GET, "nobody", &[]).await, 401);
    // Identity headers of the client are replaced.
    let forged = [
        ("X-Auth-Scopes", WRITE),
        ("X-Auth-Client", "root"),
        ("X-Auth-Levels", "ORG_ADMIN"),
    ];
    assert_eq!(status(Method::PATCH, "reader", &forged).await, 403);
    assert_eq!(status(Method::GET, "guest", &forged).await, 403);
    assert_eq!(status(Method::PATCH, "nobody", &forged).await, 401);
    // The headers of every response fit into the buffer that nginx has by default.
    let ids: Vec<String> = (0..100)
        .map(|_| format!("%22{}%22", uuid::Uuid::new_v4()))
        .collect();
    let list = nginx.url(&format!(
        "/task-status?limit=1&filters=pr+id+and+not+id+in+({})",
        ids.join(",")
    ));
    database.insert(&["u"]).await;
    let page = client
        .get(list)
        .header("Cookie", "session=reader")
        .send()
        .await
        .unwrap();
    assert_eq!(page.status(), 200);
    assert!(page.headers().contains_key("link"));
    // nginx's request id is the tracking id.
    let answer = ask(Method::GET, "writer", &[]).await.unwrap();
    let id = answer.headers()["slpt-request-id"].to_str().unwrap().to_owned();
    program.stop();
    let log = program.log();
    assert!(log.lines().any(|line| line.contains(&id)), "{log}");
    let written = log
        .lines()
        .find(|line| line.contains("\"message\":\"wrote\""))
        .unwrap();
    let written: Value = serde_json::from_str(written).unwrap();
    assert_eq!(
        (&written["client"], &written["tasks"]),
        (&"ada".into(), &"[\"t\"]".into())
    );
    drop(nginx);
}

#[tokio::test]
async fn a_cache_in_front_hands_nothing_to_another_caller() {
    let database = TestDatabase::new().await;
    let service = service(&database).await;
    let cache = |folder: &Path, front| {
        format!(
            "proxy_cache_path {folder}/cache keys_zone=cache:1m;
             server {{
                 listen 127.0.0.1:{front};
                 location / {{
                     proxy_pass http://{service};
                     proxy_cache cache;
                     proxy_cache_valid 200 204 304 10m;
                     proxy_cache_valid 404 10m;
                 }}
             }}",
            folder = folder.display(),
            service = service.address,
        )
    };
    let Some(nginx) = Gateway::nginx(cache).await else {
        return;
    };
    let client = reqwest::Client::new();
    let reader = format!("Bearer {}", token(&[READ]));
    let ask = async |target: &str, authorization: &str| {
        let request = client.get(nginx.url(target));
        request.header("Authorization", authorization).send().await
    };
    for (target, status) in [
        ("/task-status/t", 200),
        ("/task-status", 200),
        ("/task-status/pending-tasks", 200),
        ("/v2025/task-status?filters=completionStatus+isnull", 200),
        ("/task-status/none", 404),
    ] {
        assert_eq!(ask(target, &reader).await.unwrap().status(), status, "{target}");
        for stranger in ["", "Bearer wrong"] {
            assert_eq!(ask(target, stranger).await.unwrap().status(), 401, "{target}");
        }
    }
}
