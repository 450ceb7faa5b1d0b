//! How often one may call, and how many at a time.

use std::sync::Arc;

use axum::http::HeaderName;
use sqlx::{Connection, PgConnection};
use task_status::auth::Authenticator;
use task_status::auth::caller::READ;
use task_status::auth::gateway::{Gateway, IdentityHeaders};
use task_status::auth::proxies::Proxies;
use task_status::auth::rate::Limiter;
use task_status::http::middleware::authorize::Authorizer;
use task_status::http::router;

use super::*;
use crate::support::eventually;
use crate::support::identity::claims;
use crate::support::service::PENDING_TASKS;

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
    let jwks = serde_json::json!({ "keys": [shared_rsa().jwk(KEY_ID)] }).to_string();
    let keys = KeySource::fixed(KeySet::from_jwks(jwks.as_bytes()).unwrap());
    let authorizer = Authorizer::new(access(keys), proxies(), Some(limiter()));
    let service = Service::with(&database, Setup::behind(authorizer)).await;
    let of = |client: &str| {
        let mut claims = claims(&[READ]);
        claims["client_id"] = client.into();
        format!("Bearer {}", shared_rsa().token(KEY_ID, &claims))
    };
    let (one, other) = (of("one"), of("other"));
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
    // Wherever it calls from; others are none of its business.
    assert_eq!(status(&one, "192.0.2.4").await, 429);
    assert_eq!(status(&other, "192.0.2.1").await, 200);
    // Refusals count by address: that is how tokens are guessed.
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
    // What is for everybody is not counted.
    assert_eq!(service.get("/docs").await.status, 200);
}

#[tokio::test]
async fn behind_a_gateway_the_forwarded_client_is_limited() {
    let database = TestDatabase::new().await;
    let access = Authenticator::Gateway(Gateway {
        addresses: Some(proxies()),
        secret: None,
        headers: IdentityHeaders::Named {
            scopes: HeaderName::from_static("x-auth-scopes"),
            client: HeaderName::from_static("x-auth-client"),
            levels: None,
        },
    });
    let service = Service::with(
        &database,
        Setup::behind(Authorizer::new(access, proxies(), Some(limiter()))),
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
    // Without a name it is the address.
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
    let service = Arc::new(Service::with(&database, Setup::behind(authorizer)).await);
    let known = service.get(PENDING_TASKS).await;
    let etag = known.header("etag").unwrap().to_owned();
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
    // But it counts.
    assert_eq!(service.get(PENDING_TASKS).await.status, 429);
}

/// Locks the tasks for as long as the connection is open.
async fn lock(database: &TestDatabase) -> PgConnection {
    let mut holder = database.connect().await;
    sqlx::raw_sql("begin; lock table task_status")
        .execute(&mut holder)
        .await
        .unwrap();
    holder
}

async fn waiting_for_the_lock(database: &TestDatabase, number: i64) {
    eventually("requests wait for the lock", async || {
        (database.waiting("task_status").await == number).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_without_a_permit_are_refused_at_once() {
    let database = TestDatabase::new().await;
    database.insert(&["t"]).await;
    let mut setup = Setup::default();
    setup.serving.max_concurrent_requests = 2.try_into().unwrap();
    let service = Arc::new(Service::with(&database, setup).await);
    let holder = lock(&database).await;
    // Two pages, as one is loaded once for all who ask for it.
    let inside = ["", "?limit=1"].map(|page| {
        let service = Arc::clone(&service);
        tokio::spawn(async move { service.get(&format!("{PENDING_TASKS}{page}")).await })
    });
    waiting_for_the_lock(&database, 2).await;
    // At once: the lock is still held. Every route counts, and a refused request holds no place.
    for target in [
        PENDING_TASKS,
        "/v2025/task-status",
        "/task-status/v1/t",
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
    assert_eq!(service.get("/docs").await.status, 200);
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
    let mut setup = Setup::default();
    setup.serving.max_concurrent_requests = 1.try_into().unwrap();
    let service = Arc::new(Service::with(&database, setup).await);
    let holder = lock(&database).await;
    let gone = tokio::spawn({
        let service = Arc::clone(&service);
        async move { service.get(PENDING_TASKS).await }
    });
    waiting_for_the_lock(&database, 1).await;
    assert_eq!(service.get(PENDING_TASKS).await.status, 503);
    gone.abort();
    holder.close().await.unwrap();
    eventually("the place is free", async || {
        (service.get(PENDING_TASKS).await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_holds_its_permit_and_health_needs_none() {
    let database = TestDatabase::new().await;
    let mut setup = Setup::default();
    setup.serving.max_concurrent_requests = 1.try_into().unwrap();
    let authorizer = setup.serving.authorizer.clone();
    let service = Service::with(&database, setup).await;
    let health = Service::serve(
        router::health(
            service.database.clone(),
            authorizer,
            service.pending.clone().unwrap(),
        ),
        service.database.clone(),
    );
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let lines = reqwest::Body::wrap_stream(tokio_stream::wrappers::ReceiverStream::new(receiver));
    let stream = reqwest::Client::new()
        .post(format!("http://{}/task-status", service.address))
        .header("Content-Type", "application/x-ndjson")
        .body(lines);
    let line = |id: &str| {
        Ok::<_, std::io::Error>(format!(
            "{{\"id\":\"{id}\",\"type\":\"QPOC\",\"uniqueName\":\"n\",\"launcher\":\"l\"}}\n"
        ))
    };
    sender.send(line("a")).await.unwrap();
    // It is answered from its first line on.
    let answer = stream.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(service.get(PENDING_TASKS).await.status, 503);
    assert_eq!(health.get("/readyz").await.status, 200);
    sender.send(line("b")).await.unwrap();
    drop(sender);
    let summary = answer.text().await.unwrap();
    assert!(summary.contains("\"created\":2"), "{summary}");
    eventually("the place is free", async || {
        (service.get(PENDING_TASKS).await.status == 200).then_some(())
    })
    .await;
}
