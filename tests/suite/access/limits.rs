//! The rate limit, and the limit of concurrent requests.

use std::sync::Arc;

use axum::http::HeaderName;
use sqlx::Connection;
use task_status::auth::Authenticator;
use task_status::auth::caller::READ;
use task_status::auth::gateway::{Gateway, IdentityHeaders, SEPARATORS};
use task_status::auth::permissions::PermissionMap;
use task_status::auth::proxies::Proxies;
use task_status::auth::rate::Limiter;
use task_status::http::middleware::authorize::Authorizer;

use super::*;
use crate::support::identity::claims;
use crate::support::service::PENDING_TASKS;
use crate::support::until;

fn proxies() -> Proxies {
    Proxies::new(vec!["127.0.0.1".parse().unwrap()])
}

fn limiter() -> Limiter {
    Limiter::new("3/1h".parse().unwrap())
}

#[tokio::test]
async fn a_client_over_the_rate_limit_gets_429_with_retry_after() {
    let database = TestDatabase::new().await;
    database.insert(&["t"]).await;
    let authorizer = Authorizer::new(access(keys()), proxies(), Some(limiter()));
    let service = Service::with(&database, Setup::with_authorizer(authorizer)).await;
    let bearer = |client: &str| {
        let mut claims = claims(&[READ]);
        claims["client_id"] = client.into();
        format!("Bearer {}", shared_rsa().token(KEY_ID, &claims))
    };
    let (one, other) = (bearer("one"), bearer("other"));
    let status = async |authorization: &str, from: &str| {
        let headers = [("Authorization", authorization), ("X-Forwarded-For", from)];
        service
            .request(Method::GET, "/task-status/t", &headers)
            .await
            .status
            .as_u16()
    };
    for from in ["192.0.2.1", "192.0.2.2", "192.0.2.3"] {
        assert_eq!(status(&one, from).await, 200);
    }
    // The client is limited, not its address.
    assert_eq!(status(&one, "192.0.2.4").await, 429);
    assert_eq!(status(&other, "192.0.2.1").await, 200);
    // Refusals count by address, against attempts to guess tokens.
    for _ in 0..3 {
        assert_eq!(status("Bearer guess", "192.0.2.9").await, 401);
    }
    assert_eq!(status("Bearer guess", "192.0.2.9").await, 429);
    assert_eq!(status("Bearer guess", "192.0.2.8").await, 401);
    assert_eq!(status(&other, "192.0.2.9").await, 200);

    let headers = [("Authorization", one.as_str()), ("Accept-Language", "de")];
    let refused = service.request(Method::GET, "/task-status/t", &headers).await;
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1190..=1201).contains(&wait), "{wait}");
    let snapshot = refused.snapshot().replace(
        &format!("retry-after: {wait}"),
        "retry-after: <a third of an hour>",
    );
    insta::assert_snapshot!("too_many_requests", snapshot);
    // Public routes count by address, whoever calls.
    for target in ["/docs", "/openapi.json", "/docs"] {
        assert_eq!(service.get(target).await.status, 200);
    }
    for target in ["/docs", "/openapi.json"] {
        let authorized = [("Authorization", other.as_str())];
        let answer = service.request(Method::GET, target, &authorized).await;
        assert_eq!(answer.status, 429, "{target}");
    }
}

#[tokio::test]
async fn behind_a_gateway_the_forwarded_client_is_limited() {
    let database = TestDatabase::new().await;
    let access = Authenticator::Gateway(Gateway {
        addresses: Some(proxies()),
        secret: None,
        headers: IdentityHeaders::Named {
            scopes: HeaderName::from_static("x-auth-scopes"),
            separators: SEPARATORS,
            client: HeaderName::from_static("x-auth-client"),
            levels: None,
        },
        permissions: PermissionMap::default(),
    });
    let service = Service::with(
        &database,
        Setup::with_authorizer(Authorizer::new(access, proxies(), Some(limiter()))),
    )
    .await;
    let status = async |client: &str, from: &str| {
        let headers = [
            ("X-Auth-Scopes", READ),
            ("X-Auth-Client", client),
            ("X-Forwarded-For", from),
        ];
        service
            .request(Method::GET, "/task-status", &headers)
            .await
            .status
            .as_u16()
    };
    for from in ["192.0.2.1", "192.0.2.2", "192.0.2.3"] {
        assert_eq!(status("a", from).await, 200);
    }
    assert_eq!(status("a", "192.0.2.4").await, 429);
    assert_eq!(status("b", "192.0.2.1").await, 200);
    // Without a name the address is limited.
    for _ in 0..3 {
        assert_eq!(status("", "192.0.2.7").await, 200);
    }
    assert_eq!(status("", "192.0.2.7").await, 429);
    assert_eq!(status("", "spoofed, 192.0.2.7").await, 429);
    assert_eq!(status("", "192.0.2.6").await, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_poll_counts_once() {
    let database = TestDatabase::new().await;
    let twice = Limiter::new("2/1h".parse().unwrap());
    let authorizer = Authorizer::new(Authenticator::Open, Proxies::default(), Some(twice));
    let service = Arc::new(Service::with(&database, Setup::with_authorizer(authorizer)).await);
    let known = service.get(PENDING_TASKS).await;
    let etag = known.etag();
    let held = tokio::spawn({
        let service = Arc::clone(&service);
        async move {
            let headers = [("If-None-Match", etag.as_str()), ("Prefer", "wait=50")];
            service.request(Method::GET, PENDING_TASKS, &headers).await
        }
    });
    crate::waiting::polled(&database).await;
    database.insert(&["t"]).await;
    let answer = held.await.unwrap();
    assert_eq!(answer.header("preference-applied"), Some("wait=50"), "{answer:?}");
    assert_eq!(answer.ids(), ["t"]);
    assert_eq!(service.get(PENDING_TASKS).await.status, 429);
}

async fn with_permits(database: &TestDatabase, number: u32) -> Arc<Service> {
    let authorizer = Authorizer::new(Authenticator::Open, proxies(), None);
    let mut setup = Setup::with_authorizer(authorizer);
    setup.api.bounds.requests = number.try_into().unwrap();
    Arc::new(Service::with(database, setup).await)
}

async fn wait_for_a_free_permit(service: &Service) {
    until("a permit is free", async || {
        service.get(PENDING_TASKS).await.status == 200
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_without_a_permit_are_refused_at_once() {
    let database = TestDatabase::new().await;
    database.insert(&["t"]).await;
    let service = with_permits(&database, 2).await;
    let holder = database.lock().await;
    // Two pages: requests for the same page share one read. Two clients: each may have half of the permits.
    let inside = [("", "192.0.2.1"), ("?limit=1", "192.0.2.2")].map(|(page, client)| {
        let service = Arc::clone(&service);
        let target = format!("{PENDING_TASKS}{page}");
        tokio::spawn(async move {
            let headers = [("X-Forwarded-For", client)];
            service.request(Method::GET, &target, &headers).await
        })
    });
    database.until_blocked(2, "task_status").await;
    // At once: the lock is still held. Every route counts, and a refused request takes no permit.
    for target in [
        PENDING_TASKS,
        "/v2025/task-status",
        "/task-status/v1/t",
        "/docs",
        "/openapi.json",
        PENDING_TASKS,
    ] {
        let refused = service.get(target).await;
        assert_eq!(refused.status, 503, "{target}");
        assert_eq!(refused.causes(), ["Too many requests are in flight."]);
        assert_eq!(refused.header("retry-after"), Some("1"));
    }
    insta::assert_snapshot!(
        "overloaded",
        service
            .request(Method::GET, PENDING_TASKS, &[("Accept-Language", "es")])
            .await
            .snapshot()
    );
    holder.close().await.unwrap();
    for request in inside {
        assert_eq!(request.await.unwrap().ids(), ["t"]);
    }
    assert_eq!(service.get(PENDING_TASKS).await.ids(), ["t"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disconnected_client_releases_its_permit() {
    let database = TestDatabase::new().await;
    database.insert(&["t"]).await;
    let service = with_permits(&database, 1).await;
    let holder = database.lock().await;
    let gone = tokio::spawn({
        let service = Arc::clone(&service);
        async move { service.get(PENDING_TASKS).await }
    });
    database.until_blocked(1, "task_status").await;
    assert_eq!(service.get(PENDING_TASKS).await.status, 503);
    gone.abort();
    holder.close().await.unwrap();
    wait_for_a_free_permit(&service).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_needs_no_permit() {
    let database = TestDatabase::new().await;
    let service = with_permits(&database, 1).await;
    let health = service.health();
    let holder = database.lock().await;
    let inside = tokio::spawn({
        let service = Arc::clone(&service);
        async move { service.get("/task-status").await }
    });
    database.until_blocked(1, "task_status").await;
    assert_eq!(service.get(PENDING_TASKS).await.status, 503);
    let ready = health.get("/readyz").await;
    assert_eq!(
        (ready.status.as_u16(), ready.header("cache-control")),
        (200, Some("no-store"))
    );
    let checks =
        "[+]shutdown ok\n[+]database ok\n[+]schema ok\n[+]pages ok\n[+]keys ok\nreadyz check passed\n";
    assert_eq!(health.get("/readyz?verbose").await.body, checks);
    holder.close().await.unwrap();
    assert_eq!(inside.await.unwrap().status, 200);
}
